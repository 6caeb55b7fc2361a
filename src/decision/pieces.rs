//! What is admitted of a question: pieces of the range, each with what admits it.

use super::edge::{Edge, Leave};
use crate::{
    lock::{Left, Query, Range, ReadKind},
    value::{DashboardId, Expiry, GrantId, Timestamp},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What admits a piece of data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Admits {
    /// Whoever asks owns the dashboard.
    Owner,
    /// This grant.
    Grant(GrantId),
    /// The public link.
    Link,
    /// The tenant's policies, for the dashboard and the device.
    Policy,
}

/// A piece of the range: every instant of it is admitted, and none beside it by the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Piece {
    /// The instants.
    pub range: Range,
    /// What admits all of it, the one that ends last first. Never empty.
    pub by: Vec<Admits>,
    /// The values of parameters that it must be filtered by. Where nothing was chosen and two grants fix different values,
    /// there are pieces for either, which are to be read apart.
    pub parameters: BTreeMap<String, String>,
}

/// What of a question may be read: the only source of a range for a host's reading function.
///
/// Made by [`admit`](crate::Dashshare::admit), and by nothing else:
///
/// ```compile_fail
/// let admitted = dashshare::questions::Admitted { pieces: Vec::new() };
/// ```
///
/// The host filters by the [pieces](Self::pieces) **before** it sums, averages, buckets or picks the newest value, and
/// draws them as what was read.
///
/// Rules: [K16](crate::specification), [D5](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[must_use = "what is admitted is all that may be read"]
pub struct Admitted {
    dashboard: DashboardId,
    kind: ReadKind,
    device: String,
    variable: String,
    slot: Option<String>,
    pieces: Vec<Piece>,
    cut: bool,
    valid_until: Option<Timestamp>,
    /// Whose load it is, and what it is attributed to.
    #[serde(skip)]
    load: Attributed,
}

/// Whose load something admitted is, and by what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Attributed {
    /// With the edge of what comes first.
    pub(super) leave: Leave,
    pub(super) first: Admits,
    /// What comes after it, the first that a load is attributed to first.
    pub(super) others: Vec<(Admits, Edge)>,
}

impl Admitted {
    /// What a load of this is attributed to: of all that its pieces rest on the first.
    ///
    /// Rules: [M10](crate::specification).
    pub fn edge(&self) -> Option<Edge> {
        let rests_on = |admits: &Admits| self.pieces.iter().any(|piece| piece.by.contains(admits));
        let Attributed { leave, first, others } = &self.load;
        if rests_on(first) {
            return Some(leave.edge.clone());
        }
        others.iter().find(|(admits, _)| rests_on(admits)).map(|(_, edge)| edge.clone())
    }

    /// The same with whose load it is.
    pub(crate) fn leave(&self) -> Option<Leave> {
        Some(Leave { edge: self.edge()?, valid_until: self.valid_until, ..self.load.leave.clone() })
    }

    /// The dashboard.
    pub fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    /// What is read.
    pub fn kind(&self) -> &ReadKind {
        &self.kind
    }

    /// The device.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The variable.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// The pieces of the range that may be read, in their order; never empty.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether less was admitted than was asked for.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Until when it can be relied on: the earliest end among what its pieces need.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Whether a value stamped with this instant may be shown: a host filters by it before it does anything else with
    /// values, and so clips what comes from a cache to the moment at which it is served.
    pub fn admits(&self, instant: Timestamp) -> bool {
        self.pieces.iter().any(|piece| piece.range.contains(instant))
    }

    /// A digest of what is admitted, for a cache: two are equal only if dashboard, kind, device, variable, slot, parameters
    /// and instants are. By whom it is admitted has no part in it, so that those who see the same share an entry.
    ///
    /// A host that wants hits asks for rounded ranges, which are kept wherever the window is wider.
    ///
    /// Rules: [K18](crate::specification).
    pub fn cache_key(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut put = |bytes: &[u8]| {
            digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(bytes);
        };
        put(b"dashshare data 1");
        put(&self.dashboard.to_bytes());
        put(self.kind.word().as_bytes());
        put(self.device.as_bytes());
        put(self.variable.as_bytes());
        match &self.slot {
            Some(slot) => put(slot.as_bytes()),
            None => put(b""),
        }
        put(&[u8::from(self.slot.is_some())]);
        for (parameters, ranges) in merged(&self.pieces) {
            put(b"pieces");
            for (name, value) in parameters {
                put(name.as_bytes());
                put(value.as_bytes());
            }
            put(b"ranges");
            for Range { from, until } in ranges {
                // The open sides are told from the ends of the calendar.
                put(&from.map_or([0; 9], |from| tagged(from.micros())));
                put(&until.map_or([0; 9], |until| tagged(until.micros())));
            }
        }
        digest.finalize().into()
    }

    /// What is left of the inputs of a computed question: of each the pieces that are common to all of them; `None` if
    /// there are none.
    ///
    /// Rules: [K16](crate::specification).
    pub(crate) fn common(inputs: Vec<Self>) -> Option<Vec<Self>> {
        let mut common = vec![Range::EVER];
        for input in &inputs {
            let own: Vec<Range> = joined(input.pieces.iter().map(|piece| piece.range).collect());
            let both = common.iter().flat_map(|a| own.iter().map(|b| a.intersection(*b)));
            common = both.filter(|range| !range.is_empty()).collect();
        }
        if common.is_empty() {
            return None;
        }
        let clipped = inputs.into_iter().map(|input| {
            let before = input.pieces.clone();
            let pieces = input.pieces.into_iter().flat_map(|piece| {
                let clips = common.iter().map(|range| piece.range.intersection(*range));
                let kept: Vec<Range> = clips.filter(|range| !range.is_empty()).collect();
                kept.into_iter().map(move |range| Piece { range, ..piece.clone() })
            });
            let pieces: Vec<Piece> = pieces.collect();
            Self { cut: input.cut || before != pieces, pieces, ..input }
        });
        Some(clipped.collect())
    }
}

fn tagged(micros: i64) -> [u8; 9] {
    let mut bytes = [1; 9];
    for (to, from) in bytes.iter_mut().skip(1).zip(micros.to_be_bytes()) {
        *to = from;
    }
    bytes
}

/// The instants of pieces by their parameters, whoever admits them.
fn merged(pieces: &[Piece]) -> BTreeMap<&BTreeMap<String, String>, Vec<Range>> {
    let mut found: BTreeMap<_, Vec<Range>> = BTreeMap::new();
    for piece in pieces {
        found.entry(&piece.parameters).or_default().push(piece.range);
    }
    found.into_iter().map(|(parameters, ranges)| (parameters, joined(ranges))).collect()
}

/// Ranges in their order, with those that touch made one.
fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut found: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match found.last_mut() {
            Some(last) if last.until.is_none_or(|until| range.from.is_none_or(|from| from <= until)) => {
                last.until = last.until.zip(range.until).map(|(a, b)| a.max(b));
            }
            _ => found.push(range),
        }
    }
    found
}

/// What one grant, link or policy leaves of a question.
pub(super) struct Source {
    pub(super) by: Admits,
    pub(super) left: Left,
    pub(super) ends: Expiry,
}

/// A range, what admits it, and until when that does.
type Part = (Admits, Range, Expiry);

/// Puts together what several sources leave of a question, the best first: the datum is admitted where one admits it
/// (K14).
pub(super) fn admitted(
    dashboard: DashboardId,
    query: &Query,
    slot: Option<String>,
    sources: Vec<Source>,
    load: Attributed,
) -> Admitted {
    let shortened = sources.iter().any(|source| source.left.shortened);
    let (pieces, needed, covers_all) = match <[Source; 1]>::try_from(sources) {
        Ok([Source { by, left, ends }]) => {
            let (range, parameters) = (left.range, left.parameters);
            (vec![Piece { range, by: vec![by], parameters }], ends, range.covers(query.range))
        }
        Err(sources) => of_several(query, sources),
    };
    // Without a range the windows are what is asked for.
    let cut = if query.range == Range::EVER { shortened && !covers_all } else { !covers_all };
    Admitted {
        dashboard,
        kind: query.kind.clone(),
        device: query.device.clone(),
        variable: query.variable.clone(),
        slot,
        pieces,
        cut,
        valid_until: needed.at(),
        load,
    }
}

/// The pieces that several sources leave, until when all of them last, and whether they are all that was asked for.
fn of_several(query: &Query, sources: Vec<Source>) -> (Vec<Piece>, Expiry, bool) {
    let mut groups: BTreeMap<BTreeMap<String, String>, Vec<Part>> = BTreeMap::new();
    for Source { by, left, ends } in sources {
        groups.entry(left.parameters).or_default().push((by, left.range, ends));
    }
    let mut pieces = Vec::new();
    let mut needed = Expiry::Never;
    for (parameters, of_group) in groups {
        for (range, by) in split(&of_group) {
            // Of several that admit it, the one that ends last keeps it.
            let lasts = by.iter().filter_map(|at| of_group.get(*at)).map(|(.., ends)| *ends).max();
            needed = needed.min(lasts.unwrap_or(Expiry::Never));
            let by = by.iter().filter_map(|at| of_group.get(*at)).map(|(by, ..)| *by).collect();
            pieces.push(Piece { range, by, parameters: parameters.clone() });
        }
    }
    let all = joined(pieces.iter().map(|piece| piece.range).collect());
    let covers_all = all.iter().any(|range| range.covers(query.range));
    (pieces, needed, covers_all)
}

/// The maximal ranges that the same sources admit, in their order, with those sources.
fn split(sources: &[Part]) -> Vec<(Range, Vec<usize>)> {
    if let [(_, range, _)] = sources {
        return vec![(*range, vec![0])];
    }
    // `None` begins before every instant; an open end comes after every one.
    let mut starts: BTreeSet<Option<Timestamp>> = sources.iter().map(|(_, range, _)| range.from).collect();
    starts.extend(sources.iter().filter_map(|(_, range, _)| range.until.map(Some)));
    let starts: Vec<Option<Timestamp>> = starts.into_iter().collect();
    let mut found: Vec<(Range, Vec<usize>)> = Vec::new();
    for (at, from) in starts.iter().enumerate() {
        let until = starts.get(at.saturating_add(1)).copied().flatten();
        let range = Range { from: *from, until };
        let covering = sources.iter().enumerate().filter(|(_, (_, whole, _))| whole.covers(range));
        let by: Vec<usize> = covering.map(|(at, _)| at).collect();
        if by.is_empty() {
            continue;
        }
        match found.last_mut() {
            Some((last, same)) if *same == by && last.until == range.from => last.until = range.until,
            _ => found.push((range, by)),
        }
    }
    found
}
