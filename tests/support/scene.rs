//! A world with something in it of every kind, built alike each time, every public operation on it, and a dump of all
//! that a store keeps.

use crate::support::faulty::{Sharing, process_over};
use dashshare::{
    AccountId, Action, Amendment, DashboardId, EmailAddress, Error, Expiry, GrantId, Holder, LinkToken,
    MemoryDirectory, MemoryStore, NewLink, NewShare, Revision, RevokeMode, Rights, TenantId, Terms,
    Timestamp,
    answers::NewOffer,
    lock::{Query, ReadKind},
    policy::Resource,
    questions::Page,
    store::{DynStore, Freshness, Seed, Store as _},
    template::{Options, Profile, Template, extract_json},
    trail::{Actor, Message, MessageId},
};
use pollster::block_on;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

pub(crate) const OLGA: u64 = 1;
pub(crate) const ANN: u64 = 2;
pub(crate) const BOB: u64 = 3;
pub(crate) const CYD: u64 = 4;
pub(crate) const DAN: u64 = 5;
pub(crate) const EVE: u64 = 6;
pub(crate) const ZED: u64 = 7;
/// The dashboard with most on it: three grants deep, an invitation, the owner's link.
pub(crate) const BIG: u64 = 11;
/// Without a link; another invitation to Eve.
pub(crate) const BARE: u64 = 12;
/// With a paused link.
pub(crate) const PAUSED: u64 = 13;
/// A clone that Dan was offered.
pub(crate) const OFFERED: u64 = 14;
/// Not registered.
pub(crate) const NONE: u64 = 19;
const DASHBOARDS: [u64; 5] = [BIG, BARE, PAUSED, OFFERED, NONE];

pub(crate) fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

pub(crate) fn board(number: u64) -> DashboardId {
    DashboardId::from(number)
}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("an instant")
}

pub(crate) fn in_days(days: u32) -> Expiry {
    Expiry::At(now().plus_days(days))
}

pub(crate) fn address(text: &str) -> EmailAddress {
    text.parse().expect("an address")
}

pub(crate) fn terms(rights: Rights, reshare: bool, expiry: Expiry) -> Terms {
    Terms::of(rights, expiry).reshare(reshare)
}

/// The structure of a dashboard with one widget and one device.
pub(crate) fn template() -> Template {
    let document = json!({
        "dashboard": { "label": "Cold rooms" },
        "widgets": [{ "id": "67ffb39beff26b000aa52e6b", "type": "card", "data": [
            { "origin": "67599bcd999d25000a9c10bd", "variables": ["temperature"] }
        ] }],
    });
    let extracted = extract_json(&document.to_string(), &Profile::tagoio(), Options::default());
    extracted.expect("a template").template
}

pub(crate) fn offer(to: impl Into<Holder>, clone: u64, template: &Template) -> NewOffer<'_> {
    NewOffer::to(to, board(clone), template, in_days(30)).message("As promised").devices("a cold-room sensor")
}

#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) store: Arc<dyn DynStore>,
    pub(crate) directory: Arc<MemoryDirectory>,
    grants: BTreeMap<&'static str, GrantId>,
    /// The token of the link on [`BIG`].
    pub(crate) token: String,
    waiting: Vec<MessageId>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::over(Arc::<MemoryStore>::default())
    }

    /// The same in an empty store.
    pub(crate) fn over(store: Arc<dyn DynStore>) -> Self {
        let directory = Arc::<MemoryDirectory>::default();
        for number in OLGA..=ZED {
            directory.add_account(account(number));
        }
        directory.verify_email(account(EVE), address("eve@example.com"), now());
        directory.verify_email(account(ZED), address("zed@example.com"), now());
        directory.add_device(board(BIG), Resource::new("device", "probe"));
        let mut scene =
            Self { store, directory, grants: BTreeMap::new(), token: String::new(), waiting: Vec::new() };
        let sharing = scene.process(1);
        for dashboard in [BIG, BARE, PAUSED] {
            done(sharing.register(board(dashboard), TenantId::from(1u64), account(OLGA)));
        }
        let open = terms(Rights::ALL, true, in_days(60));
        let view = terms(Rights::VIEW, false, in_days(20));
        // Before Eve's address was known to be hers, it was invited twice.
        scene.directory.forget_email(account(EVE), &address("eve@example.com"));
        let mut give = |name, dashboard, by, with, terms| {
            let id = done(sharing.share(account(by), board(dashboard), NewShare::with(account(with), terms)))
                .grant;
            scene.grants.insert(name, id);
        };
        give("ann", BIG, OLGA, ANN, open.clone());
        give("bob", BIG, ANN, BOB, terms(Rights::ALL, true, in_days(30)));
        give("cyd", BIG, BOB, CYD, view.clone());
        give("ann again", BIG, OLGA, ANN, terms(Rights::VIEW, true, Expiry::Never));
        give("dan", BIG, OLGA, DAN, terms(Rights::VIEW, false, in_days(2)));
        give("ann bare", BARE, OLGA, ANN, open.clone());
        give("dan bare", BARE, ANN, DAN, view.clone());
        for (name, dashboard, by) in [("eve", BIG, BOB), ("eve bare", BARE, ANN)] {
            let id = done(sharing.share(
                account(by),
                board(dashboard),
                NewShare::with(address("eve@example.com"), view.clone()),
            ))
            .grant;
            scene.grants.insert(name, id);
        }
        scene.directory.verify_email(account(EVE), address("eve@example.com"), now());
        let link = done(sharing.rotate_link(account(OLGA), board(BIG), in_days(40)));
        scene.token = link.token.expose().to_owned();
        done(sharing.rotate_link(account(OLGA), board(PAUSED), Expiry::Never));
        done(sharing.pause_link(account(OLGA), board(PAUSED)));
        done(sharing.offer_transfer(account(OLGA), board(BARE), account(CYD), Rights::VIEW));
        let template = template();
        done(sharing.offer(account(OLGA), board(BIG), offer(account(DAN), OFFERED, &template)));
        scene.waiting = done(sharing.outbox(None, 2)).iter().map(|message| message.id).collect();
        scene
    }

    pub(crate) fn process(&self, seed: u64) -> Sharing {
        process_over(Arc::clone(&self.store), &self.directory, now(), seed)
    }

    pub(crate) fn grant(&self, name: &str) -> GrantId {
        self.grants[name]
    }

    /// All that the store keeps, dashboard by dashboard, and the outbox; read in pages of three.
    pub(crate) fn dump(&self) -> BTreeMap<String, Value> {
        let mut dump: BTreeMap<String, Value> =
            DASHBOARDS.iter().map(|number| (number.to_string(), self.dump_board(board(*number)))).collect();
        let outbox = pages(|after: Option<&dashshare::trail::OutboxMessage>| {
            done(self.store.outbox(after.map(|message| message.id), 3))
        });
        for message in outbox {
            let number = message.id.dashboard.to_u64().expect("a number").to_string();
            let waiting = dump.get_mut(&number).and_then(|board| board["outbox"].as_array_mut());
            waiting.expect("a list").push(json!(message));
        }
        dump
    }

    fn dump_board(&self, id: DashboardId) -> Value {
        let head = done(self.store.read(id, &[], Freshness::Latest)).map(|snapshot| snapshot.head);
        let grants = pages(|after: Option<&Arc<dashshare::store::Grant>>| {
            done(self.store.grants(id, after.map_or(0, |grant| grant.ordinal + 1), 3))
        });
        let audit = pages(|after: Option<&dashshare::trail::AuditRecord>| {
            done(self.store.audit(id, after.map_or(Revision::ZERO, |record| record.revision), 3))
        });
        let people: Vec<AccountId> = (OLGA..=ZED).map(account).collect();
        let seeds: Vec<Seed> = people.iter().copied().map(Seed::from).collect();
        let held = done(self.store.read(id, &seeds, Freshness::Latest)).map(|snapshot| {
            // They come in any order.
            let mut chains = snapshot.chains;
            chains.sort_by_key(|chain| chain.first().map(|leaf| leaf.ordinal));
            chains
        });
        let owns = |owner: &AccountId| {
            done(self.store.owned(*owner, None, 9)).iter().any(|head| head.dashboard == id)
        };
        let owners: Vec<&AccountId> = people.iter().filter(|owner| owns(owner)).collect();
        json!({ "head": head, "grants": grants, "audit": audit, "held": held, "owners": owners, "outbox": [] })
    }

    /// Lists what fell with withdrawals whose process came to grief, as a worker does that leases (G21).
    pub(crate) fn settle(&self) {
        let sharing = self.process(8);
        for number in DASHBOARDS {
            done(sharing.list_fallen(board(number)));
        }
        let waiting = done(self.store.outbox(None, 100));
        let notes = waiting.iter().filter(|message| message.message == Message::Falling);
        let notes: Vec<MessageId> = notes.map(|note| note.id).collect();
        done(self.store.acknowledge(&notes));
    }

    /// The dump with every id and digest that was drawn replaced by its place, so that two runs can be compared that
    /// drew differently.
    pub(crate) fn dump_without_chance(&self) -> String {
        let dump = self.dump();
        let mut text = json!(dump).to_string();
        for (name, board) in &dump {
            for grant in board["grants"].as_array().expect("a list") {
                let id = grant["id"].as_str().expect("an id");
                text = text.replace(id, &format!("{name}#{}", grant["ordinal"]));
            }
            if let Some(digest) = board["head"]["link"]["digest"].as_str() {
                text = text.replace(digest, &format!("{name}~{}", board["head"]["link"]["generation"]));
            }
        }
        text
    }
}

fn pages<T>(mut page: impl FnMut(Option<&T>) -> Vec<T>) -> Vec<T> {
    let mut all = Vec::new();
    loop {
        let more = page(all.last());
        let is_last = more.is_empty();
        all.extend(more);
        if is_last {
            return all;
        }
    }
}

/// Runs what must succeed.
pub(crate) fn done<T, E: Debug>(call: impl Future<Output = Result<T, E>>) -> T {
    block_on(call).expect("it succeeds")
}

/// What an operation answered: as text, and the token if it made one.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) token: Option<LinkToken>,
}

pub(crate) type Operation = Box<dyn Fn(&Sharing, &Scene) -> Result<Answer, Error> + Send + Sync>;

pub(crate) struct Op {
    pub(crate) name: &'static str,
    pub(crate) run: Operation,
}

fn op<T: Debug>(
    name: &'static str,
    run: impl Fn(&Sharing, &Scene) -> Result<T, Error> + Send + Sync + 'static,
) -> Op {
    Op { name, run: Box::new(move |s, w| Ok(Answer { text: format!("{:?}", run(s, w)?), token: None })) }
}

fn rotation(name: &'static str, by: u64, dashboard: u64) -> Op {
    let run: Operation = Box::new(move |s, _| {
        let link = block_on(s.rotate_link(account(by), board(dashboard), Expiry::Never))?;
        Ok(Answer { text: format!("{:?}", link.answer), token: Some(link.answer.token) })
    });
    Op { name, run }
}

fn rotation_with_a_token(name: &'static str, by: u64, dashboard: u64) -> Op {
    let run: Operation = Box::new(move |s, _| {
        let token = block_on(s.new_token(account(by), board(dashboard)))?;
        let link = NewLink::until(Expiry::Never).with_token(token);
        let link = block_on(s.rotate_link(account(by), board(dashboard), link))?;
        Ok(Answer { text: format!("{:?}", link.answer), token: Some(link.answer.token) })
    });
    Op { name, run }
}

/// Every public operation that changes something, each at least once.
pub(crate) fn commands() -> Vec<Op> {
    let by = account(OLGA);
    let view = || terms(Rights::VIEW, false, in_days(9));
    let big = board(BIG);
    vec![
        op("register", move |s, _| block_on(s.register(board(NONE), TenantId::from(1u64), by))),
        op("share with an account", move |s, _| {
            block_on(s.share(by, big, NewShare::with(account(ZED), view())))
        }),
        op("share with an address", move |s, _| {
            block_on(s.share(by, big, NewShare::with(address("new@example.com"), view())))
        }),
        op("share on", move |s, _| {
            block_on(s.share(account(BOB), big, NewShare::with(account(ZED), view())))
        }),
        op("share from a grant", move |s, w| {
            block_on(s.share(
                account(ANN),
                big,
                NewShare::with(account(ZED), view()).on_from(w.grant("ann again")),
            ))
        }),
        op("amend: no reshare right", move |s, w| {
            let amendment = Amendment::default().reshare(false);
            block_on(s.amend(by, big, w.grant("ann"), amendment))
        }),
        op("amend: prolong", move |s, w| {
            let amendment = Amendment::default().expiry(in_days(25));
            block_on(s.amend(account(BOB), big, w.grant("cyd"), amendment))
        }),
        op("revoke", move |s, w| block_on(s.revoke(by, big, w.grant("ann"), RevokeMode::Cascade))),
        op("revoke: rebind", move |s, w| block_on(s.revoke(by, big, w.grant("ann"), RevokeMode::Rebind))),
        op("stop sharing with an account", move |s, _| {
            block_on(s.stop_sharing(account(ANN), big, account(BOB)))
        }),
        op("stop sharing with an address", move |s, _| {
            block_on(s.stop_sharing(by, big, address("eve@example.com")))
        }),
        op("renounce", move |s, w| block_on(s.renounce(account(BOB), big, w.grant("bob")))),
        op("claim", |s, _| block_on(s.claim(account(EVE), &address("eve@example.com")))),
        op("transfer", move |s, _| block_on(s.transfer(big, account(ANN), Rights::VIEW))),
        op("ask for a transfer", move |s, _| block_on(s.offer_transfer(by, big, account(BOB), Rights::VIEW))),
        op("take a transfer", |s, _| block_on(s.take_transfer(account(CYD), board(BARE)))),
        op("decline a transfer", |s, _| block_on(s.decline_transfer(account(CYD), board(BARE)))),
        op("withdraw a transfer", move |s, _| block_on(s.withdraw_transfer(by, board(BARE)))),
        op("set a share", move |s, _| {
            block_on(s.set_share(
                by,
                big,
                NewShare::with(account(ANN), terms(Rights::ALL, true, in_days(50))),
            ))
        }),
        op("remind of an invitation", move |s, w| block_on(s.remind_invitation(by, big, w.grant("eve")))),
        op("delete a dashboard", move |s, _| block_on(s.delete_dashboard(by, big))),
        op("delete a dashboard as the host", move |s, _| block_on(s.delete_dashboard(Actor::Host, big))),
        op("delete an account", |s, _| block_on(s.delete_account(account(DAN)))),
        rotation("rotate", OLGA, BIG),
        rotation("rotate as a grantee", ANN, BARE),
        rotation_with_a_token("rotate with a token", OLGA, BIG),
        op("pause", move |s, _| block_on(s.pause_link(by, big))),
        op("resume", move |s, _| block_on(s.resume_link(by, board(PAUSED)))),
        op("move a link's end earlier", move |s, _| block_on(s.move_link_end(by, big, in_days(3)))),
        op("move a link's end later", move |s, _| block_on(s.move_link_end(by, big, Expiry::Never))),
        op("withdraw", move |s, _| block_on(s.withdraw_link(by, big))),
        op("suspend", move |s, _| block_on(s.suspend_dashboard(big))),
        op("offer to an account", move |s, _| {
            block_on(s.offer(by, big, offer(account(ZED), NONE, &template())))
        }),
        op("offer to an address", move |s, _| {
            block_on(s.offer(by, big, offer(address("new@example.com"), NONE, &template())))
        }),
        op("take an offer", |s, _| {
            block_on(s.take_offer(account(DAN), board(OFFERED), TenantId::from(2u64)))
        }),
        op("decline an offer", |s, _| block_on(s.decline_offer(account(DAN), board(OFFERED)))),
        op("withdraw an offer", move |s, _| block_on(s.withdraw_offer(by, board(OFFERED)))),
        op("withdraw an offer as the host", |s, _| block_on(s.withdraw_offer(Actor::Host, board(OFFERED)))),
        op("remind", move |s, _| block_on(s.remind(big, now().plus_days(25)))),
        op("acknowledge", |s, w| block_on(s.acknowledge(&w.waiting))),
    ]
}

/// Every public operation that only reads.
pub(crate) fn questions() -> Vec<Op> {
    let (by, big) = (account(OLGA), board(BIG));
    let later = now().plus_days(25);
    vec![
        op("authorize", move |s, _| block_on(s.authorize(account(CYD), big, Action::View))),
        op("authorize as of", move |s, _| {
            block_on(s.as_of(now().plus_days(1)).authorize(account(CYD), big, Action::View))
        }),
        op("authorize at least", move |s, _| {
            block_on(s.at_least(Revision::new(3)).authorize(account(ANN), big, Action::Share))
        }),
        op("visit", |s, w| block_on(s.visit(&w.token))),
        op("authorize a device", |s, w| {
            let decision = block_on(s.visit(&w.token))?;
            block_on(s.authorize_device(&decision, "probe"))
        }),
        op("data", |s, w| {
            let decision = block_on(s.visit(&w.token))?;
            block_on(s.admit(&decision, &Query::new(ReadKind::Series, "probe", "temp")))
        }),
        op("viewers of a device", move |s, _| block_on(s.viewers_of_device(big, "probe"))),
        op("list", move |s, _| block_on(s.access_list(by, big))),
        op("impact", move |s, w| block_on(s.impact_of_revoking(by, big, w.grant("ann")))),
        op("shared with", |s, _| block_on(s.shared_with(account(DAN), Page::first(99)))),
        op("viewers", move |s, _| block_on(s.viewers(big))),
        op("losing", move |s, _| block_on(s.losing_access(big, later))),
        op("diagnose", move |s, w| block_on(s.diagnose_link(by, big, Some(&w.token)))),
        op("offers", |s, _| block_on(s.offers(account(DAN), Page::first(9)))),
        op("offers made", move |s, _| block_on(s.offers_made(by, Page::first(9)))),
        op("audit", move |s, _| block_on(s.audit(by, big, Revision::ZERO, 50))),
        op("outbox", |s, _| block_on(s.outbox(None, 50))),
    ]
}
