//! Why something was denied, with a sentence and what would change it.

use crate::{
    lock::{Range, Spans},
    policy::RuleRef,
    sharing::{Fall, LockedBy},
    value::{Action, Right, Rights, Shown},
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
    /// Too many visits from there were not let in, so this one was not looked at, whatever it presented (R3).
    Limited,
    /// The dashboard does not show this device, or this variable of it, or not to whoever asks: the lock that hides it is in
    /// the explanation, and what is told of it is the same (K22).
    DeviceNotShown(String),
    /// Nothing of the range that was asked for lies in the window of the lock.
    OutsideWindow {
        /// The window at the moment of the question.
        window: Range,
    },
    /// The range is longer than may be asked for at once (K10).
    RangeTooLong {
        /// How long it may be.
        limit: Spans,
    },
    /// The range has no instant in it (K16).
    RangeUnreadable,
    /// What was asked is not filtered by a parameter that the lock fixes (K5).
    ParameterNotApplied {
        /// The parameter.
        name: String,
    },
    /// No value was chosen for a parameter of the lock, or one that it does not let through (K5).
    ParameterNotChosen {
        /// The parameter.
        name: String,
    },
    /// The locks along the path let nothing through, by their form alone, from this one on (K13).
    LockedEmpty {
        /// Whose lock it is.
        by: LockedBy,
    },
    /// A lock of the path cannot be read, so it lets nothing through (K24).
    LockUnreadable {
        /// Whose lock it is.
        by: LockedBy,
    },
    /// The slot that the device was chosen for does not come to hold it (B7).
    SlotUnresolved {
        /// The slot.
        slot: String,
        /// Why, in a word: `refused`, `waits_for`, `no_candidate` or `not_named`.
        why: &'static str,
    },
    /// The decision may not be relied on any more: ask anew (K17).
    Stale,
    /// The decision is about another action than this kind of read needs: a download needs one about
    /// [`Export`](crate::Action::Export), everything else one about [`View`](crate::Action::View).
    NotDecided(Action),
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
            Self::Limited => {
                "too many visits from there were not let in, so this one was not looked at.".to_owned()
            }
            Self::DeviceNotShown(device) => format!("the dashboard does not show device `{device}`."),
            Self::OutsideWindow { window } => {
                format!("nothing that was asked for lies in what may be seen, which is {window}.")
            }
            Self::RangeTooLong { limit } => format!("at most {limit} may be asked for at once."),
            Self::RangeUnreadable => "the range that was asked for has no instant in it.".to_owned(),
            Self::ParameterNotApplied { name } => {
                format!("what was asked for is not filtered by `{}`.", Shown(name))
            }
            Self::ParameterNotChosen { name } => {
                format!("no value that may be seen was chosen for `{}`.", Shown(name))
            }
            Self::LockedEmpty { .. } => "nothing is left of what may be seen.".to_owned(),
            Self::LockUnreadable { .. } => {
                "how much may be seen cannot be read, so that is nothing.".to_owned()
            }
            Self::SlotUnresolved { slot, why } => format!("slot `{}` does not hold it: {why}.", Shown(slot)),
            Self::Stale => "the decision is too old.".to_owned(),
            Self::NotDecided(action) => format!("it was not asked whether they may {}.", action.verb()),
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
            Self::Limited => "Try again in a minute.",
            Self::DeviceNotShown(_) => "Ask for a device and a variable that the dashboard shows.",
            Self::OutsideWindow { .. } => "Ask for a range in it.",
            Self::RangeTooLong { .. } => "Ask for a shorter range.",
            Self::RangeUnreadable => "Ask for a range that ends after it begins.",
            Self::ParameterNotApplied { .. } => "Apply that parameter to what is read.",
            Self::ParameterNotChosen { .. } => "Choose one of the values that the lock has.",
            Self::LockedEmpty { .. } | Self::LockUnreadable { .. } => {
                "Whoever gave it can share once more with another lock."
            }
            Self::SlotUnresolved { .. } => "Choose a device that the slot lists.",
            Self::Stale | Self::NotDecided(_) => "Ask for a new decision.",
            Self::DeviceNotAllowed(_) => "A policy can let them access the device.",
        }
    }
}
