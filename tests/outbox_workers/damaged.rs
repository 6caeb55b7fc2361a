//! Rows of the outbox that cannot be read: whatever stands in them and wherever they are, all others are delivered
//! exactly once, none of them has to wait for a lease to end, and the damaged ones stand among the dead letters.

use super::Random;
use dashshare::{
    AccountId, DashboardId, Dashshare, Expiry, FixedEnv, Holder, MemoryDirectory, NewShare, TenantId, Terms,
    Timestamp, store::Store, trail::MessageId,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What is done to a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Damage {
    Empty,
    CutShort,
    AnotherDocument,
    /// As a newer version may have written it.
    UnknownKind,
    /// Its id is another message's.
    AnothersMessage,
    /// Bytes that are no text, where a database can hold them.
    NoText,
}

pub(crate) const DAMAGES: [Damage; 6] = [
    Damage::Empty,
    Damage::CutShort,
    Damage::AnotherDocument,
    Damage::UnknownKind,
    Damage::AnothersMessage,
    Damage::NoText,
];

impl Damage {
    /// What it makes of a row's document.
    pub(crate) fn of(self, body: &str) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::CutShort => body.as_bytes()[..body.len() / 2].to_vec(),
            Self::AnotherDocument => b"{\"terms\":[]}".to_vec(),
            Self::UnknownKind => body.replacen("\"kind\":\"", "\"kind\":\"new_", 1).into_bytes(),
            Self::AnothersMessage => body.replacen("\"index\":0", "\"index\":77", 1).into_bytes(),
            Self::NoText => [body.as_bytes(), b"\xff\xfe"].concat(),
        }
    }
}

/// A store whose rows can be damaged.
pub(crate) trait Fragile {
    type Store: Store;

    fn store(&self) -> &Self::Store;
    fn body(&self, id: MessageId) -> impl Future<Output = String>;
    fn set_body(&self, id: MessageId, body: Vec<u8>) -> impl Future<Output = ()>;
    /// Whether a row can hold bytes that are no text.
    fn holds_bytes(&self) -> bool;
}

/// What must not be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Wrong {
    /// A call failed.
    Failed,
    /// A sound message did not come, or only after its lease.
    HeldUp,
    /// A sound message came twice.
    Repeated,
    /// A damaged row is not among the dead letters.
    Lost,
    /// A page of the outbox leaves out what is behind a damaged row.
    Hidden,
    /// A row that was repaired and put back did not come once.
    NotBack,
}

type Sharing<'s, S> = Dashshare<&'s S, MemoryDirectory, FixedEnv>;

const LEASE: Duration = Duration::from_secs(60);

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("an instant")
}

/// Twelve messages on three dashboards, some damaged: what went wrong.
pub(crate) async fn play(fragile: &impl Fragile, seed: u64) -> BTreeSet<Wrong> {
    let mut random = Random(seed);
    let sharing = Dashshare::new(fragile.store(), MemoryDirectory::default(), FixedEnv::new(start(), seed));
    sharing.directory().add_account(AccountId::from(1u64));
    let mut ids = Vec::new();
    for board in 1..4 {
        let board = DashboardId::from(1_000_000 + 1000 * seed + board);
        sharing.register(board, TenantId::from(1u64), AccountId::from(1u64)).await.expect("it registers");
        for person in 0..4 {
            let address = format!("p{person}@example.com").parse().expect("an address");
            let new = NewShare::with(Holder::Address(address), Terms::view(Expiry::Never));
            sharing.share(AccountId::from(1u64), board, new).await.expect("it shares");
        }
    }
    ids.extend(sharing.outbox(None, 100).await.expect("a list").iter().map(|message| message.id));
    assert_eq!(ids.len(), 12, "the messages of an earlier round are left");
    let mut bodies = BTreeMap::new();
    let share = random.below(101);
    for id in &ids {
        let damage = DAMAGES[random.below(DAMAGES.len())];
        if random.below(100) < share && (damage != Damage::NoText || fragile.holds_bytes()) {
            let body = fragile.body(*id).await;
            fragile.set_body(*id, damage.of(&body)).await;
            bodies.insert(*id, body);
        }
    }
    let sound: Vec<MessageId> = ids.iter().copied().filter(|id| !bodies.contains_key(id)).collect();
    match deliver(&sharing, fragile, &mut random, &sound, &bodies).await {
        Ok(wrongs) => wrongs,
        Err(_) => [Wrong::Failed].into(),
    }
}

async fn deliver<F: Fragile>(
    sharing: &Sharing<'_, F::Store>,
    fragile: &F,
    random: &mut Random,
    sound: &[MessageId],
    damaged: &BTreeMap<MessageId, String>,
) -> Result<BTreeSet<Wrong>, dashshare::Error> {
    let mut wrongs = BTreeSet::new();
    let page = 1 + random.below(5);
    let mut listed: Vec<MessageId> = Vec::new();
    loop {
        let found = sharing.outbox(listed.last().copied(), page).await?;
        listed.extend(found.iter().map(|message| message.id));
        if found.len() < page || listed.len() > 100 {
            break;
        }
    }
    if listed != sound {
        wrongs.insert(Wrong::Hidden);
    }
    wrongs.extend(work(sharing, random, sound, Wrong::HeldUp).await?);
    let mut dead = Vec::new();
    loop {
        let found = sharing.dead_letters(dead.last().copied(), page).await?;
        let tells = found.iter().all(|letter| letter.message.is_none() && !letter.reason.is_empty());
        dead.extend(found.iter().filter(|_| tells).map(|letter| letter.id));
        if found.len() < page || dead.len() > 100 {
            break;
        }
    }
    if dead.iter().ne(damaged.keys()) {
        wrongs.insert(Wrong::Lost);
        return Ok(wrongs);
    }
    // Half of them are repaired and put back, the others are given up.
    let (back, gone) = dead.split_at(dead.len() / 2);
    for id in back {
        fragile.set_body(*id, damaged[id].clone().into_bytes()).await;
    }
    sharing.put_back(back).await?;
    sharing.acknowledge(gone).await?;
    wrongs.extend(work(sharing, random, back, Wrong::NotBack).await?);
    if !sharing.dead_letters(None, 100).await?.is_empty() {
        wrongs.insert(Wrong::Lost);
    }
    Ok(wrongs)
}

/// Leases and acknowledges until nothing comes. No time goes by, so nothing comes since a lease has ended.
async fn work<S: Store>(
    sharing: &Sharing<'_, S>,
    random: &mut Random,
    expected: &[MessageId],
    missing: Wrong,
) -> Result<BTreeSet<Wrong>, dashshare::Error> {
    let mut delivered: Vec<MessageId> = Vec::new();
    loop {
        let leased = sharing.lease(LEASE, 1 + random.below(5)).await?;
        if leased.is_empty() || delivered.len() > 100 {
            break;
        }
        let ids: Vec<MessageId> = leased.iter().map(|message| message.id).collect();
        delivered.extend(&ids);
        sharing.acknowledge(&ids).await?;
    }
    let mut wrongs = BTreeSet::new();
    let all: BTreeSet<MessageId> = delivered.iter().copied().collect();
    if all.len() != delivered.len() {
        wrongs.insert(Wrong::Repeated);
    }
    if all != expected.iter().copied().collect() {
        wrongs.insert(missing);
    }
    Ok(wrongs)
}
