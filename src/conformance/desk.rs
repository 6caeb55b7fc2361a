//! What drives a store under test: it judges real commands against a truth of its own, sends the commits, and compares
//! what the store answers with that truth. What a broken store answers never flows into the next command.

use crate::{
    host::{BoxError, Freshness, Store},
    record::{
        Actor, AuditRecord, Chain, Commit, DeadLetter, Event, Grant, Grantee, Head, Holder, Message,
        MessageId, OutboxMessage, Phase, Seed, Snapshot, Terms,
    },
    sharing::{
        AnonymousAccess, Command, Draw, Facts, Ledger, People,
        amend::{Amend, Amendment},
        invitation::ClaimInvitations,
        link::{ChangeLink, LinkChange, RotateLink},
        ownership::{DeleteDashboard, Register},
        revoke::{Revoke, RevokeMode},
        share::{Recipient, Share},
        transfer::{Sides, Transfer},
    },
    tenant::{AnonymousUser, Portal, Tenant},
    value::{
        Account, AccountId, Attestor, DashboardId, EmailAddress, Expiry, GrantId, LinkDigest, Rights,
        TenantId, Timestamp,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// How long the clock of a desk moves with each command: an odd number of microseconds, so that none is a whole second.
const TICK: i64 = 1_234_567;

pub(super) struct Desk<'s, S> {
    pub(super) store: &'s S,
    pub(super) boards: BTreeMap<DashboardId, Board>,
    pub(super) outbox: BTreeMap<MessageId, OutboxMessage>,
    pub(super) dead: BTreeMap<MessageId, DeadLetter>,
    pub(super) now: Timestamp,
    drawn: u64,
    tenant: Tenant,
}

/// A dashboard as it must be.
#[derive(Clone)]
pub(super) struct Board {
    pub(super) head: Arc<Head>,
    pub(super) grants: BTreeMap<u64, Arc<Grant>>,
    pub(super) audit: Vec<AuditRecord>,
}

pub(super) fn board(number: u64) -> DashboardId {
    number.into()
}

pub(super) fn account(number: u64) -> AccountId {
    number.into()
}

pub(super) fn address(text: &str) -> EmailAddress {
    text.parse().unwrap_or_else(|error| panic!("the suite wrote the bad address `{text}`: {error}"))
}

pub(super) fn digest(number: u8) -> LinkDigest {
    LinkDigest::from_bytes([number; 32])
}

pub(super) const RESHARE: Terms =
    Terms { rights: Rights::ALL, reshare: true, expiry: Expiry::Never, lock: None };
pub(super) const VIEW: Terms =
    Terms { rights: Rights::VIEW, reshare: false, expiry: Expiry::Never, lock: None };

/// The answer of a read, which must not fail while nothing is wrong with the database.
#[track_caller]
pub(super) fn answer<T>(result: Result<T, BoxError>) -> T {
    result.unwrap_or_else(|error| panic!("the store failed to read: {error}"))
}

/// Compares what the store answers with what it was given.
#[track_caller]
pub(super) fn expect_same<T: PartialEq + fmt::Debug>(promise: &str, found: &T, expected: &T) {
    if found != expected {
        panic!("{promise}\n  the store answers {found:?}\n  in place of       {expected:?}");
    }
}

impl<'s, S: Store> Desk<'s, S> {
    pub(super) fn new(store: &'s S) -> Self {
        let portal = Portal { active: true, anonymous: Some(AnonymousUser::new("anonymous")) };
        let mut tenant = Tenant { portal, ..Tenant::default() };
        tenant.rules.max_depth = 16;
        Self {
            store,
            boards: BTreeMap::new(),
            outbox: BTreeMap::new(),
            dead: BTreeMap::new(),
            now: Timestamp::from_micros(1_767_225_600_000_001),
            drawn: 0,
            tenant,
        }
    }

    /// One of several desks over a store, which never draws what another one does. It begins with what was read.
    pub(super) fn of_writer(store: &'s S, writer: u64, head: Arc<Head>) -> Self {
        let board = Board { head, grants: BTreeMap::new(), audit: Vec::new() };
        let boards = [(board.head.dashboard, board)].into();
        Self { boards, drawn: writer << 32, ..Self::new(store) }
    }

    /// Bytes that were not drawn before.
    pub(super) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut bytes = [0xa5; 32];
        bytes[..8].copy_from_slice(&self.drawn.to_be_bytes());
        bytes
    }

    /// What a command answers and would write, judged now. Nothing is sent and nothing is noted.
    pub(super) fn draft<C: Command>(&mut self, command: &C) -> (C::Answer, Option<Commit>) {
        let draw = Draw::new(self.draw());
        self.now = self.now.plus_micros(TICK);
        let ledger = self.boards.get(&command.dashboard()).map(|board| {
            let now = self.now.max(board.head.clock);
            Ledger::new(Arc::clone(&board.head), board.grants.values().map(Arc::clone), now)
        });
        let facts = Facts {
            ledger: ledger.as_ref(),
            tenant: &self.tenant,
            access: &AnonymousAccess::default(),
            barred: None,
            people: &People::default(),
            now: ledger.as_ref().map_or(self.now, |ledger| ledger.now),
            draw: &draw,
            withdraws: ledger.as_ref().is_some_and(|ledger| command.withdraws(ledger)),
        };
        match command.judge(&facts) {
            Ok(verdict) => (verdict.answer, verdict.commit),
            Err(refusal) => panic!("the suite gave a command that is refused: {refusal}"),
        }
    }

    /// What a command would write.
    pub(super) fn commit_of<C: Command>(&mut self, command: &C) -> Commit {
        self.draft(command).1.unwrap_or_else(|| panic!("the suite gave a command that changes nothing"))
    }

    /// Notes a commit as applied.
    pub(super) fn note(&mut self, commit: &Commit) {
        let board = self.boards.entry(commit.dashboard()).or_insert_with(|| Board {
            head: Arc::clone(&commit.head),
            grants: BTreeMap::new(),
            audit: Vec::new(),
        });
        board.head = Arc::clone(&commit.head);
        board.grants.extend(commit.grants.iter().map(|grant| (grant.ordinal, Arc::clone(grant))));
        board.audit.push(commit.audit.clone());
        self.outbox.extend(commit.outbox.iter().map(|message| (message.id, message.clone())));
    }

    /// Sends a commit that must be applied, and notes it.
    pub(super) async fn send(&mut self, commit: &Commit) {
        match self.store.commit(commit).await {
            Ok(receipt) => expect_same(
                "an applied commit is answered with its receipt (S1)",
                &receipt,
                &commit.receipt(),
            ),
            Err(error) => panic!(
                "a commit that expects the dashboard's revision must be applied (S1): the store answers `{error}`"
            ),
        }
        self.note(commit);
    }

    /// Gives a command, which must change something.
    pub(super) async fn give<C: Command>(&mut self, command: C) -> C::Answer {
        let (answer, commit) = self.draft(&command);
        let commit = commit.unwrap_or_else(|| panic!("the suite gave a command that changes nothing"));
        self.send(&commit).await;
        answer
    }

    pub(super) async fn register(&mut self, dashboard: DashboardId, owner: AccountId) {
        self.give(Register { dashboard, tenant: TenantId::from(1u64), owner }).await;
    }

    pub(super) fn share_command(
        &self,
        dashboard: DashboardId,
        by: AccountId,
        with: impl Into<Holder>,
        terms: Terms,
    ) -> Share {
        let with = match with.into() {
            Holder::Account(id) => Recipient::Account(Account { id, verified: Vec::new() }),
            Holder::Address(address) => Recipient::Address(address, None),
        };
        Share { dashboard, by: by.into(), with: Some(with), terms, from: None }
    }

    pub(super) async fn share(
        &mut self,
        dashboard: DashboardId,
        by: AccountId,
        with: impl Into<Holder>,
        terms: Terms,
    ) -> GrantId {
        let command = self.share_command(dashboard, by, with, terms);
        self.give(command).await.grant
    }

    pub(super) async fn claim(&mut self, dashboard: DashboardId, account: AccountId, address: &EmailAddress) {
        let email = Attestor::new().verified(address.clone(), self.now);
        let account = &Account { id: account, verified: Vec::new() };
        self.give(ClaimInvitations { dashboard, account, email: &email }).await;
    }

    pub(super) async fn amend(
        &mut self,
        dashboard: DashboardId,
        by: AccountId,
        grant: GrantId,
        to: Amendment,
    ) {
        self.give(Amend { dashboard, by: by.into(), grant, amendment: to }).await;
    }

    pub(super) async fn revoke(&mut self, dashboard: DashboardId, by: AccountId, grant: GrantId) {
        self.give(Revoke { dashboard, by: by.into(), grant, mode: RevokeMode::Cascade }).await;
    }

    pub(super) async fn transfer(&mut self, dashboard: DashboardId, to: AccountId, keep: Rights) {
        let to = &Account { id: to, verified: Vec::new() };
        let sides = Sides { from: self.owner(dashboard), left: &[], to };
        self.give(Transfer { dashboard, sides, keep }).await;
    }

    pub(super) async fn delete(&mut self, dashboard: DashboardId) {
        self.give(DeleteDashboard { dashboard, by: Actor::Host }).await;
    }

    pub(super) async fn rotate(&mut self, dashboard: DashboardId, by: AccountId, digest: LinkDigest) {
        self.give(RotateLink { dashboard, by: by.into(), new: Expiry::Never.into(), digest }).await;
    }

    pub(super) async fn change_link(&mut self, dashboard: DashboardId, by: AccountId, change: LinkChange) {
        self.give(ChangeLink { dashboard, by: by.into(), change }).await;
    }

    /// A commit as no command makes it: these grants, these messages and whatever `change` does to the head.
    pub(super) fn forge(
        &mut self,
        dashboard: DashboardId,
        grants: Vec<Grant>,
        messages: Vec<Message>,
        change: impl FnOnce(&mut Head),
    ) -> Commit {
        let ids: Vec<GrantId> = grants.iter().map(|grant| grant.id).collect();
        let owner = account(1);
        let before = self.boards.get(&dashboard).map(|board| Arc::clone(&board.head));
        let mut commit = match &before {
            Some(_) => {
                // A rotation is what every owner of a dashboard can do; its head is then put right.
                if let Some(board) = self.boards.get_mut(&dashboard) {
                    Arc::make_mut(&mut board.head).phase = Phase::Dashboard;
                }
                let by = self.owner(dashboard);
                self.commit_of(&RotateLink {
                    dashboard,
                    by: by.into(),
                    new: Expiry::Never.into(),
                    digest: digest(0),
                })
            }
            None => self.commit_of(&Register { dashboard, tenant: TenantId::from(1u64), owner }),
        };
        let head = Arc::make_mut(&mut commit.head);
        (head.link, head.links_made, head.phase) = (None, 0, Phase::Dashboard);
        if let Some(before) = before {
            (head.link, head.links_made) = (before.link.clone(), before.links_made);
            head.phase = before.phase.clone();
            self.boards.entry(dashboard).and_modify(|board| board.head = before);
        }
        head.next_ordinal = grants.iter().map(|grant| grant.ordinal + 1).fold(head.next_ordinal, u64::max);
        change(head);
        let (revision, at) = (commit.head.revision, commit.audit.at);
        commit.audit.event = Event::Reminded { grants: ids };
        commit.audit.link_fell = None;
        commit.grants = grants.into_iter().map(Arc::new).collect();
        commit.outbox = messages
            .into_iter()
            .zip(0..)
            .map(|(message, index)| OutboxMessage {
                id: MessageId { dashboard, revision, index },
                at,
                attempts: 0,
                message,
            })
            .collect();
        commit
    }

    /// A grant as the next command could make it, under `parent` or the owner's own.
    pub(super) fn blank_grant(
        &mut self,
        dashboard: DashboardId,
        ordinal: u64,
        parent: Option<&Grant>,
        to: AccountId,
    ) -> Grant {
        let created = self.now;
        Grant {
            id: Draw::new(self.draw()).grant_id(created, ordinal),
            dashboard,
            ordinal,
            ancestors: parent.map_or(Box::default(), |parent| parent.path().collect()),
            grantor: parent.and_then(|parent| parent.grantee.account()).unwrap_or(account(1)),
            grantee: Grantee::Account(to),
            terms: RESHARE,
            created,
            revoked: None,
            history: None,
        }
    }

    pub(super) fn owner(&self, dashboard: DashboardId) -> AccountId {
        self.board(dashboard).head.owner
    }

    pub(super) fn board(&self, dashboard: DashboardId) -> &Board {
        self.boards.get(&dashboard).unwrap_or_else(|| panic!("the suite forgot to register {dashboard}"))
    }

    pub(super) fn grant(&self, dashboard: DashboardId, id: GrantId) -> &Arc<Grant> {
        let mut grants = self.board(dashboard).grants.values();
        grants.find(|grant| grant.id == id).unwrap_or_else(|| panic!("the suite forgot to make {id}"))
    }

    /// A grant with all that it hangs on, leaf first.
    pub(super) fn chain(&self, dashboard: DashboardId, leaf: GrantId) -> Chain {
        let mut chain: Chain =
            self.grant(dashboard, leaf).path().map(|id| Arc::clone(self.grant(dashboard, id))).collect();
        chain.reverse();
        chain
    }

    /// Reads a dashboard that must be there.
    pub(super) async fn read(&self, dashboard: DashboardId, seeds: &[Seed]) -> Snapshot {
        answer(self.store.read(dashboard, seeds, Freshness::Latest).await).unwrap_or_else(|| {
            panic!(
                "`read` must find dashboard {dashboard}, which was committed before (S3): it answers `None`"
            )
        })
    }

    /// Checks that these seeds find exactly the chains of these grants, and the head as it was committed last.
    pub(super) async fn expect_found(
        &self,
        promise: &str,
        dashboard: DashboardId,
        seeds: &[Seed],
        leaves: &[GrantId],
    ) {
        let snapshot = self.read(dashboard, seeds).await;
        expect_same(promise, &snapshot.head, &self.board(dashboard).head);
        self.expect_chains(promise, dashboard, &snapshot, leaves);
    }

    /// Checks a snapshot's chains: those of these grants, each as it was committed last, in any order.
    pub(super) fn expect_chains(
        &self,
        promise: &str,
        dashboard: DashboardId,
        found: &Snapshot,
        leaves: &[GrantId],
    ) {
        let names: BTreeSet<Option<GrantId>> =
            found.chains.iter().map(|chain| chain.first().map(|grant| grant.id)).collect();
        let expected: BTreeSet<Option<GrantId>> = leaves.iter().copied().map(Some).collect();
        expect_same(promise, &names, &expected);
        for chain in &found.chains {
            let Some(leaf) = chain.first() else { continue };
            expect_same(promise, chain, &self.chain(dashboard, leaf.id));
        }
    }
}
