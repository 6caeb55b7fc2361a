//! S3: what a store returns is what it was given, to the last microsecond.

use super::{
    desk::{Desk, RESHARE, VIEW, account, address, board, digest, expect_same},
    lists::{List, Row},
};
use crate::{
    host::Store,
    record::{
        Actor, Claim, Event, Grantee, Head, History, Holder, Invitation, Link, Message, Offer, PastTerms,
        Phase, Seed, Terms,
    },
    sharing::amend::Amendment,
    value::{AccountId, DashboardId, Expiry, GrantId, Rights, TenantId, Timestamp},
};

fn grantees(t: Timestamp) -> [Grantee; 3] {
    let invitation =
        Invitation { address: address("ann.lee+home@xn--bcher-kva.example"), lapses: t.plus_micros(1) };
    let claim = Claim { account: account(u64::MAX), claimed: t, invitation: invitation.clone() };
    [
        Grantee::Account(AccountId::from_bytes([0xf0; 16])),
        Grantee::Pending(Box::new(invitation)),
        Grantee::Claimed(Box::new(claim)),
    ]
}

fn histories(t: Timestamp) -> [Option<Box<History>>; 4] {
    let past = |micros| {
        let until = t.plus_micros(micros);
        let expiry = if micros == 2 { Expiry::Never } else { Expiry::At(until) };
        PastTerms { until, terms: Terms { rights: Rights::ALL, reshare: micros == 1, expiry, lock: None } }
    };
    let history = |absorbed, reminded, amended: Vec<PastTerms>| {
        let shelved = amended.len() > 1;
        Some(Box::new(History { absorbed, reminded, amended, accepted: reminded, shelved }))
    };
    [
        None,
        history(Some(t), None, Vec::new()),
        history(None, Some(t.plus_micros(3)), vec![past(1)]),
        history(Some(t.plus_micros(-1)), Some(t), vec![past(1), past(2), past(3)]),
    ]
}

/// Every field of a grant comes back as it went in, whatever it holds.
///
/// Rules: [S3](crate::specification).
pub async fn every_grant_comes_back_as_it_went_in<S: Store>(store: S) {
    const PROMISE: &str = "every field of a grant comes back as it went in (S3)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let t = desk.now;
    let root = desk.blank_grant(board(1), 0, None, account(2));
    let mut grants = vec![root.clone()];
    for grantee in grantees(t) {
        for (history, rights) in
            histories(t).into_iter().zip([Rights::VIEW, Rights::EXPORT, Rights::ALL].iter().cycle())
        {
            let ordinal = u64::try_from(grants.len()).unwrap_or(0);
            let parent = Some(&root).filter(|_| ordinal % 2 == 0);
            let mut grant = desk.blank_grant(board(1), ordinal, parent, account(2));
            let expiry = if ordinal % 3 == 0 { Expiry::Never } else { Expiry::At(t.plus_days(30)) };
            grant.terms = Terms { rights: *rights, reshare: ordinal % 2 == 1, expiry, lock: None };
            grant.revoked = (ordinal % 4 == 0).then(|| t.plus_micros(7));
            (grant.grantee, grant.history) = (grantee.clone(), history);
            grants.push(grant);
        }
    }
    let seeds: Vec<Seed> = grants.iter().map(|grant| Seed::Grant(grant.id)).collect();
    let leaves: Vec<GrantId> = grants.iter().map(|grant| grant.id).collect();
    // Once as new rows, and once more as rows that replace others with every field turned round.
    let mut turned = grants.clone();
    for (turned, grant) in turned.iter_mut().zip(grants.iter().rev()) {
        (turned.grantee, turned.history) = (grant.grantee.clone(), grant.history.clone());
        (turned.terms, turned.revoked) = (grant.terms.clone(), grant.revoked);
    }
    for rows in [grants, turned] {
        let commit = desk.forge(board(1), rows, Vec::new(), |_| {});
        desk.send(&commit).await;
        desk.expect_all(PROMISE, board(1)).await;
        desk.expect_found(PROMISE, board(1), &seeds, &leaves).await;
    }
}

/// Every field of a head comes back as it went in, its link and its former owners among them.
///
/// Rules: [S3](crate::specification).
pub async fn every_head_comes_back_as_it_went_in<S: Store>(store: S) {
    const PROMISE: &str = "every field of a head comes back as it went in (S3)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let t = desk.now;
    let link = Link {
        digest: digest(7),
        maker: AccountId::from_bytes([0xee; 16]),
        grant: None,
        created: t,
        expiry: Expiry::Never,
        paused: None,
        paused_by_owner: false,
        generation: 1,
        named_only: true,
        lock: None,
    };
    let hanging = Link { grant: Some(GrantId::from(0u64)), ..link.clone() };
    let ending =
        Link { digest: digest(8), expiry: Expiry::At(t.plus_days(9)), paused: Some(t), ..link.clone() };
    let offer = |message: Option<&str>| Offer {
        grant: GrantId::from_bytes([0xfe; 16]),
        message: message.map(str::to_owned),
        devices: message.map(|message| message.to_uppercase()),
        template: "{\"body\": \"\u{2603} ' \\\\\"}".repeat(3_000),
    };
    let changes: [&(dyn Fn(&mut Head) + Sync); 12] = [
        &|head| head.link = Some(link.clone()),
        &|head| head.link = Some(ending.clone()),
        &|head| head.link = Some(Link { paused_by_owner: true, ..ending.clone() }),
        &|head| head.suspended = Some(t.plus_micros(3)),
        &|head| head.link = Some(Link { generation: 1 << 40, ..link.clone() }),
        &|head| head.link = Some(Link { digest: digest(0xff), ..hanging.clone() }),
        &|head| {
            head.former_owners = vec![(t, account(5)), (t.plus_micros(1), AccountId::from_bytes([0x80; 16]))]
        },
        &|head| (head.owner, head.tenant) = (account(6), TenantId::from_bytes([0x81; 16])),
        &|head| head.phase = Phase::Offer(Box::new(offer(Some("for 'you' \"\u{e9}\"")))),
        &|head| head.phase = Phase::Offer(Box::new(offer(None))),
        &|head| (head.next_ordinal, head.first_ordinal, head.links_made) = (1 << 33, 1 << 32, 1 << 41),
        &|head| {
            (head.link, head.clock, head.phase) = (None, t.plus_days(1), Phase::Deleted(t));
        },
    ];
    for change in changes {
        let commit = desk.forge(board(1), Vec::new(), Vec::new(), change);
        desk.send(&commit).await;
        desk.expect_all(PROMISE, board(1)).await;
        for list in [List::Owned(account(1)), List::Owned(account(6))] {
            expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
        }
    }
}

/// Every kind of audit record and of message comes back as it went in.
///
/// Rules: [S3](crate::specification), [G21](crate::specification).
pub async fn every_record_comes_back_as_it_went_in<S: Store>(store: S) {
    const PROMISE: &str = "every audit record and every message comes back as it went in (S3, G21)";
    let (grant, other) = (GrantId::from_bytes([0x9a; 16]), GrantId::from(0u64));
    let ann = address("ann@example.com");
    let (person, invited) = (Holder::from(account(7)), Holder::from(ann.clone()));
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let t = desk.now;
    let ending =
        Terms { rights: Rights::EXPORT, reshare: false, expiry: Expiry::At(t.plus_micros(5)), lock: None };
    let events = vec![
        Event::Registered { owner: account(1) },
        Event::Shared { grant, with: person.clone(), terms: RESHARE },
        Event::Shared { grant, with: invited.clone(), terms: ending.clone() },
        Event::Amended { grant, before: RESHARE, after: ending.clone() },
        Event::Revoked { grant, rebound: vec![(grant, other), (other, grant)] },
        Event::Stopped { with: invited.clone() },
        Event::InvitationRenewed { grant, lapses: t },
        Event::ShareSet { grant, with: invited.clone(), terms: ending.clone(), replaced: vec![other] },
        Event::TransferAsked { to: account(7), keep: Rights::VIEW, lapses: t },
        Event::TransferDeclined,
        Event::TransferWithdrawn,
        Event::Renounced { grant },
        Event::Claimed { account: account(7), grants: vec![grant, other] },
        Event::Transferred { from: account(1), to: account(7), kept: Some(grant) },
        Event::Transferred { from: account(1), to: account(7), kept: None },
        Event::Deleted,
        Event::AccountDeleted { account: account(7) },
        Event::LinkRotated { generation: 1 << 40, expiry: Expiry::Never, lock: None },
        Event::LinkPaused { generation: 1 },
        Event::LinkResumed { generation: 2 },
        Event::LinkEndMoved { generation: 3, before: Expiry::Never, after: Expiry::At(t.plus_micros(1)) },
        Event::LinkWithdrawn { generation: 3 },
        Event::Suspended,
        Event::Resumed,
        Event::ClockRepaired { before: t.plus_days(9), after: t, grants: vec![grant, other] },
        Event::Offered { grant, to: invited.clone() },
        Event::OfferTaken { from: account(1) },
        Event::OfferDeclined,
        Event::OfferWithdrawn,
        Event::Reminded { grants: vec![] },
    ];
    let messages = vec![
        Message::Invited { grant, by: account(1), address: ann.clone(), lapses: t },
        Message::Shared { grant, by: account(1), to: account(7), terms: ending.clone(), ends: Expiry::At(t) },
        Message::Amended {
            grant,
            by: account(1),
            to: invited.clone(),
            before: RESHARE,
            after: ending.clone(),
            ends: Expiry::Never,
        },
        Message::Claimed { to: account(1), by: account(7), address: ann.clone(), grants: vec![grant, other] },
        Message::Declined { to: account(1), address: ann.clone(), grant },
        Message::Lapsing { to: account(1), address: ann.clone(), grant, lapses: t },
        Message::LinkMade { to: account(1), by: account(7), grant, generation: 1 << 40 },
        Message::TransferAsked { to: account(7), by: account(1), keep: Rights::ALL, lapses: t },
        Message::TransferDeclined { to: account(1), by: account(7) },
        Message::TransferWithdrawn { to: account(7) },
        Message::Transferred { to: account(7), from: account(1), owner: account(7), kept: None },
        Message::Offered {
            by: account(1),
            to: invited.clone(),
            ends: Expiry::At(t.plus_micros(3)),
            message: Some("\u{2603}\n'".to_owned()),
            devices: None,
        },
        Message::OfferAnswered { to: account(1), taken: true },
        Message::OfferWithdrawn { to: invited.clone() },
        Message::Expiring { grant, to: invited.clone(), ends: t.plus_micros(1) },
        Message::Ended { lost: vec![(person, vec![grant, other]), (invited, vec![])] },
    ];
    for (event, number) in events.into_iter().zip(0u64..) {
        let mut commit = desk.forge(board(1), Vec::new(), messages.clone(), |_| {});
        commit.audit.event = event;
        commit.audit.actor = if number % 2 == 0 { Actor::Host } else { Actor::Account(account(number)) };
        commit.audit.fell = vec![other; usize::try_from(number % 3).unwrap_or(0)];
        commit.audit.link_fell = (number % 2 == 0).then_some(number);
        desk.send(&commit).await;
    }
    desk.expect_all(PROMISE, board(1)).await;
}

/// Instants from the year 1 to the year 9999 come back exactly, and never later than they went in.
///
/// Rules: [S3](crate::specification), [G6](crate::specification).
pub async fn instants_come_back_to_the_microsecond<S: Store>(store: S) {
    const PROMISE: &str =
        "an instant comes back exactly, to the microsecond; the years 1 to 9999 can occur (S3)";
    let mut desk = Desk::new(&store);
    let instants = [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000001Z",
        "2026-01-01T00:00:00.999999Z",
        "2026-03-29T01:30:00.500001Z",
        "2038-01-19T03:14:08.000001Z",
        "2262-04-11T23:47:16.854776Z",
        "9999-12-31T23:59:59.999999Z",
    ]
    .map(|text| text.parse::<Timestamp>().unwrap_or_else(|error| panic!("the suite: {error}")));
    for (t, number) in instants.into_iter().zip(1..) {
        let dashboard = board(number);
        let mut grant = desk.blank_grant(dashboard, 0, None, account(2));
        grant.terms.expiry = Expiry::At(t);
        let terms = Terms { rights: Rights::ALL, reshare: true, expiry: Expiry::At(t), lock: None };
        let amended = vec![PastTerms { until: t, terms }];
        let history = History { absorbed: Some(t), reminded: Some(t), amended, ..History::default() };
        grant.history = Some(Box::new(history));
        (grant.created, grant.revoked) = (t, Some(t));
        let invitation = Invitation { address: address("ann@example.com"), lapses: t };
        grant.grantee = Grantee::Claimed(Box::new(Claim { account: account(2), claimed: t, invitation }));
        let id = grant.id;
        let link = Link {
            digest: digest(u8::try_from(number).unwrap_or(0)),
            maker: account(1),
            grant: None,
            created: t,
            expiry: Expiry::At(t),
            paused: Some(t),
            paused_by_owner: true,
            generation: 1,
            named_only: true,
            lock: None,
        };
        let told = Message::Expiring { grant: id, to: account(2).into(), ends: t };
        let mut commit = desk.forge(dashboard, vec![grant], vec![told], |head| {
            (head.created, head.clock, head.link) = (t, t, Some(link));
            head.former_owners = vec![(t, account(4))];
        });
        commit.audit.at = t;
        commit.outbox.iter_mut().for_each(|message| message.at = t);
        desk.send(&commit).await;
        expect_not_later(&desk, dashboard, id, t).await;
        desk.expect_all(PROMISE, dashboard).await;
        desk.expect_found(PROMISE, dashboard, &[account(2).into()], &[id]).await;
    }
}

/// The one way in which a wrong instant is dangerous, told apart from the rest.
async fn expect_not_later<S: Store>(
    desk: &Desk<'_, S>,
    dashboard: DashboardId,
    grant: GrantId,
    t: Timestamp,
) {
    let snapshot = desk.read(dashboard, &[Seed::Grant(grant)]).await;
    let grants = List::Grants(dashboard).fetch(desk.store, None, 10).await;
    let listed = grants.iter().filter_map(|row| match row {
        Row::Grant(grant) => Some(grant),
        _ => None,
    });
    for found in snapshot.chains.iter().flatten().chain(listed) {
        if found.terms.expiry > Expiry::At(t) {
            panic!(
                "an instant must never come back later than it went in: this grant would outlive its end (S3, G6)\n  \
                 the store answers {:?}\n  in place of       {t:?}",
                found.terms.expiry
            );
        }
    }
}

/// What never ends does not come back with an end, nor the other way round.
///
/// Rules: [G6](crate::specification).
pub async fn never_stays_never<S: Store>(store: S) {
    const PROMISE: &str = "`Never` comes back as `Never`, and an end as an end (G6)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let never = desk.share(board(1), account(1), account(2), RESHARE).await;
    let far = Expiry::At(desk.now.plus_days(365 * 900));
    let ending = desk.share(board(1), account(2), account(3), Terms { expiry: far, ..VIEW }).await;
    desk.rotate(board(1), account(1), digest(1)).await;
    desk.expect_found(PROMISE, board(1), &[Seed::Grant(ending)], &[ending]).await;
    desk.expect_found(PROMISE, board(1), &[Seed::Grant(never)], &[never]).await;
    let to_never = Amendment { expiry: Some(Expiry::Never), ..Default::default() };
    desk.amend(board(1), account(1), ending, to_never).await;
    desk.expect_found(PROMISE, board(1), &[Seed::Grant(ending)], &[ending]).await;
}
