//! SIGKILL at a random instant, again and again, on one file.

use super::{
    block_on, books,
    child::{self, Folder, Running},
    random::Random,
    worker::{Acknowledged, Line},
};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
};

/// A new file is begun after so many kills, so that its first moments are hit too and each look stays short.
const KILLS_A_FILE: u64 = 20;
/// As many dashboards as tasks, so that they get into each other's way.
const DASHBOARDS: &str = "4";

pub(crate) fn nothing_acknowledged_is_lost(crashes: u64, seed: u64) {
    let mut random = Random::new(seed);
    let (mut acknowledged_in_all, mut in_flight, mut unheard, mut early) = (0, 0, 0, 0);
    let mut file = None;
    for kill in 0..crashes {
        if kill % KILLS_A_FILE == 0 {
            file = Some((Folder::new(), Vec::<Acknowledged>::new(), 0));
        }
        let (folder, acknowledged, unheard_here) = file.as_mut().expect("there is a file");
        let path = folder.file("store.db");
        let arguments = [&random.next().to_string(), DASHBOARDS, "4", "1000000"];
        let mut worker = Running::start(child::command("work", &path, &arguments));
        let mut output = BufReader::new(worker.stdout());
        // So many lines, and then at once: wherever its tasks are by then.
        let wanted = if random.below(8) == 0 { random.below(3) } else { random.below(80) };
        let mut text = String::new();
        for _ in 0..wanted {
            assert_ne!(output.read_line(&mut text).expect("its output"), 0, "it ended by itself: {text}");
        }
        worker.kill();
        output.read_to_string(&mut text).expect("what it wrote before");
        // A line that is cut short was not told.
        let told = text.rfind('\n').map_or("", |end| &text[..end]);
        let (mut begun, mut ended) = (0, 0);
        for line in told.lines().map(Line::parse) {
            match line {
                Line::Ready => {}
                Line::Begun => begun += 1,
                Line::Nothing => ended += 1,
                Line::Done(done) => {
                    ended += 1;
                    acknowledged_in_all += 1;
                    acknowledged.push(done);
                }
                Line::Said(said) => panic!("kill {kill}: {said}"),
            }
        }
        in_flight += u64::from(begun > ended);
        early += u64::from(begun == 0);
        let (verdict, made) = block_on(books::examine(&path, acknowledged.iter(), &mut random));
        assert!(verdict.is_good(), "kill {kill} of seed {seed}: {verdict:#?}");
        // Who registers what is registered is answered as the one who did.
        let heard: BTreeSet<_> = acknowledged.iter().map(|done| (done.dashboard, done.revision)).collect();
        let heard = heard.len();
        unheard += verdict.commits - heard - *unheard_here;
        *unheard_here = verdict.commits - heard;
        acknowledged.push(made.expect("it went on"));
    }
    println!(
        "{crashes} kills: {acknowledged_in_all} commits acknowledged and none lost; {in_flight} kills hit a command \
         under way, {early} came before the first; {unheard} commits stood whose answer was not heard"
    );
    assert!(in_flight * 2 >= crashes, "too few kills hit a command under way");
    assert!(acknowledged_in_all >= crashes * 3, "too few commits were acknowledged");
}
