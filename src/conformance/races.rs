//! S1, S2 with several at once: race first, join, and judge after.

use super::desk::{Desk, VIEW, account, answer, board, digest, expect_same};
use crate::{
    host::{CommitError, Freshness, Store},
    record::{Commit, Grant, Receipt, Snapshot},
    sharing::{link::RotateLink, ownership::Register},
    value::{Expiry, TenantId},
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Barrier, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// What one of several threads does, to be run to its end by the host's executor.
pub type Turn<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

const RACERS: u64 = 6;
const ROUNDS: u64 = 20;

/// Runs the turns at once, each on a thread of its own, and waits for all of them.
pub(super) fn race<'a>(run: &(impl Fn(Turn<'a>) + Sync), turns: Vec<Turn<'a>>) {
    let start = Barrier::new(turns.len());
    let start = &start;
    std::thread::scope(|scope| {
        for turn in turns {
            scope.spawn(move || {
                start.wait();
                run(turn);
            });
        }
    });
}

/// What was seen in a race, to be judged after it.
#[derive(Debug)]
pub(super) struct Seen<T>(Mutex<Vec<T>>);

impl<T> Seen<T> {
    pub(super) fn nothing() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    pub(super) fn note(&self, seen: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }

    pub(super) fn all(self) -> Vec<T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

type Outcome = Result<Receipt, CommitError>;

/// Sends each commit from a thread of its own, all at once.
fn send_at_once<'a, S: Store>(
    store: &'a S,
    run: &(impl for<'b> Fn(Turn<'b>) + Sync),
    commits: &'a [Commit],
) -> Vec<(&'a Commit, Outcome)> {
    let seen = Seen::nothing();
    let send = |commit| -> Turn<'_> {
        let seen = &seen;
        Box::pin(async move { seen.note((commit, store.commit(commit).await)) })
    };
    race(run, commits.iter().map(send).collect());
    seen.all()
}

/// Of commits that expect the same revision and are sent at once, exactly one is applied.
///
/// Rules: [S1](crate::specification).
pub fn of_commits_sent_at_once_exactly_one_wins<S: Store>(store: S, run: impl for<'a> Fn(Turn<'a>) + Sync) {
    const PROMISE: &str = "of several commits that expect the same revision exactly one is applied and the others are \
                           conflicts: compare and write in one step (S1)";
    let mut desk = Desk::new(&store);
    let register =
        |owner| Register { dashboard: board(1), tenant: TenantId::from(1u64), owner: account(owner) };
    // The first round races for a dashboard that is not known yet.
    let mut commits: Vec<Commit> = (1..=RACERS).map(|owner| desk.commit_of(&register(owner))).collect();
    for round in 1..=ROUNDS {
        let outcomes = send_at_once(&store, &run, &commits);
        let winners: Vec<&Commit> =
            outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(commit, _)| *commit).collect();
        let conflicts =
            outcomes.iter().filter(|(_, outcome)| matches!(outcome, Err(CommitError::Conflict))).count();
        if winners.len() != 1 || conflicts + 1 != commits.len() {
            panic!(
                "{PROMISE}\n  round {round}: {:?}",
                outcomes.iter().map(|(_, outcome)| outcome).collect::<Vec<_>>()
            );
        }
        for winner in winners {
            desk.note(winner);
        }
        run(Box::pin(desk.expect_all(PROMISE, board(1))));
        let owner = desk.owner(board(1));
        commits = (1..=RACERS)
            .map(|number| {
                let with = account(100 * round + number);
                let command = desk.share_command(board(1), owner, with, VIEW);
                desk.commit_of(&command)
            })
            .collect();
    }
}

/// One commit that is sent several times at once is applied once, and nobody is told that it was not.
///
/// Rules: [S1](crate::specification), [L2](crate::specification).
pub fn a_commit_sent_several_times_at_once_is_applied_once<S: Store>(
    store: S,
    run: impl for<'a> Fn(Turn<'a>) + Sync,
) {
    const PROMISE: &str = "a commit whose answer was lost may still be under way when it is sent again: every sending is \
                           answered with its receipt, and none with a conflict, so look for the key once more when the \
                           revision does not match (S1, L2)";
    let mut desk = Desk::new(&store);
    let register = Register { dashboard: board(1), tenant: TenantId::from(1u64), owner: account(1) };
    let mut commit = desk.commit_of(&register);
    for round in 1..=ROUNDS {
        let copies = vec![commit.clone(); 4];
        for (_, outcome) in send_at_once(&store, &run, &copies) {
            match outcome {
                Ok(receipt) => expect_same(PROMISE, &receipt, &commit.receipt()),
                Err(error) => panic!("{PROMISE}\n  round {round}: the store answers `{error}`"),
            }
        }
        desk.note(&commit);
        run(Box::pin(desk.expect_all(PROMISE, board(1))));
        let number = u8::try_from(round).unwrap_or(0);
        let rotate = RotateLink {
            dashboard: board(1),
            by: account(1).into(),
            new: Expiry::Never.into(),
            digest: digest(number),
        };
        commit = desk.commit_of(&rotate);
    }
}

/// Of many who write to one dashboard at once, nobody's acknowledged change is lost.
///
/// Rules: [S1](crate::specification).
pub fn no_acknowledged_change_is_lost_among_many_writers<S: Store>(
    store: S,
    run: impl for<'a> Fn(Turn<'a>) + Sync,
) {
    const PROMISE: &str =
        "a change that was acknowledged is never undone by another that was made at the same time (S1)";
    const SHARES: u64 = 6;
    // Whoever loses has lost to one of the others' few commits.
    const TRIES: u64 = 100;
    let mut desk = Desk::new(&store);
    let register = Register { dashboard: board(1), tenant: TenantId::from(1u64), owner: account(1) };
    let commit = desk.commit_of(&register);
    run(Box::pin(desk.send(&commit)));
    let seen = Seen::nothing();
    let write = |writer: u64| -> Turn<'_> {
        let (store, seen) = (&store, &seen);
        Box::pin(async move {
            for number in 0..SHARES {
                let mut outcome = Err("it lost every time".to_owned());
                for attempt in 0..TRIES {
                    let Ok(Some(read)) = store.read(board(1), &[], Freshness::Latest).await else { continue };
                    let draws = (writer << 24) + (number << 16) + attempt;
                    let mut desk = Desk::of_writer(store, draws, read.head);
                    let with = account(100 * writer + number);
                    let (shared, commit) = desk.draft(&desk.share_command(board(1), account(1), with, VIEW));
                    let Some(commit) = commit else { continue };
                    outcome = match store.commit(&commit).await {
                        Ok(receipt) => Ok((shared.grant, receipt.revision)),
                        Err(CommitError::Conflict) => continue,
                        Err(error) => Err(error.to_string()),
                    };
                    break;
                }
                seen.note(outcome);
            }
        })
    };
    race(&run, (1..=RACERS).map(write).collect());
    let mut acknowledged = Vec::new();
    for outcome in seen.all() {
        match outcome {
            Ok(made) => acknowledged.push(made),
            Err(error) => panic!("{PROMISE}\n  a share failed: {error}"),
        }
    }
    let found = Seen::nothing();
    run(Box::pin(async {
        let grants = answer(store.grants(board(1), 0, 1000).await);
        let audit = answer(store.audit(board(1), desk.board(board(1)).head.revision, 1000).await);
        found.note((grants, audit));
    }));
    acknowledged.sort();
    for (grants, audit) in found.all() {
        let mut made: Vec<_> = grants.iter().map(|grant| grant.id).collect();
        made.sort();
        expect_same(PROMISE, &made, &acknowledged.iter().map(|(grant, _)| *grant).collect());
        let ordinals: Vec<u64> = grants.iter().map(|grant| grant.ordinal).collect();
        expect_same(PROMISE, &ordinals, &(0..RACERS * SHARES).collect());
        let mut revisions: Vec<_> = acknowledged.iter().map(|(_, revision)| *revision).collect();
        revisions.sort();
        expect_same(PROMISE, &audit.iter().map(|record| record.revision).collect(), &revisions);
    }
}

/// A read amid commits is never torn: no grant is missing that its head counts, and no chain is cut short.
///
/// Rules: [S2](crate::specification).
pub fn a_read_amid_commits_is_whole<S: Store>(store: S, run: impl for<'a> Fn(Turn<'a>) + Sync) {
    const PROMISE: &str = "a read answers with grants that are at least as new as its head, each with all that it hangs \
                           on: one snapshot, or the head first, then the leaves, then their ancestors (S2)";
    let mut desk = Desk::new(&store);
    let mut commits = Vec::new();
    let register = Register { dashboard: board(1), tenant: TenantId::from(1u64), owner: account(1) };
    let first = desk.commit_of(&register);
    run(Box::pin(desk.send(&first)));
    // Each grant hangs on one that the same account holds already, so the chains grow while they are read.
    let mut above: Option<Grant> = None;
    for ordinal in 0..60 {
        let parent = above.clone().filter(|parent| parent.depth() < 16);
        let grant = desk.blank_grant(board(1), ordinal, parent.as_ref(), account(2));
        above = Some(grant.clone());
        let commit = desk.forge(board(1), vec![grant], Vec::new(), |_| {});
        desk.note(&commit);
        commits.push(commit);
    }
    let written = AtomicBool::new(false);
    let seen: Seen<Snapshot> = Seen::nothing();
    let failed = Seen::nothing();
    let write = async {
        for commit in &commits {
            if let Err(error) = store.commit(commit).await {
                failed.note(error.to_string());
            }
        }
        written.store(true, Ordering::Release);
    };
    let read = || -> Turn<'_> {
        Box::pin(async {
            let mut is_last = false;
            while !is_last {
                is_last = written.load(Ordering::Acquire);
                match store.read(board(1), &[account(2).into()], Freshness::Latest).await {
                    Ok(Some(snapshot)) => seen.note(snapshot),
                    Ok(None) => failed.note("the dashboard was not found".to_owned()),
                    Err(error) => failed.note(error.to_string()),
                }
            }
        })
    };
    let turns = vec![Box::pin(write) as Turn<'_>, read(), read()];
    race(&run, turns);
    expect_same(PROMISE, &failed.all(), &Vec::new());
    for snapshot in seen.all() {
        let counted = usize::try_from(snapshot.head.next_ordinal).unwrap_or(usize::MAX);
        if snapshot.chains.len() < counted {
            panic!("{PROMISE}\n  the head counts {counted} grants and {} came", snapshot.chains.len());
        }
        for chain in &snapshot.chains {
            let Some(leaf) = chain.first() else { continue };
            expect_same(PROMISE, chain, &desk.chain(board(1), leaf.id));
        }
    }
}

/// A digest that is looked up amid rotations finds its own link or nothing, never the one that replaced it.
///
/// Rules: [L2](crate::specification).
pub fn a_link_found_amid_rotations_is_the_one_asked_for<S: Store>(
    store: S,
    run: impl for<'a> Fn(Turn<'a>) + Sync,
) {
    const PROMISE: &str = "`read_link` answers with a head whose link has the digest that was asked for, or with nothing, \
                           also while the link is being replaced (L2)";
    let mut desk = Desk::new(&store);
    let register = Register { dashboard: board(1), tenant: TenantId::from(1u64), owner: account(1) };
    let mut commits = vec![desk.commit_of(&register)];
    for number in 1..=40 {
        commits.iter().last().into_iter().for_each(|commit| desk.note(commit));
        let rotate = RotateLink {
            dashboard: board(1),
            by: account(1).into(),
            new: Expiry::Never.into(),
            digest: digest(number),
        };
        commits.push(desk.commit_of(&rotate));
    }
    let written = AtomicBool::new(false);
    let seen = Seen::nothing();
    let failed = Seen::nothing();
    let write = async {
        for commit in &commits {
            if let Err(error) = store.commit(commit).await {
                failed.note(error.to_string());
            }
        }
        written.store(true, Ordering::Release);
    };
    let read = || -> Turn<'_> {
        Box::pin(async {
            let mut is_last = false;
            while !is_last {
                is_last = written.load(Ordering::Acquire);
                for number in 1..=40 {
                    match store.read_link(&digest(number)).await {
                        Ok(Some(found)) => {
                            let found = found.head.link.as_ref().map(|link| link.digest);
                            seen.note((digest(number), found));
                        }
                        Ok(None) => {}
                        Err(error) => failed.note(error.to_string()),
                    }
                }
            }
        })
    };
    race(&run, vec![Box::pin(write) as Turn<'_>, read(), read()]);
    expect_same(PROMISE, &failed.all(), &Vec::new());
    for (asked, found) in seen.all() {
        expect_same(PROMISE, &found, &Some(asked));
    }
}
