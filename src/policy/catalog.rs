//! The catalogue: which actions a kind of resource has, and for whom.

use super::tuple::PrincipalKind::{self, Analysis, RunUser};
use std::collections::BTreeSet;

/// What the product gives to principals of one kind, for one kind of resource.
struct Abilities {
    principal: PrincipalKind,
    resource: &'static str,
    actions: &'static [&'static str],
}

const fn abilities(
    principal: PrincipalKind,
    resource: &'static str,
    actions: &'static [&'static str],
) -> Abilities {
    Abilities { principal, resource, actions }
}

/// Complete for run users. For analyses complete for the kinds that it lists, and there are more: see [`OTHERS`].
const CATALOG: &[Abilities] = &[
    abilities(RunUser, "dashboard", &["access", "arrangement"]),
    abilities(RunUser, "device", &["access"]),
    abilities(RunUser, "entity", &["access"]),
    abilities(RunUser, "run_user", &["access"]),
    abilities(RunUser, "sql", &["access", "execute"]),
    abilities(
        Analysis,
        "device",
        &[
            "access",
            "create",
            "delete",
            "edit",
            "token_access",
            "get_data",
            "send_data",
            "edit_data",
            "delete_data",
            "manage_chunks",
            "export_data",
            "import_data",
        ],
    ),
    abilities(Analysis, "access_management", &["access", "create", "edit", "delete"]),
    abilities(Analysis, "file", &["access", "upload", "edit", "delete"]),
    abilities(
        Analysis,
        "dashboard",
        &["access", "create", "edit", "delete", "duplicate", "related_devices", "related_analysis"],
    ),
    abilities(Analysis, "sql", &["access", "create", "execute"]),
    abilities(Analysis, "account", &["access", "access_profile", "access_profile_statistics"]),
];

/// Kinds of resources that exist for analyses and whose actions are not all known.
const OTHERS: &[&str] = &[
    "action",
    "analysis",
    "connector",
    "dictionary",
    "entity",
    "network",
    "profile",
    "run_user",
    "secrets",
    "service_authorization",
];

/// The actions that principals of a kind have on a kind of resource; `None` when they have none of it, or not all are
/// known.
pub(super) fn actions(principal: PrincipalKind, resource: &str) -> Option<&'static [&'static str]> {
    let found = CATALOG.iter().find(|line| line.principal == principal && line.resource == resource);
    found.map(|line| line.actions)
}

/// Whether a kind of resource is one of the product's.
pub(super) fn is_kind(resource: &str) -> bool {
    OTHERS.contains(&resource) || CATALOG.iter().any(|line| line.resource == resource)
}

fn is_open(resource: &str) -> bool {
    OTHERS.contains(&resource) || !is_kind(resource)
}

/// Whether a kind of resource has an action at all, for whomever (P6).
pub(super) fn has(resource: &str, action: &str) -> bool {
    is_open(resource) || PrincipalKind::ALL.into_iter().any(|kind| gives(kind, resource, action))
}

/// All actions that are known of a kind of resource, for whomever.
pub(super) fn known(resource: &str) -> BTreeSet<&'static str> {
    let found = PrincipalKind::ALL.into_iter().filter_map(|kind| actions(kind, resource));
    found.flatten().copied().collect()
}

/// Whether principals of a kind have an action on a kind of resource. For a host's own kinds everybody has.
pub(super) fn gives(principal: PrincipalKind, resource: &str, action: &str) -> bool {
    match actions(principal, resource) {
        Some(actions) => actions.contains(&action),
        None if is_kind(resource) => principal == Analysis && is_open(resource),
        None => true,
    }
}
