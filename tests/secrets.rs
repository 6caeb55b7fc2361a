//! L3: after many random operations, failures among them, nothing that the library prints, serialises, answers,
//! reports or stores holds a token, in any encoding.

use crate::support::faulty::{self, Call, Fault, Sharing};
use dashshare::{
    AccountId, Action, Amendment, DashboardId, EmailAddress, Error, Expiry, GrantId, LinkToken,
    MemoryDirectory, MemoryStore, NewShare, Revision, RevokeMode, Rights, TenantId, Terms, Timestamp,
    store::{Freshness, Store as _},
    trail::Actor,
};
use pollster::block_on;
use serde_json::json;
use std::{
    collections::{BTreeSet, HashMap},
    error::Error as _,
    fmt::Debug,
    sync::Arc,
};

const OPERATIONS: usize = 10_000;
const PEOPLE: u64 = 8;
const DASHBOARDS: u64 = 6;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A generator of its own, so that every run is the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn is(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// The secret that a token's text spells: read here by itself, not by the library.
fn secret_of(text: &str) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    for digit in text.as_bytes()[4..47].iter() {
        let mut carry = BASE62.iter().position(|c| c == digit).expect("a digit");
        for byte in bytes.iter_mut().rev() {
            let value = usize::from(*byte) * 62 + carry;
            *byte = u8::try_from(value & 0xff).expect("a byte");
            carry = value >> 8;
        }
    }
    bytes
}

fn hex(bytes: &[u8], before: &str) -> String {
    bytes.iter().map(|byte| format!("{before}{byte:02x}")).collect()
}

/// Bits in groups, as base 64 and base 32 write them, from a bit offset on; only digits that are all the secret's.
fn digits(bytes: &[u8], width: usize, skip: usize, alphabet: &[u8]) -> String {
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1)).skip(skip).collect();
    let digit = |group: &[u8]| group.iter().fold(0usize, |number, bit| number << 1 | usize::from(*bit));
    bits.chunks_exact(width).map(|group| char::from(alphabet[digit(group)])).collect()
}

fn listed(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between)
}

/// The ways to write some bytes down that somebody might search a log for.
fn spellings(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let url_safe = |text: &str| text.replace('+', "-").replace('/', "_");
    let mut all = vec![
        ("raw".to_owned(), bytes.to_vec()),
        ("reversed".to_owned(), bytes.iter().rev().copied().collect()),
        ("hex".to_owned(), hex(bytes, "").into_bytes()),
        ("HEX".to_owned(), hex(bytes, "").to_uppercase().into_bytes()),
        ("%hex".to_owned(), hex(bytes, "%").into_bytes()),
        ("%HEX".to_owned(), hex(bytes, "%").to_uppercase().into_bytes()),
        ("\\x".to_owned(), hex(bytes, "\\x").into_bytes()),
        ("\\u".to_owned(), hex(bytes, "\\u00").into_bytes()),
        ("a list".to_owned(), listed(bytes, ", ").into_bytes()),
        ("a JSON list".to_owned(), listed(bytes, ",").into_bytes()),
        ("a pretty list".to_owned(), listed(bytes, ",\n    ").into_bytes()),
        ("escaped".to_owned(), bytes.escape_ascii().to_string().into_bytes()),
    ];
    // Within a longer text the groups begin in one of several places.
    for skip in [0, 2, 4] {
        let text = digits(bytes, 6, skip, BASE64);
        all.push((format!("base64 url from bit {skip}"), url_safe(&text).into_bytes()));
        all.push((format!("base64 from bit {skip}"), text.into_bytes()));
    }
    for skip in 0..5 {
        let text = digits(bytes, 5, skip, BASE32);
        all.push((format!("base32 lower from bit {skip}"), text.to_lowercase().into_bytes()));
        all.push((format!("base32 from bit {skip}"), text.into_bytes()));
    }
    all.into_iter().map(|(way, bytes)| (format!("{name}, {way}"), bytes)).collect()
}

/// What must be nowhere, for one token: its text, its secret digits, its 32 bytes, and halves of them.
fn patterns(text: &str) -> Vec<(String, Vec<u8>)> {
    let secret = secret_of(text);
    let base62 = &text.as_bytes()[4..47];
    let mut all = vec![
        ("the text in upper case".to_owned(), text.to_uppercase().into_bytes()),
        ("the text in lower case".to_owned(), text.to_lowercase().into_bytes()),
        ("the first digits".to_owned(), base62[..20].to_vec()),
        ("the last digits".to_owned(), base62[23..].to_vec()),
        ("the digits and the checksum".to_owned(), text.as_bytes()[30..].to_vec()),
    ];
    for (name, bytes) in [
        ("the text", text.as_bytes()),
        ("the digits", base62),
        ("the secret", &secret[..]),
        ("the secret's first half", &secret[..16]),
        ("the secret's second half", &secret[16..]),
    ] {
        all.extend(spellings(name, bytes));
    }
    all
}

/// Finds any of very many patterns in one pass.
struct Search {
    patterns: Vec<(String, Vec<u8>)>,
    /// The patterns by their first eight bytes, and a sieve before it that is quicker.
    starts: HashMap<[u8; 8], Vec<usize>>,
    sieve: Vec<bool>,
}

fn sieve_place(start: &[u8]) -> usize {
    usize::from(start[0]) | usize::from(start[1]) << 8 | usize::from(start[2]) << 16
}

impl Search {
    fn new<'a>(tokens: impl Iterator<Item = &'a str>) -> Self {
        let patterns: Vec<(String, Vec<u8>)> = tokens.flat_map(patterns).collect();
        let (mut starts, mut sieve) = (HashMap::<_, Vec<usize>>::new(), vec![false; 1 << 24]);
        for (i, (_, pattern)) in patterns.iter().enumerate() {
            sieve[sieve_place(pattern)] = true;
            starts.entry(*pattern.first_chunk().expect("eight bytes")).or_default().push(i);
        }
        Self { patterns, starts, sieve }
    }

    fn find(&self, text: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for at in 0..text.len().saturating_sub(7) {
            let rest = &text[at..];
            if self.sieve[sieve_place(rest)]
                && let Some(candidates) = rest.first_chunk().and_then(|start| self.starts.get(start))
            {
                let hits = candidates.iter().map(|i| &self.patterns[*i]).filter(|(_, p)| rest.starts_with(p));
                found.extend(hits.map(|(name, _)| name.as_str()));
            }
        }
        found
    }
}

#[derive(Default, Debug)]
struct Counts {
    operations: usize,
    accepted: usize,
    refused: usize,
    failed: usize,
    unresolved: usize,
    resumed: usize,
    handed_out: usize,
}

/// A world, and all that it ever said.
struct World {
    store: Arc<MemoryStore>,
    sharing: Sharing,
    dice: Dice,
    clock: Timestamp,
    tokens: Vec<String>,
    said: Vec<u8>,
    counts: Counts,
    grants: Vec<(DashboardId, GrantId)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
        (0..PEOPLE).for_each(|number| directory.add_account(AccountId::from(number)));
        let clock: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let sharing = faulty::process(&store, &directory, clock, seed);
        for number in 0..DASHBOARDS {
            let done = sharing.register(number.into(), TenantId::from(1u64), AccountId::from(number));
            block_on(done).expect("it is registered");
        }
        Self {
            store,
            sharing,
            dice: Dice(seed),
            clock,
            tokens: Vec::new(),
            said: Vec::new(),
            counts: Counts::default(),
            grants: Vec::new(),
        }
    }

    fn say(&mut self, what: &str) {
        self.said.extend_from_slice(what.as_bytes());
        self.said.push(b'\n');
    }

    /// Notes an answer or an error as logs would show it; an unresolved commit is resumed, or dropped.
    fn hear<T: Debug>(&mut self, result: Result<T, Error>) {
        match result {
            Ok(answer) => {
                self.counts.accepted += 1;
                self.say(&format!("{answer:?} {answer:#?}"));
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: Error) {
        let mut text = format!("{error:?} {error:#?} {error}");
        let mut next = error.source();
        while let Some(source) = next {
            text += &format!(": {source} {source:?}");
            next = source.source();
        }
        self.say(&text);
        match error {
            Error::Refused(refusal) => {
                self.counts.refused += 1;
                self.say(refusal.code());
            }
            Error::Unresolved(unresolved) => {
                self.counts.unresolved += 1;
                if self.dice.is(70) {
                    self.sharing.store().gate.heal();
                    match block_on(self.sharing.resume(unresolved)) {
                        Ok(done) => {
                            self.counts.resumed += 1;
                            self.say(&format!("{done:?}"));
                            done.answer.into_iter().for_each(|link| self.take(link.token));
                        }
                        Err(error) => self.fail(error),
                    }
                }
            }
            _ => self.counts.failed += 1,
        }
    }

    fn take(&mut self, token: LinkToken) {
        self.counts.handed_out += 1;
        self.say(&format!("{token:?} {token:#?} {:?} {}", token.digest(), json!(token.digest())));
    }

    fn trouble(&mut self) {
        let kind = self.dice.roll(6);
        let at = usize::try_from(self.dice.roll(8)).expect("small");
        let lasting = self.dice.is(60);
        // As if it went down in the middle of writing.
        let writing = self.dice.is(30);
        self.sharing.store().gate.follow(move |number, call| {
            let hit = match writing {
                true => matches!(call, Call::Commit | Call::Receipt),
                false => number == at || lasting && at < number,
            };
            if !hit {
                return Fault::None;
            }
            match kind {
                0 => Fault::Fail,
                1 | 2 => Fault::Lose,
                3 => Fault::LoseUndone,
                _ if call == Call::Commit => Fault::Conflict,
                _ => Fault::None,
            }
        });
    }

    fn operate(&mut self) {
        let hours = i64::try_from(self.dice.roll(5)).expect("small");
        self.clock = self.clock.plus_micros(hours * 3_600_000_000);
        self.sharing.env().inner.set(self.clock);
        match self.dice.is(25) {
            true => self.trouble(),
            false => self.sharing.store().gate.heal(),
        }
        self.counts.operations += 1;
        let by = AccountId::from(self.dice.roll(PEOPLE));
        let with = AccountId::from(self.dice.roll(PEOPLE));
        let mut dashboard = DashboardId::from(self.dice.roll(DASHBOARDS));
        let mut owner = AccountId::from(dashboard.to_u64().expect("a number"));
        let mut grant = GrantId::from(1u64);
        if !self.grants.is_empty() && self.dice.is(90) {
            let recent = self.grants.len().min(40);
            let back = usize::try_from(self.dice.roll(recent as u64)).expect("small");
            (dashboard, grant) = self.grants[self.grants.len() - 1 - back];
            owner = AccountId::from(dashboard.to_u64().expect("a number"));
        }
        let by = if self.dice.is(60) { owner } else { by };
        let email: EmailAddress =
            format!("p{}@example.com", self.dice.roll(PEOPLE)).parse().expect("an address");
        let days = u32::try_from(self.dice.roll(20)).expect("small");
        let expiry = if self.dice.is(50) { Expiry::Never } else { Expiry::At(self.clock.plus_days(days)) };
        let rights = if self.dice.is(70) { Rights::ALL } else { Rights::VIEW };
        let terms = Terms::of(rights, expiry).reshare(self.dice.is(70));
        match self.dice.roll(30) {
            0..=5 => self.rotate(by, dashboard, expiry),
            6..=8 => {
                let shared = block_on(self.sharing.share(by, dashboard, NewShare::with(with, terms)));
                self.grants.extend(shared.iter().map(|shared| (dashboard, shared.grant)));
                self.hear(shared);
            }
            9 => {
                let shared = block_on(self.sharing.share(by, dashboard, NewShare::with(email, terms)));
                self.grants.extend(shared.iter().map(|shared| (dashboard, shared.grant)));
                self.hear(shared);
            }
            10 => {
                let amendment = Amendment::default().no_reshare().expiry(expiry);
                let amended = block_on(self.sharing.amend(by, dashboard, grant, amendment));
                self.hear(amended);
            }
            11 => {
                let mode = if self.dice.is(50) { RevokeMode::Rebind } else { RevokeMode::Cascade };
                let ended = block_on(self.sharing.revoke(by, dashboard, grant, mode));
                self.hear(ended);
            }
            12 => {
                let ended = block_on(self.sharing.stop_sharing(by, dashboard, with));
                self.hear(ended);
            }
            13 => {
                let ended = block_on(self.sharing.renounce(with, dashboard, grant));
                self.hear(ended);
            }
            14 => {
                self.sharing.directory().inner.verify_email(with, email.clone(), self.clock);
                let claimed = block_on(self.sharing.claim(with, &email));
                self.hear(claimed);
            }
            15 if self.dice.is(20) => {
                let there = block_on(self.sharing.offer_transfer(by, dashboard, with, Rights::VIEW));
                let taken = block_on(self.sharing.take_transfer(with, dashboard));
                let back = block_on(self.sharing.transfer(dashboard, owner, Rights::NONE));
                self.hear(taken);
                self.hear(there);
                self.hear(back);
            }
            16 if self.dice.is(20) => {
                let deleted = block_on(self.sharing.delete_dashboard(by, dashboard));
                self.hear(deleted);
                self.sharing.store().gate.heal();
                let again = block_on(self.sharing.register(dashboard, TenantId::from(1u64), owner));
                self.hear(again);
            }
            17 => {
                let ended = block_on(self.sharing.delete_account(AccountId::from(PEOPLE - 1)));
                self.hear(ended);
            }
            18 => {
                let paused = block_on(self.sharing.pause_link(by, dashboard));
                self.hear(paused);
            }
            19 => {
                let resumed = block_on(self.sharing.resume_link(by, dashboard));
                self.hear(resumed);
            }
            20 => {
                let withdrawn = block_on(self.sharing.withdraw_link(by, dashboard));
                self.hear(withdrawn);
            }
            21 => {
                let reminded = block_on(self.sharing.remind(dashboard, self.clock.plus_days(5)));
                self.hear(reminded);
            }
            22 => {
                let list = block_on(self.sharing.access_list(by, dashboard));
                if let Ok(list) = &list {
                    self.say(&json!(list).to_string());
                }
                self.hear(list);
            }
            23 => {
                let decision = block_on(self.sharing.authorize(with, dashboard, Action::View));
                if let Ok(decision) = &decision {
                    self.say(&format!("{} {}", json!(decision.explanation()), decision.explain()));
                }
                self.hear(decision);
            }
            24 => {
                let shared = block_on(self.sharing.shared_with(with, dashshare::questions::Page::first(99)));
                self.hear(shared);
            }
            25 => {
                let impact = block_on(self.sharing.impact_of_revoking(by, dashboard, grant));
                self.hear(impact);
            }
            _ => self.visit(owner, dashboard),
        }
    }

    fn rotate(&mut self, by: AccountId, dashboard: DashboardId, expiry: Expiry) {
        let drawn = self.sharing.store().gate.drawn().len();
        let result = block_on(self.sharing.rotate_link(by, dashboard, expiry));
        // The first that a rotation draws is its secret, whatever becomes of it.
        let secret = self.sharing.store().gate.drawn().get(drawn).copied();
        self.tokens.extend(secret.map(|secret| LinkToken::from_random(secret).expose().to_owned()));
        match result {
            Ok(link) => {
                self.say(&format!("{link:?} {link:#?}"));
                self.counts.accepted += 1;
                assert_eq!(self.tokens.last().map(String::as_str), Some(link.token.expose()));
                self.take(link.answer.token);
            }
            Err(error) => self.fail(error),
        }
    }

    /// Visits by one of the latest tokens, sometimes mistyped, and asks for the diagnosis with it.
    fn visit(&mut self, owner: AccountId, dashboard: DashboardId) {
        let back = usize::try_from(self.dice.roll(DASHBOARDS)).expect("small");
        let Some(mut token) = self.tokens.iter().rev().nth(back).cloned() else { return };
        if self.dice.is(20) {
            token.push('x');
        }
        let decision = block_on(self.sharing.visit(&token));
        if let Ok(decision) = &decision {
            self.say(&format!("{} {}", json!(decision.explanation()), decision.explain()));
            let device = block_on(self.sharing.authorize_device(decision, "probe"));
            self.hear(device);
        }
        self.hear(decision);
        if let Err(malformed) = LinkToken::parse(&token) {
            self.say(&format!("{malformed:?} {malformed}"));
        }
        let diagnosis = block_on(self.sharing.diagnose_link(owner, dashboard, Some(&token)));
        if let Ok(diagnosis) = &diagnosis {
            self.say(&json!(diagnosis).to_string());
        }
        self.hear(diagnosis);
    }

    /// All that is stored, as values and as they print, and all that the library's own values print.
    fn tell_all(&mut self) {
        self.sharing.store().gate.heal();
        self.say(&format!("{:?} {:#?}", self.store, self.store));
        self.say(&format!("{:?}", self.sharing));
        for dashboard in (0..DASHBOARDS).map(DashboardId::from) {
            let snapshot = block_on(self.store.read(dashboard, &[], Freshness::Latest))
                .expect("it reads")
                .expect("it is known");
            let grants = block_on(self.store.grants(dashboard, 0, usize::MAX)).expect("it reads");
            let audit = block_on(self.sharing.audit(Actor::Host, dashboard, Revision::ZERO, usize::MAX));
            let audit = audit.expect("it reads");
            self.say(&format!("{snapshot:?} {} {grants:?} {}", json!(snapshot.head), json!(grants)));
            self.say(&format!("{audit:?} {}", json!(audit)));
        }
        let outbox = block_on(self.sharing.outbox(None, usize::MAX)).expect("it reads");
        self.say(&format!("{outbox:?} {}", json!(outbox)));
    }
}

/// L3, G21: after 10,000 random operations, failing, lost and unresolved ones among them, no byte of debug output,
/// serialised values, audit, errors or store holds a token that was ever made, in any encoding.
#[test]
fn after_ten_thousand_operations_no_token_is_to_be_found_in_any_encoding() {
    let mut world = World::new(7);
    for _ in 0..OPERATIONS {
        world.operate();
    }
    world.tell_all();
    let search = Search::new(world.tokens.iter().map(String::as_str));
    println!(
        "{:?}, {} tokens, {} patterns, {} bytes",
        world.counts,
        world.tokens.len(),
        search.patterns.len(),
        world.said.len()
    );
    let Counts { operations, accepted, refused, failed, unresolved, resumed, handed_out } = world.counts;
    assert!(operations >= OPERATIONS && accepted > 3000 && refused > 1000 && failed > 300, "too few");
    assert!(unresolved > 50 && resumed > 20 && handed_out > 700 && world.tokens.len() > 1000, "too few");
    assert_eq!(search.find(&world.said), BTreeSet::new());
    // What is kept in a token's place is there, so the search looked where it should.
    let newest = LinkToken::parse(world.tokens.last().expect("a token")).expect("it reads");
    assert!(!json!(newest.digest()).to_string().contains(&hex(&secret_of(newest.expose()), "")));
    let said = String::from_utf8_lossy(&world.said);
    assert!(
        said.contains("LinkToken(redacted)") && said.contains("Unresolved") && said.contains("LinkRotated")
    );
}

/// The search is no empty one: it finds a token in whatever encoding it is planted, in the middle of all else.
#[test]
fn the_search_finds_a_planted_token_in_every_encoding() {
    let mut world = World::new(8);
    for _ in 0..100 {
        world.operate();
    }
    world.tell_all();
    assert!(world.tokens.len() > 5);
    let search = Search::new(world.tokens.iter().map(String::as_str));
    assert_eq!(search.find(&world.said), BTreeSet::new());
    let token = world.tokens[3].clone();
    let ways = patterns(&token);
    for (name, pattern) in &ways {
        let mut said = world.said[..2000].to_vec();
        said.splice(1000..1000, pattern.iter().copied());
        assert!(search.find(&said).contains(name.as_str()), "{name}");
    }
    println!("{} encodings", ways.len());
    assert!(ways.len() > 130);

    // And as other programs would write it, not from the table above.
    let secret = secret_of(&token);
    for planted in [
        format!("{secret:?}"),
        format!("{:?}", secret.to_vec()),
        format!("{secret:#?}"),
        json!({ "secret": secret }).to_string(),
        json!({ "url": format!("https://example.com/s/{token}?x=1") }).to_string(),
        format!("{token:?}"),
        format!("{:x?}", uuid_halves(&secret)),
        format!("{:#04x?}", token.as_bytes()[4..].to_vec()).replace("0x", "").replace([',', '\n', ' '], ""),
    ] {
        let mut said = world.said[..2000].to_vec();
        said.splice(1000..1000, planted.bytes());
        assert!(!search.find(&said).is_empty(), "{planted}");
    }
}

/// The secret as two numbers of 16 bytes, as it would be if it were kept as ids.
fn uuid_halves(secret: &[u8; 32]) -> String {
    let (first, second) = secret.split_at(16);
    format!("{} {}", hex(first, ""), hex(second, ""))
}

/// L3: a token's own `Debug`, and that of all that carries one, is a redaction; its text comes from `expose` alone.
#[test]
fn a_token_prints_as_a_redaction() {
    let token = LinkToken::from_random([0xa5; 32]);
    let search = Search::new([token.expose()].into_iter());
    assert_eq!(secret_of(token.expose()), [0xa5; 32]);
    for printed in [format!("{token:?}"), format!("{token:#?}"), format!("{:?}", Some(&token))] {
        assert!(printed.contains("LinkToken(redacted)"), "{printed}");
        assert_eq!(search.find(printed.as_bytes()), BTreeSet::new());
    }
    // L4: nor is it in its digest, which is another hash than the bare SHA-256 of the secret.
    let digest = token.digest();
    let printed = format!("{digest:?} {} {:?}", json!(digest), digest.as_bytes());
    assert_eq!(search.find(printed.as_bytes()), BTreeSet::new());
    let damaged = format!("{}!", token.expose());
    let error = LinkToken::parse(&damaged).expect_err("it is too long");
    assert_eq!(search.find(format!("{error:?} {error}").as_bytes()), BTreeSet::new());
}
