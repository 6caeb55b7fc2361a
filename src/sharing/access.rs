//! Who may do what with a dashboard by what was shared, and who would lose what: the one place that lists, the impact of
//! a revocation and reminders ask. It answers as decisions do: the owner, what a policy denies, live grants under the
//! tenant's switches, what a policy allows (D2).

use super::{
    consult::Word,
    effective::Effective,
    ledger::{Ledger, Live},
    locks::Sight,
    standing,
    unseen::{NOTHING, Unseen},
};
use crate::{
    record::Grant,
    tenant::SharingRules,
    value::{AccountId, Expiry, Right, Rights, Timestamp},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What an account may do, each with the end up to which it may if nothing is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct May {
    view: Option<Expiry>,
    export: Option<Expiry>,
    share: Option<Expiry>,
}

impl May {
    /// What owners may.
    const ALL: Self =
        Self { view: Some(Expiry::Never), export: Some(Expiry::Never), share: Some(Expiry::Never) };

    fn of(live: &Live<'_>, rules: &SharingRules) -> Self {
        let ends = |may: bool| may.then_some(live.standing.ends);
        let has = |right| live.standing.rights.contains(right);
        Self {
            view: ends(has(Right::View)),
            export: ends(has(Right::Export)),
            share: ends(standing::can_share_on(live.grant, &live.standing, rules)),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            view: self.view.max(other.view),
            export: self.export.max(other.export),
            share: self.share.max(other.share),
        }
    }

    fn each(self, keep: impl Fn(Expiry) -> bool) -> Self {
        let kept = |end: Option<Expiry>| end.filter(|end| keep(*end));
        Self { view: kept(self.view), export: kept(self.export), share: kept(self.share) }
    }

    fn ends(self) -> impl Iterator<Item = Expiry> {
        [self.view, self.export, self.share].into_iter().flatten()
    }

    /// What it may do now and may not at an instant, if nothing is changed.
    fn lost_by(self, until: Timestamp) -> Self {
        self.each(|end| end <= Expiry::At(until))
    }

    pub(crate) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    pub(crate) fn rights(self) -> Rights {
        let view = self.view.map_or(Rights::NONE, |_| Rights::VIEW);
        view | self.export.map_or(Rights::NONE, |_| Rights::EXPORT)
    }

    pub(crate) fn shares(self) -> bool {
        self.share.is_some()
    }

    /// When the last of it ends.
    pub(crate) fn last_end(self) -> Option<Expiry> {
        self.ends().max()
    }
}

/// What the tenant's policies say of the accounts that hold grants of one dashboard.
#[derive(Debug)]
pub(crate) enum Words {
    /// There is no policy that could change anything.
    Silent,
    /// Of those that were asked about. Of everybody else nothing is believed but that they are denied.
    Of(BTreeMap<AccountId, Word>),
}

impl Words {
    pub(crate) fn of(&self, account: AccountId) -> Word {
        match self {
            Self::Silent => Word::Nothing,
            Self::Of(words) => words.get(&account).copied().unwrap_or(Word::Denied),
        }
    }
}

/// A dashboard, the tenant's switches and what its policies say: all that decides who may do what.
pub(crate) struct Access<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) rules: &'a SharingRules,
    pub(crate) words: &'a Words,
    /// What the asker is not told: those grants are nobody's.
    pub(crate) unseen: &'a Unseen,
}

/// What an account would lose by the clock alone.
pub(crate) struct Loss {
    pub(crate) account: AccountId,
    pub(crate) lost: May,
}

/// An end that takes something from an account.
pub(crate) struct Ending<'a> {
    pub(crate) account: AccountId,
    pub(crate) ends: Timestamp,
    /// The oldest of the grants whose end it is.
    pub(crate) grant: &'a Arc<Grant>,
}

impl<'a> Access<'a> {
    /// For whoever may know all: the host.
    pub(crate) fn of_all(ledger: &'a Ledger, rules: &'a SharingRules, words: &'a Words) -> Self {
        Self { ledger, rules, words, unseen: &NOTHING }
    }

    /// The live grants that count for an account at a decision, with the account, oldest first.
    fn counting(&self) -> impl Iterator<Item = (AccountId, Live<'a>)> + '_ {
        let held = self.ledger.all_live().filter(|live| !self.unseen.hides(live.grant));
        let counts = held
            .filter(|live| !live.standing.rights.is_empty() && standing::is_honoured(live.grant, self.rules));
        counts.filter_map(|live| Some((live.grant.grantee.account_at(self.ledger.now)?, live)))
    }

    /// What each account that holds a live grant may do by the grants that are `left` and by all else.
    fn everybody(&self, left: impl Fn(&Grant) -> bool) -> BTreeMap<AccountId, May> {
        let mut everybody: BTreeMap<AccountId, May> = BTreeMap::new();
        for (account, live) in self.counting() {
            let may = everybody.entry(account).or_default();
            if left(live.grant) {
                *may = may.or(May::of(&live, self.rules));
            }
        }
        for (account, may) in &mut everybody {
            *may = match self.words.of(*account) {
                _ if self.ledger.is_owner(*account) => May::ALL,
                Word::Denied => May::default(),
                Word::LetsView => may.or(May { view: Some(Expiry::Never), ..May::default() }),
                Word::Nothing => *may,
            };
        }
        everybody
    }

    /// What each account that holds a live grant sees by the grants that are `left`, and by all else.
    pub(crate) fn sights(&self, left: impl Fn(&Grant) -> bool) -> BTreeMap<AccountId, Vec<Sight>> {
        let mut effective = Effective::new(self.ledger, self.rules);
        let mut sights: BTreeMap<AccountId, Vec<Sight>> = BTreeMap::new();
        for (account, live) in self.counting() {
            let of_account = sights.entry(account).or_default();
            if left(live.grant) && self.words.of(account) != Word::Denied {
                of_account.push(effective.sight(&live));
            }
        }
        for (account, of_account) in &mut sights {
            if self.words.of(*account) == Word::LetsView {
                of_account.push(Sight { rights: Rights::VIEW, lock: None });
            }
        }
        sights
    }

    /// What each account that holds a live grant may do, the owner and whom a policy denies it left out.
    pub(crate) fn viewers(&self) -> impl Iterator<Item = (AccountId, May)> {
        let owner = |account: &AccountId| self.ledger.is_owner(*account);
        // Of a suspended dashboard nobody sees anything (G25).
        let is_open = self.ledger.head.suspended.is_none();
        self.everybody(|_| is_open)
            .into_iter()
            .filter(move |(account, may)| !may.is_nothing() && !owner(account))
    }

    /// The accounts from which the end of some grants would take one that counts, once each: of whom the policies have
    /// to be asked before [`without`](Self::without).
    pub(crate) fn touched(&self, falls: impl Fn(&Grant) -> bool) -> BTreeSet<AccountId> {
        self.counting().filter(|(_, live)| falls(live.grant)).map(|(account, _)| account).collect()
    }

    /// For each account from which the end of some grants would take one that counts: what it may do after.
    pub(crate) fn without(&self, falls: impl Fn(&Grant) -> bool) -> Vec<(AccountId, May)> {
        let before = self.everybody(|_| true);
        let mut after = self.everybody(|grant| !falls(grant));
        let touched = self.touched(falls).into_iter();
        touched
            .filter(|account| before.get(account).is_some_and(|may| !may.is_nothing()))
            .map(|account| (account, after.remove(&account).unwrap_or_default()))
            .collect()
    }

    /// Who may do something now that it may not do any more at an instant, if nothing is changed (D7).
    pub(crate) fn losing(&self, until: Timestamp) -> Vec<Loss> {
        let losses = self.viewers().map(|(account, may)| Loss { account, lost: may.lost_by(until) });
        losses.filter(|loss| !loss.lost.is_nothing()).collect()
    }

    /// Each end up to an instant that takes something from somebody, once for each account, by the age of the grants.
    pub(crate) fn endings(&self, until: Timestamp) -> Vec<Ending<'a>> {
        let lost: BTreeMap<AccountId, May> =
            self.losing(until).into_iter().map(|loss| (loss.account, loss.lost)).collect();
        let mut seen: BTreeSet<(AccountId, Timestamp)> = BTreeSet::new();
        let mut endings = Vec::new();
        for (account, live) in self.counting() {
            let (Some(lost), Expiry::At(ends)) = (lost.get(&account), live.standing.ends) else { continue };
            let gives = May::of(&live, self.rules);
            let takes = [(gives.view, lost.view), (gives.export, lost.export), (gives.share, lost.share)]
                .into_iter()
                .any(|(gives, lost)| gives.is_some() && gives == lost);
            if takes && seen.insert((account, ends)) {
                endings.push(Ending { account, ends, grant: live.grant });
            }
        }
        endings
    }
}
