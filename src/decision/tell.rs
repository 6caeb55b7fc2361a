//! What a decision says to whoever asked.

use super::{
    answer::{Asker, Decision, Party},
    denial::Denial,
};
use crate::{sharing::Told, value::Action};

impl Decision {
    /// What may be shown to whoever asked; [`explain`](Self::explain) is for the owner and for support.
    ///
    /// Who is and was no party, and every visitor, is told the same as of a dashboard that does not exist; a former party
    /// that its access ended and when, not by whom or through whom; a grantee its own grantor and end.
    ///
    /// Rules: [D8](crate::specification).
    pub fn tell(&self) -> Told {
        if self.is_allowed() {
            let verb = self.action().verb();
            return Told::new("allowed", 200, format!("You may {verb} this dashboard."))
                .shared_by(self.grantor())
                .ending(self.valid_until());
        }
        let knows_of_it = self.party() == Party::Present || self.sees_by_policy();
        match (self.asker(), self.party(), self.denial()) {
            (Asker::Visitor, ..) | (.., Some(Denial::UnknownDashboard)) => Told::unknown_dashboard(),
            (.., Some(denial)) if knows_of_it => {
                Told::new(told_code(&denial), 403, denial.told(self.action()))
            }
            (_, Party::Former(ended), _) => {
                Told::new("ended", 403, "You may not see this dashboard any more.").ending(Some(ended))
            }
            _ => Told::unknown_dashboard(),
        }
    }
}

impl Decision {
    /// Whether whoever asked is told anything that is not told of a dashboard that does not exist.
    pub(crate) fn is_told_to_a_party(&self) -> bool {
        self.tell() != Told::unknown_dashboard()
    }
}

/// The stable word for what a party is told.
fn told_code(denial: &Denial) -> &'static str {
    match denial {
        Denial::RightNotGiven(_) => "right_not_given",
        Denial::NoReshareRight => "no_reshare_right",
        Denial::Suspended => "suspended",
        Denial::TooDeep { .. } => "too_deep",
        Denial::OwnersOnly => "owners_only",
        Denial::ArrangementNotGiven => "arrangement_not_given",
        Denial::PolicyDenies(_) => "policy_denies",
        Denial::PrivateSharingOff | Denial::ResharingOff => "sharing_off",
        // What a lock hides is like what the dashboard does not show (K22).
        Denial::DeviceNotShown(_)
        | Denial::DeviceNotAllowed(_)
        | Denial::DeviceDenied { .. }
        | Denial::LockedEmpty { .. }
        | Denial::LockUnreadable { .. } => "device_not_available",
        Denial::OutsideWindow { .. } => "outside_window",
        Denial::RangeTooLong { .. } => "range_too_long",
        Denial::RangeUnreadable => "range_unreadable",
        Denial::ParameterNotApplied { .. } => "parameter_not_applied",
        Denial::ParameterNotChosen { .. } => "parameter_not_chosen",
        Denial::SlotUnresolved { .. } => "slot_unresolved",
        Denial::Stale => "stale",
        Denial::NotDecided(_) => "not_decided",
        // What is not theirs to know of never comes here, and whoever sees by a policy alone has no other right.
        Denial::UnknownDashboard
        | Denial::NotShared
        | Denial::Ended(_)
        | Denial::LinkNotUsable
        | Denial::Limited => "not_allowed",
    }
}

impl Denial {
    /// What a party is told of it: no device, no policy and no other person by name.
    fn told(&self, action: Action) -> String {
        let verb = action.verb();
        match self {
            Self::NoReshareRight => "You may see this dashboard, but not share it on.".to_owned(),
            Self::Suspended => "This dashboard is suspended at the moment.".to_owned(),
            Self::TooDeep { .. } => {
                "You may see this dashboard, but it was shared on too often to be shared again.".to_owned()
            }
            Self::OwnersOnly => "Only its owner can edit this dashboard.".to_owned(),
            Self::ArrangementNotGiven => {
                "You may see this dashboard, but not move or resize its widgets.".to_owned()
            }
            Self::PolicyDenies(_) => format!("An access policy does not let you {verb} this dashboard."),
            Self::PrivateSharingOff | Self::ResharingOff => {
                "Sharing is switched off, so this dashboard is not shown at the moment.".to_owned()
            }
            Self::OutsideWindow { .. } => "You may not see data of that time.".to_owned(),
            Self::RangeTooLong { limit } => format!("You may ask for at most {limit} at once."),
            Self::RangeUnreadable => "That range has no time in it.".to_owned(),
            Self::ParameterNotApplied { .. } => "This cannot be shown to you as it is filtered.".to_owned(),
            Self::ParameterNotChosen { .. } => "Choose one of the values that you may see.".to_owned(),
            Self::SlotUnresolved { .. } => "This device is not available here.".to_owned(),
            Self::Stale | Self::NotDecided(_) => "Load the dashboard again.".to_owned(),
            Self::DeviceNotShown(_)
            | Self::DeviceNotAllowed(_)
            | Self::DeviceDenied { .. }
            | Self::LockedEmpty { .. }
            | Self::LockUnreadable { .. } => {
                "This device is not among those that you may see on this dashboard.".to_owned()
            }
            _ => format!("You may not {verb} this dashboard."),
        }
    }
}
