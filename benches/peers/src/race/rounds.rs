//! Contenders that take turns.

use std::{hint::black_box, ops::Range, time::Instant};

const ROUNDS: usize = 111;
/// A batch of a contender that is slower than this has fewer requests, in nanoseconds.
const BATCH: f64 = 10e6;

/// Decides a range of requests, and says how many it allowed.
type Run<'a> = Box<dyn Fn(Range<usize>) -> usize + 'a>;

pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    run: Run<'a>,
}

impl<'a> Contender<'a> {
    /// The loop is inside of the box, so that no decision pays for a call through it.
    pub(crate) fn new(name: &'static str, decide: impl Fn(usize) -> bool + 'a) -> Self {
        Self { name, run: Box::new(move |range| range.filter(|at| black_box(decide(*at))).count()) }
    }

    pub(crate) fn allows(&self, at: usize) -> bool {
        (self.run)(at..at + 1) == 1
    }

    /// Nanoseconds that one of a range takes.
    pub(crate) fn time(&self, range: Range<usize>) -> f64 {
        let (start, count) = (Instant::now(), range.len());
        black_box((self.run)(range));
        start.elapsed().as_secs_f64() * 1e9 / count as f64
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What was measured of one contender: nanoseconds a decision, round by round.
pub(crate) struct Times(Vec<f64>);

impl Times {
    pub(crate) fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// The median of the rounds' own ratios, so that a busy machine moves both sides.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }
}

/// Lets each contender decide a batch in every round, and whoever begins changes.
pub(crate) fn rounds(contenders: &[Contender<'_>], requests: usize) -> Vec<Times> {
    let batches: Vec<usize> = contenders
        .iter()
        .map(|contender| {
            let one = contender.time(0..requests.min(2));
            let few = ((BATCH / one) as usize).clamp(1, requests);
            // Measured once more: the first two met cold caches.
            ((BATCH / contender.time(0..few)) as usize).clamp(1, requests)
        })
        .collect();
    let mut cursors = vec![0; contenders.len()];
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let (contender, batch) = (&contenders[at], batches[at]);
            if cursors[at] + batch > requests {
                cursors[at] = 0;
            }
            let range = cursors[at]..cursors[at] + batch;
            cursors[at] += batch;
            // A quick one would otherwise be charged for what a slow one left of the caches.
            if batch == requests {
                contender.time(range.clone());
            }
            let time = contender.time(range);
            // The first tenth warms up.
            if round >= ROUNDS / 10 {
                times[at].push(time);
            }
        }
    }
    times.into_iter().map(Times).collect()
}
