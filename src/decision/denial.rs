//! Why something was denied, with a sentence and what would change it.

use crate::{
    policy::RuleRef,
    sharing::Fall,
    value::{Right, Rights},
};
use serde::Serialize;

/// Why something was denied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Denial {
    /// There is no such dashboard, or it was deleted.
    UnknownDashboard,
    /// The host has suspended the dashboard: nobody may do anything with it until it is resumed (G25).
    Suspended,
    /// The dashboard was never shared with this account.
    NotShared,
    /// It was, and that ended. The latest of the account's grants fell like this.
    Ended(Fall),
    /// The account's live grants give only these rights.
    RightNotGiven(Rights),
    /// The account may see it and not share it on.
    NoReshareRight,
    /// The account may share it on, and its grants are as many shares away from the owner as the tenant allows.
    TooDeep {
        /// How many grants a path may have.
        limit: usize,
    },
    /// Only the owner can edit, whatever was shared.
    OwnersOnly,
    /// Only the owner can move and resize, and whom a policy lets.
    ArrangementNotGiven,
    /// A rule of the tenant's policies denies it, whatever was shared.
    PolicyDenies(RuleRef),
    /// The tenant's rules have sharing with persons off.
    PrivateSharingOff,
    /// The tenant's rules have sharing on off, and access was shared on.
    ResharingOff,
    /// The token opens nothing. Whatever the cause, a visitor gets this one answer (L9).
    LinkNotUsable,
    /// The dashboard does not show this device.
    DeviceNotShown(String),
    /// The dashboard is allowed and this device is not: no policy lets the asker access it (D3).
    DeviceNotAllowed(String),
    /// The dashboard is allowed, and a rule of the tenant's policies denies this device (D3).
    DeviceDenied {
        /// The device.
        device: String,
        /// The rule.
        by: RuleRef,
    },
}

impl Denial {
    /// What is the matter, as a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::UnknownDashboard => "there is no such dashboard.".to_owned(),
            Self::Suspended => "it is suspended.".to_owned(),
            Self::NotShared => "it was never shared with this account.".to_owned(),
            Self::Ended(fall) => fall.sentence(),
            Self::RightNotGiven(Rights::NONE) => {
                "what was shared was narrowed since, and allows nothing any more.".to_owned()
            }
            Self::RightNotGiven(rights) => format!("what was shared allows only to {rights}."),
            Self::NoReshareRight => "it was shared without the right to share on.".to_owned(),
            Self::TooDeep { limit } => {
                format!("it was shared on as often as the tenant allows, which is {limit} grants in a row.")
            }
            Self::OwnersOnly => "only its owner can edit it.".to_owned(),
            Self::ArrangementNotGiven => {
                "what was shared does not let anybody move or resize its widgets.".to_owned()
            }
            Self::PolicyDenies(rule) => format!("{rule} denies it, whatever was shared."),
            Self::PrivateSharingOff => "the tenant has switched sharing with persons off.".to_owned(),
            Self::ResharingOff => "the tenant has switched resharing off.".to_owned(),
            Self::LinkNotUsable => "this link opens nothing.".to_owned(),
            Self::DeviceNotShown(device) => format!("the dashboard does not show device `{device}`."),
            Self::DeviceNotAllowed(device) => {
                format!("the dashboard is allowed, but no policy allows device `{device}`.")
            }
            Self::DeviceDenied { device, by } => {
                format!("the dashboard is allowed, but {by} denies device `{device}`.")
            }
        }
    }

    /// The device that it is about, if it is about one.
    pub(crate) fn device(&self) -> Option<&str> {
        match self {
            Self::DeviceNotShown(device)
            | Self::DeviceNotAllowed(device)
            | Self::DeviceDenied { device, .. } => Some(device),
            _ => None,
        }
    }

    /// What would change it, as a sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownDashboard => "Check the address.",
            Self::Suspended => "Whoever runs this service can resume it.",
            Self::NotShared | Self::Ended(_) => "Somebody who may share it can share it with this account.",
            Self::RightNotGiven(rights) if rights.contains(Right::View) => {
                "Somebody who holds the missing right can share it with this account."
            }
            Self::RightNotGiven(_) => "Somebody who may view it can share that right with this account.",
            Self::NoReshareRight => "Its owner can share it once more with the right to share on.",
            Self::TooDeep { .. } => "Its owner, or somebody nearer to the owner, can share it directly.",
            Self::OwnersOnly => "Ask its owner to make the change.",
            Self::ArrangementNotGiven => {
                "Ask its owner to make the change; a policy can allow `access` and `arrangement` to portal users."
            }
            Self::PolicyDenies(_) | Self::DeviceDenied { .. } => {
                "The tenant's administrator can change the policy."
            }
            Self::PrivateSharingOff => "The tenant's administrator can switch it on again.",
            Self::ResharingOff => {
                "The tenant's administrator can switch it on, or the owner can share directly."
            }
            Self::LinkNotUsable => "Ask whoever sent it for a new one.",
            Self::DeviceNotShown(_) => "Ask for a device that the dashboard shows.",
            Self::DeviceNotAllowed(_) => "A policy can let them access the device.",
        }
    }
}
