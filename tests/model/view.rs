//! The whole state of a dashboard at an instant, as both sides tell it.

use super::{
    Account, Dashboard, Expiry, Fault, Grant, Instant, Lock, Past, Rights, With, data::Sight, expiry_of,
};

/// Somebody who may do something, until when, and what each of its grants shows.
pub(crate) type Viewer = (Account, Rights, Expiry, Vec<Sight>);

/// What a list shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct View {
    pub(crate) owner: Account,
    pub(crate) grants: Vec<Line>,
    pub(crate) link: Option<LinkLine>,
}

/// A live grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    pub(crate) grant: Grant,
    pub(crate) grantor: Account,
    pub(crate) grantee: With,
    pub(crate) rights: Rights,
    pub(crate) reshare: bool,
    pub(crate) expiry: Expiry,
    pub(crate) ends: Expiry,
    pub(crate) path: Vec<Grant>,
    pub(crate) lock: Lock,
    pub(crate) effective_lock: Lock,
    pub(crate) shows_nothing: bool,
}

/// A link that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LinkLine {
    pub(crate) maker: Account,
    pub(crate) hangs_on: Option<Grant>,
    pub(crate) paused: bool,
    pub(crate) ends: Expiry,
    pub(crate) lock: Lock,
    pub(crate) effective_lock: Lock,
    pub(crate) shows_nothing: bool,
}

/// What the end of a grant would do (G15).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Impact {
    pub(crate) lose: Vec<Account>,
    pub(crate) keep: Vec<(Account, Rights)>,
    /// What those who keep something would still see, the owner left out.
    pub(crate) sights: Vec<(Account, Vec<Sight>)>,
    pub(crate) invitations: Vec<With>,
    pub(crate) link: bool,
}

impl View {
    /// Without what is told only as it is today: a question about the past is about who had what through whom.
    pub(crate) fn of_the_past(mut self) -> Self {
        self.link = None;
        for line in &mut self.grants {
            (line.expiry, line.ends, line.grantor) = (None, None, self.owner);
        }
        self
    }
}

impl Past<'_> {
    /// What the list of an instant shows now to somebody, `None` for who is no party (G16).
    pub(crate) fn view(
        self,
        (present, now): (Self, Instant),
        by: Account,
        dashboard: Dashboard,
        t: Instant,
    ) -> Option<View> {
        let owner = self.owner(dashboard)?;
        if !self.is_party(by, dashboard, t) || self.suspended(dashboard) {
            return None;
        }
        let above = self.standing(dashboard, t).filter(|grant| self.is_above(by, *grant));
        let grants = above.filter_map(|grant| {
            let terms = self.terms(grant);
            let mut line = Line {
                grant,
                grantor: self.grantor(grant).unwrap_or(owner),
                grantee: self.grantee(grant),
                rights: self.grant_rights(grant, t),
                reshare: terms.reshare,
                expiry: terms.expiry,
                ends: expiry_of(self.ends(grant)),
                path: self.path(grant),
                lock: terms.lock,
                effective_lock: self.effective_lock(grant),
                shows_nothing: self.effective_lock(grant).shows_nothing(),
            };
            // As long as its invitation waits for an answer, the sharers are told of the address, and that it lapses
            // (I1).
            let asker = if by == owner { present.owner(dashboard).unwrap_or(owner) } else { by };
            if present.is_unseen(asker, grant, now) {
                line.grantee = self.named(grant);
                line.ends = expiry_of(self.chain_end(grant).min(present.lapse(grant)));
                return (t < present.lapse(grant)).then_some(line);
            }
            Some(line)
        });
        let link = self.link_stands(dashboard, t).then(|| LinkLine {
            maker: self.link_maker(dashboard).unwrap_or(owner),
            hangs_on: self.link_hangs_on(dashboard),
            paused: self.link_paused(dashboard),
            ends: self.link_ends(dashboard).and_then(expiry_of),
            lock: self.link_own_lock(dashboard).unwrap_or(Lock::NONE),
            effective_lock: self.link_lock(dashboard),
            shows_nothing: self.link_lock(dashboard).shows_nothing(),
        });
        let sees_the_link = |link: &LinkLine| {
            by == owner || link.maker == by || link.hangs_on.is_some_and(|grant| self.is_above(by, grant))
        };
        Some(View { owner, grants: grants.collect(), link: link.filter(sees_the_link) })
    }

    /// Whether somebody is not told whose a grant is: whoever does not hold it itself.
    fn is_unseen(self, by: Account, grant: Grant, t: Instant) -> bool {
        self.waits_for_the_sharers(grant, t) && self.grantee(grant) != With::Account(by)
    }

    fn waits_for_the_sharers(self, grant: Grant, t: Instant) -> bool {
        self.waits(grant, t) && !self.has(Fault::SharersAreToldWhoHasTheAddress)
    }

    /// When the sharers are told that the grant ends.
    pub(super) fn shown_end(self, grant: Grant, t: Instant) -> Instant {
        if self.waits(grant, t) { self.chain_end(grant).min(self.lapse(grant)) } else { self.ends(grant) }
    }

    /// Who may do what at an instant and until when, the owner left out (D7).
    pub(crate) fn viewers(
        self,
        people: impl IntoIterator<Item = Account>,
        dashboard: Dashboard,
        t: Instant,
    ) -> Option<Vec<Viewer>> {
        let owner = self.owner(dashboard)?;
        let viewers = people.into_iter().filter(|account| *account != owner).filter_map(|account| {
            let (rights, _, ends, _) = self.shared_with(account, dashboard, t)?;
            let giving = self.held(account, dashboard, t).filter(|grant| self.switched_on(*grant));
            let sights = giving.map(|grant| (self.grant_rights(grant, t), self.effective_lock(grant)));
            Some((account, rights, ends, sights.filter(|(rights, _)| *rights != Rights::NONE).collect()))
        });
        Some(viewers.collect())
    }

    /// What is shared with an account and until when.
    pub(crate) fn shared_with(
        self,
        account: Account,
        dashboard: Dashboard,
        t: Instant,
    ) -> Option<(Rights, bool, Expiry, Vec<Sight>)> {
        if self.owner(dashboard)? == account || self.suspended(dashboard) || self.denied(account, dashboard) {
            return None;
        }
        let giving = self
            .held(account, dashboard, t)
            .filter(|grant| self.switched_on(*grant) && self.grant_rights(*grant, t) != Rights::NONE);
        let giving: Vec<Grant> = giving.collect();
        let ends = giving.iter().map(|grant| self.ends(*grant)).max()?;
        let reshare = if self.has(Fault::SharingIsPromisedInVain) {
            giving.iter().any(|grant| self.terms(*grant).reshare)
        } else {
            self.may_share(account, dashboard, t)
        };
        let sight = |grant: &Grant| (self.grant_rights(*grant, t), self.effective_lock(*grant).as_told());
        let sights = giving.iter().map(sight).collect();
        Some((self.shared_rights(account, dashboard, t, |_| false), reshare, expiry_of(ends), sights))
    }

    /// Who has something now and less of it at `until`.
    pub(crate) fn losing(
        self,
        people: impl IntoIterator<Item = Account>,
        dashboard: Dashboard,
        now: Instant,
        until: Instant,
    ) -> Option<Vec<Account>> {
        self.owner(dashboard)?;
        let loses = |account: &Account| {
            let (has, keeps) =
                (self.rights(*account, dashboard, now), self.rights(*account, dashboard, until));
            if self.has(Fault::OnlyWhoLosesAllIsLosing) {
                has != Rights::NONE && keeps == Rights::NONE
            } else {
                !keeps.covers(has)
                    || (self.may_share(*account, dashboard, now)
                        && !self.may_share(*account, dashboard, until))
            }
        };
        Some(people.into_iter().filter(loses).collect())
    }

    /// The grants that end by `until` and by whose ends somebody would lose something (G24), or that wait for an answer
    /// and lapse by then, unless it was told of that end before.
    pub(super) fn due(self, dashboard: Dashboard, now: Instant, until: Instant) -> Vec<(Grant, Instant)> {
        let told = |due: &(Grant, Instant)| self.entries().any(|(_, entry)| entry.reminded.contains(due));
        let person = |grant: Grant| match self.grantee(grant) {
            With::Account(account) => Some(account),
            With::Address(_) => None,
        };
        let loses =
            |grant: Grant, end| self.loses_by(grant, end) || self.has(Fault::WhoLosesNothingIsReminded);
        // A person is told once of an end, however many grants end then.
        let heard = |grant: Grant, end: Instant| {
            let told = self.entries().flat_map(|(i, entry)| entry.reminded.iter().map(move |told| (i, told)));
            // Also of one that ended since, when something else lasts as long.
            let as_holder = |i: usize, other: Grant| {
                person(other) == person(grant) && (self.before(i).loses_by(other, end) || loses(other, end))
            };
            told.into_iter().any(|(i, (other, at))| *at == end && (*other == grant || as_holder(i, *other)))
        };
        let mut all: Vec<(Grant, Instant)> = Vec::new();
        let mut losing: Vec<(Option<Account>, Instant)> = Vec::new();
        for grant in self.standing(dashboard, now) {
            let (end, lapses) = (self.ends(grant), self.shown_end(grant, now));
            // Nobody loses by the lapse of what gives nothing.
            let waits = self.waits_for_the_sharers(grant, now)
                && self.switched_on(grant)
                && self.grant_rights(grant, now) != Rights::NONE;
            let first = all.len();
            if waits && lapses <= until && !told(&(grant, lapses)) {
                all.push((grant, lapses));
            }
            if end <= until
                && loses(grant, end)
                && !heard(grant, end)
                && !losing.contains(&(person(grant), end))
            {
                losing.push((person(grant), end));
                // Both at the same instant are one end.
                if !all[first..].contains(&(grant, end)) {
                    all.push((grant, end));
                }
            }
        }
        all
    }

    /// Whether the grant's holder would lose by its end something that it gives.
    fn loses_by(self, grant: Grant, end: Instant) -> bool {
        let dashboard = self.born(grant).1.dashboard;
        let With::Account(account) = self.grantee(grant) else {
            return false;
        };
        let (has, keeps) = (self.rights(account, dashboard, end - 1), self.rights(account, dashboard, end));
        let lost = has.without(keeps).and(self.grant_rights(grant, end - 1));
        let loses_sharing = self.terms(grant).reshare
            && self.may_share(account, dashboard, end - 1)
            && !self.may_share(account, dashboard, end);
        lost != Rights::NONE || loses_sharing
    }

    /// What the end of a grant would do, told by the state without it.
    pub(crate) fn impact(self, by: Account, grant: Grant, t: Instant) -> Impact {
        let dashboard = self.born(grant).1.dashboard;
        let falls = |g: Grant| g == grant || self.is_below(g, grant);
        let mut impact = Impact {
            lose: Vec::new(),
            keep: Vec::new(),
            sights: Vec::new(),
            invitations: Vec::new(),
            link: false,
        };
        let mut touched: Vec<With> = Vec::new();
        for g in self.standing(dashboard, t).filter(|g| falls(*g)) {
            let grantee = if self.is_unseen(by, g, t) { self.named(g) } else { self.grantee(g) };
            match grantee {
                With::Address(_) => impact.invitations.push(grantee),
                With::Account(_) if self.switched_on(g) && self.grant_rights(g, t) != Rights::NONE => {
                    touched.push(grantee);
                }
                With::Account(_) => {}
            }
        }
        impact.invitations.sort_unstable();
        impact.invitations.dedup();
        touched.sort_unstable();
        touched.dedup();
        for who in touched {
            let With::Account(account) = who else { continue };
            // What was bound to it at once is not told of either, as if its address were somebody else's (I1).
            let unseen = |g: Grant| self.is_unseen(by, g, t);
            let mut kept = self.rights_without(account, dashboard, t, |g| falls(g) || unseen(g));
            if self.has(Fault::KeepingForgetsPolicies) {
                let rest = self.held(account, dashboard, t).filter(|g| !falls(*g) && self.switched_on(*g));
                let shared = rest.fold(Rights::NONE, |rights, g| rights.or(self.grant_rights(g, t)));
                kept = if shared == Rights::NONE { kept } else { shared };
            }
            // Whom a policy denies the dashboard has nothing to lose, and keeps nothing.
            if kept != Rights::NONE {
                impact.keep.push((account, kept));
                if self.owner(dashboard) != Some(account) {
                    let sights = self.sights(account, dashboard, t, |g| falls(g) || unseen(g));
                    impact.sights.push((account, sights));
                }
            } else if self.rights_without(account, dashboard, t, unseen) != Rights::NONE {
                impact.lose.push(account);
            }
        }
        impact.link = self.link_stands(dashboard, t) && self.link_hangs_on(dashboard).is_some_and(falls);
        impact
    }
}
