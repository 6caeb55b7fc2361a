//! Every n-th call of every operation fails, is lost or conflicts, on each database (R10), as `tests/faults.rs` has it
//! on memory.

use super::{
    databases::Database,
    planted::{Broken, Defect},
};
use crate::support::{
    plans::{Clean, Kind, Tally, Trouble, ask, clean, single_troubles, suffer, troubles},
    runtime,
    scene::{Scene, commands, questions},
};
use std::{sync::Arc, time::Instant as Stopwatch};

/// Of the plans with two faults, or with lasting ones, every so manieth is played on a database.
const SAMPLE: usize = 19;

fn held<T>(outcome: Result<T, String>) -> T {
    outcome.unwrap_or_else(|broken| panic!("{broken}"))
}

fn same(op: &str, memory: &Clean, other: &Clean) {
    assert_eq!(memory.text, other.text, "{op}: another answer than on memory");
    assert_eq!(memory.trace, other.trace, "{op}: other calls than on memory");
    assert_eq!(memory.states, other.states, "{op}: other states than on memory");
    assert_eq!(memory.last, other.last, "{op}: another state than on memory");
}

/// Nothing stands or the whole change does, the answer is true, no error tells a token, and a retry ends where it would
/// have ended without trouble: in the same state as on memory.
pub(crate) fn leave_nothing_half_done(name: &str, database: &Database) {
    let _inside = runtime::RUNTIME.enter();
    let stopwatch = Stopwatch::now();
    database.clear();
    let scene = Scene::over(Arc::clone(&database.store));
    database.keep();
    let world = || {
        database.put_back();
        scene.clone()
    };
    let (mut tally, mut singles, mut others) = (Tally::default(), 0, 0);
    for op in commands() {
        let expected = held(clean(&op, &Scene::new));
        same(op.name, &expected, &held(clean(&op, &world)));
        for trouble in single_troubles(&expected.trace) {
            singles += 1;
            held(suffer(&op, &expected, &trouble, &world, &mut tally));
        }
        let more = troubles(&expected.trace).into_iter().filter(|trouble| !trouble.is_single());
        for (_, trouble) in more.enumerate().filter(|(number, _)| number % SAMPLE == 7) {
            others += 1;
            held(suffer(&op, &expected, &trouble, &world, &mut tally));
        }
    }
    let mut errors = 0;
    for op in questions() {
        let expected = held(clean(&op, &Scene::new));
        same(op.name, &expected, &held(clean(&op, &world)));
        for trouble in single_troubles(&expected.trace) {
            singles += 1;
            errors += u64::from(held(ask(&op, &expected, &trouble, &world)));
        }
    }
    println!(
        "{name}: {singles} single faults, {others} other plans, {errors} questions failed in {:.1?}: {tally:?}",
        stopwatch.elapsed()
    );
    assert!(singles > 700 && others > 80 && errors > 100, "too few");
    assert!(tally.healed > 200 && tally.unresolved > 0 && tally.failed_untouched > 300, "too few: {tally:?}");
}

/// Stores that lie, and stores that lose something: each is found out by the plans of single faults.
pub(crate) fn each_liar_is_found() {
    let mut missed = Vec::new();
    let mut report = |what: String, find: &dyn Fn(&mut usize) -> Result<(), String>| {
        let mut runs = 0;
        match find(&mut runs) {
            Ok(()) => missed.push(what),
            Err(found) => {
                let found: String = found.lines().next().unwrap_or_default().chars().take(100).collect();
                println!("{runs:>4} runs find {what}: {found}");
            }
        }
    };
    for kind in [Kind::FalseFailure, Kind::FalseConflict] {
        report(format!("{kind:?}"), &|runs| {
            for op in commands() {
                let expected = held(clean(&op, &Scene::new));
                for number in 0..expected.trace.len() {
                    *runs += 1;
                    let trouble = Trouble { at: vec![(number, kind)], from: None };
                    suffer(&op, &expected, &trouble, &Scene::new, &mut Tally::default())?;
                }
            }
            Ok(())
        });
    }
    for defect in [
        Defect::ForgetsItsCommits,
        Defect::LosesTheLastMessageOfACommit,
        Defect::LosesTheHistoryOfAGrant,
        Defect::LosesWhatFell,
        Defect::KeepsAcknowledgedMessages,
    ] {
        report(format!("{defect:?}"), &|runs| {
            let world = || Scene::over(Arc::new(Broken::new(defect)));
            for op in commands() {
                let expected = held(clean(&op, &Scene::new));
                for trouble in single_troubles(&expected.trace) {
                    *runs += 1;
                    suffer(&op, &expected, &trouble, &world, &mut Tally::default())?;
                }
            }
            Ok(())
        });
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
