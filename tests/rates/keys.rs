//! Whom a limit counts (R2), and which limits there are (R4).

use super::exact::Dice;
use crate::support::scene::{account, address, board, now};
use dashshare::{
    BoxError, TenantId, Timestamp,
    limits::{Ask, Client, Limit, LimitKey, Limiter, Purpose, RateLimits, Rates, Taken, Verdict},
};
use pollster::block_on;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex},
};

pub(super) fn client(text: &str) -> Client {
    text.parse::<IpAddr>().expect("an address").into()
}

/// A limiter that accepts all and keeps what it was asked.
#[derive(Default)]
struct Listening(Mutex<Vec<(Purpose, [u8; 16], Limit)>>);

impl Limiter for Listening {
    async fn take(&self, key: &LimitKey, limit: Limit, cost: u32, _: Timestamp) -> Result<Verdict, BoxError> {
        self.0.lock().expect("no panic").push((key.purpose(), key.hash(), limit));
        Ok(Verdict::Accepted(Taken::for_good(cost)))
    }

    async fn give_back(&self, _: &LimitKey, _: Limit, _: Taken) -> Result<(), BoxError> {
        Ok(())
    }
}

/// What is asked of a limiter for each of these, under a secret.
fn asked(secret: u8, rates: Rates, asks: &[Ask<'_>]) -> Vec<(Purpose, [u8; 16], Limit)> {
    let listening = Arc::new(Listening::default());
    let limits = RateLimits::with_secret(&[secret; 32]).with_rates(rates).shared(Arc::clone(&listening));
    for ask in asks {
        let _ = block_on(limits.take(ask, now())).expect("all is accepted");
    }
    listening.0.lock().expect("no panic").clone()
}

fn hashes(secret: u8, asks: &[Ask<'_>]) -> Vec<[u8; 16]> {
    asked(secret, every_rate(), asks).into_iter().map(|(_, hash, _)| hash).collect()
}

fn every_rate() -> Rates {
    let mut rates = Rates::default();
    (rates.loads_by_link, rates.loads_by_tenant) = (Some(Limit::per_hour(1)), Some(Limit::per_hour(1)));
    rates
}

/// R2: an IPv6 client is its /64, one of IPv4 in IPv6 spelling is that of IPv4, and networks are /24 and /48.
#[test]
fn a_client_is_what_one_household_has() {
    assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
    assert_ne!(client("2001:db8:1:3::1"), client("2001:db8:1:2::1"));
    for mapped in ["::ffff:192.0.2.7", "::ffff:c000:207", "0:0:0:0:0:FFFF:192.0.2.7"] {
        assert_eq!(client(mapped), client("192.0.2.7"), "{mapped}");
        assert_eq!(client(mapped).network(), client("192.0.2.200").network(), "{mapped}");
    }
    // A compatible or a translated one is no spelling of IPv4.
    for other in ["::192.0.2.7", "64:ff9b::192.0.2.7", "2002:c000:207::"] {
        assert_ne!(client(other), client("192.0.2.7"), "{other}");
    }
    assert_ne!(client("192.0.2.7"), client("192.0.2.8"));
    assert_ne!(client("192.0.2.7").network(), client("192.0.3.7").network());
    assert_eq!(client("2001:db8:1:2::").network(), client("2001:db8:1:ffff::").network());
    assert_ne!(client("2001:db8:1::").network(), client("2001:db8:2::").network());

    // By the bits of random addresses.
    let mut dice = Dice(41);
    for _ in 0..10_000 {
        let bits = u128::from_be_bytes(dice.hash());
        let flip = 1u128 << dice.roll(128);
        let [one, other] = [bits, bits ^ flip].map(|bits| Client::from(IpAddr::V6(Ipv6Addr::from(bits))));
        assert_eq!(one == other, flip < 1 << 64, "{bits:x} {flip:x}");
        assert_eq!(one.network() == other.network(), flip < 1 << 80, "{bits:x} {flip:x}");
        let bits = u32::try_from(bits >> 96).expect("32 bits");
        let flip = 1u32 << dice.roll(32);
        let [one, other] = [bits, bits ^ flip].map(|bits| Client::from(IpAddr::V4(Ipv4Addr::from(bits))));
        assert!(one != other);
        assert_eq!(one.network() == other.network(), flip < 1 << 8);
    }
}

/// R2: no address is in a debug print, of the values or of what keeps them; and no hash is the same under another secret, for
/// another purpose, or for another kind of key.
#[test]
fn what_is_kept_is_a_keyed_hash() {
    let (one, mail) = (client("203.0.113.7"), address("ann@example.com"));
    let asks = [
        Ask::visit(Some(one)),
        Ask::visit(None),
        Ask::passphrase(board(7), 1, Some(one)),
        Ask::passphrase(board(7), 1, None),
        Ask::passphrase(board(7), 2, Some(one)),
        Ask::claim(account(7)),
        Ask::invitation(account(7), &mail),
        Ask::rotation(board(7)),
        Ask::export(account(7)),
        Ask::load_by_link(board(7), 1),
        Ask::load_by_tenant(TenantId::from(7u64)),
    ];
    let under_one = asked(1, every_rate(), &asks);
    // A passphrase is counted by the link once with a client and once without: the same key.
    let all: BTreeSet<[u8; 16]> = under_one.iter().map(|(_, hash, _)| *hash).collect();
    assert_eq!((under_one.len(), all.len()), (16, 15));
    let under_two: BTreeSet<[u8; 16]> = hashes(2, &asks).into_iter().collect();
    assert!(all.is_disjoint(&under_two));
    assert_eq!(hashes(1, &asks), hashes(1, &asks), "one secret, one key: in every process of a deployment");

    let limits = RateLimits::with_secret(&[1; 32]);
    let permit = block_on(limits.take(&asks[0], now())).expect("the first");
    let key = LimitKey::of_hash(Purpose::Visits, [7; 16]);
    let printed =
        format!("{one:?} {:?} {:?} {limits:?} {permit:?} {key:?} {:?}", one.network(), asks, asks[6]);
    for part in ["203", "113", "ann", "example", "7,", "07", "[1"] {
        assert!(!printed.contains(part), "`{part}` is in {printed}");
    }
    // Nor are the bytes of an address in what a limiter keeps.
    for (_, hash, _) in &under_one {
        assert!(!hash.windows(4).any(|bytes| bytes == [203, 0, 113, 7] || bytes == [203, 0, 113, 0]));
    }
}

/// R4: the defaults, each of which the host can change or switch off.
#[test]
fn every_purpose_has_its_default() {
    let mail = address("ann@example.com");
    let expected: [(Ask<'_>, &[Limit]); 9] = [
        (
            Ask::visit(Some(client("203.0.113.7"))),
            &[Limit::per_minute(10).with_burst(20), Limit::per_minute(60).with_burst(120)],
        ),
        (Ask::visit(None), &[Limit::per_minute(60).with_burst(120)]),
        (
            Ask::passphrase(board(7), 1, None),
            &[Limit::per_hour(100).with_burst(20), Limit::per_hour(20).with_burst(5)],
        ),
        (Ask::claim(account(1)), &[Limit::per_hour(20)]),
        (Ask::invitation(account(1), &mail), &[Limit::per_day(100).with_burst(50), Limit::per_day(5)]),
        (Ask::rotation(board(7)), &[Limit::per_hour(10)]),
        (Ask::export(account(1)), &[Limit::per_hour(30)]),
        (Ask::load_by_link(board(7), 1), &[]),
        (Ask::load_by_tenant(TenantId::from(7u64)), &[]),
    ];
    for (ask, limits) in expected {
        let given: Vec<Limit> =
            asked(1, Rates::default(), &[ask]).into_iter().map(|(_, _, limit)| limit).collect();
        assert_eq!(given, limits, "{ask:?}");
    }
    let mut rates = Rates::default();
    (rates.visits_by_client, rates.rotations) = (None, Some(Limit::per_day(1)));
    let asks = [Ask::visit(Some(client("203.0.113.7"))), Ask::rotation(board(7))];
    let given: Vec<Limit> = asked(1, rates, &asks).into_iter().map(|(_, _, limit)| limit).collect();
    assert_eq!(given, [Limit::per_minute(60).with_burst(120), Limit::per_day(1)]);
}

/// R4, R6: what guards against guessing, and what does not.
#[test]
fn visits_passphrases_and_claims_guard() {
    let guards = [Purpose::Visits, Purpose::Passphrases, Purpose::Claims];
    let others = [Purpose::Invitations, Purpose::Rotations, Purpose::Exports, Purpose::Loads];
    assert!(guards.iter().all(|purpose| purpose.guards()));
    assert!(others.iter().all(|purpose| !purpose.guards()));
}
