//! The limits of a service: which there are, who keeps them, and what is done when that one does not answer.

use super::{
    env::Env,
    limiter::{DynLimiter, Limiter, ProcessLimiter},
    store::BoxError,
};
use crate::{
    limit::{Ask, Asked, Keys, Limit, LimitKey, Purpose, Rates, Taken, Verdict},
    value::Timestamp,
};
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// What whoever guesses is told to wait, whatever is true.
const GUARDS_WAIT: u64 = 60;

/// The rate limits of a service, for [`Dashshare::limited`](crate::Dashshare::limited).
///
/// They are kept in this process, in a fixed size, unless a [limiter that several processes share](Self::shared) is
/// given. What they keep is keyed by a secret, so that no address can be found in it. Cheap to share: put it into an
/// `Arc` to ask it for purposes of the host's own code too ([`take`](Self::take)).
///
/// ```
/// use dashshare::{limits::{Ask, Limit, RateLimits, Rates}, AccountId, BoxError, Env, FixedEnv};
/// # pollster::block_on(async {
/// # let env = FixedEnv::new("2026-01-01T00:00:00Z".parse()?, 1);
/// let mut rates = Rates::default();
/// rates.exports = Some(Limit::per_hour(1));
/// let limits = RateLimits::new(&env)?.with_rates(rates);
/// let ask = Ask::export(AccountId::from(2u64));
/// let permit = limits.take(&ask, env.now()).await?;
/// let refused = limits.take(&ask, env.now()).await.unwrap_err();
/// assert_eq!(refused.retry_after(), Some(3_600));
/// // The download failed before anything left.
/// limits.give_back(permit).await;
/// assert!(limits.take(&ask, env.now()).await.is_ok());
/// # Ok::<(), BoxError>(()) }).unwrap();
/// ```
///
/// Rules: [R2](crate::specification), [R4](crate::specification), [R6](crate::specification).
pub struct RateLimits {
    rates: Rates,
    keys: Keys,
    process: ProcessLimiter,
    shared: Option<Box<dyn DynLimiter>>,
    judged_here: AtomicU64,
    passed: AtomicU64,
}

/// How often the shared limiter did not answer.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Unanswered {
    /// What guards, and was judged in the process.
    pub judged_here: u64,
    /// What passed without being judged, and what could not be given back.
    pub passed: u64,
}

/// What was taken for one ask: [given back](RateLimits::give_back), or dropped, which keeps it taken.
#[derive(Debug)]
#[must_use = "what was let in is given back"]
pub struct Permit([Option<Held>; 2]);

#[derive(Debug)]
struct Held {
    key: LimitKey,
    limit: Limit,
    taken: Taken,
    /// Whether the shared limiter keeps it.
    is_shared: bool,
}

/// There was no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many requests")]
pub struct Limited {
    retry_after: Option<u64>,
}

impl Limited {
    /// After how many whole seconds there will be room, for the header `Retry-After`. For visits and claims it is the same
    /// number always. `None`: never, since it costs more than is ever let through at once.
    ///
    /// Rules: [R7](crate::specification).
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    fn of(purpose: Purpose, wait: Option<Duration>) -> Self {
        let rounded_up = |wait: Duration| wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        Self {
            retry_after: match purpose {
                Purpose::Visits | Purpose::Claims => Some(GUARDS_WAIT),
                _ => wait.map(rounded_up),
            },
        }
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RateLimits");
        shown.field("rates", &self.rates).field("is_shared", &self.shared.is_some()).finish_non_exhaustive()
    }
}

impl RateLimits {
    /// Limits of this process, with the default rates, under a secret from the environment's generator.
    ///
    /// # Errors
    /// If there is no randomness to be had.
    pub fn new(env: &impl Env) -> Result<Self, BoxError> {
        let mut secret = [0; 32];
        env.fill(&mut secret)?;
        Ok(Self::with_secret(&secret))
    }

    /// The same under a secret of the host's, as it is needed where several processes share a limiter.
    pub fn with_secret(secret: &[u8; 32]) -> Self {
        Self {
            rates: Rates::default(),
            keys: Keys::new(secret),
            process: ProcessLimiter::default(),
            shared: None,
            judged_here: AtomicU64::new(0),
            passed: AtomicU64::new(0),
        }
    }

    /// The same with other rates.
    #[must_use]
    pub fn with_rates(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// The same with another limiter of the process, of another size.
    #[must_use]
    pub fn with_process(self, process: ProcessLimiter) -> Self {
        Self { process, ..self }
    }

    /// The same kept by a limiter that several processes share, under [one secret](Self::with_secret). While it does not
    /// answer, what guards against guessing is judged in the process; the rest passes, and is [counted](Self::unanswered).
    #[must_use]
    pub fn shared(self, limiter: impl Limiter + 'static) -> Self {
        Self { shared: Some(Box::new(limiter)), ..self }
    }

    /// The rates.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// How often the shared limiter did not answer.
    pub fn unanswered(&self) -> Unanswered {
        Unanswered { judged_here: self.judged_here.load(Relaxed), passed: self.passed.load(Relaxed) }
    }

    /// Takes what is asked for of all its keys, or of none.
    ///
    /// # Errors
    /// [`Limited`] when one of them has no room.
    pub async fn take(&self, ask: &Ask<'_>, now: Timestamp) -> Result<Permit, Limited> {
        let asked = ask.keyed(&self.keys, &self.rates);
        let taken = match &self.shared {
            None => self.take_here(asked, now),
            // Apart, so that who has none carries none of it along.
            Some(shared) => Box::pin(self.take_shared(&**shared, asked, now)).await,
        };
        taken.map_err(|wait| Limited::of(ask.purpose(), wait))
    }

    fn take_here(&self, asked: Asked, now: Timestamp) -> Result<Permit, Option<Duration>> {
        let taken = self.process.take_all(&asked, now)?;
        let mut taken = taken.into_iter();
        Ok(Permit(asked.keys.map(|key| {
            let taken = taken.next().flatten();
            key.zip(taken).map(|((key, limit), taken)| Held { key, limit, taken, is_shared: false })
        })))
    }

    async fn take_shared(
        &self,
        shared: &dyn DynLimiter,
        asked: Asked,
        now: Timestamp,
    ) -> Result<Permit, Option<Duration>> {
        let [one, other] = asked.keys;
        let (purpose, cost) = (asked.purpose, asked.cost);
        let one = self.take_one(shared, one, (purpose, cost), now).await?;
        match self.take_one(shared, other, (purpose, cost), now).await {
            Ok(other) => Ok(Permit([one, other])),
            Err(wait) => {
                self.give_back(Permit([one, None])).await;
                Err(wait)
            }
        }
    }

    async fn take_one(
        &self,
        shared: &dyn DynLimiter,
        key: Option<(LimitKey, Limit)>,
        (purpose, cost): (Purpose, u32),
        now: Timestamp,
    ) -> Result<Option<Held>, Option<Duration>> {
        let Some((key, limit)) = key else { return Ok(None) };
        match shared.take_boxed(&key, limit, cost, now).await {
            Ok(Verdict::Accepted(taken)) => Ok(Some(Held { key, limit, taken, is_shared: true })),
            Ok(Verdict::Refused(wait)) => Err(wait),
            Err(_) if purpose.guards() => {
                self.judged_here.fetch_add(1, Relaxed);
                let [held, _] =
                    self.take_here(Asked { keys: [Some((key, limit)), None], purpose, cost }, now)?.0;
                Ok(held)
            }
            Err(_) => {
                self.passed.fetch_add(1, Relaxed);
                Ok(None)
            }
        }
    }

    /// Gives back what was taken: for what was let in, and for what came to nothing.
    pub async fn give_back(&self, permit: Permit) {
        let permit = match &self.shared {
            None => permit,
            Some(shared) => Box::pin(self.give_back_shared(&**shared, permit)).await,
        };
        let here = permit.0.into_iter().flatten().map(|held| (held.key, held.limit, held.taken));
        self.process.give_all_back(here);
    }

    /// Gives back what the shared limiter keeps, and is left with the rest.
    async fn give_back_shared(&self, shared: &dyn DynLimiter, permit: Permit) -> Permit {
        let Permit(mut held) = permit;
        for place in &mut held {
            if let Some(Held { key, limit, taken, .. }) = place.take_if(|held| held.is_shared)
                && shared.give_back_boxed(&key, limit, taken).await.is_err()
            {
                self.passed.fetch_add(1, Relaxed);
            }
        }
        Permit(held)
    }
}
