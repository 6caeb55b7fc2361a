//! A run: 8 writers and 4 readers on one dashboard's link, each with its own record of what it did, while a storm of
//! faults goes on.

use super::{
    history::{Act, Change, Clock, Op, Token},
    progress::Progress,
    subject::{Subject, Tokens},
};
use crate::support::runtime::block_on;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tokio::sync::Semaphore;

pub(crate) const WRITERS: usize = 8;
pub(crate) const WORKERS: usize = 12;

/// How many tokens are visited once more when all is over.
const VISITED_AGAIN: usize = 500;

/// How writers and readers keep step.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Two reads for each operation of a writer at the most, so that readers do not run away while writers wait.
    Steady,
    /// All writers at once, and then so many reads for each of them.
    Bursts(usize),
}

/// Lets the workers work while the storm goes on, and gives their common record and what became of the storm. It is over
/// when the storm is.
pub(crate) fn run<S: Subject>(
    subjects: Vec<S>,
    tokens: &Arc<Tokens>,
    progress: &Arc<Progress>,
    pace: Pace,
    storm: impl FnOnce() -> Result<(), String> + Send,
) -> Result<(Vec<Op>, Result<(), String>), String> {
    let clock = Arc::<Clock>::default();
    let turns = Arc::new(Turns::new(pace));
    thread::scope(|scope| {
        let storm = scope.spawn(|| {
            let _end = OnDrop(|| {
                progress.end();
                turns.end();
            });
            storm()
        });
        let ops = block_on(async {
            let workers: Vec<_> = subjects
                .into_iter()
                .enumerate()
                .map(|(number, subject)| {
                    let (tokens, progress) = (Arc::clone(tokens), Arc::clone(progress));
                    let (clock, turns) = (Arc::clone(&clock), Arc::clone(&turns));
                    tokio::spawn(async move {
                        let leave = OnDrop(|| progress.leave());
                        let worker = Worker { number, subject, tokens, progress: &progress, clock, turns };
                        let record = worker.work().await;
                        match record {
                            // Whoever is done is not missed.
                            Ok(record) => {
                                std::mem::forget(leave);
                                Ok(record)
                            }
                            Err(error) => Err(format!("worker {number}: {error}")),
                        }
                    })
                })
                .collect();
            let (mut ops, mut failed): (Vec<Op>, _) = (Vec::new(), Vec::new());
            for worker in workers {
                match worker.await.map_err(|error| error.to_string()).flatten() {
                    Ok(record) => ops.extend(record),
                    Err(error) => failed.push(error),
                }
            }
            if failed.is_empty() { Ok(ops) } else { Err(failed.join("\n")) }
        });
        let storm = storm.join().map_err(|_| "the storm panicked")?;
        // What a worker says is nearer to the cause than what the storm makes of it.
        let mut ops = ops?;
        ops.sort_unstable_by_key(|op| op.called);
        Ok((ops, storm))
    })
}

/// Visits the last tokens and looks at the link when nobody else is there any more.
pub(crate) fn look_back<S: Subject>(subject: &S, tokens: &Tokens, ops: &mut Vec<Op>) -> Result<(), String> {
    let mut at = ops.iter().map(|op| op.called.max(op.returned)).max().unwrap_or(0);
    let mut note = |act: Option<Act>| {
        let act = act.ok_or("it fails although nothing is wrong any more")?;
        ops.push(Op { worker: WORKERS, called: at + 1, returned: at + 2, act });
        at += 2;
        Ok::<_, String>(())
    };
    let all = tokens.count();
    for token in all.saturating_sub(VISITED_AGAIN)..all {
        note(block_on(subject.visit(token))?)?;
    }
    note(block_on(subject.look())?)
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// Numbers that look random, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or(0)
    }
}

/// Whose turn it is.
struct Turns {
    writes: Option<Semaphore>,
    reads: Semaphore,
    /// How many reads there are for each operation of a writer.
    share: usize,
    read: AtomicUsize,
}

impl Turns {
    fn new(pace: Pace) -> Self {
        let (writes, share) = match pace {
            Pace::Steady => (None, 2),
            Pace::Bursts(share) => (Some(Semaphore::new(WRITERS)), share),
        };
        Self { writes, reads: Semaphore::new(0), share, read: AtomicUsize::new(0) }
    }

    /// Waits for the turn of a worker; `false` when there will be none.
    async fn take(&self, worker: usize) -> bool {
        let semaphore = if worker < WRITERS { self.writes.as_ref() } else { Some(&self.reads) };
        let is_on = match semaphore {
            Some(semaphore) => semaphore.acquire().await.map(|turn| turn.forget()).is_ok(),
            None => true,
        };
        if worker < WRITERS {
            self.reads.add_permits(self.share);
        }
        is_on
    }

    /// Notes that a worker had its turn.
    fn had(&self, worker: usize) {
        if worker >= WRITERS
            && let Some(writes) = &self.writes
            && (self.read.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(WRITERS * self.share)
        {
            writes.add_permits(WRITERS);
        }
    }

    fn end(&self) {
        self.writes.iter().for_each(Semaphore::close);
        self.reads.close();
    }
}

struct Worker<'p, S> {
    number: usize,
    subject: S,
    tokens: Arc<Tokens>,
    progress: &'p Progress,
    clock: Arc<Clock>,
    turns: Arc<Turns>,
}

impl<S: Subject> Worker<'_, S> {
    async fn work(self) -> Result<Vec<Op>, String> {
        let mut random = Random(self.number as u64);
        let mut record = Vec::new();
        let mut pair = [None; 2];
        for turn in 0.. {
            if self.progress.is_over() || !self.turns.take(self.number).await {
                break;
            }
            let called = self.clock.tick();
            let act = self.act(&mut random, turn, &mut pair).await?;
            let returned = self.clock.tick();
            if let Some(act) = act {
                record.push(Op { worker: self.number, called, returned, act });
            }
            if let Some(Act::Rotated { token, .. }) = act {
                self.tokens.hand_out(token);
            }
            self.progress.note(act.is_some(), self.subject.seen());
            self.turns.had(self.number);
        }
        Ok(record)
    }

    async fn act(
        &self,
        random: &mut Random,
        turn: usize,
        pair: &mut [Option<Token>; 2],
    ) -> Result<Option<Act>, String> {
        let dice = random.below(100);
        let newest = self.tokens.handed_out(0);
        if self.number < WRITERS {
            return match (dice, newest) {
                (0..60, _) => self.subject.rotate().await,
                (60..65, _) => self.subject.change(Change::Pause).await,
                (65..72, _) => self.subject.change(Change::Resume).await,
                (72..75, _) => self.subject.change(Change::Withdraw).await,
                (75..95, Some(token)) => self.subject.visit(token).await,
                _ => self.subject.look().await,
            };
        }
        // Two tokens by turns, to see whether both open: the newest one, and one of the last or one that may never have
        // been handed out.
        if turn.is_multiple_of(4) {
            let other = match dice {
                0..70 => self.tokens.handed_out(1 + random.below(3)),
                _ => self.tokens.count().checked_sub(1 + random.below(40)),
            };
            *pair = [newest, other];
        }
        match (random.below(100), pair[turn % 2]) {
            (0..85, Some(token)) => self.subject.visit(token).await,
            _ => self.subject.look().await,
        }
    }
}
