//! Clocks that cannot be right: what is refused because of them, and how a dashboard that has seen one is repaired.

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
};
use crate::{
    host::{Directory, Env, Store},
    record::Head,
    sharing::{
        Command, Ledger, Needs,
        clock::{ClockRepaired, RepairClock},
    },
    value::{DashboardId, Timestamp},
};
use std::{sync::Arc, time::Duration};

/// Two clocks that do not fit.
struct Doubt {
    now: Timestamp,
    seen: Timestamp,
    /// The earliest of them: what a withdrawal is judged by.
    present: Timestamp,
}

/// # The present
impl<S, D, E: Env> Dashshare<S, D, E> {
    /// The present as every question about now is judged by, and every command: the later of the host's clocks. What has
    /// ended by one of them has ended. On a dashboard it is never before [what that has seen](Self::now_on).
    // INVARIANT: nothing else in the service reads the clock to judge by it.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.env.now();
        self.env.witness().map_or(now, |witness| witness.max(now))
    }

    /// The present on a dashboard: the latest of the host's clocks and of what the dashboard has seen.
    pub(super) fn now_on(&self, head: &Head) -> Timestamp {
        self.now().max(head.clock)
    }

    /// The present as leases and receipts are kept by: the earlier of the host's clocks. What one of them takes for fresh
    /// is not given up.
    pub(super) fn earliest(&self) -> Timestamp {
        let now = self.env.now();
        self.env.witness().map_or(now, |witness| witness.min(now))
    }
}

/// # Clocks
impl<S, D, E: Env> Dashshare<S, D, E> {
    /// Says how far clocks may differ before nothing is made by them: five minutes if it is never said.
    ///
    /// A dashboard keeps the latest instant at which it was changed, and judges nothing by an earlier one, so that a clock
    /// that steps back revives nothing. The other side of it: one change by a clock that stands in the year 2090, and all
    /// that ends before has ended. So a command that makes or lengthens anything is answered with
    /// [`Error::Clock`](crate::Error::Clock)
    ///
    /// - when the dashboard's latest instant is more than this ahead of the [clock](Env::now) of the process: one of the
    ///   two is wrong. If it is the dashboard's, [`repair_clock`](Self::repair_clock) puts it right;
    /// - when the clock of the process and the host's [second one](Env::witness), if it has one, differ by more than this,
    ///   whichever is ahead. Without it the library cannot know that a clock runs ahead, and only finds out when a right
    ///   one comes along.
    ///
    /// What only takes away still goes through, judged by the earliest of the clocks, with all that was ever made and has
    /// not ended by it. Questions are judged by the latest of all three, however little they differ: they deny what may
    /// have ended, and allow nothing more. Leases and the age of receipts go by the earlier of the host's two. Whoever is
    /// no party is told nothing of it.
    #[must_use]
    pub fn with_clock_skew(self, skew: Duration) -> Self {
        Self { skew: i64::try_from(skew.as_micros()).unwrap_or(i64::MAX), ..self }
    }

    fn doubt(&self, clock: Option<Timestamp>) -> Option<Doubt> {
        let now = self.env.now();
        let witness = self.env.witness().filter(|witness| self.differ(*witness, now));
        let present = witness.map_or(now, |witness| witness.min(now));
        let ahead = clock.filter(|clock| present.plus_micros(self.skew) < *clock);
        let seen = witness.or(ahead)?;
        let latest = clock.filter(|_| ahead.is_none()).unwrap_or(present);
        Some(Doubt { now, seen, present: present.max(latest) })
    }

    /// Whether two clocks differ by more than the host allows.
    fn differ(&self, one: Timestamp, other: Timestamp) -> bool {
        one.min(other).plus_micros(self.skew) < one.max(other)
    }

    /// The dashboard as a command is judged by, and the head as it was read where that is another: refuses what makes
    /// anything by a clock that cannot be right.
    pub(super) fn in_time<C: Command>(
        &self,
        command: &C,
        needs: &Needs,
        ledger: Option<Ledger>,
    ) -> Result<(Option<Ledger>, Option<Arc<Head>>), Error> {
        let doubt = self.doubt(ledger.as_ref().map(|ledger| ledger.head.clock));
        let Some(Doubt { now, seen, present }) = doubt.filter(|_| command.heeds_clock()) else {
            return Ok((ledger, None));
        };
        match ledger {
            // It is refused as ever (D8).
            Some(ledger) if needs.asker.is_some_and(|asker| !ledger.is_party(asker)) => {
                Ok((Some(ledger), None))
            }
            Some(ledger) if command.withdraws(&ledger) => {
                Ok((Some(ledger.restated(present)), Some(Arc::clone(&ledger.head))))
            }
            None if needs.asker.is_some() => Ok((None, None)),
            _ => Err(Error::Clock { now, seen }),
        }
    }
}

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Sets the latest instant of a dashboard back to the present, after a clock that ran ahead has changed it. The host's
    /// alone; make sure first that the clock of this process is right.
    ///
    /// What had ended by that clock only, lives again. What was done by it counts as done now: a grant that was made then
    /// is there from now on, and what was revoked, narrowed or claimed then is so from now on. Ends that were chosen stay
    /// as they are, also those that were counted from the wrong present, such as a share for a week: the answer names the
    /// grants to look at. The records and messages that were written keep their instants, and a lease that was taken by
    /// the wrong clock lasts as long as it says.
    ///
    /// A dashboard whose clock is right within the [skew](Self::with_clock_skew) is left as it is. Also what is deleted,
    /// or an offer, can be repaired.
    ///
    /// Rules: [G10](crate::specification), [G21](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::UnknownDashboard`](crate::Refusal::UnknownDashboard) for an id that was never used;
    /// [`Error::Clock`](crate::Error::Clock) when the clock of this process does not fit the host's
    /// [second one](Env::witness).
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let year = Terms::view(Expiry::At(start.plus_days(365)));
    /// sharing.share(olga, dashboard, NewShare::with(ann, year)).await?;
    /// // For a moment the clock stands in the year 2090.
    /// sharing.env().set("2090-01-01T00:00:00Z".parse()?);
    /// sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
    /// sharing.env().set(start);
    /// assert!(!sharing.authorize(ann, dashboard, Action::View).await?.is_allowed());
    /// let refused = sharing.rotate_link(olga, dashboard, Expiry::Never).await.unwrap_err();
    /// assert!(matches!(refused, Error::Clock { .. }));
    ///
    /// sharing.repair_clock(dashboard).await?;
    /// assert!(sharing.authorize(ann, dashboard, Action::View).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn repair_clock(&self, dashboard: DashboardId) -> Result<Done<ClockRepaired>, Error> {
        let present = self.env.now();
        if let Some(seen) = self.env.witness().filter(|witness| self.differ(*witness, present)) {
            return Err(Error::Clock { now: present, seen });
        }
        self.done(&RepairClock { dashboard, present, skew: self.skew }).await
    }
}
