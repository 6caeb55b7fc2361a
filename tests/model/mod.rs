//! The independent model: who may do what, recomputed from the log of accepted commands.
//!
//! It is written from the rules of the specification alone and shares no code with the library. It keeps the log and
//! nothing else: each answer is a literal recursion over the entries, slow and plain. What an entry holds besides the
//! command is only what G1 says is fixed at a grant's birth (its parent, its grantee, its terms).
//!
//! Answers are for instants at or after the last entry: the past is asked by cutting the log ([`Past::before`]).

pub(crate) mod data;
mod faults;
pub(crate) mod generator;
mod golden;
mod judge;
pub(crate) mod library;
pub(crate) mod lock;
pub(crate) mod locks;
pub(crate) mod view;

use std::fmt;

pub(crate) use faults::Fault;
pub(crate) use judge::Outcome;
pub(crate) use lock::Lock;

/// Microseconds since 1970.
pub(crate) type Instant = i64;
/// Where every history's clock starts: 2026-01-01T00:00:00Z.
pub(crate) const START: Instant = 1_767_225_600_000_000;
pub(crate) const SECOND: Instant = 1_000_000;
pub(crate) const DAY: Instant = 86_400 * SECOND;
/// The end of what never ends.
pub(crate) const FOREVER: Instant = Instant::MAX;
/// How many dashboards a history is about.
pub(crate) const DASHBOARDS: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Account(pub u8);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(pub u8);

/// How many domains the addresses have.
pub(crate) const DOMAINS: u8 = 2;

impl Address {
    pub(crate) fn domain(self) -> u8 {
        self.0 % DOMAINS
    }
}

/// A dashboard; the tenant that it belongs to has the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dashboard(pub u8);

/// A grant is called after the step that made it, so that a label stays what it is when a history is shortened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Grant(pub u32);

impl Grant {
    const A_STEP: u32 = 256;

    pub(crate) fn of(step: u32, nth: usize) -> Self {
        Self(step * Self::A_STEP + nth as u32)
    }

    fn step(self) -> u32 {
        self.0 / Self::A_STEP
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Rights(pub u8);

impl Rights {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const VIEW: Self = Self(1);
    pub(crate) const EXPORT: Self = Self(2);
    pub(crate) const ALL: Self = Self(3);

    pub(crate) fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// `None` is never.
pub(crate) type Expiry = Option<Instant>;

fn end_of(expiry: Expiry) -> Instant {
    expiry.unwrap_or(FOREVER)
}

fn expiry_of(end: Instant) -> Expiry {
    (end != FOREVER).then_some(end)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum With {
    Account(Account),
    Address(Address),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Cascade,
    Rebind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rules {
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) resharing: bool,
    pub(crate) max_days: Option<u16>,
    pub(crate) invitation_days: Option<u16>,
    /// How deep a grant may be; one that the owner made has depth 1.
    pub(crate) depth: u8,
    /// The domains that may not be shared with, a bit for each.
    pub(crate) blocked: u8,
    /// The only domains that may be shared with, if there is one.
    pub(crate) allowed: u8,
    pub(crate) limits: Limits,
    /// How much of the data any link shows, and anything that is shared on (K23).
    pub(crate) link_lock: Lock,
    pub(crate) reshare_lock: Lock,
}

/// How much there may be on a dashboard (G23).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Live grants of one person.
    pub(crate) of_person: u16,
    /// Live grants.
    pub(crate) grants: u16,
    /// Live grants that one resharer made.
    pub(crate) shared_on: u16,
    /// Waiting invitations of one person.
    pub(crate) invitations: u16,
}

impl Rules {
    pub(crate) const OPEN: Self = Self {
        private: true,
        public: true,
        resharing: true,
        max_days: None,
        invitation_days: None,
        depth: 8,
        blocked: 0,
        allowed: 0,
        limits: Limits { of_person: 16, grants: 10_000, shared_on: 500, invitations: 100 },
        link_lock: Lock::NONE,
        reshare_lock: Lock::NONE,
    };

    /// G1: 16 at the most.
    pub(crate) fn deepest(self) -> usize {
        usize::from(self.depth.min(16))
    }

    fn blocks(self, address: Address) -> bool {
        self.blocked & 1 << address.domain() != 0
    }

    fn admits(self, address: Address) -> bool {
        !self.blocks(address) && (self.allowed == 0 || self.allowed & 1 << address.domain() != 0)
    }
}

/// Some accounts, a bit for each.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct People(pub u16);

impl People {
    pub(crate) const NOBODY: Self = Self(0);

    pub(crate) fn are(account: Account) -> Self {
        Self(1u16.checked_shl(account.0.into()).unwrap_or(0))
    }

    pub(crate) fn and(self, account: Account) -> Self {
        Self(self.0 | Self::are(account).0)
    }

    pub(crate) fn have(self, account: Account) -> bool {
        self.0 & Self::are(account).0 != 0
    }
}

/// What the tenant's policies say of a dashboard.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Policies {
    /// Whom they deny the dashboard.
    pub(crate) denied: People,
    /// Whom they let view it.
    pub(crate) allowed: People,
    /// Whom they deny its devices.
    pub(crate) blind: People,
    /// Whom they let see the devices.
    pub(crate) sighted: People,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Join {
        account: Account,
    },
    /// From now on the account has verified this address, and no other account has.
    Verify {
        account: Account,
        address: Address,
    },
    /// The account no longer has the address.
    Leave {
        account: Account,
        address: Address,
    },
    Register {
        dashboard: Dashboard,
        owner: Account,
    },
    SetRules {
        dashboard: Dashboard,
        rules: Rules,
    },
    SetPolicies {
        dashboard: Dashboard,
        policies: Policies,
    },
    Share {
        dashboard: Dashboard,
        by: Account,
        with: With,
        rights: Rights,
        reshare: bool,
        expiry: Expiry,
        lock: Lock,
        parent: Option<Grant>,
    },
    /// As a share, in place of all that the named person holds from the same grantor.
    SetShare {
        dashboard: Dashboard,
        by: Account,
        with: With,
        rights: Rights,
        reshare: bool,
        expiry: Expiry,
        lock: Lock,
        parent: Option<Grant>,
    },
    RemindInvitation {
        grant: Grant,
        by: Account,
    },
    Amend {
        grant: Grant,
        by: Account,
        rights: Option<Rights>,
        reshare: Option<bool>,
        expiry: Option<Expiry>,
        /// Met with the lock that stands (K20).
        narrow: Option<Lock>,
    },
    Revoke {
        grant: Grant,
        by: Account,
        mode: Mode,
    },
    StopSharing {
        dashboard: Dashboard,
        by: Account,
        with: With,
    },
    Renounce {
        grant: Grant,
        by: Account,
    },
    Claim {
        account: Account,
        address: Address,
    },
    /// The new owner is asked and takes it at once; from the host it is not asked (G18).
    Transfer {
        dashboard: Dashboard,
        by: Account,
        to: Account,
        keep: Option<Rights>,
    },
    OfferTransfer {
        dashboard: Dashboard,
        by: Account,
        to: Account,
        keep: Option<Rights>,
    },
    TakeTransfer {
        dashboard: Dashboard,
        account: Account,
    },
    /// By the asked account, or by the owner, who takes the question back.
    DeclineTransfer {
        dashboard: Dashboard,
        account: Account,
    },
    Suspend {
        dashboard: Dashboard,
    },
    Resume {
        dashboard: Dashboard,
    },
    DeleteDashboard {
        dashboard: Dashboard,
        by: Option<Account>,
    },
    DeleteAccount {
        account: Account,
    },
    RotateLink {
        dashboard: Dashboard,
        by: Account,
        expiry: Expiry,
        lock: Lock,
    },
    /// With the same token (K20).
    NarrowLink {
        dashboard: Dashboard,
        by: Account,
        lock: Lock,
    },
    MoveLinkEnd {
        dashboard: Dashboard,
        by: Account,
        expiry: Expiry,
    },
    PauseLink {
        dashboard: Dashboard,
        by: Account,
    },
    ResumeLink {
        dashboard: Dashboard,
        by: Account,
    },
    WithdrawLink {
        dashboard: Dashboard,
        by: Account,
    },
    /// The host has those told who would lose something by an instant (G24).
    Remind {
        dashboard: Dashboard,
        until: Instant,
    },
    /// Only time passes.
    Wait,
}

/// One line of a history. Its instant is its own, so that leaving other lines out does not move it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) n: u32,
    pub(crate) at: Instant,
    pub(crate) command: Command,
    /// The host gives the command, in the owner's place (G25), whomever it names.
    pub(crate) host: bool,
}

impl Command {
    /// The same, given by somebody.
    pub(crate) fn given_by(mut self, account: Account) -> Self {
        match &mut self {
            Self::Share { by, .. }
            | Self::SetShare { by, .. }
            | Self::RemindInvitation { by, .. }
            | Self::Amend { by, .. }
            | Self::Revoke { by, .. }
            | Self::StopSharing { by, .. }
            | Self::Transfer { by, .. }
            | Self::OfferTransfer { by, .. }
            | Self::RotateLink { by, .. }
            | Self::NarrowLink { by, .. }
            | Self::MoveLinkEnd { by, .. }
            | Self::PauseLink { by, .. }
            | Self::ResumeLink { by, .. }
            | Self::WithdrawLink { by, .. } => *by = account,
            Self::Join { .. }
            | Self::Verify { .. }
            | Self::Leave { .. }
            | Self::Register { .. }
            | Self::SetRules { .. }
            | Self::SetPolicies { .. }
            | Self::Renounce { .. }
            | Self::Claim { .. }
            | Self::DeleteDashboard { .. }
            | Self::DeleteAccount { .. }
            | Self::Remind { .. }
            | Self::TakeTransfer { .. }
            | Self::DeclineTransfer { .. }
            | Self::Suspend { .. }
            | Self::Resume { .. }
            | Self::Wait => {}
        }
        self
    }

    /// Whether it is one of those that the host may give in the owner's place.
    pub(crate) fn may_be_the_hosts(self) -> bool {
        self.given_by(Account(u8::MAX)) != self.given_by(Account(u8::MAX - 1))
    }
}

pub(crate) fn index(number: u32) -> usize {
    number.try_into().expect("an index")
}

/// A grant as it was written down at its birth (G1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issued {
    pub(crate) grant: Grant,
    pub(crate) dashboard: Dashboard,
    pub(crate) parent: Option<Grant>,
    /// What the sharer named (G17).
    pub(crate) named: With,
    pub(crate) grantee: With,
    pub(crate) terms: Terms,
    /// The grant that a rebind re-issued as this one.
    pub(crate) replaces: Option<Grant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    pub(crate) rights: Rights,
    pub(crate) reshare: bool,
    pub(crate) expiry: Expiry,
    pub(crate) lock: Lock,
}

/// An accepted command, with the grants it wrote and the grant that its link hangs on.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) step: Step,
    pub(crate) issued: Vec<Issued>,
    pub(crate) hangs_on: Option<Grant>,
    /// The standing grant that was asked for once more.
    pub(crate) repeated: Option<Grant>,
    /// The grants of whose ends somebody was told, with those ends.
    pub(crate) reminded: Vec<(Grant, Instant)>,
}

#[derive(Clone)]
pub(crate) struct Model {
    log: Vec<Entry>,
    /// Where the entry of each step is in the log, and one.
    places: Vec<usize>,
    faults: Vec<Fault>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self::with_faults(&[])
    }

    /// A model with some rules broken on purpose.
    pub(crate) fn with_faults(faults: &[Fault]) -> Self {
        Self { log: Vec::new(), places: Vec::new(), faults: faults.to_vec() }
    }

    pub(crate) fn past(&self) -> Past<'_> {
        Past { log: &self.log, places: &self.places, rules: &self.log, faults: &self.faults }
    }
}

/// The log, or a beginning of it.
#[derive(Clone, Copy)]
pub(crate) struct Past<'a> {
    log: &'a [Entry],
    places: &'a [usize],
    /// Where the tenant's rules are read: a question about the past is judged by the switches of today.
    rules: &'a [Entry],
    faults: &'a [Fault],
}

impl<'a> Past<'a> {
    fn has(self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The log as the entry at `index` found it.
    fn before(self, index: usize) -> Self {
        let log = &self.log[..index];
        Self { log, rules: log, ..self }
    }

    /// What was true at an instant, told today (D7).
    pub(crate) fn until(self, t: Instant) -> Self {
        let until = self.log.partition_point(|entry| entry.step.at <= t);
        Self { log: &self.log[..until], ..self }
    }

    fn entries(self) -> impl DoubleEndedIterator<Item = (usize, &'a Entry)> {
        self.log.iter().enumerate()
    }

    fn entries_after(self, index: usize) -> impl DoubleEndedIterator<Item = (usize, &'a Entry)> {
        self.log.iter().enumerate().skip(index + 1)
    }

    // People and dashboards.

    pub(crate) fn account_exists(self, account: Account) -> bool {
        let last = self.entries().rev().find_map(|(_, entry)| match entry.step.command {
            Command::Join { account: a } if a == account => Some(true),
            Command::DeleteAccount { account: a } if a == account => Some(false),
            _ => None,
        });
        last == Some(true)
    }

    pub(crate) fn verified_by(self, address: Address) -> Option<Account> {
        let (index, account) = self.entries().rev().find_map(|(i, entry)| match entry.step.command {
            Command::Verify { account, address: a } if a == address => Some((i, account)),
            _ => None,
        })?;
        let given_up = self.entries_after(index).any(|(_, entry)| match entry.step.command {
            Command::Leave { account: by, address: a } => (by, a) == (account, address),
            Command::DeleteAccount { account: a } => a == account,
            _ => false,
        });
        (!given_up).then_some(account)
    }

    pub(crate) fn owner(self, dashboard: Dashboard) -> Option<Account> {
        for (_, entry) in self.entries().rev() {
            match entry.step.command {
                Command::Transfer { dashboard: d, to, .. } if d == dashboard => return Some(to),
                Command::Register { dashboard: d, owner } if d == dashboard => return Some(owner),
                Command::DeleteDashboard { dashboard: d, .. } if d == dashboard => return None,
                _ => {}
            }
        }
        None
    }

    pub(crate) fn rules(self, dashboard: Dashboard) -> Rules {
        let last = self.rules.iter().rev().find_map(|entry| match entry.step.command {
            Command::SetRules { dashboard: d, rules } if d == dashboard => Some(rules),
            _ => None,
        });
        last.unwrap_or(Rules::OPEN)
    }

    /// The tenant's policies, which count as they are today, as the switches do.
    pub(crate) fn policies(self, dashboard: Dashboard) -> Policies {
        let last = self.rules.iter().rev().find_map(|entry| match entry.step.command {
            Command::SetPolicies { dashboard: d, policies } if d == dashboard => Some(policies),
            _ => None,
        });
        last.unwrap_or_default()
    }

    /// Whether the policies deny somebody the dashboard; they deny its owner nothing (D2).
    pub(crate) fn denied(self, account: Account, dashboard: Dashboard) -> bool {
        self.policies(dashboard).denied.have(account) && self.owner(dashboard) != Some(account)
    }

    /// Whether the policies let somebody view the dashboard, whatever is shared.
    pub(crate) fn let_in(self, account: Account, dashboard: Dashboard) -> bool {
        let policies = self.policies(dashboard);
        policies.allowed.have(account) && !policies.denied.have(account)
    }

    /// Whether the host has suspended the dashboard (G25), which counts as it is today.
    pub(crate) fn suspended(self, dashboard: Dashboard) -> bool {
        let last = self.rules.iter().rev().find_map(|entry| match entry.step.command {
            Command::Suspend { dashboard: d } if d == dashboard => Some(true),
            Command::Resume { dashboard: d } | Command::DeleteDashboard { dashboard: d, .. }
                if d == dashboard =>
            {
                Some(false)
            }
            _ => None,
        });
        last == Some(true) && !self.has(Fault::SuspendingDeniesNothing)
    }

    /// Whom the owner has asked to take the dashboard over, since when, and what the owner would keep (G18): until the
    /// asked one answers, the owner takes it back or changes, or an invitation would lapse.
    pub(crate) fn asked_to_take(self, dashboard: Dashboard, t: Instant) -> Option<(Account, Option<Rights>)> {
        for (i, entry) in self.entries().rev() {
            match entry.step.command {
                Command::OfferTransfer { dashboard: d, to, keep, .. } if d == dashboard => {
                    let days = self.before(i).rules(dashboard).invitation_days.unwrap_or(14).min(90);
                    let lapses = entry.step.at + Instant::from(days) * DAY;
                    return (t < lapses).then_some((to, keep));
                }
                Command::Transfer { dashboard: d, .. }
                | Command::DeclineTransfer { dashboard: d, .. }
                | Command::DeleteDashboard { dashboard: d, .. }
                    if d == dashboard =>
                {
                    return None;
                }
                _ => {}
            }
        }
        None
    }

    /// Whether somebody may see data of a device at all (D3, K3): by a policy alone nobody sees any, unless one lets it
    /// see devices too.
    pub(crate) fn sees_device(self, account: Account, dashboard: Dashboard, device: u8, t: Instant) -> bool {
        let question = lock::Question::whole(device, 0);
        let door = self.door(data::Asker::Account(account), dashboard, &question, t);
        door.is_ok_and(|sources| !self.passing(sources, device).is_empty())
    }

    /// All addresses that an account has verified.
    fn addresses(self, account: Account) -> impl Iterator<Item = Address> {
        (0..=generator::ADDRESSES)
            .map(Address)
            .filter(move |address| self.verified_by(*address) == Some(account))
    }

    /// Whether the domains that the tenant lets be shared with have room for a person, judged by all its verified
    /// addresses, or for an address.
    pub(crate) fn domain_admitted(self, dashboard: Dashboard, with: With) -> bool {
        let rules = self.rules(dashboard);
        match with {
            With::Address(address) => rules.admits(address),
            With::Account(account) => {
                self.addresses(account).all(|address| !rules.blocks(address))
                    && (rules.allowed == 0 || self.addresses(account).any(|address| rules.admits(address)))
            }
        }
    }

    /// Since when the dashboard is what it is: what bore its id before does not count.
    pub(crate) fn registered(self, dashboard: Dashboard) -> Option<Instant> {
        let mut since = None;
        for (i, entry) in self.entries() {
            match entry.step.command {
                Command::Register { dashboard: d, .. }
                    if d == dashboard && self.before(i).owner(dashboard).is_none() =>
                {
                    since = Some(entry.step.at);
                }
                Command::DeleteDashboard { dashboard: d, .. } if d == dashboard => since = None,
                _ => {}
            }
        }
        since
    }

    /// Every instant since then at which something was done, one unit before, at, and after it, up to `now`.
    pub(crate) fn past_instants(self, dashboard: Dashboard, now: Instant) -> Vec<Instant> {
        let Some(since) = self.registered(dashboard) else {
            return Vec::new();
        };
        let mut instants: Vec<Instant> = self
            .entries()
            .flat_map(|(_, entry)| [-1, 0, 1].map(|unit| entry.step.at + unit))
            .filter(|t| (since..now).contains(t))
            .collect();
        instants.dedup();
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    // Grants.

    /// All grants ever made, the oldest first.
    pub(crate) fn grants(self) -> impl Iterator<Item = &'a Issued> {
        self.log.iter().flat_map(|entry| &entry.issued)
    }

    fn birth(self, grant: Grant) -> Option<(usize, &'a Issued)> {
        let index = self.places.get(index(grant.step()))?.checked_sub(1)?;
        let issued = self.log.get(index)?.issued.iter();
        issued.into_iter().find(|issued| issued.grant == grant).map(|issued| (index, issued))
    }

    fn born(self, grant: Grant) -> (usize, &'a Issued) {
        self.birth(grant).expect("the grant is in the log")
    }

    pub(crate) fn parent(self, grant: Grant) -> Option<Grant> {
        self.born(grant).1.parent
    }

    /// The labels from the root to the grant itself.
    pub(crate) fn path(self, grant: Grant) -> Vec<Grant> {
        let mut path = match self.parent(grant) {
            Some(parent) => self.path(parent),
            None => Vec::new(),
        };
        path.push(grant);
        path
    }

    pub(crate) fn depth(self, grant: Grant) -> usize {
        1 + self.parent(grant).map_or(0, |parent| self.depth(parent))
    }

    pub(crate) fn is_below(self, grant: Grant, other: Grant) -> bool {
        self.parent(grant).is_some_and(|parent| parent == other || self.is_below(parent, other))
    }

    /// The terms as declared at birth and amended since.
    pub(crate) fn terms(self, grant: Grant) -> Terms {
        let (index, issued) = self.born(grant);
        let mut terms = issued.terms;
        for (_, entry) in self.entries_after(index) {
            if let Command::Amend { grant: g, rights, reshare, expiry, narrow, .. } = entry.step.command
                && g == grant
            {
                terms.rights = rights.unwrap_or(terms.rights);
                terms.reshare = reshare.unwrap_or(terms.reshare);
                terms.expiry = expiry.unwrap_or(terms.expiry);
                if let Some(narrow) = narrow {
                    let forgets = self.has(Fault::NarrowingReplaces);
                    terms.lock = if forgets { narrow } else { terms.lock.meet(narrow) };
                }
            }
        }
        terms
    }

    /// Whether the expiry is later than the one that stands.
    pub(crate) fn prolongs(self, grant: Grant, expiry: Expiry) -> bool {
        self.birth(grant).is_some() && end_of(expiry) > end_of(self.terms(grant).expiry)
    }

    /// Whom the grant belongs to: an address until its claim, an account ever after (I3, I5).
    pub(crate) fn grantee(self, grant: Grant) -> With {
        let (index, issued) = self.born(grant);
        let With::Address(address) = issued.grantee else {
            return issued.grantee;
        };
        let claims = self.entries_after(index).filter_map(|(i, entry)| match entry.step.command {
            Command::Claim { account, address: a } if a == address => Some((i, entry.step.at, account)),
            _ => None,
        });
        let mut grantee = issued.grantee;
        for (i, at, account) in claims {
            let then = self.before(i);
            if then.live(grant, at)
                && (!then.comes_back_to(account, grant) || self.has(Fault::ClaimsBindUpwards))
                && !then.suspended(issued.dashboard)
                && (then.may_be_bound(at, grant, account) || self.has(Fault::ClaimsAskNoRules))
            {
                grantee = With::Account(account);
                if !self.has(Fault::TheLastClaimWins) {
                    break;
                }
            }
        }
        if self.has(Fault::GrantsFollowTheAddress)
            && let With::Account(_) = grantee
            && let Some(account) = self.verified_by(address)
        {
            return With::Account(account);
        }
        if self.has(Fault::VerifyingIsClaiming)
            && let With::Address(_) = grantee
            && let Some(account) = self.verified_by(address)
        {
            return With::Account(account);
        }
        grantee
    }

    pub(crate) fn is_pending(self, grant: Grant) -> bool {
        matches!(self.grantee(grant), With::Address(_))
    }

    /// Whether the account is the owner, or the grantee of something that the grant hangs on.
    pub(crate) fn is_above(self, account: Account, grant: Grant) -> bool {
        let dashboard = self.born(grant).1.dashboard;
        self.owner(dashboard) == Some(account) || self.holds_an_ancestor(account, grant)
    }

    /// Whether a claim of the invitation would bring it to somebody above it, or to whoever had made it and has
    /// since been the owner (G18).
    fn comes_back_to(self, account: Account, grant: Grant) -> bool {
        self.is_above(account, grant)
            || (!self.has(Fault::TransferLeavesInvitations) && self.made_by(grant) == Some(account))
    }

    /// Who made the grant, or what it re-issues.
    fn made_by(self, grant: Grant) -> Option<Account> {
        let (index, issued) = self.born(grant);
        let then = self.before(index);
        match (issued.replaces, issued.parent) {
            (Some(old), _) => then.made_by(old),
            (None, Some(parent)) if !then.absorbed(parent) => match then.grantee(parent) {
                With::Account(account) => Some(account),
                With::Address(_) => None,
            },
            (None, _) => then.owner(issued.dashboard),
        }
    }

    fn holds_an_ancestor(self, account: Account, grant: Grant) -> bool {
        self.parent(grant).is_some_and(|parent| {
            self.belongs_to(parent, account)
                || (!self.has(Fault::OnlyTheGrantorHasPower) && self.holds_an_ancestor(account, parent))
        })
    }

    /// Whether the grant is the account's own: made or claimed for it, and not absorbed by its becoming the owner.
    pub(crate) fn belongs_to(self, grant: Grant, account: Account) -> bool {
        self.grantee(grant) == With::Account(account) && !self.absorbed(grant)
    }

    /// Whether the grantee has since become the dashboard's owner: the grant carries on what hangs on it and is
    /// otherwise over (G18).
    pub(crate) fn absorbed(self, grant: Grant) -> bool {
        if self.has(Fault::TransferAbsorbsNothing) {
            return false;
        }
        let (index, issued) = self.born(grant);
        // What re-issues an absorbed grant is absorbed too: nothing was given to its grantee.
        if let Some(old) = issued.replaces
            && self.before(index).absorbed(old)
        {
            return true;
        }
        self.entries_after(index).any(|(i, entry)| match entry.step.command {
            Command::Transfer { dashboard, to, .. } => {
                dashboard == issued.dashboard && self.before(i).grantee(grant) == With::Account(to)
            }
            _ => false,
        })
    }

    /// Whom the grant counts as made by: the owner of today, or the grantee of what it hangs on.
    pub(crate) fn grantor(self, grant: Grant) -> Option<Account> {
        let issued = self.born(grant).1;
        match issued.parent {
            Some(parent) if !self.absorbed(parent) => match self.grantee(parent) {
                With::Account(account) => Some(account),
                With::Address(_) => None,
            },
            _ => self.owner(issued.dashboard),
        }
    }

    /// When the invitation lapses unless it is claimed before (I4); asking for it once more makes it wait anew (G17).
    pub(crate) fn lapse(self, grant: Grant) -> Instant {
        let (index, issued) = self.born(grant);
        let from = |since: usize| {
            let rules = if self.has(Fault::InvitationsLapseByTodaysRules) {
                self.rules(issued.dashboard)
            } else {
                self.before(since).rules(issued.dashboard)
            };
            let days = rules.invitation_days.unwrap_or(14).min(90);
            self.log[since].step.at + Instant::from(days) * DAY
        };
        let first = match issued.replaces {
            Some(old) => self.before(index).lapse(old),
            None => from(index),
        };
        // Asked for once more it waits a full term anew, and never less than before.
        let repeated = self.entries_after(index).filter(|(_, entry)| entry.repeated == Some(grant));
        let again = repeated.map(|(i, _)| from(i)).max();
        again.filter(|_| !self.has(Fault::RepeatingProlongsNoWait)).map_or(first, |again| first.max(again))
    }

    /// What the sharer named, when it made the grant or what the grant re-issues.
    pub(crate) fn named(self, grant: Grant) -> With {
        self.born(grant).1.named
    }

    /// The address that the grant was made to, itself or what it re-issues.
    pub(crate) fn invited(self, grant: Grant) -> Option<Address> {
        match self.named(grant) {
            With::Address(address) => Some(address),
            With::Account(_) => None,
        }
    }

    /// Whether the sharer still waits for an answer to its invitation (I1): for all that it may know, nobody has
    /// claimed what it shared with the address, which may have been bound to an account at once.
    pub(crate) fn unanswered(self, grant: Grant) -> bool {
        let Some(address) = self.invited(grant) else {
            return false;
        };
        if self.is_pending(grant) {
            return true;
        }
        let (index, issued) = self.born(grant);
        let asked_before = issued.replaces.is_some_and(|old| !self.before(index).unanswered(old));
        let answered = self.entries_after(index).any(|(i, entry)| match entry.step.command {
            Command::Claim { account, address: a } if a == address => {
                let then = self.before(i);
                // What is dead by then nobody accepts any more, and what is suspended waits (G25).
                then.live(grant, entry.step.at)
                    && !then.suspended(issued.dashboard)
                    && (then.is_pending(grant) || then.belongs_to(grant, account))
            }
            _ => false,
        });
        // Whoever shares on or publishes with it has answered.
        let used = self.entries_after(index).any(|(_, entry)| {
            entry.hangs_on == Some(grant) || entry.issued.iter().any(|issued| issued.parent == Some(grant))
        });
        !asked_before && !answered && !used
    }

    /// Whether the grant is to its sharers an invitation that waits, also where it was bound at once (I1).
    pub(crate) fn waits(self, grant: Grant, t: Instant) -> bool {
        self.unanswered(grant) && t < self.lapse(grant)
    }

    /// Whether the grant is to its sharers one that lapsed unanswered.
    pub(crate) fn waited(self, grant: Grant, t: Instant) -> bool {
        self.unanswered(grant) && t >= self.lapse(grant)
    }

    /// Whether stopping with that person or address means this grant (G13).
    fn is_with(self, grant: Grant, with: With) -> bool {
        if self.absorbed(grant) {
            return false;
        }
        let grantee = self.grantee(grant);
        match with {
            With::Account(account) => {
                grantee == with
                    || (!self.has(Fault::StoppingForgetsInvitations)
                        && matches!(grantee, With::Address(address)
                            if self.verified_by(address) == Some(account)))
            }
            With::Address(address) => {
                grantee == with
                    || (self.invited(grant) == Some(address) && !self.has(Fault::StoppingForgetsClaimed))
                    || self.verified_by(address).is_some_and(|account| grantee == With::Account(account))
            }
        }
    }

    /// Whether a command of its own ended this very grant.
    fn ended(self, grant: Grant) -> bool {
        let (index, issued) = self.born(grant);
        self.entries_after(index).any(|(i, entry)| match entry.step.command {
            Command::Revoke { grant: g, .. } | Command::Renounce { grant: g, .. } => g == grant,
            Command::StopSharing { dashboard, by, with } => {
                dashboard == issued.dashboard && {
                    let then = self.before(i);
                    then.is_with(grant, with) && then.is_above(by, grant)
                }
            }
            Command::SetShare { dashboard, by, with, .. } => {
                dashboard == issued.dashboard
                    && issued.named == with
                    && self.log[i].repeated != Some(grant)
                    && self.before(i).grantor(grant) == Some(by)
                    // What only carries what hangs on it is nobody's.
                    && !self.before(i).absorbed(grant)
            }
            // An invitation that comes back to somebody above it ends.
            Command::Claim { account, address } => {
                issued.grantee == With::Address(address) && {
                    let then = self.before(i);
                    !self.has(Fault::ClaimsBindUpwards)
                        && !then.suspended(issued.dashboard)
                        && then.is_pending(grant)
                        && then.comes_back_to(account, grant)
                }
            }
            // An invitation that waits for the new owner, or for the old one.
            Command::Transfer { dashboard, by, to, .. } => {
                dashboard == issued.dashboard && {
                    let then = self.before(i);
                    then.is_pending(grant)
                        && (then.is_with(grant, With::Account(to))
                            || (!self.has(Fault::TransferLeavesInvitations)
                                && then.is_with(grant, With::Account(by))))
                }
            }
            Command::DeleteDashboard { dashboard, .. } => {
                dashboard == issued.dashboard && !self.has(Fault::GrantsOutliveTheDashboard)
            }
            Command::DeleteAccount { account } => {
                let then = self.before(i);
                then.is_with(grant, With::Account(account))
            }
            _ => false,
        })
    }

    /// G2.
    pub(crate) fn live(self, grant: Grant, t: Instant) -> bool {
        let Some((index, issued)) = self.birth(grant) else {
            return false;
        };
        let born = self.log[index].step.at;
        if t < born || self.ended(grant) {
            return false;
        }
        let expiry = if self.has(Fault::TheLaterEndCounts) {
            let path = self.path(grant).into_iter();
            path.map(|g| end_of(self.terms(g).expiry)).max().unwrap_or(FOREVER)
        } else {
            end_of(self.terms(grant).expiry)
        };
        let expired = if self.has(Fault::DeadOneTickLate) { t > expiry } else { t >= expiry };
        if expired {
            return false;
        }
        if self.has(Fault::MaximumsRewriteGrants)
            && let Some(days) = self.rules(issued.dashboard).max_days
            && t >= born + Instant::from(days) * DAY
        {
            return false;
        }
        if !self.has(Fault::InvitationsNeverLapse) && self.is_pending(grant) && t >= self.lapse(grant) {
            return false;
        }
        match issued.parent {
            None => true,
            Some(parent) => self.carries(parent, grant, t),
        }
    }

    /// Whether the parent holds up the child: it is live and has the reshare right.
    fn carries(self, parent: Grant, child: Grant, t: Instant) -> bool {
        if self.has(Fault::TheChainIsSkipped) {
            return true;
        }
        if self.has(Fault::TransferFellsWhatHung) && self.absorbed(parent) {
            return false;
        }
        if self.has(Fault::OneAncestorIsDropped)
            && let Some(grandparent) = self.parent(parent)
            && self.parent(grandparent).is_some()
        {
            return self.live_but_for_the_chain(parent, t) && self.terms(parent).reshare;
        }
        if self.has(Fault::RevokingFellsOnlyTheGrant)
            && self.ended(parent)
            && t < end_of(self.terms(parent).expiry)
        {
            return true;
        }
        if self.has(Fault::TheLaterEndCounts) {
            return !self.ended(parent) && self.terms(parent).reshare;
        }
        if self.has(Fault::RegrantingRevives) && self.has_another_root(parent, child, t) {
            return true;
        }
        self.live(parent, t) && (self.terms(parent).reshare || self.has(Fault::ChildrenKeepWithoutReshare))
    }

    fn live_but_for_the_chain(self, grant: Grant, t: Instant) -> bool {
        !self.ended(grant) && t < end_of(self.terms(grant).expiry)
    }

    fn has_another_root(self, parent: Grant, child: Grant, t: Instant) -> bool {
        let dashboard = self.born(parent).1.dashboard;
        self.grants().any(|other| {
            other.dashboard == dashboard
                && other.grant > child
                && other.parent.is_none()
                && self.grantee(other.grant) == self.grantee(parent)
                && self.terms(other.grant).reshare
                && self.live(other.grant, t)
        })
    }

    /// G3: what the grant lets its grantee do, but for the tenant's switches.
    pub(crate) fn grant_rights(self, grant: Grant, t: Instant) -> Rights {
        if !self.live(grant, t) {
            return Rights::NONE;
        }
        let own = self.terms(grant).rights;
        match self.parent(grant) {
            Some(parent)
                if !self.has(Fault::RightsAreNotIntersected)
                    && !self.has(Fault::TheChainIsSkipped)
                    && self.live(parent, t) =>
            {
                own.and(self.grant_rights(parent, t))
            }
            _ => own,
        }
    }

    /// When what the grant's chain declares is over. A pending invitation may lapse before.
    pub(crate) fn chain_end(self, grant: Grant) -> Instant {
        let own = end_of(self.terms(grant).expiry);
        match self.parent(grant) {
            Some(parent) if self.has(Fault::TheLaterEndCounts) => own.max(self.chain_end(parent)),
            Some(parent) if !self.has(Fault::TheChainIsSkipped) => own.min(self.chain_end(parent)),
            _ => own,
        }
    }

    /// The instant from which the grant is dead if nobody does anything.
    pub(crate) fn ends(self, grant: Grant) -> Instant {
        let end = self.chain_end(grant);
        if self.is_pending(grant) { end.min(self.lapse(grant)) } else { end }
    }

    /// Live grants that are somebody's (an absorbed one is nobody's), the oldest first.
    pub(crate) fn standing(self, dashboard: Dashboard, t: Instant) -> impl Iterator<Item = Grant> + use<'a> {
        self.grants()
            .filter(move |issued| {
                issued.dashboard == dashboard && self.live(issued.grant, t) && !self.absorbed(issued.grant)
            })
            .map(|issued| issued.grant)
    }

    /// The account's own live grants, the oldest first.
    pub(crate) fn held(
        self,
        account: Account,
        dashboard: Dashboard,
        t: Instant,
    ) -> impl Iterator<Item = Grant> + use<'a> {
        let made_for_another = move |grantee| matches!(grantee, With::Account(other) if other != account);
        self.grants()
            .filter(move |issued| {
                issued.dashboard == dashboard
                    && !made_for_another(issued.grantee)
                    && self.belongs_to(issued.grant, account)
                    && self.live(issued.grant, t)
            })
            .map(|issued| issued.grant)
    }

    pub(crate) fn is_party(self, account: Account, dashboard: Dashboard, t: Instant) -> bool {
        self.owner(dashboard) == Some(account) || self.held(account, dashboard, t).next().is_some()
    }

    // Decisions.

    /// Whether the tenant's switches let the grant give anything (G20).
    pub(crate) fn switched_on(self, grant: Grant) -> bool {
        let issued = self.born(grant).1;
        let rules = self.rules(issued.dashboard);
        self.has(Fault::SwitchesAreIgnored) || (rules.private && (rules.resharing || issued.parent.is_none()))
    }

    /// What somebody may do.
    pub(crate) fn rights(self, account: Account, dashboard: Dashboard, t: Instant) -> Rights {
        self.rights_without(account, dashboard, t, |_| false)
    }

    /// What somebody could do if some grants had ended (G4): this alone says who would lose what by something.
    pub(crate) fn rights_without(
        self,
        account: Account,
        dashboard: Dashboard,
        t: Instant,
        ended: impl Fn(Grant) -> bool,
    ) -> Rights {
        if self.owner(dashboard).is_none() || self.suspended(dashboard) {
            return Rights::NONE;
        }
        let shared = self.shared_rights(account, dashboard, t, ended);
        if self.let_in(account, dashboard) { shared.or(Rights::VIEW) } else { shared }
    }

    /// What grants let somebody do, as far as policies leave it, and an owner its being one.
    pub(crate) fn shared_rights(
        self,
        account: Account,
        dashboard: Dashboard,
        t: Instant,
        ended: impl Fn(Grant) -> bool,
    ) -> Rights {
        if self.owner(dashboard) == Some(account) {
            return Rights::ALL;
        }
        if self.denied(account, dashboard) && !self.has(Fault::DeniesAreIgnored) {
            return Rights::NONE;
        }
        let mut rights = Rights::NONE;
        for grant in self.held(account, dashboard, t) {
            if self.switched_on(grant) && !ended(grant) {
                let given = self.grant_rights(grant, t);
                rights = if self.has(Fault::TheNewestGrantCounts) { given } else { rights.or(given) };
            }
        }
        rights
    }

    /// Whether the account may share the dashboard on (G7): a grantee only while it has something to share and the
    /// tenant lets grantees share.
    pub(crate) fn may_share(self, account: Account, dashboard: Dashboard, t: Instant) -> bool {
        let rules = self.rules(dashboard);
        if self.suspended(dashboard) {
            return false;
        }
        let switched_on = (rules.private && rules.resharing) || self.has(Fault::SwitchesAreIgnored);
        self.owner(dashboard) == Some(account)
            || (switched_on
                && (!self.denied(account, dashboard) || self.has(Fault::DeniesAreIgnored))
                && self.held(account, dashboard, t).any(|grant| {
                    self.terms(grant).reshare
                        && self.grant_rights(grant, t) != Rights::NONE
                        && (self.depth(grant) < rules.deepest() || self.has(Fault::SharingIsPromisedInVain))
                }))
    }

    // The link.

    /// The entry that made the dashboard's present link.
    fn link(self, dashboard: Dashboard) -> Option<(usize, &'a Entry)> {
        for (i, entry) in self.entries().rev() {
            match entry.step.command {
                Command::RotateLink { dashboard: d, .. } if d == dashboard => {
                    return Some((i, entry));
                }
                Command::WithdrawLink { dashboard: d, .. }
                | Command::DeleteDashboard { dashboard: d, .. }
                    if d == dashboard =>
                {
                    return None;
                }
                _ => {}
            }
        }
        None
    }

    /// The grant that the link hangs on, `None` for the owner's: a link whose maker becomes the owner is the owner's.
    pub(crate) fn link_hangs_on(self, dashboard: Dashboard) -> Option<Grant> {
        let (index, made) = self.link(dashboard)?;
        let Command::RotateLink { by: maker, .. } = made.step.command else {
            return None;
        };
        let becomes_the_owners = self.entries_after(index).any(|(i, entry)| match entry.step.command {
            Command::Transfer { dashboard: d, to, .. } => {
                d == dashboard
                    && to == maker
                    && (self.has(Fault::TransferRevivesTheLink)
                        || self.before(i).link_stands(dashboard, entry.step.at))
            }
            _ => false,
        });
        if becomes_the_owners { None } else { made.hangs_on }
    }

    pub(crate) fn link_maker(self, dashboard: Dashboard) -> Option<Account> {
        let (_, made) = self.link(dashboard)?;
        match (self.link_hangs_on(dashboard), made.step.command) {
            (Some(_), Command::RotateLink { by, .. }) => Some(by),
            _ => self.owner(dashboard),
        }
    }

    /// The link's own end, as it was made or moved since.
    pub(crate) fn link_expiry(self, dashboard: Dashboard) -> Option<Expiry> {
        let (index, made) = self.link(dashboard)?;
        let moved = self.entries_after(index).rev().find_map(|(_, entry)| match entry.step.command {
            Command::MoveLinkEnd { dashboard: d, expiry, .. } if d == dashboard => Some(expiry),
            _ => None,
        });
        match made.step.command {
            Command::RotateLink { expiry, .. } => Some(moved.unwrap_or(expiry)),
            _ => None,
        }
    }

    /// When the link is over if nobody does anything.
    pub(crate) fn link_ends(self, dashboard: Dashboard) -> Option<Instant> {
        let own = end_of(self.link_expiry(dashboard)?);
        Some(match self.link_hangs_on(dashboard) {
            Some(grant) => own.min(self.chain_end(grant)),
            None => own,
        })
    }

    /// Neither withdrawn, nor expired, nor dead with its maker's grant; a paused link stands.
    pub(crate) fn link_stands(self, dashboard: Dashboard, t: Instant) -> bool {
        let Some(expiry) = self.link_expiry(dashboard) else {
            return false;
        };
        let holds = match self.link_hangs_on(dashboard) {
            None => true,
            Some(grant) => {
                self.has(Fault::LinksOutliveTheirGrant)
                    || (self.grant_rights(grant, t).covers(Rights::VIEW) && self.terms(grant).reshare)
            }
        };
        holds && t < end_of(expiry)
    }

    pub(crate) fn link_paused(self, dashboard: Dashboard) -> bool {
        let Some((index, _)) = self.link(dashboard) else {
            return false;
        };
        let last = self.entries_after(index).rev().find_map(|(_, entry)| match entry.step.command {
            Command::PauseLink { dashboard: d, .. } if d == dashboard => Some(true),
            Command::ResumeLink { dashboard: d, .. } if d == dashboard => Some(false),
            _ => None,
        });
        last == Some(true)
    }

    /// Whether the owner of then, or the host, paused it since somebody last resumed it (L6).
    pub(crate) fn link_paused_by_the_owner(self, dashboard: Dashboard) -> bool {
        let Some((index, _)) = self.link(dashboard) else {
            return false;
        };
        let resumed = self.entries_after(index).rev().find(|(_, entry)| {
            matches!(entry.step.command, Command::ResumeLink { dashboard: d, .. } if d == dashboard)
        });
        let since = resumed.map_or(index, |(i, _)| i);
        self.entries_after(since).any(|(i, entry)| match entry.step.command {
            Command::PauseLink { dashboard: d, by } if d == dashboard => {
                self.before(i).owner(dashboard) == Some(by)
            }
            _ => false,
        })
    }

    /// The step that made the link which a visitor may open at `t`, if there is one (L7).
    pub(crate) fn open_link(self, dashboard: Dashboard, t: Instant) -> Option<u32> {
        let rules = self.rules(dashboard);
        let by_grantee = self.link_hangs_on(dashboard).is_some();
        let switched_on = rules.public && (!by_grantee || (rules.resharing && rules.private));
        let open = self.link_stands(dashboard, t)
            && !self.link_paused(dashboard)
            && !self.suspended(dashboard)
            && (switched_on || self.has(Fault::SwitchesAreIgnored));
        let (_, made) = self.link(dashboard).filter(|_| open)?;
        Some(made.step.n)
    }

    /// Every instant from `now` on at which something ends by itself, one unit before, at, and after it.
    pub(crate) fn critical_instants(self, now: Instant) -> Vec<Instant> {
        let mut ends = Vec::new();
        for issued in self.grants().filter(|issued| self.live(issued.grant, now)) {
            ends.push(end_of(self.terms(issued.grant).expiry));
            if self.is_pending(issued.grant) {
                ends.push(self.lapse(issued.grant));
            }
        }
        for (_, entry) in self.entries() {
            if let Command::RotateLink { expiry, .. } | Command::MoveLinkEnd { expiry, .. } =
                entry.step.command
            {
                ends.push(end_of(expiry));
            }
        }
        let mut instants = vec![now];
        for end in ends.into_iter().filter(|end| *end != FOREVER) {
            instants.extend([end - 1, end, end + 1]);
        }
        instants.retain(|t| *t >= now);
        instants.sort_unstable();
        instants.dedup();
        instants
    }
}

// Histories print as short lines that can be read aloud.

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}@", self.0)
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d{}", self.0)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nth = self.0 % Self::A_STEP;
        if nth == 0 { write!(f, "g{}", self.step()) } else { write!(f, "g{}~{nth}", self.step()) }
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "nothing",
            1 => "view",
            2 => "export",
            _ => "view+export",
        })
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..16).map(Account).filter(|account| self.have(*account))).finish()
    }
}

impl fmt::Debug for With {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.at - START;
        let host = if self.host { "the host: " } else { "" };
        write!(f, "{:>3} +{}us {host}{:?}", self.n, t, self.command)
    }
}
