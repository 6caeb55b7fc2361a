//! A store in a few plain lists, with a place for every defect.

use super::Sabotage;
use dashshare::{
    AccountId, BoxError, DashboardId, Expiry, GrantId, Holder, Revision, Timestamp,
    lock::StoredLock,
    store::{
        Chain, Commit, CommitError, CommitKey, Freshness, Grant, Grantee, Head, LinkDigest, Receipt, Seed,
        Snapshot, Store,
    },
    trail::{Actor, AuditRecord, DeadLetter, MessageId, OutboxMessage},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

pub(super) struct PlainStore {
    sabotage: Option<Sabotage>,
    state: Mutex<State>,
    /// How many are inside a step that should have been one with the next.
    inside: AtomicUsize,
}

#[derive(Default)]
struct State {
    heads: BTreeMap<DashboardId, Arc<Head>>,
    grants: Vec<Arc<Grant>>,
    audit: Vec<AuditRecord>,
    outbox: Vec<OutboxMessage>,
    receipts: Vec<(DashboardId, Receipt)>,
    links: BTreeMap<LinkDigest, DashboardId>,
    owned: BTreeSet<(AccountId, DashboardId)>,
    cache: BTreeMap<String, Snapshot>,
    pages: BTreeMap<String, Vec<Snapshot>>,
    leases: BTreeMap<MessageId, Timestamp>,
    /// Those that are leased no more, with the end of their last lease.
    dead: BTreeMap<MessageId, Timestamp>,
    /// Dashboards and ordinals of all that was ever on the shelf.
    was_shelved: BTreeSet<(DashboardId, u64)>,
    /// How many rows of a list were handed out.
    handed_out: usize,
}

impl PlainStore {
    pub(super) fn new(sabotage: Option<Sabotage>) -> Self {
        Self { sabotage, state: Mutex::default(), inside: AtomicUsize::new(0) }
    }

    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the others come in between two steps.
    fn dawdle(&self) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        for _ in 0..5 {
            thread::sleep(Duration::from_micros(100));
            if self.inside.load(Ordering::SeqCst) > 1 {
                break;
            }
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    /// The receipt of a commit that was applied.
    fn known(&self, state: &State, commit: &Commit) -> Option<Receipt> {
        let by_key_alone = self.is(Sabotage::KnowsACommitByItsKeyAlone);
        let mut known = state.receipts.iter();
        known
            .find(|(board, receipt)| {
                receipt.key == commit.key() && (by_key_alone || *board == commit.dashboard())
            })
            .map(|(_, receipt)| *receipt)
    }

    fn agrees(&self, state: &State, commit: &Commit) -> bool {
        let head = state.heads.get(&commit.dashboard());
        let found = head.map_or(Revision::ZERO, |head| head.revision);
        match self.sabotage {
            Some(Sabotage::IgnoresTheExpectedRevision) => true,
            Some(Sabotage::AcceptsANewerRevision) => commit.expected() >= found,
            Some(Sabotage::ReplacesADashboardAtRevisionZero) if commit.expected() == Revision::ZERO => true,
            Some(Sabotage::CreatesADashboardAtAnyRevision) if head.is_none() => true,
            _ => commit.expected() == found,
        }
    }

    fn apply(&self, state: &mut State, commit: &Commit) {
        let dashboard = commit.dashboard();
        let before = state.heads.insert(dashboard, self.kept_head(commit.head()));
        self.apply_link(state, before.as_deref(), commit.head());
        if let Some(before) = before.filter(|_| !self.is(Sabotage::OwnsForEver)) {
            state.owned.remove(&(before.owner, dashboard));
        }
        if !commit.head().is_deleted() || self.is(Sabotage::OwnsDeletedDashboards) {
            state.owned.insert((commit.head().owner, dashboard));
        }
        let rows = match (self.sabotage, commit.grants().len()) {
            (Some(Sabotage::LosesTheLastGrantOfACommit), count @ 2..) => count - 1,
            (Some(Sabotage::CutsACommitAtAHundredGrants), _) => 100,
            (_, count) => count,
        };
        for grant in commit.grants().iter().take(rows) {
            self.put(state, grant);
        }
        if !self.is(Sabotage::LosesTheAudit) {
            let mut record = commit.audit().clone();
            if self.is(Sabotage::LosesWhatFell) {
                record.fell.clear();
            }
            state.audit.push(record);
        }
        let messages = match (self.sabotage, commit.outbox().len()) {
            (Some(Sabotage::LosesTheLastMessageOfACommit), count @ 2..) => count - 1,
            (_, count) => count,
        };
        if self.is(Sabotage::KnowsAMessageWithoutItsDashboard) {
            let place = |id: MessageId| (id.revision, id.index);
            state.outbox.retain(|old| commit.outbox().iter().all(|new| place(old.id) != place(new.id)));
        }
        state.outbox.extend(commit.outbox().iter().take(messages).cloned());
        if self.is(Sabotage::EndsLeasesWithTheNextCommit) {
            state.leases.retain(|id, _| id.dashboard != dashboard);
        }
        state.receipts.push((dashboard, commit.receipt()));
        if commit.head().is_deleted() && self.is(Sabotage::ForgetsDeletedDashboards) {
            state.heads.remove(&dashboard);
            state.grants.retain(|grant| grant.dashboard != dashboard);
        }
    }

    /// A withdrawal goes on where the dashboard has moved on.
    fn carry_over(&self, state: &mut State, commit: &Commit) -> Result<Receipt, CommitError> {
        let known = state.heads.get(&commit.dashboard()).filter(|_| commit.is_withdrawal()).cloned();
        let Some(head) = known.filter(|_| !self.is(Sabotage::RefusesAWithdrawalOnAnotherRevision)) else {
            return Err(CommitError::Conflict);
        };
        let Some(carried) = commit.onto(&head, &state.grants) else {
            if self.is(Sabotage::WritesAWithdrawalOfWhatHasChanged) {
                self.apply(state, commit);
                return Ok(commit.receipt());
            }
            if self.is(Sabotage::LeavesAConflictingWithdrawalsMessages) {
                state.outbox.extend(commit.outbox().iter().cloned());
            }
            return Err(CommitError::Conflict);
        };
        self.apply(state, &carried);
        if self.is(Sabotage::WritesAWithdrawalOverWhatOthersDid) {
            let mut over = Head::clone(commit.head());
            over.revision = carried.head().revision;
            state.heads.insert(commit.dashboard(), Arc::new(over));
        }
        let earlier = self.is(Sabotage::AnswersAWithdrawalAsOfTheRevisionItWasJudgedAt);
        Ok(if earlier { commit.receipt() } else { carried.receipt() })
    }

    fn apply_link(&self, state: &mut State, before: Option<&Head>, after: &Head) {
        let old = before.and_then(|head| head.link.as_ref()).map(|link| link.digest);
        let new = after.link.as_ref().map(|link| link.digest);
        let keeps = match new {
            Some(_) => self.is(Sabotage::KeepsTheOldDigest),
            None => self.is(Sabotage::KeepsAWithdrawnLink),
        };
        if let Some(old) = old.filter(|_| !keeps) {
            state.links.remove(&old);
        }
        if let Some(new) = new.filter(|_| new != old || !self.is(Sabotage::LosesTheLinkWithTheNextCommit)) {
            state.links.insert(new, after.dashboard);
        }
    }

    fn put(&self, state: &mut State, grant: &Arc<Grant>) {
        if grant.is_shelved() {
            state.was_shelved.insert((grant.dashboard, grant.ordinal));
        }
        let new = self.kept_grant(grant);
        let old = state.grants.iter_mut().find(|old| old.id == grant.id);
        match old {
            Some(_) if self.is(Sabotage::KeepsTheOldRowOfAGrant) => {}
            Some(old) if !self.is(Sabotage::AddsARowForAChangedGrant) => *old = new,
            _ => state.grants.push(new),
        }
        if grant.revoked.is_some() && self.is(Sabotage::EndsWhatHangsOnARevokedGrant) {
            for below in state.grants.iter_mut().filter(|below| below.ancestors.contains(&grant.id)) {
                Arc::make_mut(below).revoked = grant.revoked;
            }
        }
    }

    fn instant(&self, t: Timestamp) -> Timestamp {
        let micros = t.micros();
        Timestamp::from_micros(match self.sabotage {
            Some(Sabotage::CutsInstantsToSeconds) => micros - micros.rem_euclid(1_000_000),
            Some(Sabotage::RoundsInstantsUpToMillis) => micros + (-micros).rem_euclid(1000),
            Some(Sabotage::KeepsInstantsAsNanoseconds) => micros.clamp(i64::MIN / 1000, i64::MAX / 1000),
            _ => micros,
        })
    }

    fn kept_grant(&self, grant: &Arc<Grant>) -> Arc<Grant> {
        let mut kept = Grant::clone(grant);
        kept.created = self.instant(grant.created);
        kept.terms.expiry = match grant.terms.expiry {
            Expiry::At(end) => Expiry::At(self.instant(end)),
            Expiry::Never if self.is(Sabotage::TurnsNeverIntoAnEnd) => {
                Expiry::At(grant.created.plus_days(36_500))
            }
            Expiry::Never => Expiry::Never,
        };
        kept.terms.lock = self.kept_lock(grant.terms.lock.as_ref());
        if self.is(Sabotage::DropsTheLocksOfThePast) {
            kept.history.iter_mut().flat_map(|it| &mut it.amended).for_each(|past| past.terms.lock = None);
        }
        if self.is(Sabotage::LosesTheHistoryOfAGrant) {
            kept.history = None;
        }
        Arc::new(kept)
    }

    /// A lock as a careless store keeps it: it reads the members that it knows.
    fn kept_lock(&self, lock: Option<&Arc<StoredLock>>) -> Option<Arc<StoredLock>> {
        let mut members = serde_json::to_value(lock?.as_ref()).expect("JSON");
        let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
        if self.is(Sabotage::DropsTheLock) {
            return None;
        }
        if self.is(Sabotage::TakesWhatItCannotReadForNone) && lock?.lock().is_none() {
            return None;
        }
        if self.is(Sabotage::TakesAnEmptyClauseForNone)
            && let Some(members) = members.as_object_mut()
        {
            members.retain(|_, value| !is_empty(value));
        }
        if self.is(Sabotage::TruncatesAClause)
            && let Some(clause) = members.get_mut("devices").and_then(Value::as_array_mut)
        {
            clause.truncate(128);
        }
        if self.is(Sabotage::RoundsTheWindowOfALock)
            && let Some(Value::String(from)) = members.get_mut("from")
        {
            *from = from.replace(".000001Z", "Z");
        }
        Some(Arc::new(serde_json::from_value(members).expect("something")))
    }

    fn kept_head(&self, head: &Arc<Head>) -> Arc<Head> {
        let mut kept = Head::clone(head);
        if self.is(Sabotage::LosesTheFormerOwners) {
            kept.former_owners.clear();
        }
        if self.is(Sabotage::DropsTheLockOfTheLink) {
            kept.link.iter_mut().for_each(|link| link.lock = None);
        }
        Arc::new(kept)
    }

    fn is_same_id(&self, a: [u8; 16], b: [u8; 16]) -> bool {
        match self.sabotage {
            Some(Sabotage::ComparesFifteenBytesOfAnId) => a[..15] == b[..15],
            Some(Sabotage::FoldsTheCaseOfIds) => a.eq_ignore_ascii_case(&b),
            _ => a == b,
        }
    }

    fn head(&self, state: &State, dashboard: DashboardId) -> Option<Arc<Head>> {
        let exact = state.heads.get(&dashboard);
        let alike = || {
            let mut heads = state.heads.values();
            heads.find(|head| self.is_same_id(head.dashboard.to_bytes(), dashboard.to_bytes()))
        };
        let first = || state.heads.values().next().filter(|_| self.is(Sabotage::ReadsTheFirstRowOnAMiss));
        exact.or_else(alike).or_else(first).cloned()
    }

    fn is_on(&self, grant: &Grant, holder: &Holder) -> bool {
        match (holder, &grant.grantee) {
            (Holder::Account(account), Grantee::Account(found)) => {
                self.is_same_id(account.to_bytes(), found.to_bytes())
            }
            (Holder::Account(account), grantee) => grantee.account() == Some(*account),
            (Holder::Address(_), Grantee::Claimed(_)) if self.is(Sabotage::FindsOnlyWaitingInvitations) => {
                false
            }
            (Holder::Address(address), grantee) => grantee.address().is_some_and(|found| {
                let (pattern, text) = (address.as_str(), found.as_str());
                let is_like = |(p, t)| p == t || p == '_';
                match self.is(Sabotage::TakesUnderscoresForWildcards) {
                    true => pattern.len() == text.len() && pattern.chars().zip(text.chars()).all(is_like),
                    false => pattern == text,
                }
            }),
        }
    }

    fn is_hidden(&self, state: &State, grant: &Grant) -> bool {
        let is_deleted = || state.heads.get(&grant.dashboard).is_some_and(|head| head.is_deleted());
        match self.sabotage {
            Some(Sabotage::HidesRevokedGrants) => grant.revoked.is_some(),
            Some(Sabotage::HidesGrantsOfDeletedDashboards) => is_deleted(),
            _ => false,
        }
    }

    fn chain(&self, state: &State, leaf: &Arc<Grant>) -> Chain {
        let find = |id: &GrantId| state.grants.iter().find(|grant| grant.id == *id).cloned();
        let mut chain: Chain = [Arc::clone(leaf)].into();
        chain.extend(leaf.ancestors.iter().rev().filter_map(find));
        match self.sabotage {
            Some(Sabotage::PutsTheRootFirst) => chain.reverse(),
            Some(Sabotage::LeavesTheRootOut) if chain.len() > 1 => drop(chain.pop()),
            Some(Sabotage::LeavesOutAnAncestorInTheMiddle) if chain.len() > 2 => {
                drop(chain.remove(chain.len() / 2));
            }
            _ => {}
        }
        chain
    }

    fn chains(&self, state: &State, dashboard: DashboardId, seeds: &[Seed]) -> Vec<Chain> {
        let direct_only = self.is(Sabotage::FindsOnlyDirectGrants);
        let anywhere = self.is(Sabotage::FindsGrantsOfOtherDashboards);
        let names = |grant: &Grant, seed: &Seed| match seed {
            Seed::Grant(id) => {
                (anywhere || grant.dashboard == dashboard)
                    && self.is_same_id(grant.id.to_bytes(), id.to_bytes())
            }
            Seed::Holder(holder) | Seed::EverHeld(holder) => {
                let is_asked = match seed {
                    Seed::EverHeld(_) => !(grant.is_shelved() && self.is(Sabotage::LosesWhatIsOnTheShelf)),
                    _ if self.is(Sabotage::ReadsWhatIsOnTheShelf) => true,
                    _ if self.is(Sabotage::TakesNothingFromTheShelf) => {
                        !state.was_shelved.contains(&(grant.dashboard, grant.ordinal))
                    }
                    _ => !grant.is_shelved(),
                };
                is_asked
                    && grant.dashboard == dashboard
                    && self.is_on(grant, holder)
                    && !(direct_only && matches!(grant.grantee, Grantee::Claimed(_)))
            }
        };
        let named = state.grants.iter().filter(|grant| seeds.iter().any(|seed| names(grant, seed)));
        named.filter(|grant| !self.is_hidden(state, grant)).map(|grant| self.chain(state, grant)).collect()
    }

    /// Whether receipts were removed.
    fn was_swept(&self, state: &State) -> bool {
        state.receipts.len() < state.audit.len()
    }

    /// Counts a lease of these messages, which may be the last.
    fn count_attempts(&self, state: &mut State, taken: &BTreeSet<MessageId>, most: u32, until: Timestamp) {
        let State { outbox, dead, .. } = state;
        let of_board = |id: MessageId| taken.iter().any(|taken| taken.dashboard == id.dashboard);
        for message in outbox.iter_mut() {
            let counts = match self.sabotage {
                Some(Sabotage::CountsNoAttempts) => false,
                Some(Sabotage::CountsTheAttemptsOfADashboard) => of_board(message.id),
                _ => taken.contains(&message.id),
            };
            message.attempts += u32::from(counts);
            let is_last = match self.sabotage {
                Some(Sabotage::LeasesOnceTooOften) => message.attempts > most,
                Some(Sabotage::BuriesOneLeaseTooEarly) => message.attempts + 1 >= most,
                _ => message.attempts >= most,
            };
            if is_last && taken.contains(&message.id) {
                dead.insert(message.id, until);
            }
        }
        if self.is(Sabotage::LosesDeadLetters) {
            outbox.retain(|message| !dead.contains_key(&message.id));
        }
    }

    /// Up to `limit` of the rows behind a cursor.
    fn page<T: Clone, K: Ord>(
        &self,
        rows: &[T],
        key: impl Fn(&T) -> K,
        after: Option<K>,
        limit: usize,
    ) -> Vec<T> {
        let mut rows: Vec<&T> = rows.iter().collect();
        rows.sort_by_key(|row| key(row));
        let is_first = after.is_none();
        let behind = |row: &&T| match &after {
            None => true,
            Some(after) if self.is(Sabotage::RepeatsTheLastRowOfAPage) => key(row) >= *after,
            Some(after) => key(row) > *after,
        };
        let skipped = usize::from(self.is(Sabotage::SkipsARowBetweenPages) && !is_first);
        let limit = if self.is(Sabotage::CutsAPageAtAHundredRows) { limit.min(100) } else { limit };
        rows.into_iter().filter(behind).skip(skipped).take(limit).cloned().collect()
    }

    fn grants_page(&self, rows: &[Arc<Grant>], from: u64, limit: usize) -> Vec<Arc<Grant>> {
        if self.is(Sabotage::ReadsCursorsAsSignedNumbers) && from > u64::MAX / 2 {
            return self.page(rows, |grant| grant.ordinal, None, limit);
        }
        let from = if self.is(Sabotage::ReadsCursorsAsThirtyTwoBits) { from & 0xffff_ffff } else { from };
        self.page(rows, |grant| grant.ordinal, from.checked_sub(1), limit)
    }
}

impl Store for PlainStore {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        if self.is(Sabotage::ReadsTheHeadLast) || self.is(Sabotage::FindsTheLinkThatCameAfter) {
            self.dawdle();
        }
        let mut state = self.state();
        let known = self.known(&state, commit);
        let mut agrees = self.agrees(&state, commit);
        match self.sabotage {
            Some(Sabotage::ComparesBeforeItLooksForTheKey) if !agrees => return Err(CommitError::Conflict),
            Some(Sabotage::ComparesAndWritesInTwoSteps) if agrees && known.is_none() => {
                drop(state);
                self.dawdle();
                state = self.state();
            }
            Some(Sabotage::LooksForTheKeyOnlyOnce) if known.is_none() => {
                drop(state);
                self.dawdle();
                state = self.state();
                agrees = self.agrees(&state, commit);
            }
            Some(Sabotage::SwallowsAnUnknownFate) if commit.expected().number() % 4 == 3 => {
                return Ok(commit.receipt());
            }
            _ => {}
        }
        let is_its =
            |receipt: &Receipt| receipt.is_of(commit) || self.is(Sabotage::ComparesTheKeyOfAReceiptAlone);
        if known.is_some_and(|receipt| !is_its(&receipt)) {
            match self.sabotage {
                Some(Sabotage::CallsAUsedKeyAConflict) => return Err(CommitError::Conflict),
                Some(Sabotage::WritesUnderAUsedKey) if agrees => self.apply(&mut state, commit),
                _ => {}
            }
            return Err(CommitError::KeyReused);
        }
        if let Some(receipt) = known {
            if self.is(Sabotage::AppliesARepeatedCommitAgain) {
                state.audit.push(commit.audit().clone());
            }
            if self.is(Sabotage::BringsDeliveredMessagesBack) {
                state.outbox.retain(|old| commit.outbox().iter().all(|new| old.id != new.id));
                state.outbox.extend(commit.outbox().iter().cloned());
            }
            return Ok(receipt);
        }
        let was_applied =
            state.heads.get(&commit.dashboard()).is_some_and(|head| head.revision > commit.expected());
        if was_applied && !agrees && self.is(Sabotage::AppliesWhatItSwept) && self.was_swept(&state) {
            state.audit.push(commit.audit().clone());
            return Ok(commit.receipt());
        }
        if !agrees {
            if self.is(Sabotage::LeavesTheAuditOfARefusedCommit) {
                state.audit.push(commit.audit().clone());
            }
            return self.carry_over(&mut state, commit);
        }
        let opens = commit.head().link.as_ref().and_then(|link| state.links.get(&link.digest));
        let is_taken = opens.is_some_and(|opens| *opens != commit.dashboard());
        if is_taken && !self.is(Sabotage::GivesADigestToWhoeverComesLast) {
            return Err(CommitError::Failed("the digest is another dashboard's".into()));
        }
        self.apply(&mut state, commit);
        Ok(commit.receipt())
    }

    async fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError> {
        let state = self.state();
        let of_board = || state.receipts.iter().filter(|(board, _)| *board == dashboard);
        let latest = of_board().next_back().map(|(_, receipt)| *receipt);
        let found = of_board().map(|(_, receipt)| *receipt).find(|receipt| receipt.key == key);
        Ok(match self.sabotage {
            Some(Sabotage::FindsNoReceipt) => None,
            Some(Sabotage::MakesUpReceipts) => {
                let revision = state.heads.get(&dashboard).map_or(Revision::ZERO, |head| head.revision);
                let made_up = latest.map(|latest| Receipt { key, revision, ..latest });
                found.or(made_up)
            }
            Some(Sabotage::AnswersTheLatestReceipt) => {
                found.and(latest).map(|latest| Receipt { key, ..latest })
            }
            _ => found,
        })
    }

    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        let mut state = self.state();
        let question = format!("{dashboard} {seeds:?}");
        if let Some(cached) = state.cache.get(&question) {
            let is_latest = freshness == Freshness::Latest;
            match self.sabotage {
                Some(Sabotage::ReadsFromACacheThatIsNotTold) => return Ok(Some(cached.clone())),
                Some(Sabotage::AnswersFromACacheWhateverIsDemanded) if !is_latest => {
                    return Ok(Some(cached.clone()));
                }
                Some(Sabotage::CachesTheHeadApartFromTheGrants) if !is_latest => {
                    let head = self.head(&state, dashboard).unwrap_or(Arc::clone(&cached.head));
                    return Ok(Some(Snapshot { head, chains: cached.chains.clone() }));
                }
                _ => {}
            }
        }
        let Some(mut head) = self.head(&state, dashboard) else { return Ok(None) };
        let chains = self.chains(&state, dashboard, seeds);
        if self.is(Sabotage::ReadsTheHeadLast) {
            drop(state);
            self.dawdle();
            state = self.state();
            head = self.head(&state, dashboard).unwrap_or(head);
        }
        if let (Freshness::AtLeast(wanted), true) =
            (freshness, self.is(Sabotage::FailsForARevisionNotReached))
            && head.revision < wanted
        {
            return Err("not there yet".into());
        }
        let snapshot = Snapshot { head, chains };
        state.cache.entry(question).or_insert_with(|| snapshot.clone());
        Ok(Some(snapshot))
    }

    async fn read_many(
        &self,
        dashboards: &[DashboardId],
        holder: &Holder,
        freshness: Freshness,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let wanted: Vec<DashboardId> = match self.is(Sabotage::AnswersADashboardTwice) {
            true => dashboards.to_vec(),
            false => dashboards.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
        };
        let question = format!("{wanted:?} {holder:?}");
        if let (Some(page), true) =
            (self.state().pages.get(&question), self.is(Sabotage::ReadsAPageFromACacheThatIsNotTold))
        {
            return Ok(page.clone());
        }
        let mut page = Vec::new();
        for dashboard in wanted {
            page.extend(self.read(dashboard, &[Seed::Holder(holder.clone())], freshness).await?);
        }
        match self.sabotage {
            Some(Sabotage::GivesChainsToTheNextDashboard) => {
                let mut chains: Vec<Vec<Chain>> = page.iter().map(|found| found.chains.clone()).collect();
                let by = usize::from(chains.len() > 1);
                chains.rotate_right(by);
                page.iter_mut().zip(chains).for_each(|(found, chains)| found.chains = chains);
            }
            Some(Sabotage::MakesUpADashboardOfAPage) if page.len() < dashboards.len() => {
                let head = page.first().map(|found| Arc::clone(&found.head));
                let unknown = dashboards.iter().find(|id| page.iter().all(|it| it.head.dashboard != **id));
                if let (Some(mut head), Some(unknown)) = (head, unknown) {
                    Arc::make_mut(&mut head).dashboard = *unknown;
                    page.push(Snapshot { head, chains: Vec::new() });
                }
            }
            Some(Sabotage::LeavesOutTheLastOfAPage) if page.len() > 1 => drop(page.pop()),
            Some(Sabotage::LeavesOutWhereOneHoldsNothing) => page.retain(|found| !found.chains.is_empty()),
            Some(Sabotage::CutsAPageOfDashboards) => page.truncate(100),
            _ => {}
        }
        self.state().pages.entry(question).or_insert_with(|| page.clone());
        Ok(page)
    }

    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        let mut state = self.state();
        let is_it = |found: &LinkDigest| match self.is(Sabotage::ComparesFourBytesOfADigest) {
            true => found.as_bytes()[..4] == digest.as_bytes()[..4],
            false => found == digest,
        };
        let Some(dashboard) = state.links.iter().find(|(found, _)| is_it(found)).map(|(_, board)| *board)
        else {
            return Ok(None);
        };
        if self.is(Sabotage::FindsTheLinkThatCameAfter) {
            drop(state);
            self.dawdle();
            state = self.state();
        }
        let Some(head) = state.heads.get(&dashboard).cloned() else { return Ok(None) };
        let hangs_on = head.link.as_ref().and_then(|link| link.grant);
        let seeds: Vec<Seed> = hangs_on
            .filter(|_| !self.is(Sabotage::ForgetsTheMakersChain))
            .map(Seed::Grant)
            .into_iter()
            .collect();
        let chains = self.chains(&state, dashboard, &seeds);
        Ok(Some(Snapshot { head, chains }))
    }

    async fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let state = self.state();
        let rows = state.grants.iter().filter(|grant| grant.dashboard == dashboard);
        Ok(self.grants_page(&rows.cloned().collect::<Vec<_>>(), from, limit))
    }

    async fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let state = self.state();
        let is_below = |grant: &Grant| match self.is(Sabotage::ListsChildrenOnly) {
            true => grant.parent() == Some(above),
            false => grant.ancestors.contains(&above),
        };
        let rows = state.grants.iter().filter(|grant| grant.dashboard == dashboard && is_below(grant));
        Ok(self.grants_page(&rows.cloned().collect::<Vec<_>>(), from, limit))
    }

    async fn held(
        &self,
        holder: &Holder,
        after: Option<(DashboardId, u64)>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let state = self.state();
        let direct_only = self.is(Sabotage::HoldsOnlyDirectGrants);
        let is_held = |grant: &&Arc<Grant>| {
            self.is_on(grant, holder) && !(direct_only && matches!(grant.grantee, Grantee::Claimed(_)))
        };
        let rows: Vec<_> = state.grants.iter().filter(is_held).cloned().collect();
        let page = match self.is(Sabotage::OrdersHeldByOrdinal) {
            true => {
                let after = after.map(|(dashboard, ordinal)| (ordinal, dashboard));
                self.page(&rows, |grant| (grant.ordinal, grant.dashboard), after, limit)
            }
            false => self.page(&rows, |grant| (grant.dashboard, grant.ordinal), after, limit),
        };
        let shown = page.iter().filter(|grant| !self.is_hidden(&state, grant));
        Ok(shown
            .filter_map(|grant| {
                let head = state.heads.get(&grant.dashboard).cloned()?;
                Some(Snapshot { head, chains: vec![self.chain(&state, grant)] })
            })
            .collect())
    }

    async fn owned(
        &self,
        owner: AccountId,
        after: Option<DashboardId>,
        limit: usize,
    ) -> Result<Vec<Arc<Head>>, BoxError> {
        let mut state = self.state();
        let own = state.owned.iter().filter(|(account, _)| *account == owner);
        let heads = own.filter_map(|(_, dashboard)| state.heads.get(dashboard).cloned());
        let rows: Vec<Arc<Head>> = heads.collect();
        if self.is(Sabotage::PagesByOffset) {
            let offset = if after.is_none() { 0 } else { state.handed_out };
            let page: Vec<Arc<Head>> = rows.into_iter().skip(offset).take(limit).collect();
            state.handed_out = offset + page.len();
            return Ok(page);
        }
        Ok(self.page(&rows, |head| head.dashboard, after, limit))
    }

    async fn audit(
        &self,
        dashboard: DashboardId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let state = self.state();
        let rows = state.audit.iter().filter(|record| record.dashboard == dashboard);
        let rows: Vec<AuditRecord> = rows.cloned().collect();
        let after = Some(after).filter(|after| *after > Revision::ZERO);
        Ok(self.page(&rows, |record| record.revision, after, limit))
    }

    async fn audit_of(
        &self,
        actor: Actor,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let state = self.state();
        let account = |actor| match actor {
            Actor::Account(account) => account,
            Actor::Host => AccountId::from_bytes([0; 16]),
        };
        let is_its = |record: &&AuditRecord| match self.sabotage {
            Some(Sabotage::TakesTheHostForAnAccount) => account(record.actor) == account(actor),
            Some(Sabotage::ListsWhatOneDidAsOwnerOnly) => {
                let owner = state.heads.get(&record.dashboard).map(|head| head.owner);
                record.actor == actor && (actor == Actor::Host || owner == Some(account(actor)))
            }
            _ => record.actor == actor,
        };
        let rows: Vec<AuditRecord> = state.audit.iter().filter(is_its).cloned().collect();
        Ok(match self.sabotage {
            Some(Sabotage::ListsDeedsByTime) => {
                let mut page = self.page(&rows, |record| (record.dashboard, record.revision), after, limit);
                page.sort_by_key(|record| (record.at, record.dashboard));
                page
            }
            Some(Sabotage::PagesDeedsByRevision) => {
                let after = after.map(|(dashboard, revision)| (revision, dashboard));
                self.page(&rows, |record| (record.revision, record.dashboard), after, limit)
            }
            _ => self.page(&rows, |record| (record.dashboard, record.revision), after, limit),
        })
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError> {
        let state = self.state();
        if self.is(Sabotage::FailsForALargeLimit) && limit > 1 << 31 {
            return Err("the limit is too large".into());
        }
        let text = |id: MessageId| format!("{}/{}/{}", id.dashboard, id.revision, id.index);
        let is_hidden = |id: &MessageId| match self.sabotage {
            Some(Sabotage::HidesLeasedMessages) => state.leases.contains_key(id),
            Some(Sabotage::HidesDeadLetters) => state.dead.contains_key(id),
            _ => false,
        };
        let shown = state.outbox.iter().filter(|message| !is_hidden(&message.id));
        let rows: Vec<OutboxMessage> = shown.cloned().collect();
        Ok(match self.is(Sabotage::OrdersTheOutboxAsText) {
            true => self.page(&rows, |message| text(message.id), after.map(text), limit),
            false => self.page(&rows, |message| message.id, after, limit),
        })
    }

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        let mut state = self.state();
        let second = |t: Timestamp| t.micros().div_euclid(1_000_000);
        let has_ended = |end: Timestamp| match self.sabotage {
            Some(Sabotage::LeasesWhatIsLeased) => true,
            Some(Sabotage::LeasesForEver) => false,
            Some(Sabotage::EndsLeasesTooLate) => end < now,
            Some(Sabotage::EndsLeasesInWholeSeconds) => second(end) <= second(now),
            _ => end <= now,
        };
        let limit = if self.is(Sabotage::LeasesAllAtOnce) { usize::MAX } else { limit };
        let mut rows: Vec<OutboxMessage> = state.outbox.clone();
        rows.sort_by_key(|message| message.id);
        if self.is(Sabotage::LeasesTheNewestFirst) {
            rows.reverse();
        }
        let is_free = |id: &MessageId| state.leases.get(id).is_none_or(|end| has_ended(*end));
        let is_dead = |id: &MessageId| match self.sabotage {
            Some(Sabotage::LeasesDeadLetters) => false,
            Some(Sabotage::RaisesTheDeadForMoreAttempts) => attempts < 100 && state.dead.contains_key(id),
            _ => state.dead.contains_key(id),
        };
        rows.retain(|message| is_free(&message.id));
        if self.is(Sabotage::LetsDeadLettersHoldUpTheOthers) {
            rows.truncate(limit);
        }
        rows.retain(|message| !is_dead(&message.id));
        rows.truncate(limit);
        if self.is(Sabotage::FindsAndLeasesInTwoSteps) {
            drop(state);
            self.dawdle();
            state = self.state();
        }
        state.leases.extend(rows.iter().map(|message| (message.id, until)));
        let taken: BTreeSet<MessageId> = rows.iter().map(|message| message.id).collect();
        self.count_attempts(&mut state, &taken, attempts, until);
        if self.is(Sabotage::TellsTheAttemptsBefore) {
            return Ok(rows);
        }
        let kept = |message: &OutboxMessage| state.outbox.iter().find(|kept| kept.id == message.id).cloned();
        Ok(rows.into_iter().map(|message| kept(&message).unwrap_or(message)).collect())
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        let mut state = self.state();
        let State { outbox, leases, dead, .. } = &mut *state;
        let is_delivered = |id: MessageId| match self.sabotage {
            Some(Sabotage::AcknowledgesEverythingBefore) => delivered.iter().any(|named| id <= *named),
            Some(Sabotage::AcknowledgesTheWholeDashboard) => {
                delivered.iter().any(|named| id.dashboard == named.dashboard)
            }
            Some(Sabotage::KeepsLeasedMessages) => delivered.contains(&id) && !leases.contains_key(&id),
            Some(Sabotage::KeepsDeadLetters) => delivered.contains(&id) && !dead.contains_key(&id),
            _ => delivered.contains(&id),
        };
        outbox.retain(|message| !is_delivered(message.id));
        Ok(())
    }

    async fn dead_letters(
        &self,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BoxError> {
        let state = self.state();
        let is_dead = |since: Timestamp| since <= now || self.is(Sabotage::BuriesWhileALeaseRuns);
        let letter = |message: &OutboxMessage| {
            let since = state.dead.get(&message.id).copied().filter(|since| is_dead(*since))?;
            let since = if self.is(Sabotage::ForgetsWhenALetterDied) { now } else { since };
            Some(DeadLetter::exhausted(message.clone(), since))
        };
        let rows: Vec<DeadLetter> = state.outbox.iter().filter_map(letter).collect();
        Ok(match self.is(Sabotage::OrdersDeadLettersByAge) {
            true => {
                let age = |id: MessageId| (state.dead.get(&id).copied(), id);
                self.page(&rows, |letter| age(letter.id), after.map(age), limit)
            }
            false => self.page(&rows, |letter| letter.id, after, limit),
        })
    }

    async fn put_back(&self, messages: &[MessageId]) -> Result<(), BoxError> {
        let mut state = self.state();
        let State { outbox, leases, dead, .. } = &mut *state;
        let is_named = |id: MessageId| match self.sabotage {
            Some(Sabotage::PutsBackTheWholeDashboard) => {
                messages.iter().any(|named| id.dashboard == named.dashboard)
            }
            _ => messages.contains(&id),
        };
        let is_kept = |id: &MessageId| match self.sabotage {
            Some(Sabotage::PutsBackNothing) => true,
            Some(Sabotage::PutsBackOnlyWhatIsGivenUp) => !dead.contains_key(id),
            _ => false,
        };
        let mut copies = Vec::new();
        let names = outbox.iter().map(|message| message.id);
        let back: BTreeSet<MessageId> = names.filter(|id| is_named(*id) && !is_kept(id)).collect();
        for message in outbox.iter_mut().filter(|message| back.contains(&message.id)) {
            if !self.is(Sabotage::KeepsTheAttemptsOfWhatComesBack) {
                message.attempts = 0;
            }
            leases.remove(&message.id);
            if self.is(Sabotage::PutsBackACopy) {
                copies.push(message.clone());
            }
        }
        outbox.extend(copies);
        dead.retain(|id, _| !back.contains(id));
        Ok(())
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        let mut state = self.state();
        let limit = if self.is(Sabotage::SweepsAllAtOnce) { usize::MAX } else { limit };
        let first = state.receipts.iter().map(|(dashboard, _)| *dashboard).min();
        let is_old = |board: DashboardId, receipt: &Receipt| match self.sabotage {
            Some(Sabotage::SweepsNothing) => false,
            Some(Sabotage::SweepsEverything) => true,
            Some(Sabotage::SweepsWhatIsOfTheInstant) => receipt.at <= before,
            Some(Sabotage::SweepsOneDashboard) => receipt.at < before && Some(board) == first,
            _ => receipt.at < before,
        };
        let mut swept = 0;
        state.receipts.retain(|(board, receipt)| {
            let goes = swept < limit && is_old(*board, receipt);
            swept += usize::from(goes);
            !goes
        });
        if self.is(Sabotage::SweepsTheAuditToo) {
            state.audit.retain(|record| record.at >= before);
        }
        Ok(if self.is(Sabotage::SaysThatItSweptAll) && swept > 0 { limit } else { swept })
    }
}
