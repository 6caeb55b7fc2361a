//! How far a run is: operations answered, and those that a fault has hit.

use std::{
    array,
    collections::BTreeMap,
    error::Error,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Longer than anything takes that a run waits for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is done to a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A backend is terminated.
    Terminated,
    /// The server is stopped without a checkpoint, and started again.
    Restarted,
    /// The answer of a commit is dropped.
    Dropped,
    /// A statement takes longer than it may.
    TimedOut,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [Self::Terminated, Self::Restarted, Self::Dropped, Self::TimedOut];

    fn index(self) -> usize {
        Self::ALL.iter().position(|other| *other == self).unwrap_or(0)
    }
}

/// Which faults an operation saw.
pub(crate) type Seen = [bool; 4];

#[derive(Clone, Default, Debug)]
pub(crate) struct Tally {
    /// Operations that got an answer.
    pub(crate) answered: usize,
    /// Operations that failed, certainly without effect.
    pub(crate) failed: usize,
    /// Operations in which at least one call to the store failed by this fault.
    hits: [usize; 4],
    /// Commits whose fate was unknown, and those of them that turned out to stand.
    pub(crate) unknown: usize,
    pub(crate) stood: usize,
    /// What else the store said.
    pub(crate) others: BTreeMap<String, usize>,
    restarting: bool,
    over: bool,
    /// Workers that are gone.
    gone: usize,
}

impl Tally {
    pub(crate) fn hits(&self, fault: Fault) -> usize {
        self.hits[fault.index()]
    }

    pub(crate) fn fewest_hits(&self) -> usize {
        self.hits.into_iter().min().unwrap_or(0)
    }
}

#[derive(Default)]
pub(crate) struct Progress {
    tally: Mutex<Tally>,
    changed: Condvar,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(crate) fn tally(&self) -> Tally {
        self.lock().clone()
    }

    /// Notes an operation that has returned.
    pub(crate) fn note(&self, answered: bool, seen: Seen) {
        self.change(|tally| {
            tally.answered += usize::from(answered);
            tally.failed += usize::from(!answered);
            for (hits, seen) in tally.hits.iter_mut().zip(seen) {
                *hits += usize::from(seen);
            }
        });
    }

    pub(crate) fn note_unknown(&self) {
        self.change(|tally| tally.unknown += 1);
    }

    pub(crate) fn note_stood(&self) {
        self.change(|tally| tally.stood += 1);
    }

    /// Waits until there is so much, as long as all workers are at work.
    pub(crate) fn wait(&self, enough: impl Fn(&Tally) -> bool) -> Result<(), String> {
        let waits = |tally: &mut Tally| !enough(tally) && tally.gone == 0;
        let (tally, timeout) = self
            .changed
            .wait_timeout_while(self.lock(), PATIENCE, waits)
            .unwrap_or_else(PoisonError::into_inner);
        match tally.gone {
            0 if timeout.timed_out() => Err(format!("nothing moves any more: {:?}", *tally)),
            0 => Ok(()),
            _ => Err("a worker is gone".into()),
        }
    }

    pub(crate) fn set_restarting(&self, restarting: bool) {
        self.change(|tally| tally.restarting = restarting);
    }

    pub(crate) fn end(&self) {
        self.change(|tally| tally.over = true);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().over
    }

    pub(crate) fn leave(&self) {
        self.change(|tally| tally.gone += 1);
    }

    /// Which fault an error of the store comes from; what is none is noted by its name.
    pub(crate) fn blame(&self, error: &(dyn Error + 'static)) -> Seen {
        let mut tally = self.lock();
        let restarting = tally.restarting;
        let fault = match driver_error(error) {
            Some(sqlx::Error::Database(error)) => match error.code().as_deref() {
                Some("57014") => Ok(Fault::TimedOut),
                Some("57P01") if !restarting => Ok(Fault::Terminated),
                Some("57P01" | "57P02" | "57P03") => Ok(Fault::Restarted),
                code => Err(format!("SQLSTATE {}", code.unwrap_or("?"))),
            },
            Some(sqlx::Error::Io(_)) if restarting => Ok(Fault::Restarted),
            // Only the proxy ends connections without a word.
            Some(sqlx::Error::Io(error)) if is_cut(error) => Ok(Fault::Dropped),
            Some(error) => Err(error.to_string()),
            None => Err(error.to_string()),
        };
        match fault {
            Ok(fault) => array::from_fn(|index| index == fault.index()),
            Err(other) => {
                *tally.others.entry(other).or_default() += 1;
                Seen::default()
            }
        }
    }
}

fn is_cut(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn driver_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e sqlx::Error> {
    match error.downcast_ref() {
        Some(error) => Some(error),
        None => driver_error(error.source()?),
    }
}
