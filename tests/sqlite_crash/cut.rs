//! Power cuts: a disk that keeps what was synced, and of the rest what it likes.

use super::{
    block_on,
    books::{self, Verdict},
    child::Folder,
    preload::{ACKNOWLEDGED, Call, Preload, What},
    random::Random,
    worker::{Acknowledged, Line},
};
use std::{collections::BTreeMap, fs};

/// What becomes of the writes that were not synced when the power went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    AllLost,
    AllKept,
    /// The first ones are there.
    Prefix,
    /// The same, and the one after them is there in part.
    Torn,
    /// Any of them are there.
    Some,
    /// Any of them, and some of those in part.
    SomeTorn,
}

const FATES: [Fate; 6] = [Fate::AllLost, Fate::Prefix, Fate::Torn, Fate::Some, Fate::SomeTorn, Fate::AllKept];

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, part: Option<usize>) {
        match self {
            Self::Write(offset, data) => {
                let data = &data[..part.map_or(data.len(), |part| part.min(data.len()))];
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(data);
            }
            Self::Truncate(length) => bytes.resize(*length, 0),
        }
    }

    fn part(&self, random: &mut Random) -> Option<usize> {
        match self {
            Self::Write(_, data) => Some(random.index(data.len())),
            Self::Truncate(_) => None,
        }
    }
}

#[derive(Default)]
struct Contents {
    synced: Vec<u8>,
    /// Since the last sync, each with its place among all calls.
    pending: Vec<(usize, Change)>,
}

/// A disk, as far as one folder goes.
#[derive(Default)]
struct Disk {
    files: Vec<Contents>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// Names that came or went since the folder was synced.
    pending_names: Vec<(usize, String, Option<usize>)>,
    calls: usize,
}

impl Disk {
    fn file(&mut self, name: &str) -> &mut Contents {
        let file = self.names.get(name).copied().unwrap_or_else(|| {
            self.files.push(Contents::default());
            let file = self.files.len() - 1;
            self.names.insert(name.to_owned(), file);
            self.pending_names.push((self.calls, name.to_owned(), Some(file)));
            file
        });
        &mut self.files[file]
    }

    fn apply(&mut self, call: &Call) {
        self.calls += 1;
        let place = self.calls;
        match &call.what {
            What::Write { offset, data } => {
                self.file(&call.name).pending.push((place, Change::Write(*offset, data.clone())));
            }
            What::Truncate { length } => {
                self.file(&call.name).pending.push((place, Change::Truncate(*length)));
            }
            What::Sync => {
                let file = self.file(&call.name);
                for (_, change) in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.synced, None);
                }
            }
            What::Remove => {
                self.names.remove(&call.name);
                self.pending_names.push((place, call.name.clone(), None));
            }
            What::SyncFolder => {
                self.synced_names = self.names.clone();
                self.pending_names.clear();
            }
        }
    }

    /// The files as they are found when the power is back.
    fn after_cut(&self, fate: Fate, random: &mut Random) -> BTreeMap<String, Vec<u8>> {
        let first = self.files.iter().flat_map(|file| file.pending.first()).map(|(place, _)| *place);
        let first =
            first.chain(self.pending_names.first().map(|(place, ..)| *place)).min().unwrap_or(self.calls);
        // The last call that is still there whole.
        let last = match fate {
            Fate::AllLost => 0,
            Fate::Prefix | Fate::Torn => first - 1 + random.index(self.calls - first + 2),
            Fate::AllKept | Fate::Some | Fate::SomeTorn => self.calls,
        };
        let mut names = self.synced_names.clone();
        // A folder has a log of its own: what is there of its changes are the first ones.
        let some = match fate {
            Fate::Some | Fate::SomeTorn => random.index(self.pending_names.len() + 1),
            _ => self.pending_names.len(),
        };
        for (_, name, file) in self.pending_names.iter().take(some).filter(|(place, ..)| *place <= last) {
            match file {
                Some(file) => names.insert(name.clone(), *file),
                None => names.remove(name),
            };
        }
        let mut found = BTreeMap::new();
        for (name, file) in names {
            let Contents { synced, pending } = &self.files[file];
            let mut bytes = synced.clone();
            for (place, change) in pending {
                match fate {
                    Fate::Torn if *place == last + 1 => change.apply(&mut bytes, change.part(random)),
                    _ if *place > last => {}
                    Fate::Some | Fate::SomeTorn if random.below(2) == 0 => {}
                    Fate::SomeTorn if random.below(3) == 0 => change.apply(&mut bytes, change.part(random)),
                    _ => change.apply(&mut bytes, None),
                }
            }
            found.insert(name, bytes);
        }
        found
    }
}

/// What all cuts through one run came to.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    cuts: usize,
    calls: usize,
    acknowledged: usize,
    /// Cuts after which an acknowledged commit was gone.
    lost: usize,
    /// Cuts after which the file was damaged, or something was half there.
    damaged: usize,
    worst: Option<String>,
}

/// Records a worker with this setting of `synchronous`, cuts the power at so many points, and looks at each file.
pub(crate) fn tally(preload: &Preload, synchronous: &str, cuts: usize, seed: u64) -> Tally {
    let calls = preload.record("cut", &[&seed.to_string(), synchronous]);
    let is_database = |call: &Call| call.name == "store.db" && matches!(call.what, What::Write { .. });
    let is_told = |call: &Call| call.name == ACKNOWLEDGED;
    let first_told = calls.iter().position(is_told).expect("something was acknowledged");
    let checkpointed = calls[first_told..].iter().filter(|call| is_database(call)).count();
    assert!(checkpointed > 50, "the log was hardly ever copied into the database: {checkpointed}");

    let mut random = Random::new(seed);
    let (mut disk, mut told, mut acknowledged) = (Disk::default(), String::new(), Vec::new());
    let mut tally = Tally { calls: calls.len(), ..Tally::default() };
    let mut done = 0;
    for (place, call) in calls.iter().enumerate() {
        if let (true, What::Write { data, .. }) = (is_told(call), &call.what) {
            told.push_str(std::str::from_utf8(data).expect("text"));
            let lines = told.rfind('\n').map_or(0, |end| end + 1);
            for line in told.drain(..lines).collect::<String>().lines().map(Line::parse) {
                match line {
                    Line::Done(made) => acknowledged.push(made),
                    Line::Said(said) => panic!("the worker says: {said}"),
                    _ => {}
                }
            }
        } else {
            disk.apply(call);
        }
        // Spread over the whole run, and always right after something was acknowledged.
        let due = (place + 1) * cuts / calls.len();
        let mut fates: Vec<Fate> = (done..due).map(|cut| FATES[cut % FATES.len()]).collect();
        done = due;
        if is_told(call) && acknowledged.len() > tally.acknowledged {
            tally.acknowledged = acknowledged.len();
            fates.push(Fate::AllLost);
        }
        for fate in fates {
            let verdict = examine(&disk.after_cut(fate, &mut random), &acknowledged, &mut random);
            tally.cuts += 1;
            tally.lost += usize::from(!verdict.lost.is_empty());
            tally.damaged += usize::from(!verdict.damage.is_empty());
            if !verdict.is_good()
                && (tally.worst.is_none() || tally.damaged == 1 && !verdict.damage.is_empty())
            {
                tally.worst = Some(format!("after call {place}, {fate:?}, seed {seed}: {verdict:#?}"));
            }
        }
    }
    println!(
        "synchronous={synchronous}: {} cuts through {} calls ({checkpointed} of them pages that went into the database), \
         {} commits acknowledged: lost after {} cuts, damage after {}",
        tally.cuts, tally.calls, tally.acknowledged, tally.lost, tally.damaged
    );
    tally
}

fn examine(files: &BTreeMap<String, Vec<u8>>, acknowledged: &[Acknowledged], random: &mut Random) -> Verdict {
    let folder = Folder::new();
    // The index of the log is memory, and made anew from the log.
    for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with("-shm")) {
        fs::write(folder.file(name), bytes).expect("a file");
    }
    block_on(books::examine(&folder.file("store.db"), acknowledged, random)).0
}

pub(crate) fn nothing_acknowledged_is_lost(preload: &Preload, cuts: usize, seed: u64) {
    let tally = tally(preload, "as opened", cuts, seed);
    assert_eq!((tally.lost, tally.damaged), (0, 0), "{}", tally.worst.unwrap_or_default());
    assert!(tally.cuts >= cuts && tally.acknowledged >= 50, "too little was tried");
}

/// Without syncs the test must find fault, or it would prove nothing.
pub(crate) fn synchronous_off_is_convicted(preload: &Preload, cuts: usize, seed: u64) {
    let tally = tally(preload, "off", cuts, seed);
    assert!(tally.lost > 0, "commits that were never synced are all there");
    assert!(tally.damaged > 0, "pages that were never synced are all in order");
}

/// With a sync only at each checkpoint, commits are lost and nothing is damaged, as SQLite says of itself.
pub(crate) fn synchronous_normal_is_convicted(preload: &Preload, cuts: usize, seed: u64) {
    let tally = tally(preload, "normal", cuts, seed);
    assert!(tally.lost > 0, "commits that were not synced are all there");
    assert_eq!(tally.damaged, 0, "{}", tally.worst.unwrap_or_default());
}
