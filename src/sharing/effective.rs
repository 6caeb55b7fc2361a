//! What the grants of a whole dashboard show: each path is folded once, however many grants hang on it.

use super::{
    ledger::{Ledger, Live},
    locks::Sight,
};
use crate::{lock::StoredLock, record::Grant, tenant::SharingRules, value::GrantId};
use std::{collections::HashMap, sync::Arc};

/// The effective locks of a dashboard's grants, as far as they were asked for.
pub(crate) struct Effective<'a> {
    ledger: &'a Ledger,
    rules: &'a SharingRules,
    /// Without the tenant's.
    known: HashMap<GrantId, Option<Arc<StoredLock>>>,
}

impl<'a> Effective<'a> {
    pub(crate) fn new(ledger: &'a Ledger, rules: &'a SharingRules) -> Self {
        Self { ledger, rules, known: HashMap::new() }
    }

    /// What a live grant shows to its grantee, the tenant's lock taken into account (K12, K23).
    pub(crate) fn sight(&mut self, live: &Live<'_>) -> Sight {
        let above = self.of_path(live.grant);
        let lock = match &self.rules.reshare_lock {
            Some(tenants) if live.grant.parent().is_some() => StoredLock::both(Some(tenants), above.as_ref()),
            _ => above,
        };
        Sight { rights: live.standing.rights, lock }
    }

    fn of_path(&mut self, grant: &Grant) -> Option<Arc<StoredLock>> {
        let mut above = None;
        for id in grant.path() {
            above = match (self.known.get(&id), self.ledger.get(id)) {
                (Some(known), _) => known.clone(),
                (None, Some(next)) => {
                    let own = next.terms_at(self.ledger.now).lock.as_ref();
                    StoredLock::both(above.as_ref(), own)
                }
                (None, None) => above,
            };
            self.known.insert(id, above.clone());
        }
        above
    }
}
