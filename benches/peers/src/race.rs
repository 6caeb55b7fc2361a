//! The race: dashshare, the peers and a floor decide the same requests by the same policies, in turns.

mod casbin;
mod cedar;
mod floor;
mod rego;
mod rounds;
mod shares;
mod workload;

use crate::allocated;
use dashshare::policy::{Document, Limits, PolicySet};
use rounds::{Contender, Times, median, rounds};
use std::{hint::black_box, time::Instant};
use workload::Workload;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// As many values a key that a request has about fifty rules to look at among 10,000.
const VALUES: usize = 100;
/// As many that hardly two policies are aimed at one tag.
const MANY_VALUES: usize = 10_000;
/// A peer, and its forms.
const PEERS: [(&str, &[&str]); 3] = [
    ("cedar", &["cedar, one set", "cedar, sharded"]),
    ("casbin", &["casbin"]),
    ("rego", &["rego, linear", "rego, indexed"]),
];

/// Prints what was measured beside what was aimed at.
fn judge(name: &str, measured: f64, aim: Aim, comment: &str) {
    let (met, aim) = match aim {
        Aim::AtMost(most) => (measured <= most, format!("<={most}")),
        Aim::AtLeast(least) => (measured >= least, format!(">={least}")),
    };
    println!("RATIO {name} {measured:.2} {aim} {}    # {comment}", if met { "met" } else { "missed" });
}

#[derive(Clone, Copy)]
enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

pub(crate) fn run() {
    for size in SIZES {
        decisions(size);
    }
    flat();
    upkeep();
    shares::SIZES.into_iter().for_each(shares::checks);
}

fn compile(workload: &Workload) -> PolicySet {
    PolicySet::compile_within(&Document::parse_all(&workload.json()).unwrap(), &Limits::NONE).unwrap().set
}

fn ours<'a>(policies: &'a PolicySet, workload: &'a Workload) -> Contender<'a> {
    Contender::new("dashshare", |at| {
        let request = &workload.requests[at];
        policies.evaluate(&request.principal, request.action, &request.resource).is_allowed()
    })
}

fn decisions(size: usize) {
    let workload = Workload::new(size, VALUES);
    let count = workload.requests.len();
    let policies = compile(&workload);
    let floor = floor::Floor::new(&workload.policies);
    let prepared = cedar::Prepared::new(&workload);
    let whole = cedar::Whole::new(&prepared, &workload);
    let sharded = cedar::Sharded::new(&prepared, &workload);
    let casbin = casbin::Casbin::new(&workload);
    let (linear, indexed) = (rego::Rego::linear(&workload), rego::Rego::indexed(&workload));
    let contenders = [
        ours(&policies, &workload),
        Contender::new("floor", |at| floor.decide(&workload.requests[at])),
        Contender::new("cedar, one set", |at| whole.decide(at)),
        Contender::new("cedar, sharded", |at| sharded.decide(at)),
        Contender::new("casbin", |at| casbin.decide(at)),
        Contender::new("rego, linear", |at| linear.decide(at)),
        Contender::new("rego, indexed", |at| indexed.decide(at)),
    ];
    let mut allocations = Vec::new();
    let expected: Vec<bool> = (0..count).map(|at| contenders[0].allows(at)).collect();
    for contender in &contenders {
        let before = allocated::calls();
        for (at, expected) in expected.iter().enumerate() {
            assert_eq!(contender.allows(at), *expected, "{} at request {at} of {size}", contender.name);
        }
        allocations.push((allocated::calls() - before) as f64 / count as f64);
    }
    let allowed = expected.iter().filter(|allowed| **allowed).count() as f64 / count as f64;
    println!("\n{size} policies, {count} requests, {:.0} % allowed, all agree", allowed * 100.0);
    println!("{:<16} {:>12} {:>12} {:>12} {:>14}", "", "ns", "x dashshare", "x floor", "allocations");
    let times = rounds(&contenders, count);
    for ((contender, time), allocations) in contenders.iter().zip(&times).zip(&allocations) {
        let (ours, floor) = (time.over(&times[0]), time.over(&times[1]));
        println!(
            "{:<16} {:>12.1} {ours:>12.2} {floor:>12.2} {allocations:>14.1}",
            contender.name,
            time.median()
        );
    }
    judge_size(size, &contenders, &times);
    judge(&format!("policy_allocations_{size}"), allocations[0], Aim::AtMost(0.0), "a decision");
    assert!(allocations[0] == 0.0, "a decision allocated");
}

fn judge_size(size: usize, contenders: &[Contender<'_>], times: &[Times]) {
    let aim = Aim::AtMost(2.0);
    judge(&format!("policy_floor_{size}"), times[0].over(&times[1]), aim, "dashshare by the floor");
    let ahead = Aim::AtLeast(if size >= 1_000 { 20.0 } else { 5.0 });
    for (peer, forms) in PEERS {
        let of = contenders.iter().zip(times).filter(|(contender, _)| forms.contains(&contender.name));
        let ratios = of.map(|(contender, time)| (time.over(&times[0]), contender.name));
        let Some((ratio, form)) = ratios.min_by(|one, other| one.0.total_cmp(&other.0)) else { continue };
        judge(&format!("policy_{peer}_{size}"), ratio, ahead, &format!("{form} by dashshare"));
    }
}

/// What a thousand times as many policies cost a request that as many of them are aimed at.
fn flat() {
    let [small, big] = [10, 10_000].map(|size| Workload::new(size, MANY_VALUES).aimed_at_by_one());
    let (few, many) = (compile(&small), compile(&big));
    let (few_floor, many_floor) = (floor::Floor::new(&small.policies), floor::Floor::new(&big.policies));
    let contenders = [
        ours(&few, &small),
        ours(&many, &big),
        Contender::new("floor", |at| few_floor.decide(&small.requests[at])),
        Contender::new("floor", |at| many_floor.decide(&big.requests[at])),
    ];
    let times = rounds(&contenders, small.requests.len());
    let [few, many, few_floor, many_floor] = &times[..] else { unreachable!("four contenders") };
    println!("\nprincipals at whom one policy is aimed, of 10 and of 10,000");
    let comment = format!(
        "{:.1} ns beside {:.1} ns; the floor's is {:.2}",
        many.median(),
        few.median(),
        many_floor.over(few_floor)
    );
    judge("policy_flat", many.over(few), Aim::AtMost(2.0), &comment);
}

/// Microseconds that something takes, in the median.
fn time<T>(times: usize, mut run: impl FnMut() -> T) -> f64 {
    let one = |_| {
        let start = Instant::now();
        // Dropped after the clock was read.
        let made = black_box(run());
        let elapsed = start.elapsed();
        drop(made);
        elapsed.as_secs_f64() * 1e6
    };
    median((0..times).map(one).collect())
}

/// Reading, compiling, keeping and changing 10,000 policies.
fn upkeep() {
    const SIZE: usize = 10_000;
    let each = |total: f64| total / SIZE as f64;
    let json = Workload::new(SIZE, VALUES).json();
    let before = allocated::live();
    let documents = Document::parse_all(&json).unwrap();
    let with_documents = allocated::live();
    let policies = PolicySet::compile_within(&documents, &Limits::NONE).unwrap().set;
    let with_set = allocated::live();
    println!("\n{SIZE} policies, {:.0} bytes of JSON each", each(json.len() as f64));
    println!(
        "bytes a policy: {:.0} for the set, {:.0} for its document",
        each((with_set - with_documents) as f64),
        each((with_documents - before) as f64)
    );
    let parse = each(time(15, || Document::parse_all(&json).unwrap()));
    let whole = time(31, || PolicySet::compile_within(&documents, &Limits::NONE).unwrap().set);
    println!("reading: {parse:.2} µs a policy");
    judge("policy_compile_10000", each(whole), Aim::AtMost(2.0), "µs a policy, from documents");
    let mut next = documents.iter().cycle();
    let one = time(2_000, || policies.with(next.next().unwrap()));
    println!("replacing one policy: {one:.1} µs, {:.0} times quicker than compiling all", whole / one);
}
