//! Rows as what they hold.

use super::{
    database::{HEAD, LEAF, Row},
    error::SqlError,
};
use crate::{
    record::{Chain, Grant, Head, Snapshot},
    value::{DashboardId, GrantId},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, sync::Arc};

pub(super) fn to_json(document: &impl Serialize) -> Result<String, SqlError> {
    serde_json::to_string(document).map_err(SqlError::Row)
}

pub(super) fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, SqlError> {
    serde_json::from_str(json).map_err(SqlError::Row)
}

pub(super) fn documents<T: DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>, SqlError> {
    rows.iter().map(|(_, body)| from_json(body)).collect()
}

/// The documents among some rows that can be read. One that cannot gives nobody anything, and is in nobody's way (G22).
pub(super) fn readable<T: DeserializeOwned>(rows: &[Row]) -> Vec<Arc<T>> {
    rows.iter().filter_map(|(_, body)| from_json(body).ok().map(Arc::new)).collect()
}

/// The chains of the leaves among some rows, in the order in which the leaves came. A chain with a grant that cannot be
/// read is left out.
pub(super) fn chains(rows: &[Row]) -> Result<Vec<Chain>, SqlError> {
    let of_grants = || rows.iter().filter(|(kind, _)| *kind != HEAD);
    let read = |(kind, body): &Row| Some((*kind, Arc::new(from_json(body).ok()?)));
    let grants: Vec<(i32, Arc<Grant>)> = of_grants().filter_map(read).collect();
    let is_damaged = grants.len() < of_grants().count();
    if let [(LEAF, leaf)] = grants.as_slice()
        && leaf.ancestors.is_empty()
    {
        // Most are like this.
        return Ok(vec![vec![Arc::clone(leaf)]]);
    }
    let name = |grant: &Grant| (grant.dashboard, grant.id);
    let known: HashMap<(DashboardId, GrantId), &Arc<Grant>> =
        grants.iter().map(|(_, grant)| (name(grant), grant)).collect();
    let leaves = grants.iter().filter(|(kind, _)| *kind == LEAF);
    leaves
        .filter_map(|(_, leaf)| {
            let mut chain = Vec::with_capacity(leaf.depth());
            chain.push(Arc::clone(leaf));
            for above in leaf.ancestors.iter().rev() {
                match known.get(&(leaf.dashboard, *above)) {
                    Some(found) => chain.push(Arc::clone(found)),
                    None if is_damaged => return None,
                    None => return Some(Err(SqlError::Torn)),
                }
            }
            Some(Ok(chain))
        })
        .collect()
}

fn heads(rows: &[Row]) -> impl Iterator<Item = Result<Arc<Head>, SqlError>> {
    let heads = rows.iter().filter(|(kind, _)| *kind == HEAD);
    heads.map(|(_, body)| Ok(Arc::new(from_json(body)?)))
}

/// The heads among the rows of many dashboards, by dashboard. One that cannot be read is left out: what is asked of the
/// other dashboards is answered without it (G22).
pub(super) fn readable_heads(rows: &[Row]) -> HashMap<DashboardId, Arc<Head>> {
    heads(rows).filter_map(|head| head.ok().map(|head| (head.dashboard, head))).collect()
}

/// One dashboard, whose head has to be read.
pub(super) fn snapshot(rows: &[Row]) -> Result<Option<Snapshot>, SqlError> {
    let head = heads(rows).next().transpose()?;
    head.map(|head| Ok(Snapshot { head, chains: chains(rows)? })).transpose()
}
