//! The judge judged: histories written by hand, right ones and one wrong one of each kind; and wrongs planted in the
//! histories that real runs have recorded.

use super::history::{Act, Change, FOREIGN, Link, Op, Place, Token, judge};
use libtest_mimic::Failed;

/// An operation that was under way from the first instant to the second.
fn op(called: u64, returned: u64, act: Act) -> Op {
    Op { worker: 0, called, returned, act }
}

fn rotated(token: Token, number: u64) -> Act {
    Act::Rotated { token, place: Some(Place { generation: number, revision: number }) }
}

fn visited(token: Token, allowed: bool) -> Act {
    Act::Visited { token, allowed }
}

fn looked(number: u64, token: Option<Token>) -> Act {
    Act::Looked(Link { revision: number, generation: number, token, paused: false })
}

fn changed(change: Change, revision: u64) -> Act {
    Act::Changed { change, revision }
}

/// Rotations one after the other, at once, lost, and found out later; pauses; reads before, after and in between.
fn right() -> Vec<(&'static str, Vec<Op>)> {
    vec![
        ("nothing", vec![]),
        (
            "one after the other",
            vec![
                op(0, 1, visited(7, false)),
                op(2, 3, rotated(7, 1)),
                op(4, 5, visited(7, true)),
                op(6, 7, rotated(8, 2)),
                op(8, 9, visited(7, false)),
                op(10, 11, visited(8, true)),
                op(12, 13, looked(2, Some(8))),
            ],
        ),
        (
            "reads while it rotates may see either, but not the old one after the new one",
            vec![
                op(0, 1, rotated(7, 1)),
                op(2, 20, rotated(8, 2)),
                op(3, 4, visited(7, true)),
                op(5, 12, visited(7, true)),
                op(6, 7, visited(8, true)),
                op(8, 9, visited(7, false)),
            ],
        ),
        (
            "of two at once one wins, and the other was never made",
            vec![
                op(0, 4, rotated(7, 1)),
                op(1, 3, Act::Overtaken { token: 8 }),
                op(5, 6, visited(8, false)),
                op(7, 8, looked(1, Some(7))),
            ],
        ),
        (
            "a link that was made and replaced before its maker heard of it",
            vec![
                op(0, 9, Act::Overtaken { token: 7 }),
                op(1, 2, visited(7, true)),
                op(3, 4, rotated(8, 2)),
                op(5, 6, visited(7, false)),
            ],
        ),
        (
            "a lost rotation that took effect long after",
            vec![
                op(0, 0, Act::Unresolved(Change::Rotate(7))),
                op(1, 2, rotated(8, 1)),
                op(3, 4, visited(8, true)),
                op(5, 6, visited(7, true)),
                op(7, 8, visited(8, false)),
            ],
        ),
        (
            "a lost rotation that never took effect",
            vec![op(0, 0, Act::Unresolved(Change::Rotate(7))), op(1, 2, rotated(8, 1))],
        ),
        (
            "paused, paused again, resumed and withdrawn",
            vec![
                op(0, 1, rotated(7, 1)),
                op(2, 3, changed(Change::Pause, 2)),
                op(4, 5, visited(7, false)),
                op(6, 7, changed(Change::Pause, 2)),
                op(8, 9, changed(Change::Resume, 3)),
                op(10, 11, visited(7, true)),
                op(12, 13, changed(Change::Withdraw, 4)),
                op(14, 15, visited(7, false)),
                op(16, 17, Act::NoLink),
            ],
        ),
        (
            "without revisions",
            vec![
                op(0, 5, Act::Rotated { token: 7, place: None }),
                op(1, 6, Act::Rotated { token: 8, place: None }),
                op(7, 8, visited(7, true)),
                op(9, 10, visited(8, false)),
            ],
        ),
    ]
}

fn wrong() -> Vec<(&'static str, Vec<Op>)> {
    let two = [op(0, 1, rotated(7, 1)), op(2, 3, rotated(8, 2))];
    let after = |ops: &[Op]| [&two, ops].concat();
    vec![
        ("an older token opens after the rotation returned", after(&[op(4, 5, visited(7, true))])),
        ("a token is dead on arrival", after(&[op(4, 5, visited(8, false))])),
        ("a token that was never made opens", after(&[op(4, 5, visited(9, true))])),
        ("an acknowledged rotation is lost", after(&[op(4, 5, looked(1, Some(7)))])),
        (
            "an acknowledged rotation is lost, and the next one takes its place",
            after(&[op(4, 5, rotated(9, 2)), op(6, 7, visited(9, true))]),
        ),
        ("a link that nobody made", after(&[op(4, 5, looked(3, Some(FOREIGN)))])),
        (
            "a rotation that failed has made a link",
            after(&[op(4, 5, looked(3, Some(9))), op(6, 7, visited(9, true))]),
        ),
        ("one generation twice", vec![op(0, 4, rotated(7, 1)), op(1, 3, rotated(8, 1))]),
        ("a generation is left out", after(&[op(4, 5, rotated(9, 4))])),
        (
            "two tokens open by turns",
            vec![
                op(0, 5, Act::Rotated { token: 7, place: None }),
                op(1, 6, Act::Rotated { token: 8, place: None }),
                op(7, 8, visited(7, true)),
                op(9, 10, visited(8, true)),
                op(11, 12, visited(7, true)),
            ],
        ),
        (
            "the old token opens after the new one did, while it rotates",
            vec![
                op(0, 1, rotated(7, 1)),
                op(2, 20, rotated(8, 2)),
                op(3, 4, visited(8, true)),
                op(5, 6, visited(7, true)),
            ],
        ),
        (
            "whoever won was told that another one did",
            after(&[op(4, 9, Act::Overtaken { token: 9 }), op(5, 6, visited(9, true))]),
        ),
        ("a paused link opens", after(&[op(4, 5, changed(Change::Pause, 3)), op(6, 7, visited(8, true))])),
        (
            "a withdrawn link opens",
            after(&[op(4, 5, changed(Change::Withdraw, 3)), op(6, 7, visited(8, true))]),
        ),
        ("a link is not found", after(&[op(4, 5, Act::NoLink)])),
        (
            "a pause is lost",
            after(&[op(4, 5, changed(Change::Pause, 3)), op(6, 7, changed(Change::Withdraw, 3))]),
        ),
        (
            "a lost rotation takes effect before it was called",
            after(&[op(4, 5, visited(9, true)), op(6, 6, Act::Unresolved(Change::Rotate(9)))]),
        ),
    ]
}

/// L2: the judge takes what may be.
pub(crate) fn takes_right_histories() -> Result<(), Failed> {
    let right = right();
    for (name, ops) in &right {
        judge(Link::default(), ops).map_err(|conviction| format!("{name}: {conviction}"))?;
    }
    println!("{} histories taken", right.len());
    Ok(())
}

/// L1, L2: each kind of wrong is convicted.
pub(crate) fn convicts_wrong_histories() -> Result<(), Failed> {
    let wrong = wrong();
    for (name, ops) in &wrong {
        if judge(Link::default(), ops).is_ok() {
            return Err(format!("not convicted: {name}").into());
        }
    }
    println!("{} histories convicted", wrong.len());
    Ok(())
}

/// Plants a wrong in a history, at this operation or after it.
type Plant = fn(&[Op], usize) -> Option<Vec<Op>>;

/// Plants wrongs in a history that was found right, each of them at several places, and answers with how many were
/// convicted of each kind. One that is not convicted is an error.
pub(crate) fn convicts_planted(begin: Link, ops: &[Op]) -> Result<Vec<(&'static str, usize)>, String> {
    const PLACES: usize = 8;
    let plants: [(&str, Plant); 5] = [
        ("a dead token opens once", dead_token_opens),
        ("an acknowledged rotation is lost", loses_rotation),
        ("two rotations win at once", crowns_two),
        ("a rotation that won is told as failed", forgets_winner),
        ("a look sees what was before", looks_back),
    ];
    let mut counts = Vec::new();
    for (name, plant) in plants {
        let mut convicted = 0;
        for place in 0..PLACES {
            // Spread over the whole run.
            let from = ops.len() * place / PLACES;
            let Some(planted) = plant(ops, from) else { continue };
            if judge(begin, &planted).is_ok() {
                return Err(format!("planted after operation {from} and not convicted: {name}"));
            }
            convicted += 1;
        }
        if convicted < PLACES / 2 {
            return Err(format!("the history has only {convicted} places for: {name}"));
        }
        counts.push((name, convicted));
    }
    Ok(counts)
}

/// The history with another answer to one operation.
fn with(ops: &[Op], at: usize, act: Act) -> Vec<Op> {
    let mut planted = ops.to_vec();
    planted[at].act = act;
    planted
}

fn find(ops: &[Op], from: usize, fits: impl Fn(&Op) -> bool) -> Option<usize> {
    ops[from..].iter().position(fits).map(|at| from + at)
}

fn place_of(op: &Op) -> Option<(Token, Place)> {
    match op.act {
        Act::Rotated { token, place } => Some((token, place?)),
        _ => None,
    }
}

fn dead_token_opens(ops: &[Op], from: usize) -> Option<Vec<Op>> {
    let dead = |visit: &Op, token| {
        let made = ops.iter().filter_map(place_of).find(|(made, _)| *made == token);
        made.is_some_and(|(_, made)| {
            let newer = |op: &Op| place_of(op).is_some_and(|(_, place)| place.generation > made.generation);
            ops.iter().any(|op| op.returned < visit.called && newer(op))
        })
    };
    let at =
        find(ops, from, |op| matches!(op.act, Act::Visited { token, allowed: false } if dead(op, token)))?;
    let Act::Visited { token, .. } = ops[at].act else { return None };
    Some(with(ops, at, visited(token, true)))
}

/// All that came later stands where it would if this rotation had never been.
fn loses_rotation(ops: &[Op], from: usize) -> Option<Vec<Op>> {
    // Where the maker of the next link is known, nobody else can have made it.
    let next = |lost: Place| {
        ops.iter().filter_map(place_of).any(|(_, place)| place.generation == lost.generation + 1)
    };
    let at = find(ops, from, |op| place_of(op).is_some_and(|(_, place)| next(place)))?;
    let (_, lost) = place_of(&ops[at])?;
    let mut planted = ops.to_vec();
    for op in &mut planted {
        let (generation, revision) = match &mut op.act {
            Act::Rotated { place: Some(place), .. } => (Some(&mut place.generation), &mut place.revision),
            Act::Looked(link) => (Some(&mut link.generation), &mut link.revision),
            Act::Changed { revision, .. } => (None, revision),
            _ => continue,
        };
        if *revision > lost.revision {
            *revision -= 1;
            generation.into_iter().for_each(|generation| *generation -= 1);
        }
    }
    Some(planted)
}

fn crowns_two(ops: &[Op], from: usize) -> Option<Vec<Op>> {
    let winner = find(ops, from, |op| place_of(op).is_some())?;
    let (_, place) = place_of(&ops[winner])?;
    let at = find(ops, winner, |op| matches!(op.act, Act::Overtaken { .. }))?;
    let Act::Overtaken { token } = ops[at].act else { return None };
    Some(with(ops, at, Act::Rotated { token, place: Some(place) }))
}

fn forgets_winner(ops: &[Op], from: usize) -> Option<Vec<Op>> {
    // As long as somebody saw what came of it.
    let opened = |token| ops.iter().any(|op| op.act == visited(token, true));
    let at = find(ops, from, |op| place_of(op).is_some_and(|(token, _)| opened(token)))?;
    let mut planted = ops.to_vec();
    planted.remove(at);
    Some(planted)
}

fn looks_back(ops: &[Op], from: usize) -> Option<Vec<Op>> {
    let old = find(ops, from, |op| matches!(op.act, Act::Looked(_)))?;
    let won = find(ops, old, |op| op.called > ops[old].returned && place_of(op).is_some())?;
    let at = find(ops, won, |op| op.called > ops[won].returned && matches!(op.act, Act::Looked(_)))?;
    Some(with(ops, at, ops[old].act))
}
