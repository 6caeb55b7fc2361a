//! Withdrawals win, on the memory store (G21, G22). `tests/stores.rs` runs the same on the databases.

use crate::support::storm;
use dashshare::{MemoryStore, store::DynStore};
use std::sync::Arc;

fn store() -> Arc<dyn DynStore> {
    Arc::<MemoryStore>::default()
}

/// G21, G22: a withdrawal comes through in a storm of commits.
#[test]
fn a_withdrawal_wins_however_busily_others_share_on() {
    storm::withdrawals_win(&store());
}

/// G21, G22: a withdrawal comes through where nothing below can be read.
#[test]
fn what_cannot_be_read_below_is_in_no_withdrawals_way() {
    storm::damage_is_in_no_withdrawals_way(&store());
}
