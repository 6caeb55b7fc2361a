//! The canary check for hosts: a host whose functions read what was admitted passes it, and one that goes round the door
//! in any of the usual ways does not. The ways are those of the field's known mishaps.

use dashshare::{
    Timestamp,
    conformance::canary::{self, Point, Reader},
    lock::{Range, ReadKind},
    questions::Admitted,
};
use pollster::block_on;
use std::{
    collections::HashMap,
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// How a host goes round the door, in one of its functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Not at all.
    None,
    /// TA1: annotations are read by the device alone.
    AnnotationsOfEverything,
    /// TA6: the export reads the hull of the pieces.
    ExportsWholeDays,
    /// TA19: the newest value is the newest one there is.
    NewestWhereverItIs,
    /// TA20: compares with the day before, which was not asked for.
    ComparesWithTheDayBefore,
    /// TA21: averages by whole six hours, edges mixed in.
    AveragesBeforeItFilters,
    /// TA22: reads another variable for a formula.
    ReadsAnotherVariable,
    /// TA2: passes over the parameter.
    PassesOverTheParameter,
    /// TA7: its cache goes by device, variable and kind.
    CachesByTheQuestion,
    /// Answers always the same.
    AnswersNothing,
    /// Counts all that there is.
    CountsTheTable,
}

struct Host {
    way: Way,
    points: Vec<Point>,
    cache: HashMap<Vec<u8>, Vec<u8>>,
}

const DAY: i64 = 86_400_000_000;

fn has_parameters(point: &Point, admitted: &Admitted) -> bool {
    admitted
        .pieces()
        .iter()
        .all(|piece| piece.parameters.iter().all(|(name, value)| point.parameters.get(name) == Some(value)))
}

impl Host {
    fn new(way: Way) -> Self {
        Self { way, points: Vec::new(), cache: HashMap::new() }
    }

    fn of_series<'a>(&'a self, admitted: &Admitted) -> impl Iterator<Item = &'a Point> {
        let (device, variable) = (admitted.device().to_owned(), admitted.variable().to_owned());
        self.points.iter().filter(move |point| point.device == device && point.variable == variable)
    }

    /// The points that this host takes for admitted.
    fn taken<'a>(&'a self, admitted: &Admitted) -> Vec<&'a Point> {
        let hull = |by: i64| {
            let first = admitted.pieces().first().and_then(|piece| piece.range.from);
            let last = admitted.pieces().last().and_then(|piece| piece.range.until);
            Range {
                from: first.map(|from| Timestamp::from_micros(from.micros().div_euclid(by) * by)),
                until: last.map(|until| Timestamp::from_micros((until.micros().div_euclid(by) + 1) * by)),
            }
        };
        let all = self.of_series(admitted);
        match (self.way, admitted.kind()) {
            (Way::AnnotationsOfEverything, ReadKind::Annotation) => all.collect(),
            (Way::ExportsWholeDays, ReadKind::Export) => {
                all.filter(|it| hull(DAY).contains(it.at) && has_parameters(it, admitted)).collect()
            }
            (Way::AveragesBeforeItFilters, ReadKind::Aggregate) => {
                all.filter(|it| hull(DAY / 4).contains(it.at) && has_parameters(it, admitted)).collect()
            }
            (Way::NewestWhereverItIs, ReadKind::Last) => {
                all.filter(|it| has_parameters(it, admitted)).collect()
            }
            (Way::ComparesWithTheDayBefore, ReadKind::Series) => {
                let shifted = |it: &Point, by: i64| admitted.admits(it.at.plus_micros(by));
                all.filter(|it| has_parameters(it, admitted) && (shifted(it, 0) || shifted(it, DAY)))
                    .collect()
            }
            (Way::PassesOverTheParameter, _) => all.filter(|it| admitted.admits(it.at)).collect(),
            (Way::ReadsAnotherVariable, ReadKind::Table) => {
                let of_device = self.points.iter().filter(|it| it.device == admitted.device());
                of_device.filter(|it| admitted.admits(it.at) && has_parameters(it, admitted)).collect()
            }
            _ => self.points.iter().filter(|point| point.is_admitted(admitted)).collect(),
        }
    }

    fn answer(&self, admitted: &Admitted) -> Vec<u8> {
        let taken = self.taken(admitted);
        let mut text = String::new();
        match admitted.kind() {
            _ if self.way == Way::AnswersNothing => {}
            ReadKind::Last => {
                write!(text, "{:?}", taken.iter().max_by_key(|point| point.at)).expect("a String")
            }
            ReadKind::Aggregate => {
                let sum: i64 = taken.iter().map(|point| point.value).sum();
                write!(text, "{sum} of {}", taken.len()).expect("a String");
            }
            _ => {
                for point in taken {
                    writeln!(text, "{} {}", point.at, point.value).expect("a String");
                }
            }
        }
        if self.way == Way::CountsTheTable && *admitted.kind() == ReadKind::Log {
            write!(text, "of {} rows", self.points.len()).expect("a String");
        }
        text.into_bytes()
    }
}

impl Reader for Host {
    async fn load(&mut self, points: &[Point]) {
        self.points = points.to_vec();
        self.cache.clear();
    }

    async fn read(&mut self, admitted: &Admitted) -> Vec<u8> {
        let key = match self.way {
            Way::CachesByTheQuestion => {
                format!("{} {} {}", admitted.kind().word(), admitted.device(), admitted.variable())
                    .into_bytes()
            }
            _ => admitted.cache_key().to_vec(),
        };
        if let Some(answer) = self.cache.get(&key) {
            return answer.clone();
        }
        let answer = self.answer(admitted);
        self.cache.insert(key, answer.clone());
        answer
    }
}

/// K16, K18: a host that filters by the pieces before all else, and caches by the key, lets no canary out.
#[test]
fn a_host_that_reads_what_was_admitted_passes() {
    block_on(canary::check(|| Host::new(Way::None)));
}

/// K16, K18: each way round the door is caught, in whichever function it is.
#[test]
fn a_host_that_goes_round_the_door_is_caught() {
    let ways = [
        (Way::AnnotationsOfEverything, "a value that was not admitted changed the answer: annotation"),
        (Way::ExportsWholeDays, "a value that was not admitted changed the answer: export"),
        (Way::NewestWhereverItIs, "a value that was not admitted changed the answer: last"),
        (Way::ComparesWithTheDayBefore, "a value that was not admitted changed the answer: series"),
        (Way::AveragesBeforeItFilters, "a value that was not admitted changed the answer: aggregate"),
        (Way::ReadsAnotherVariable, "a value that was not admitted changed the answer: table"),
        (Way::PassesOverTheParameter, "a value that was not admitted changed the answer"),
        (Way::CachesByTheQuestion, "a cache answered what would not be answered anew"),
        (Way::AnswersNothing, "the answer does not depend on the values that were admitted"),
        (Way::CountsTheTable, "a value that was not admitted changed the answer: log"),
    ];
    for (way, verdict) in ways {
        let caught = catch_unwind(AssertUnwindSafe(|| block_on(canary::check(|| Host::new(way)))));
        let message = caught.expect_err(&format!("{way:?} was not caught"));
        let message = message.downcast_ref::<String>().expect("a sentence");
        assert!(message.starts_with(verdict), "{way:?}: {message}");
    }
}
