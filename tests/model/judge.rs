//! What the model makes of a command: accepted, with what came of it, or refused.

use std::collections::BTreeSet;

use super::{
    Account, Command, DASHBOARDS, DAY, Dashboard, Entry, Expiry, FOREVER, Fault, Grant, Instant, Issued,
    Lock, Mode, Model, Past, Rights, Step, Terms, With, end_of, expiry_of, index, lock::Form,
};

/// A refusal's stable code.
pub(super) type Code = &'static str;

/// What came of an accepted command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The grant that answers a share, or that a transfer keeps for the old owner.
    pub(crate) grant: Option<Grant>,
    /// The share stood already.
    pub(crate) standing: bool,
    /// What else the named person or address holds from the sharer, the oldest first.
    pub(crate) others: Vec<Grant>,
    /// When what was shared, amended or linked ends.
    pub(crate) ends: Option<Expiry>,
    /// The old and the new label of each grant that a rebind re-issued, the oldest first.
    pub(crate) rebound: Vec<(Grant, Grant)>,
    /// The grants that were live before the command and are not after it, the oldest first.
    pub(crate) fell: Vec<Grant>,
    /// Whether the link died with them.
    pub(crate) link_fell: bool,
    /// The grants of whose ends somebody is told, the oldest first.
    pub(crate) reminded: Vec<Grant>,
    /// How much of the data shows what was shared or linked, and the own lock of what was amended.
    pub(crate) lock: Option<Lock>,
    /// After a claim: what the account holds by invitation to that address, the oldest first.
    pub(crate) bound: Vec<Grant>,
    /// After a claim: the invitations that ended in place of binding, the oldest first.
    pub(crate) ended: Vec<Grant>,
}

/// What an accepted command writes.
#[derive(Default)]
struct Effect {
    issued: Vec<Issued>,
    hangs_on: Option<Grant>,
    standing: Option<Grant>,
    reminded: Vec<(Grant, Instant)>,
}

/// Where a grant is to be, and when it would end there.
#[derive(Clone, Copy)]
struct Place {
    dashboard: Dashboard,
    /// The resharer who makes it; none for the owner's.
    by: Option<Account>,
    depth: usize,
    end: Instant,
}

/// A grant as the limits count it.
#[derive(Clone, Copy)]
struct Counted {
    by: Option<Account>,
    grantee: With,
    waits: bool,
}

/// All the codes that a refusal may carry: where two reasons apply, the order of the checks is nobody's promise.
type Refusals = Vec<Code>;

impl Model {
    /// Plays the command and keeps it if it is accepted.
    pub(crate) fn play(&mut self, mut step: Step) -> Result<Outcome, Refusals> {
        let past = self.past();
        if step.host {
            step.command = past.in_the_owners_place(step.command);
        }
        // What was taken is written down as the transfer that it is.
        if let Command::TakeTransfer { dashboard, account } = step.command {
            if !past.account_exists(account) {
                // Which of it an account that is gone is told is nobody's promise.
                return Err(vec!["unknown_account", "unknown_dashboard", "no_transfer", "suspended"]);
            }
            step.command = past.taken(dashboard, account, step.at)?;
            if past.suspended(dashboard) {
                return Err(vec!["suspended"]);
            }
        }
        let effect = past.judge(step)?;
        let mut outcome = Outcome {
            grant: effect.standing.or(effect.issued.first().map(|issued| issued.grant)),
            standing: effect.standing.is_some(),
            reminded: effect
                .reminded
                .iter()
                .map(|(grant, _)| *grant)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            rebound: (effect.issued.iter())
                .filter_map(|issued| Some((issued.replaces?, issued.grant)))
                .collect(),
            ..Outcome::default()
        };
        let (stood, links) = match step.command {
            Command::Revoke { .. }
            | Command::StopSharing { .. }
            | Command::Renounce { .. }
            | Command::Claim { .. }
            | Command::Amend { .. }
            | Command::SetShare { .. }
            | Command::DeleteAccount { .. }
            | Command::DeleteDashboard { .. }
            | Command::Transfer { .. } => (past.everything_standing(step.at), past.links(step.at)),
            _ => Default::default(),
        };
        if !outcome.rebound.is_empty() {
            outcome.grant = None;
        }
        self.places.resize(index(step.n), 0);
        self.places.push(self.log.len() + 1);
        self.log.push(Entry {
            step,
            issued: effect.issued,
            hangs_on: effect.hangs_on,
            repeated: effect.standing,
            reminded: effect.reminded,
        });

        let past = self.past();
        let stands = past.everything_standing(step.at);
        let fell: Vec<Grant> = stood.into_iter().filter(|grant| !stands.contains(grant)).collect();
        let link_fell = links.iter().any(|link| !past.links(step.at).contains(link));
        match step.command {
            Command::Share { dashboard, by, with, .. } => {
                outcome.ends = outcome.grant.map(|grant| expiry_of(past.chain_end(grant)));
                outcome.lock = outcome.grant.map(|grant| past.effective_lock(grant));
                outcome.others = past.given(by, with, dashboard, step.at).collect();
                outcome.others.retain(|other| Some(*other) != outcome.grant);
            }
            Command::SetShare { .. } => {
                outcome.ends = outcome.grant.map(|grant| expiry_of(past.chain_end(grant)));
                outcome.lock = outcome.grant.map(|grant| past.effective_lock(grant));
                outcome.fell = fell;
            }
            Command::RotateLink { dashboard, .. } | Command::MoveLinkEnd { dashboard, .. } => {
                outcome.ends = past.link_ends(dashboard).map(expiry_of);
                if matches!(step.command, Command::RotateLink { .. }) {
                    outcome.lock = Some(past.link_lock(dashboard));
                }
            }
            Command::NarrowLink { dashboard, .. } => outcome.lock = past.link_own_lock(dashboard),
            Command::Amend { grant, by, .. } => {
                // Nothing is hidden from the host, and from whoever holds it itself.
                let is_told = step.host || past.belongs_to(grant, by);
                let end = if is_told { past.ends(grant) } else { past.shown_end(grant, step.at) };
                outcome.ends = Some(expiry_of(end));
                outcome.lock = Some(past.terms(grant).lock);
                outcome.fell = fell;
            }
            Command::Claim { account, address } => {
                outcome.ended = fell;
                outcome.bound = stands;
                outcome.bound.retain(|grant| {
                    past.belongs_to(*grant, account)
                        && past.invited(*grant) == Some(address)
                        // Of a suspended dashboard nothing is told (G25).
                        && !past.suspended(past.born(*grant).1.dashboard)
                });
            }
            Command::Transfer { .. } => outcome.fell = fell,
            _ => {
                outcome.fell = fell;
                outcome.link_fell = link_fell;
            }
        }
        Ok(outcome)
    }
}

impl Past<'_> {
    /// The command as the owner of what it is about would give it.
    fn in_the_owners_place(self, command: Command) -> Command {
        let owner = self.about(command).and_then(|dashboard| self.owner(dashboard));
        // Nobody has this number.
        command.given_by(owner.unwrap_or(Account(u8::MAX)))
    }

    fn judge(self, step: Step) -> Result<Effect, Refusals> {
        let judged = self.judge_open(step);
        // A grant that never was is named on some dashboard, which may be suspended.
        let about = self.about(step.command);
        let suspended = about.map_or_else(
            || {
                matches!(
                    step.command,
                    Command::RemindInvitation { .. } | Command::Amend { .. } | Command::Revoke { .. }
                )
            },
            |dashboard| self.suspended(dashboard),
        );
        // The host hands a dashboard over whatever it has suspended.
        let is_hosts = step.host && matches!(step.command, Command::Transfer { .. });
        if !suspended || is_hosts || self.withdraws(step.command) {
            return judged;
        }
        match judged {
            // Whoever is no party learns nothing of it.
            Err(codes) if codes.contains(&"unknown_dashboard") => Err(codes),
            Err(codes) => Err([codes, vec!["suspended"]].concat()),
            Ok(_) => Err(vec!["suspended"]),
        }
    }

    /// The one dashboard that a command is about.
    fn about(self, command: Command) -> Option<Dashboard> {
        match command {
            Command::Amend { grant, .. }
            | Command::Revoke { grant, .. }
            | Command::Renounce { grant, .. }
            | Command::RemindInvitation { grant, .. } => {
                self.birth(grant).map(|(_, issued)| issued.dashboard)
            }
            Command::Share { dashboard, .. }
            | Command::SetShare { dashboard, .. }
            | Command::StopSharing { dashboard, .. }
            | Command::Transfer { dashboard, .. }
            | Command::OfferTransfer { dashboard, .. }
            | Command::TakeTransfer { dashboard, .. }
            | Command::DeclineTransfer { dashboard, .. }
            | Command::RotateLink { dashboard, .. }
            | Command::NarrowLink { dashboard, .. }
            | Command::PauseLink { dashboard, .. }
            | Command::ResumeLink { dashboard, .. }
            | Command::MoveLinkEnd { dashboard, .. }
            | Command::WithdrawLink { dashboard, .. }
            | Command::Remind { dashboard, .. }
            | Command::DeleteDashboard { dashboard, .. } => Some(dashboard),
            Command::Join { .. }
            | Command::Verify { .. }
            | Command::Leave { .. }
            | Command::Register { .. }
            | Command::SetRules { .. }
            | Command::SetPolicies { .. }
            | Command::Claim { .. }
            | Command::Suspend { .. }
            | Command::Resume { .. }
            | Command::DeleteAccount { .. }
            | Command::Wait => None,
        }
    }

    /// Whether a command only takes away, as a suspended dashboard still lets (G25).
    fn withdraws(self, command: Command) -> bool {
        match command {
            Command::Amend { grant, expiry, .. } => {
                self.birth(grant).is_some() && expiry.is_none_or(|expiry| !self.prolongs(grant, expiry))
            }
            Command::MoveLinkEnd { dashboard, expiry, .. } => {
                self.link_expiry(dashboard).is_some_and(|stands| end_of(expiry) <= end_of(stands))
            }
            Command::Revoke { mode, .. } => mode == Mode::Cascade,
            Command::Renounce { .. }
            | Command::StopSharing { .. }
            | Command::DeclineTransfer { .. }
            | Command::PauseLink { .. }
            | Command::NarrowLink { .. }
            | Command::WithdrawLink { .. }
            | Command::DeleteDashboard { .. } => true,
            _ => false,
        }
    }

    /// The transfer that taking a dashboard over comes to.
    fn taken(self, dashboard: Dashboard, account: Account, t: Instant) -> Result<Command, Refusals> {
        let Some(by) = self.owner(dashboard) else {
            return Err(vec!["unknown_dashboard"]);
        };
        match self.asked_to_take(dashboard, t) {
            Some((to, keep)) if to == account => Ok(Command::Transfer { dashboard, by, to, keep }),
            _ => Err(self.no_transfer(account, dashboard, t)),
        }
    }

    /// What somebody learns who is not asked.
    fn no_transfer(self, account: Account, dashboard: Dashboard, t: Instant) -> Refusals {
        match self.party(account, dashboard, t) {
            Ok(_) if self.suspended(dashboard) => vec!["no_transfer", "suspended"],
            Ok(_) => vec!["no_transfer"],
            Err(codes) => codes,
        }
    }

    fn judge_open(self, step: Step) -> Result<Effect, Refusals> {
        let t = step.at;
        match step.command {
            Command::Wait => Ok(Effect::default()),
            Command::Remind { dashboard, until } => match self.owner(dashboard) {
                None => Err(vec!["unknown_dashboard"]),
                Some(_) => {
                    let reminded = self.due(dashboard, t, until);
                    Ok(Effect { reminded, ..Effect::default() })
                }
            },
            Command::Join { account } => {
                // A host never gives an id twice.
                let used = self
                    .entries()
                    .any(|(_, e)| matches!(e.step.command, Command::Join { account: a } if a == account));
                accept_unless(vec![(used, "already_exists")])
            }
            Command::Verify { account, .. } | Command::Leave { account, .. } => {
                accept_unless(vec![(!self.account_exists(account), "unknown_account")])
            }
            // Repeating it is no error.
            Command::Register { dashboard, owner } => accept_unless(vec![(
                self.owner(dashboard).is_some_and(|known| known != owner),
                "already_exists",
            )]),
            Command::SetRules { .. } | Command::SetPolicies { .. } => Ok(Effect::default()),
            Command::Share { dashboard, by, with, rights, reshare, expiry, lock, parent } => {
                let terms = Terms { rights, reshare, expiry, lock };
                self.judge_share(step, dashboard, by, with, terms, parent)
            }
            Command::SetShare { dashboard, by, with, rights, reshare, expiry, lock, parent } => {
                let terms = Terms { rights, reshare, expiry, lock };
                self.judge_share(step, dashboard, by, with, terms, parent)
            }
            Command::RemindInvitation { grant, by } => {
                self.has_power_over(t, grant, by)?;
                if self.waits(grant, t) {
                    self.asks_to_wait_anew(t, grant, by)?;
                    Ok(Effect { standing: Some(grant), ..Effect::default() })
                } else {
                    Err(vec!["not_waiting"])
                }
            }
            Command::Amend { grant, by, rights, reshare, expiry, narrow } => {
                self.judge_amend(t, (grant, by), rights, reshare, expiry, narrow)
            }
            Command::Revoke { grant, by, mode } => {
                self.has_power_over(t, grant, by)?;
                let issued = match mode {
                    Mode::Cascade => Vec::new(),
                    Mode::Rebind => self.reissue(step, grant),
                };
                Ok(Effect { issued, ..Effect::default() })
            }
            Command::StopSharing { dashboard, by, .. } => {
                self.party(by, dashboard, t)?;
                Ok(Effect::default())
            }
            Command::Renounce { grant, by } => {
                self.renounce(t, grant, by)?;
                Ok(Effect::default())
            }
            Command::Claim { account, address } => accept_unless(vec![
                (!self.account_exists(account), "unknown_account"),
                (self.verified_by(address) != Some(account), "email_not_verified"),
            ]),
            Command::Transfer { dashboard, by, to, keep } => {
                self.judge_transfer(step, dashboard, by, to, keep)
            }
            Command::OfferTransfer { dashboard, by, to, keep } => {
                // What the host asks in the owner's place is asked as the owner's; only what it hands over goes past the rules.
                self.judge_transfer(Step { host: false, ..step }, dashboard, by, to, keep).map_err(
                    |mut codes| {
                        refuse(&mut codes, step.host && !self.account_exists(to), "unknown_account");
                        codes
                    },
                )?;
                Ok(Effect::default())
            }
            Command::TakeTransfer { .. } => unreachable!("it was written down as a transfer"),
            Command::DeclineTransfer { dashboard, account } => {
                let asked = self
                    .asked_to_take(dashboard, t)
                    .filter(|(to, _)| *to == account || self.owner(dashboard) == Some(account));
                match asked {
                    Some(_) => Ok(Effect::default()),
                    None => Err(self.no_transfer(account, dashboard, t)),
                }
            }
            Command::Suspend { dashboard } | Command::Resume { dashboard } => {
                accept_unless(vec![(self.owner(dashboard).is_none(), "unknown_dashboard")])
            }
            Command::DeleteDashboard { dashboard, by } => match by {
                Some(by) => self.only_the_owner(by, dashboard, t),
                None => accept_unless(vec![(self.owner(dashboard).is_none(), "unknown_dashboard")]),
            },
            Command::DeleteAccount { account } => {
                let owns = self.dashboards().any(|d| self.owner(d) == Some(account));
                accept_unless(vec![(owns, "owns_dashboards")])
            }
            Command::RotateLink { dashboard, by, expiry, lock } => {
                self.judge_rotate(t, dashboard, by, expiry, lock)
            }
            Command::NarrowLink { dashboard, by, lock } => {
                self.has_power_over_link(t, dashboard, by)?;
                let mut refusals = Vec::new();
                let stands = self.link_own_lock(dashboard).unwrap_or(Lock::NONE);
                check_narrowed(&mut refusals, stands, lock);
                if refusals.is_empty() { Ok(Effect::default()) } else { Err(refusals) }
            }
            Command::PauseLink { dashboard, by } | Command::WithdrawLink { dashboard, by } => {
                self.has_power_over_link(t, dashboard, by)?;
                Ok(Effect::default())
            }
            Command::MoveLinkEnd { dashboard, by, expiry } => self.judge_link_end(t, dashboard, by, expiry),
            Command::ResumeLink { dashboard, by } => {
                self.has_power_over_link(t, dashboard, by)?;
                // What is not paused needs nothing to go on.
                if !self.link_paused(dashboard) {
                    return Ok(Effect::default());
                }
                let rules = self.rules(dashboard);
                let by_grantee = self.link_hangs_on(dashboard).is_some();
                let owners = self.link_paused_by_the_owner(dashboard)
                    && self.owner(dashboard) != Some(by)
                    && !self.has(Fault::AMakerResumesWhatTheOwnerPaused);
                accept_unless(vec![
                    (owners, "not_yours"),
                    (!rules.public, "public_sharing_off"),
                    (self.link_is_blank(dashboard), "setup_incomplete"),
                    (by_grantee && !rules.private, "private_sharing_off"),
                    (by_grantee && !rules.resharing, "resharing_off"),
                ])
            }
        }
    }

    fn everything_standing(self, t: Instant) -> Vec<Grant> {
        let standing = |grant: &Grant| self.live(*grant, t) && !self.absorbed(*grant);
        self.grants().map(|issued| issued.grant).filter(standing).collect()
    }

    /// The steps that made the links which stand.
    fn links(self, t: Instant) -> Vec<u32> {
        let standing = (0..DASHBOARDS).map(Dashboard).filter(|d| self.link_stands(*d, t));
        standing.filter_map(|d| Some(self.link(d)?.1.step.n)).collect()
    }

    fn dashboards(self) -> impl Iterator<Item = Dashboard> {
        self.entries().filter_map(|(_, entry)| match entry.step.command {
            Command::Register { dashboard, .. } => Some(dashboard),
            _ => None,
        })
    }

    /// Who is no party gets the answer for a dashboard that does not exist (G7).
    fn party(self, by: Account, dashboard: Dashboard, t: Instant) -> Result<Account, Refusals> {
        match self.owner(dashboard) {
            Some(owner) if self.is_party(by, dashboard, t) => Ok(owner),
            _ => Err(vec!["unknown_dashboard"]),
        }
    }

    fn only_the_owner(self, by: Account, dashboard: Dashboard, t: Instant) -> Result<Effect, Refusals> {
        let owner = self.party(by, dashboard, t)?;
        accept_unless(vec![(owner != by, "not_owner")])
    }

    /// G1, G6, G7, G17, G20.
    fn judge_share(
        self,
        step: Step,
        dashboard: Dashboard,
        by: Account,
        with: With,
        terms: Terms,
        named: Option<Grant>,
    ) -> Result<Effect, Refusals> {
        let t = step.at;
        let owner = self.party(by, dashboard, t)?;
        let holder = match with {
            With::Account(_) => with,
            With::Address(address) => self.verified_by(address).map_or(with, With::Account),
        };
        let mut refusals = Vec::new();
        if let With::Account(account) = holder {
            refuse(&mut refusals, !self.account_exists(account), "unknown_account");
        }
        refuse(&mut refusals, terms.rights == Rights::NONE, "empty_rights");
        check_written(&mut refusals, terms.lock);
        refuse(&mut refusals, holder == With::Account(by), "to_self");
        // A resharer learns of no address that it is the owner's (I1).
        let named_owner = if by == owner || self.has(Fault::TheOwnersAddressIsTold) { holder } else { with };
        refuse(&mut refusals, named_owner == With::Account(owner), "to_owner");
        let parent = if by == owner {
            // The owner holds no grant that it could name.
            refuse(&mut refusals, named.is_some(), "unknown_grant");
            None
        } else {
            match self.choose_parent((by, dashboard), t, terms.rights, terms.lock, named) {
                Ok(parent) => Some(parent),
                Err(code) => {
                    refusals.push(code);
                    None
                }
            }
        };
        if !refusals.is_empty() {
            return Err(refusals);
        }

        let end = end_of(terms.expiry);
        let parents_end = parent.map(|parent| self.chain_end(parent));
        let new_end = end.min(parents_end.unwrap_or(end));
        let bound = self.bound_lock(parent);
        // What is set in place of more than itself is made anew.
        let replaces = matches!(step.command, Command::SetShare { .. });
        let set_anew = replaces && self.given(by, with, dashboard, t).count() > 1;
        let mut standing = self.given(by, with, dashboard, t).filter(|grant| {
            let mut stands = self.terms(*grant);
            if self.has(Fault::StandingForgetsLocks) {
                stands.lock = terms.lock;
            }
            stands == terms
                // A narrowed path gives less than a new grant would.
                && self.grant_rights(*grant, t) == terms.rights
                // And a narrowed one shows less (K19).
                && bound.meet(terms.lock).is_within(self.bare_lock(*grant))
                && match named {
                    Some(_) => self.parent(*grant) == named,
                    None => self.chain_end(*grant) >= new_end,
                }
        });
        if !self.has(Fault::RepeatingMakesAnother)
            && !set_anew
            && let Some(grant) = standing.next()
        {
            self.asks_to_wait_anew(t, grant, by)?;
            return Ok(Effect { standing: Some(grant), ..Effect::default() });
        }

        let shows = self.tenants(dashboard, parent.is_some()).meet(bound).meet(terms.lock);
        refuse(
            &mut refusals,
            shows.shows_nothing() && !self.has(Fault::EmptyPathsAreAccepted),
            "lock_shows_nothing",
        );
        refuse(&mut refusals, self.denied(by, dashboard), "policy_denies");
        // One invitation of an address from one sharer (G23), whether it waits or found an account (I1).
        let in_the_way = |grant: Grant| {
            self.unanswered(grant) && (self.is_pending(grant) || !self.has(Fault::OnlyWhatWaitsIsInTheWay))
        };
        refuse(
            &mut refusals,
            self.given(by, with, dashboard, t).any(in_the_way)
                && !replaces
                && !self.has(Fault::AnAddressIsInvitedTwice),
            "already_invited",
        );
        let place = Place {
            dashboard,
            by: parent.map(|_| by),
            depth: 1 + parent.map_or(0, |parent| self.depth(parent)),
            end: new_end,
        };
        refusals.extend(self.asks(t, place, with));
        let counted = self.counted(dashboard, t, |grant| {
            replaces && self.named(grant) == with && self.grantor(grant) == Some(by)
        });
        refusals.extend(self.too_many(&counted, place, with));
        refuse(&mut refusals, end <= t, "expiry_past");
        refuse(
            &mut refusals,
            parents_end.is_some_and(|parents_end| end > parents_end)
                && terms.expiry.is_some()
                && !self.has(Fault::LateEndsAreAccepted),
            "ends_too_late",
        );
        if !refusals.is_empty() {
            return Err(refusals);
        }
        // What its account could not be given waits for it, as it would without an account (I1).
        let bound = match holder {
            With::Account(account) => {
                account != owner
                    && self.asks(t, place, self.asked_for(account, with)).is_empty()
                    && self.too_many(&counted, place, holder).is_empty()
            }
            With::Address(_) => false,
        };
        let grantee = if bound { holder } else { with };
        Ok(Effect {
            issued: vec![Issued {
                grant: Grant::of(step.n, 0),
                dashboard,
                parent,
                named: with,
                grantee,
                terms,
                replaces: None,
            }],
            ..Effect::default()
        })
    }

    /// What a tenant's rules have against a grant, whatever command makes it (G20).
    fn asks(self, t: Instant, place: Place, with: With) -> Vec<Code> {
        let Place { dashboard, by, depth, end } = place;
        let rules = self.rules(dashboard);
        let mut refusals = Vec::new();
        let is_denied = by.is_some_and(|by| self.denied(by, dashboard));
        refuse(&mut refusals, is_denied, "policy_denies");
        refuse(&mut refusals, !rules.private, "private_sharing_off");
        refuse(&mut refusals, depth > 1 && !rules.resharing, "resharing_off");
        let deepest = rules.deepest() + usize::from(self.has(Fault::OneLevelTooDeep));
        refuse(&mut refusals, depth > deepest, "too_deep");
        refuse(&mut refusals, !self.domain_admitted(dashboard, with), "domain_blocked");
        refuse(&mut refusals, end > self.longest(dashboard, t), "over_maximum");
        refusals
    }

    /// The latest end that the tenant allows what is given now.
    fn longest(self, dashboard: Dashboard, t: Instant) -> Instant {
        self.rules(dashboard).max_days.map_or(FOREVER, |days| t + Instant::from(days) * DAY)
    }

    /// The live grants of a dashboard but for some, as the limits count them.
    fn counted(self, dashboard: Dashboard, t: Instant, gone: impl Fn(Grant) -> bool) -> Vec<Counted> {
        let count = |grant: Grant| Counted {
            by: self.resharer(grant),
            grantee: self.grantee(grant),
            waits: self.waits(grant, t),
        };
        self.standing(dashboard, t).filter(|grant| !gone(*grant)).map(count).collect()
    }

    fn resharer(self, grant: Grant) -> Option<Account> {
        self.parent(grant).and_then(|_| self.grantor(grant))
    }

    /// What the limits have against one more grant beside those that are counted (G23).
    fn too_many(self, counted: &[Counted], place: Place, with: With) -> Vec<Code> {
        let limits = self.rules(place.dashboard).limits;
        let mut refusals = Vec::new();
        if self.has(Fault::NothingIsLimited) {
            return refusals;
        }
        let many = |which: &dyn Fn(&Counted) -> bool| counted.iter().filter(|it| which(it)).count();
        let of_person = match with {
            With::Account(_) => many(&|it| it.grantee == with),
            With::Address(_) => 0,
        };
        refuse(&mut refusals, of_person >= limits.of_person.into(), "too_many_grants");
        refuse(&mut refusals, counted.len() >= limits.grants.into(), "dashboard_full");
        let shared_on = place.by.map_or(0, |by| many(&|it| it.by == Some(by)));
        refuse(&mut refusals, shared_on >= limits.shared_on.into(), "too_many_shares");
        let invites = matches!(with, With::Address(_));
        let waiting = many(&|it| it.waits && it.by == place.by);
        refuse(&mut refusals, invites && waiting >= limits.invitations.into(), "too_many_invitations");
        refusals
    }

    /// Whether `share` would give the account now what it was invited to, after the older invitations that the same
    /// claim binds.
    pub(super) fn may_be_bound(self, t: Instant, grant: Grant, account: Account) -> bool {
        let (_, issued) = self.born(grant);
        let place = Place {
            dashboard: issued.dashboard,
            by: self.resharer(grant),
            depth: self.depth(grant),
            end: self.chain_end(grant),
        };
        let address = self.invited(grant);
        let before = self.standing(issued.dashboard, t).filter(|older| {
            *older < grant
                && self.is_pending(*older)
                && self.invited(*older) == address
                && !self.comes_back_to(account, *older)
                && self.may_be_bound(t, *older, account)
        });
        let held = self.held(account, issued.dashboard, t).count() + before.count();
        self.asks(t, place, self.asked_for(account, issued.named)).is_empty()
            && (held < usize::from(self.rules(issued.dashboard).limits.of_person)
                || self.has(Fault::NothingIsLimited))
    }

    /// An invitation that is asked for once more waits for longer, which the rules are asked as a share (G20), whether or
    /// not an account has the address (I1).
    fn asks_to_wait_anew(self, t: Instant, grant: Grant, by: Account) -> Result<(), Refusals> {
        if !self.waits(grant, t) || self.has(Fault::RepeatingProlongsNoWait) {
            return Ok(());
        }
        let place = Place {
            dashboard: self.born(grant).1.dashboard,
            // Who prolongs is asked as who gives.
            by: Some(by),
            depth: self.depth(grant),
            end: self.chain_end(grant),
        };
        let refusals = self.asks(t, place, self.named(grant));
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    /// Whose domains are asked where an address is bound to an account: the account's, as if it was named.
    fn asked_for(self, account: Account, named: With) -> With {
        if self.has(Fault::AddressesAreBoundUnasked) { named } else { With::Account(account) }
    }

    /// What somebody has given to whom it named so, the oldest first (G17).
    fn given(self, by: Account, with: With, dashboard: Dashboard, t: Instant) -> impl Iterator<Item = Grant> {
        let holder = match with {
            With::Address(address) => self.verified_by(address).map_or(with, With::Account),
            With::Account(_) => with,
        };
        self.standing(dashboard, t).filter(move |grant| {
            let is_meant = if self.has(Fault::StandingGoesByTheHolder) {
                self.grantee(*grant) == holder
            } else {
                self.named(*grant) == with && !self.waited(*grant, t)
            };
            is_meant && self.grantor(*grant) == Some(by)
        })
    }

    /// G6, and the longest duration of G20.
    fn judge_end(
        self,
        refusals: &mut Refusals,
        t: Instant,
        dashboard: Dashboard,
        expiry: Expiry,
        parents_end: Option<Instant>,
    ) {
        let end = end_of(expiry);
        refuse(refusals, end <= t, "expiry_past");
        if let Some(parents_end) = parents_end {
            refuse(
                refusals,
                expiry.is_some() && end > parents_end && !self.has(Fault::LateEndsAreAccepted),
                "ends_too_late",
            );
        }
        self.judge_duration(refusals, t, dashboard, expiry, parents_end);
    }

    fn judge_duration(
        self,
        refusals: &mut Refusals,
        t: Instant,
        dashboard: Dashboard,
        expiry: Expiry,
        parents_end: Option<Instant>,
    ) {
        if let Some(days) = self.rules(dashboard).max_days {
            let end = end_of(expiry).min(parents_end.unwrap_or(end_of(expiry)));
            refuse(refusals, end > t + Instant::from(days) * DAY, "over_maximum");
        }
    }

    /// G7: the grant that the actor shares on from.
    fn choose_parent(
        self,
        (by, dashboard): (Account, Dashboard),
        t: Instant,
        rights: Rights,
        lock: Lock,
        named: Option<Grant>,
    ) -> Result<Grant, Code> {
        let reshares = |grant: Grant| self.terms(grant).reshare || self.has(Fault::ReshareRightIsIgnored);
        if let Some(parent) = named {
            if !self.held(by, dashboard, t).any(|g| g == parent) {
                return Err("unknown_grant");
            }
            return if !reshares(parent) {
                Err("no_reshare_right")
            } else if !self.grant_rights(parent, t).covers(rights) {
                Err("exceeds_own_rights")
            } else {
                Ok(parent)
            };
        }
        let held: Vec<Grant> = self.held(by, dashboard, t).filter(|g| reshares(*g)).collect();
        if held.is_empty() {
            return Err("no_reshare_right");
        }
        if self.has(Fault::ParentsAreMixed)
            && self.rights(by, dashboard, t).covers(rights)
            && let Some(first) = held.first()
        {
            return Ok(*first);
        }
        let covering: Vec<Grant> =
            held.into_iter().filter(|grant| self.grant_rights(*grant, t).covers(rights)).collect();
        self.best_for(&covering, lock).ok_or("exceeds_own_rights")
    }

    /// Of several grants the one that ends last, then the shallowest, then the oldest (which comes first).
    pub(super) fn best(self, grants: &[Grant]) -> Option<Grant> {
        let mut best = *grants.first()?;
        if self.has(Fault::TheFirstParentCounts) {
            return Some(best);
        }
        for &grant in grants {
            let (end, best_end) = (self.chain_end(grant), self.chain_end(best));
            if end > best_end || (end == best_end && self.depth(grant) < self.depth(best)) {
                best = grant;
            }
        }
        Some(best)
    }

    /// G12: the owner, or the grantee of an ancestor.
    fn has_power_over(self, t: Instant, grant: Grant, by: Account) -> Result<(Dashboard, Account), Refusals> {
        let Some((_, issued)) = self.birth(grant) else {
            return Err(vec!["unknown_grant"]);
        };
        let revivable = self.has(Fault::ProlongingRevives) && self.is_party(by, issued.dashboard, t);
        if (!self.live(grant, t) && !revivable) || self.absorbed(grant) {
            return Err(vec!["unknown_grant"]);
        }
        let Ok(owner) = self.party(by, issued.dashboard, t) else {
            return Err(vec!["unknown_grant"]);
        };
        if !self.is_above(by, grant) {
            return Err(vec!["not_yours"]);
        }
        Ok((issued.dashboard, owner))
    }

    /// G6, G9, G12, G20.
    fn judge_amend(
        self,
        t: Instant,
        (grant, by): (Grant, Account),
        rights: Option<Rights>,
        reshare: Option<bool>,
        expiry: Option<Expiry>,
        narrow: Option<Lock>,
    ) -> Result<Effect, Refusals> {
        let (dashboard, _) = self.has_power_over(t, grant, by)?;
        let stands = self.terms(grant);
        let mut refusals = Vec::new();
        if let Some(rights) = rights {
            refuse(&mut refusals, rights == Rights::NONE, "empty_rights");
            refuse(
                &mut refusals,
                !stands.rights.covers(rights) && !self.has(Fault::AmendingWidens),
                "widening",
            );
        }
        refuse(
            &mut refusals,
            reshare == Some(true) && !stands.reshare && !self.has(Fault::AmendingWidens),
            "widening",
        );
        if let Some(narrow) = narrow {
            check_narrowed(&mut refusals, stands.lock, narrow);
        }
        if let Some(expiry) = expiry
            && expiry != stands.expiry
        {
            let parents_end = self.parent(grant).map(|parent| self.chain_end(parent));
            refuse(&mut refusals, end_of(expiry) <= t, "expiry_past");
            if let Some(parents_end) = parents_end {
                refuse(
                    &mut refusals,
                    expiry.is_some() && end_of(expiry) > parents_end && !self.has(Fault::LateEndsAreAccepted),
                    "ends_too_late",
                );
            }
            if end_of(expiry) > end_of(stands.expiry) {
                refuse(
                    &mut refusals,
                    self.belongs_to(grant, by) && !self.has(Fault::GranteesProlongTheirOwn),
                    "not_yours",
                );
                refuse(&mut refusals, self.denied(by, dashboard), "policy_denies");
                let rules = self.rules(dashboard);
                refuse(&mut refusals, !rules.private, "private_sharing_off");
                refuse(&mut refusals, parents_end.is_some() && !rules.resharing, "resharing_off");
                let with = if self.waits(grant, t) { self.named(grant) } else { self.grantee(grant) };
                refuse(
                    &mut refusals,
                    !self.domain_admitted(dashboard, with) && !self.has(Fault::ProlongingAsksNoDomain),
                    "domain_blocked",
                );
                self.judge_duration(&mut refusals, t, dashboard, expiry, parents_end);
            }
        }
        if refusals.is_empty() { Ok(Effect::default()) } else { Err(refusals) }
    }

    /// G14: what a rebind writes besides the revocation.
    fn reissue(self, step: Step, revoked: Grant) -> Vec<Issued> {
        let t = step.at;
        let (_, revoked_issued) = self.born(revoked);
        let dashboard = revoked_issued.dashboard;
        let With::Account(holder) = self.grantee(revoked) else {
            return Vec::new();
        };
        let mut issued: Vec<Issued> = Vec::new();
        for old in self.grants() {
            if old.dashboard != dashboard || !self.live(old.grant, t) {
                continue;
            }
            let Some(parent) = old.parent else {
                continue;
            };
            let mut terms = self.terms(old.grant);
            // No longer than what it replaces.
            let end = self.chain_end(old.grant);
            let under = if parent == revoked {
                terms.rights = self.grant_rights(old.grant, t);
                // With the lock that it really had (K21).
                if !self.has(Fault::RebindsWidenLocks) {
                    terms.lock = self.bare_lock(old.grant);
                }
                let others: Vec<Grant> = self
                    .held(holder, dashboard, t)
                    .filter(|other| {
                        *other != revoked
                            && !self.is_below(*other, revoked)
                            && !self.unanswered(*other)
                            && self.terms(*other).reshare
                            && (self.grant_rights(*other, t).covers(terms.rights)
                                || self.has(Fault::RebindsNeedNoCover))
                    })
                    .collect();
                let best = self.best_for(&others, terms.lock);
                let tenants = self.tenants(dashboard, true);
                let shows =
                    |under: &Grant| !tenants.meet(self.bare_lock(*under)).meet(terms.lock).shows_nothing();
                best.filter(shows).map(|under| (under, self.depth(under) + 1, self.chain_end(under)))
            } else if self.has(Fault::RebindsForgetDescendants) {
                None
            } else {
                let place = issued.iter().position(|new| new.replaces == Some(parent));
                place.map(|i| {
                    let (depth, end) = place_among(self, &issued, i);
                    (issued[i].grant, depth + 1, end)
                })
            };
            let Some((under, depth, parents_end)) = under else { continue };
            if parent == revoked && !self.has(Fault::RebindsLengthen) {
                let longest = self.longest(dashboard, t);
                terms.expiry = expiry_of(if end.min(parents_end) <= longest { end } else { longest });
            }
            let by = if parent == revoked { Some(holder) } else { self.resharer(old.grant) };
            let place = Place { dashboard, by, depth, end: end_of(terms.expiry).min(parents_end) };
            if depth > self.rules(dashboard).deepest() || self.grant_rights(old.grant, t) == Rights::NONE {
                // A grant of nothing cannot be made.
                continue;
            }
            // Also what only carries what hangs on it.
            let refused = !self.asks(t, place, self.grantee(old.grant)).is_empty();
            if refused && !self.has(Fault::RebindsAskNoRules) {
                continue;
            }
            issued.push(Issued {
                grant: Grant::of(step.n, issued.len() + 1),
                dashboard,
                parent: Some(under),
                named: old.named,
                grantee: self.grantee(old.grant),
                terms,
                replaces: Some(old.grant),
            });
        }
        issued
    }

    /// Declining is the grantee's, or that of who has verified the address of an invitation.
    fn renounce(self, t: Instant, grant: Grant, by: Account) -> Result<(), Refusals> {
        let unknown = Err(vec!["unknown_grant"]);
        let Some((_, issued)) = self.birth(grant) else {
            return unknown;
        };
        if !self.live(grant, t) || self.absorbed(grant) {
            return unknown;
        }
        let its_own = match self.grantee(grant) {
            With::Account(account) => account == by,
            With::Address(address) => self.verified_by(address) == Some(by),
        };
        if its_own {
            Ok(())
        } else if self.is_party(by, issued.dashboard, t) {
            Err(vec!["not_yours"])
        } else {
            unknown
        }
    }

    /// G18.
    fn judge_transfer(
        self,
        step: Step,
        dashboard: Dashboard,
        by: Account,
        to: Account,
        keep: Option<Rights>,
    ) -> Result<Effect, Refusals> {
        let unknown = !self.account_exists(to);
        if let Err(mut codes) = self.only_the_owner(by, dashboard, step.at) {
            // The host knows of all that exists: what it is told first is nobody's promise.
            refuse(&mut codes, step.host && unknown, "unknown_account");
            return Err(codes);
        }
        let rules = self.rules(dashboard);
        let mut refusals = Vec::new();
        refuse(&mut refusals, unknown, "unknown_account");
        refuse(&mut refusals, to == by, "to_self");
        refuse(&mut refusals, to == by, "to_owner");
        refuse(&mut refusals, keep == Some(Rights::NONE), "empty_rights");
        if !step.host && !self.has(Fault::AnybodyIsMadeOwner) {
            refusals.extend(self.may_not_own(to, dashboard));
        }
        // The host goes past the rules.
        if keep.is_some() && !step.host {
            refuse(&mut refusals, !rules.private, "private_sharing_off");
            if !self.has(Fault::KeepingAsksNoRules) {
                refusals.extend(self.may_not_own(by, dashboard));
            }
            let place = Place { dashboard, by: None, depth: 1, end: FOREVER };
            let counted = self.counted(dashboard, step.at, |grant| self.belongs_to(grant, to));
            refusals.extend(self.too_many(&counted, place, With::Account(by)));
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let kept = keep.map(|rights| Issued {
            grant: Grant::of(step.n, 0),
            dashboard,
            parent: None,
            named: With::Account(by),
            grantee: With::Account(by),
            terms: Terms {
                rights,
                reshare: false,
                expiry: rules.max_days.map(|days| step.at + Instant::from(days) * DAY),
                lock: Lock::NONE,
            },
            replaces: None,
        });
        Ok(Effect { issued: kept.into_iter().collect(), ..Effect::default() })
    }

    /// Why somebody may neither be made the owner nor keep a grant, except by the host (G18).
    fn may_not_own(self, account: Account, dashboard: Dashboard) -> Vec<Code> {
        let mut refusals = Vec::new();
        refuse(&mut refusals, !self.rules(dashboard).private, "private_sharing_off");
        let admitted = self.domain_admitted(dashboard, With::Account(account));
        refuse(&mut refusals, !admitted, "domain_blocked");
        let denied = self.policies(dashboard).denied.have(account);
        // The library tells an owner apart whom else a policy denies.
        refuse(&mut refusals, denied, "policy_denies");
        refuse(&mut refusals, denied, "recipient_denied");
        refusals
    }

    /// L6.
    fn judge_rotate(
        self,
        t: Instant,
        dashboard: Dashboard,
        by: Account,
        expiry: Expiry,
        lock: Lock,
    ) -> Result<Effect, Refusals> {
        let owner = self.party(by, dashboard, t)?;
        let rules = self.rules(dashboard);
        let mut refusals = Vec::new();
        let mut parent = None;
        check_written(&mut refusals, lock);
        if by != owner {
            match self.choose_parent((by, dashboard), t, Rights::VIEW, lock, None) {
                Ok(grant) => parent = Some(grant),
                Err(code) => refusals.push(code),
            }
            refuse(
                &mut refusals,
                self.link_stands(dashboard, t) && self.link_maker(dashboard) != Some(by),
                "link_taken",
            );
            // Its maker could else undo the owner's pause with another token.
            refuse(
                &mut refusals,
                self.link_stands(dashboard, t)
                    && self.link_paused_by_the_owner(dashboard)
                    && !self.has(Fault::AMakerResumesWhatTheOwnerPaused),
                "not_yours",
            );
            refuse(&mut refusals, self.denied(by, dashboard), "policy_denies");
            // While grants give nothing, its link would be dead on arrival (L2).
            refuse(&mut refusals, !rules.private, "private_sharing_off");
            refuse(&mut refusals, !rules.resharing, "resharing_off");
        }
        refuse(&mut refusals, !rules.public, "public_sharing_off");
        let parents_end = parent.map(|parent| self.chain_end(parent));
        self.judge_end(&mut refusals, t, dashboard, expiry, parents_end);
        let tenants = rules.link_lock.meet(self.tenants(dashboard, parent.is_some()));
        let above = tenants.meet(self.bound_lock(parent));
        let shows = above.meet(lock);
        // Whatever the link's own lock (L8).
        refuse(&mut refusals, above.shows_nothing(), "setup_incomplete");
        let is_written = lock.form == Form::Good && !lock.is_empty();
        refuse(&mut refusals, is_written && shows.shows_nothing(), "lock_shows_nothing");
        if !refusals.is_empty() {
            return Err(refusals);
        }
        Ok(Effect { hangs_on: parent, ..Effect::default() })
    }

    /// Earlier or later within the maker's own end (L6); later is widening (G20).
    fn judge_link_end(
        self,
        t: Instant,
        dashboard: Dashboard,
        by: Account,
        expiry: Expiry,
    ) -> Result<Effect, Refusals> {
        self.has_power_over_link(t, dashboard, by)?;
        let stands = self.link_expiry(dashboard).unwrap_or_default();
        let mut refusals = Vec::new();
        if expiry != stands {
            let parents_end = self.link_hangs_on(dashboard).map(|grant| self.chain_end(grant));
            refuse(&mut refusals, end_of(expiry) <= t, "expiry_past");
            let too_late = parents_end.is_some_and(|parents_end| end_of(expiry) > parents_end);
            refuse(&mut refusals, too_late && expiry.is_some(), "ends_too_late");
            if end_of(expiry) > end_of(stands) {
                let rules = self.rules(dashboard);
                refuse(&mut refusals, !rules.public, "public_sharing_off");
                refuse(&mut refusals, self.link_is_blank(dashboard), "setup_incomplete");
                refuse(&mut refusals, parents_end.is_some() && !rules.private, "private_sharing_off");
                refuse(&mut refusals, parents_end.is_some() && !rules.resharing, "resharing_off");
                refuse(&mut refusals, self.denied(by, dashboard), "policy_denies");
                self.judge_duration(&mut refusals, t, dashboard, expiry, parents_end);
            }
        }
        if refusals.is_empty() { Ok(Effect::default()) } else { Err(refusals) }
    }

    fn has_power_over_link(self, t: Instant, dashboard: Dashboard, by: Account) -> Result<(), Refusals> {
        let owner = self.party(by, dashboard, t)?;
        if !self.link_stands(dashboard, t) {
            return Err(vec!["no_link", "not_yours"]);
        }
        if by != owner && self.link_maker(dashboard) != Some(by) {
            return Err(vec!["not_yours"]);
        }
        Ok(())
    }
}

/// The depth and the end of a grant that is only about to be written.
fn place_among(past: Past<'_>, issued: &[Issued], index: usize) -> (usize, Instant) {
    let own = end_of(issued[index].terms.expiry);
    let Some(parent) = issued[index].parent else { return (1, own) };
    let (depth, end) = match issued.iter().position(|new| new.grant == parent) {
        Some(above) => place_among(past, issued, above),
        None => (past.depth(parent), past.chain_end(parent)),
    };
    (depth + 1, own.min(end))
}

/// What is refused of a lock that is written (K13, K24, K25).
fn check_written(refusals: &mut Refusals, lock: Lock) {
    refuse(refusals, lock.form == Form::Unreadable, "lock_unreadable");
    refuse(refusals, lock.form == Form::TooLarge, "lock_too_large");
    refuse(refusals, lock.is_empty(), "empty_lock");
}

/// What is refused of a narrowing: what may not be written, and what would let nothing through (K13, K20).
fn check_narrowed(refusals: &mut Refusals, stands: Lock, narrow: Lock) {
    check_written(refusals, narrow);
    refuse(refusals, stands.meet(narrow).is_empty(), "empty_lock");
}

fn refuse(refusals: &mut Refusals, applies: bool, code: Code) {
    if applies {
        refusals.push(code);
    }
}

fn accept_unless(reasons: Vec<(bool, Code)>) -> Result<Effect, Refusals> {
    let mut refusals = Vec::new();
    for (applies, code) in reasons {
        refuse(&mut refusals, applies, code);
    }
    if refusals.is_empty() { Ok(Effect::default()) } else { Err(refusals) }
}
