//! Who sees which data (K1, K12 to K16, K19 to K23): the locks along each path, asked datum by datum.

use super::{
    Account, Command, Dashboard, Expiry, Fault, Grant, Instant, Past, Rights, end_of, expiry_of,
    lock::{self, Lock, Question, Sieve, Why, is_shown},
};

/// Who asks for data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asker {
    Account(Account),
    /// Whoever has the token of the open link.
    Visitor,
}

/// What admits a datum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum By {
    Owner,
    Grant(Grant),
    Link,
    Policy,
}

/// Whose lock it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Element {
    Tenant,
    Grant(Grant),
    Link,
}

/// One way to see data: by a grant, the link, a policy, or as the owner.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) by: By,
    /// The locks along the path, the tenant's and the root's first.
    pub(crate) path: Vec<(Element, Lock)>,
    pub(crate) ends: Instant,
}

impl Source {
    fn open(by: By) -> Self {
        Self { by, path: Vec::new(), ends: super::FOREVER }
    }

    pub(crate) fn locks(&self) -> Vec<Lock> {
        self.path.iter().map(|(_, lock)| *lock).collect()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.path.iter().all(|(_, lock)| *lock == Lock::NONE)
    }

    pub(crate) fn sieve(&self, question: &Question, now: Instant) -> Result<Sieve, Why> {
        lock::sieve(&self.locks(), question, now)
    }

    /// Whether an element is the first of the path that shuts a question: down to it nothing is let through, and without
    /// it the same part of the path has nothing of the kind against the question.
    pub(crate) fn is_shut_at(&self, element: Element, question: &Question, now: Instant) -> bool {
        // A value that only the whole path fixes is asked for all the way down.
        let value = self.sieve(question, now).ok().and_then(|sieve| sieve.value);
        let question = &Question { site: question.site.or(value), ..*question };
        let why = |locks: &[Lock]| match lock::sieve(locks, question, now) {
            Err(why) => Some(why),
            Ok(sieve) => {
                let lets = around(sieve.boundaries().chain([now])).iter().any(|t| sieve.admits(*t));
                (!lets).then_some(Why::Outside)
            }
        };
        let locks = self.locks();
        let places = self.path.iter().enumerate().filter(|(_, (of, _))| *of == element);
        let hides = |locks: &[Lock]| lock::device_passes(locks, question.device).is_err();
        places.into_iter().any(|(last, _)| {
            let (above, shut) = (&locks[..last], why(&locks[..=last]));
            // What hides the whole device is told before any question.
            (shut.is_some() && shut != why(above)) || (hides(&locks[..=last]) && !hides(above))
        })
    }
}

pub(crate) fn around(boundaries: impl IntoIterator<Item = Instant>) -> Vec<Instant> {
    let mut all: Vec<Instant> =
        (boundaries.into_iter()).flat_map(|t| [t.saturating_sub(1), t, t.saturating_add(1)]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What somebody sees by one grant: rights and lock belong together.
pub(crate) type Sight = (Rights, Lock);

/// Who sees data of a device, and what a visitor sees of it.
pub(crate) type DeviceViewers = (Vec<(Account, Expiry, Vec<Sight>)>, Option<Lock>);

impl<'a> Past<'a> {
    /// The locks along a grant's path, without the tenant's (K12).
    pub(crate) fn locks(self, grant: Grant) -> Vec<(Element, Lock)> {
        let path = if self.has(Fault::LocksAreNotFolded) { vec![grant] } else { self.path(grant) };
        path.into_iter().map(|grant| (Element::Grant(grant), self.terms(grant).lock)).collect()
    }

    /// The meet of them.
    pub(crate) fn bare_lock(self, grant: Grant) -> Lock {
        let locks: Vec<Lock> = self.locks(grant).into_iter().map(|(_, lock)| lock).collect();
        lock::met(&locks)
    }

    /// What a new grant under a parent could show at most, without the tenant's lock.
    pub(crate) fn bound_lock(self, parent: Option<Grant>) -> Lock {
        parent.map_or(Lock::NONE, |parent| self.bare_lock(parent))
    }

    /// What a grant shows, the tenant's lock for what is shared on taken into account (K23).
    pub(crate) fn effective_lock(self, grant: Grant) -> Lock {
        self.tenants(self.born(grant).1.dashboard, self.parent(grant).is_some()).meet(self.bare_lock(grant))
    }

    /// The tenant's lock for what is shared on, or not.
    pub(crate) fn tenants(self, dashboard: Dashboard, is_shared_on: bool) -> Lock {
        match is_shared_on && !self.has(Fault::TenantsLocksAreForgotten) {
            true => self.rules(dashboard).reshare_lock,
            false => Lock::NONE,
        }
    }

    fn of_grant(self, grant: Grant, dashboard: Dashboard) -> Source {
        let tenants = self.tenants(dashboard, self.parent(grant).is_some());
        let mut path = vec![(Element::Tenant, tenants)];
        path.extend(self.locks(grant));
        Source { by: By::Grant(grant), path, ends: self.ends(grant) }
    }

    /// The link's own lock: as it was made, narrowed since, and, since its maker became the owner, no more than the
    /// grant showed on which it had hung (K20, K21).
    pub(crate) fn link_own_lock(self, dashboard: Dashboard) -> Option<Lock> {
        let (index, made) = self.link(dashboard)?;
        let Command::RotateLink { lock, .. } = made.step.command else { return None };
        let mut own = lock;
        for (i, entry) in self.entries_after(index) {
            match entry.step.command {
                Command::NarrowLink { dashboard: d, lock, .. } if d == dashboard => own = own.meet(lock),
                Command::Transfer { dashboard: d, .. }
                    if d == dashboard && !self.has(Fault::TransferWidensTheLink) =>
                {
                    let then = self.before(i);
                    let after = self.before(i + 1);
                    if let (Some(grant), None) = (then.link_hangs_on(d), after.link_hangs_on(d)) {
                        own = own.meet(then.bare_lock(grant));
                    }
                }
                _ => {}
            }
        }
        Some(own)
    }

    /// The locks of the link, the tenant's first (K12, K23).
    fn link_locks(self, dashboard: Dashboard) -> Vec<(Element, Lock)> {
        let hangs_on = self.link_hangs_on(dashboard);
        let own = self.link_own_lock(dashboard).unwrap_or(Lock::NONE);
        let mut path = vec![(Element::Tenant, self.rules(dashboard).link_lock)];
        path.push((Element::Tenant, self.tenants(dashboard, hangs_on.is_some())));
        path.extend(hangs_on.into_iter().flat_map(|grant| self.locks(grant)));
        path.push((Element::Link, own));
        path
    }

    pub(crate) fn link_lock(self, dashboard: Dashboard) -> Lock {
        let locks: Vec<Lock> = self.link_locks(dashboard).into_iter().map(|(_, lock)| lock).collect();
        lock::met(&locks)
    }

    /// Whether the link could show nothing, whatever its own lock (L8).
    pub(super) fn link_is_blank(self, dashboard: Dashboard) -> bool {
        let above = self.link_locks(dashboard).into_iter().filter(|(of, _)| *of != Element::Link);
        lock::met(&above.map(|(_, lock)| lock).collect::<Vec<_>>()).shows_nothing()
    }

    /// All ways in which somebody sees data of a device, whatever the question; or why there is none (D3, K14, K15).
    pub(crate) fn door(
        self,
        asker: Asker,
        dashboard: Dashboard,
        question: &Question,
        now: Instant,
    ) -> Result<Vec<Source>, &'static str> {
        let right = if question.export { Rights::EXPORT } else { Rights::VIEW };
        let sources = match asker {
            Asker::Visitor => {
                if question.export || self.open_link(dashboard, now).is_none() {
                    return Err("denied");
                }
                let ends = self.link_ends(dashboard).unwrap_or(now);
                vec![Source { by: By::Link, path: self.link_locks(dashboard), ends }]
            }
            Asker::Account(account) => {
                if !self.rights(account, dashboard, now).covers(right) {
                    return Err("denied");
                }
                let owns = self.owner(dashboard) == Some(account);
                let sources = self.ways(account, dashboard, right, now);
                if question.device >= lock::DEVICES {
                    return Err("device_not_shown");
                }
                let above = owns && self.has(Fault::OwnersAreAbovePolicies);
                if self.policies(dashboard).blind.have(account) && !above {
                    return Err("device_denied");
                }
                if sources.is_empty() {
                    return Err("device_not_allowed");
                }
                sources
            }
        };
        if question.device >= lock::DEVICES {
            return Err("device_not_shown");
        }
        Ok(sources)
    }

    /// The ways of an account that no policy denies it.
    fn ways(self, account: Account, dashboard: Dashboard, right: Rights, now: Instant) -> Vec<Source> {
        if self.owner(dashboard) == Some(account) {
            return vec![Source::open(By::Owner)];
        }
        let giving = self.giving(account, dashboard, right, now);
        let mut sources: Vec<Source> =
            giving.into_iter().map(|grant| self.of_grant(grant, dashboard)).collect();
        if right == Rights::EXPORT && self.has(Fault::ExportsGoByAnyGrant) {
            let viewing = self.giving(account, dashboard, Rights::VIEW, now);
            sources.extend(viewing.into_iter().map(|grant| self.of_grant(grant, dashboard)));
        }
        if self.has(Fault::LocksAreMixed) && sources.len() > 1 {
            // Each part from whichever shows most of it.
            let widest = sources.iter().flat_map(|source| source.path.iter().map(|(_, lock)| *lock));
            let last = widest.filter_map(|lock| lock.last).max();
            for (_, lock) in sources.iter_mut().flat_map(|source| &mut source.path) {
                lock.last = lock.last.and(last);
            }
        }
        if right == Rights::VIEW
            && self.let_in(account, dashboard)
            && self.policies(dashboard).sighted.have(account)
            && !self.has(Fault::LocksNarrowPolicies)
        {
            sources.push(Source::open(By::Policy));
        }
        sources
    }

    /// The account's live grants that count and give a right, the one that ends last first, of several the oldest.
    fn giving(self, account: Account, dashboard: Dashboard, right: Rights, now: Instant) -> Vec<Grant> {
        let mut giving: Vec<Grant> = self
            .held(account, dashboard, now)
            .filter(|grant| self.switched_on(*grant) && self.grant_rights(*grant, now).covers(right))
            .collect();
        giving.sort_by_key(|grant| std::cmp::Reverse(self.ends(*grant)));
        giving
    }

    /// All words that a denial may have: which of several causes is told is nobody's promise.
    pub(crate) fn causes(
        self,
        asker: Asker,
        dashboard: Dashboard,
        question: &Question,
        now: Instant,
    ) -> Vec<&'static str> {
        let sources = match self.door(asker, dashboard, question, now) {
            Ok(sources) => sources,
            Err(cause) => return vec![cause],
        };
        let mut causes: Vec<&'static str> = sources
            .iter()
            .map(|source| source.sieve(question, now).err().unwrap_or(Why::Outside).code())
            .collect();
        if !is_shown(question.device, question.variable) {
            causes.push("device_not_shown");
        }
        if question.is_empty() {
            causes.push("range_unreadable");
        }
        causes
    }

    /// Whether the locks let somebody see the device at all: what a device decision says before any question.
    pub(crate) fn passing(self, sources: Vec<Source>, device: u8) -> Vec<Source> {
        let passes = |source: &Source| lock::device_passes(&source.locks(), device).is_ok();
        sources.into_iter().filter(passes).collect()
    }

    /// Whether there is a variable and an instant of the device that the locks let somebody see now.
    fn showing(self, sources: Vec<Source>, device: u8, now: Instant) -> Vec<Source> {
        let shows = |source: &Source| lock::shows_some(&source.locks(), device, now);
        sources.into_iter().filter(shows).collect()
    }

    /// What each grant shows that gives an account something, the oldest first, and what a policy does.
    pub(crate) fn sights(
        self,
        account: Account,
        dashboard: Dashboard,
        now: Instant,
        ended: impl Fn(Grant) -> bool,
    ) -> Vec<Sight> {
        if self.denied(account, dashboard) {
            return Vec::new();
        }
        let giving = self.held(account, dashboard, now).filter(|grant| {
            self.switched_on(*grant) && self.grant_rights(*grant, now) != Rights::NONE && !ended(*grant)
        });
        let by_policy = self.let_in(account, dashboard).then_some((Rights::VIEW, Lock::NONE));
        giving
            .map(|grant| (self.grant_rights(grant, now), self.effective_lock(grant)))
            .chain(by_policy)
            .collect()
    }

    /// Who sees data of a device: the owner, and whoever holds a grant; and a visitor, unless it is about the past.
    pub(crate) fn viewers_of_device(
        self,
        people: impl IntoIterator<Item = Account>,
        dashboard: Dashboard,
        device: u8,
        now: Instant,
        is_past: bool,
    ) -> Option<DeviceViewers> {
        let owner = self.owner(dashboard)?;
        let question = Question::whole(device, 0);
        let holds =
            |account: &Account| *account == owner || self.held(*account, dashboard, now).next().is_some();
        let viewers = people.into_iter().filter(holds).filter_map(|account| {
            let sources = self.door(Asker::Account(account), dashboard, &question, now).ok()?;
            let passing = self.showing(sources, device, now);
            let ends = passing.iter().map(|source| source.ends).max()?;
            let sight = |source: &Source| match source.by {
                By::Owner => (Rights::ALL, Lock::NONE),
                By::Grant(grant) => (self.grant_rights(grant, now), self.effective_lock(grant)),
                By::Link | By::Policy => (Rights::VIEW, Lock::NONE),
            };
            Some((account, expiry_of(ends), passing.iter().map(sight).collect()))
        });
        let visits = self.door(Asker::Visitor, dashboard, &question, now);
        let seen = visits.is_ok_and(|sources| !self.showing(sources, device, now).is_empty()) && !is_past;
        Some((viewers.collect(), seen.then(|| self.link_lock(dashboard))))
    }

    /// Of several grants, first those that show all that is asked for (K19), then as for rights.
    pub(super) fn best_for(self, grants: &[Grant], asked: Lock) -> Option<Grant> {
        let showing: Vec<Grant> =
            (grants.iter().copied()).filter(|grant| asked.is_within(self.bare_lock(*grant))).collect();
        match showing.is_empty() || self.has(Fault::ParentsAreChosenWithoutLocks) {
            true => self.best(grants),
            false => self.best(&showing),
        }
    }

    /// When what admits a piece ends: the piece is seen for as long as one of them lasts.
    pub(crate) fn lasts(self, by: By, dashboard: Dashboard) -> Instant {
        match by {
            By::Owner | By::Policy => super::FOREVER,
            By::Grant(grant) => self.ends(grant),
            By::Link => self.link_ends(dashboard).unwrap_or_else(|| end_of(None)),
        }
    }
}

impl Question {
    /// All there is of a variable of a device.
    pub(crate) const fn whole(device: u8, variable: u8) -> Self {
        Self { export: false, device, variable, from: None, until: None, applies: true, site: Some(0) }
    }
}
