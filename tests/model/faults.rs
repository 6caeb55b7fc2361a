//! Rules broken on purpose: a comparison that does not see each of them soon proves nothing.

use std::str::FromStr;

/// One broken rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A grant lives on whatever happens to its parent.
    TheChainIsSkipped,
    /// `<=` for `<`.
    DeadOneTickLate,
    /// Whoever holds a grant may share it on.
    ReshareRightIsIgnored,
    /// A new grant to the same person brings back what hung on the old one.
    RegrantingRevives,
    /// The latest end of the chain counts, not the earliest.
    TheLaterEndCounts,
    /// Who hangs on a third or later grant asks only its parent.
    OneAncestorIsDropped,
    /// What hung on a revoked grant lives on.
    RevokingFellsOnlyTheGrant,
    /// Taking the reshare right leaves what was shared on.
    ChildrenKeepWithoutReshare,
    /// A narrowed parent leaves its children wide.
    RightsAreNotIntersected,
    /// The person's newest grant counts, not the union.
    TheNewestGrantCounts,
    /// An invitation waits for ever.
    InvitationsNeverLapse,
    /// The rules of today decide when an old invitation lapses.
    InvitationsLapseByTodaysRules,
    /// A later claim of the address takes the grant over.
    TheLastClaimWins,
    /// A claimed grant goes wherever the address goes.
    GrantsFollowTheAddress,
    /// Who verifies the address has access at once.
    VerifyingIsClaiming,
    /// An invitation binds to somebody above it.
    ClaimsBindUpwards,
    /// Stopping with a person leaves the invitations to its address.
    StoppingForgetsInvitations,
    /// Stopping with an address leaves what was claimed from it.
    StoppingForgetsClaimed,
    /// A new owner's old grants come back when it hands the dashboard on.
    TransferAbsorbsNothing,
    /// A new owner's old grants take down what hung on them.
    TransferFellsWhatHung,
    /// A link that died comes back when its maker becomes the owner.
    TransferRevivesTheLink,
    /// A link stays open without the grant it hangs on.
    LinksOutliveTheirGrant,
    /// A new maximum cuts the grants that stand.
    MaximumsRewriteGrants,
    /// Decisions do not look at the tenant's switches.
    SwitchesAreIgnored,
    /// Only the direct grantor and the owner may end a grant.
    OnlyTheGrantorHasPower,
    /// A grantee may prolong its own grant when it stands above it too.
    GranteesProlongTheirOwn,
    /// A dead grant can be prolonged.
    ProlongingRevives,
    /// Amending may give back what was taken.
    AmendingWidens,
    /// Two parents together cover what neither does alone.
    ParentsAreMixed,
    /// The first parent that covers the rights counts, not the one that ends last.
    TheFirstParentCounts,
    /// A reshare may declare an end after its grantor's.
    LateEndsAreAccepted,
    /// Repeating a share makes a second grant.
    RepeatingMakesAnother,
    /// A rebind takes any other grant of the grantor, covering or not.
    RebindsNeedNoCover,
    /// A rebind forgets what hung on the re-issued grants.
    RebindsForgetDescendants,
    /// One level too many.
    OneLevelTooDeep,
    /// A dashboard that is registered again finds its old grants.
    GrantsOutliveTheDashboard,
    /// Whether a share stands goes by who holds the grant, not by what was named.
    StandingGoesByTheHolder,
    /// A waiting invitation that is asked for once more lapses when it would have.
    RepeatingProlongsNoWait,
    /// A second invitation of an address is no refusal.
    AnAddressIsInvitedTwice,
    /// Only an invitation that waits is in the way of a second one: so the sharer learns who has an account.
    OnlyWhatWaitsIsInTheWay,
    /// The owner's address is refused, so that a resharer learns whose it is.
    TheOwnersAddressIsTold,
    /// A list, an impact or an amendment shows who has the address before the invitation was answered.
    SharersAreToldWhoHasTheAddress,
    /// A claim binds what `share` would refuse now.
    ClaimsAskNoRules,
    /// A rebind re-issues what `share` would refuse now.
    RebindsAskNoRules,
    /// What is re-issued lasts as long as what it then hangs on.
    RebindsLengthen,
    /// The invitations of an old owner to itself outlive the transfer.
    TransferLeavesInvitations,
    /// Whom the rules or policies do not let is made the owner.
    AnybodyIsMadeOwner,
    /// Whom the rules or policies do not let keeps a right at a transfer.
    KeepingAsksNoRules,
    /// What a policy denies a grant gives.
    DeniesAreIgnored,
    /// An impact says that somebody keeps what a policy denies it.
    KeepingForgetsPolicies,
    /// An address is bound to an account whose other addresses may not be shared with.
    AddressesAreBoundUnasked,
    /// Whoever may resume a link resumes also what the owner paused.
    AMakerResumesWhatTheOwnerPaused,
    /// Who keeps a lesser right is not said to lose anything.
    OnlyWhoLosesAllIsLosing,
    /// Everybody is reminded whose grant or invitation ends.
    WhoLosesNothingIsReminded,
    /// A suspended dashboard goes on.
    SuspendingDeniesNothing,
    /// A policy denies an owner no device.
    OwnersAreAbovePolicies,
    /// There may be any number of grants.
    NothingIsLimited,
    /// Who has the reshare right is said to be able to share on, although rules or depth forbid it.
    SharingIsPromisedInVain,
    /// A grant is prolonged for somebody whose domain was blocked since.
    ProlongingAsksNoDomain,
    /// What a grant shows is its own lock, whatever its parent's.
    LocksAreNotFolded,
    /// Parts of two locks are combined.
    LocksAreMixed,
    /// A later narrowing takes the place of the lock that stood.
    NarrowingReplaces,
    /// Whoever may export exports what any of its grants shows.
    ExportsGoByAnyGrant,
    /// A grant's lock takes away what a policy lets somebody see.
    LocksNarrowPolicies,
    /// The tenant's lock for what is shared on does not count.
    TenantsLocksAreForgotten,
    /// A parent is chosen as if nothing were locked.
    ParentsAreChosenWithoutLocks,
    /// A share stands although another lock is asked for.
    StandingForgetsLocks,
    /// What a rebind re-issues has its own lock, not the one of its path.
    RebindsWidenLocks,
    /// A share is made that shows nothing.
    EmptyPathsAreAccepted,
    /// A link shows more when its maker becomes the owner.
    TransferWidensTheLink,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = |fault: &Self| format!("{fault:?}") == name;
        Self::ALL.into_iter().find(named).ok_or_else(|| format!("`{name}` is no fault"))
    }
}

impl Fault {
    pub(crate) const ALL: [Self; 70] = [
        Self::TheChainIsSkipped,
        Self::DeadOneTickLate,
        Self::ReshareRightIsIgnored,
        Self::RegrantingRevives,
        Self::TheLaterEndCounts,
        Self::OneAncestorIsDropped,
        Self::RevokingFellsOnlyTheGrant,
        Self::ChildrenKeepWithoutReshare,
        Self::RightsAreNotIntersected,
        Self::TheNewestGrantCounts,
        Self::InvitationsNeverLapse,
        Self::InvitationsLapseByTodaysRules,
        Self::TheLastClaimWins,
        Self::GrantsFollowTheAddress,
        Self::VerifyingIsClaiming,
        Self::ClaimsBindUpwards,
        Self::StoppingForgetsInvitations,
        Self::StoppingForgetsClaimed,
        Self::TransferAbsorbsNothing,
        Self::TransferFellsWhatHung,
        Self::TransferRevivesTheLink,
        Self::LinksOutliveTheirGrant,
        Self::MaximumsRewriteGrants,
        Self::SwitchesAreIgnored,
        Self::OnlyTheGrantorHasPower,
        Self::GranteesProlongTheirOwn,
        Self::ProlongingRevives,
        Self::AmendingWidens,
        Self::ParentsAreMixed,
        Self::TheFirstParentCounts,
        Self::LateEndsAreAccepted,
        Self::RepeatingMakesAnother,
        Self::RebindsNeedNoCover,
        Self::RebindsForgetDescendants,
        Self::OneLevelTooDeep,
        Self::GrantsOutliveTheDashboard,
        Self::StandingGoesByTheHolder,
        Self::RepeatingProlongsNoWait,
        Self::AnAddressIsInvitedTwice,
        Self::OnlyWhatWaitsIsInTheWay,
        Self::TheOwnersAddressIsTold,
        Self::SharersAreToldWhoHasTheAddress,
        Self::ClaimsAskNoRules,
        Self::RebindsAskNoRules,
        Self::RebindsLengthen,
        Self::TransferLeavesInvitations,
        Self::AnybodyIsMadeOwner,
        Self::KeepingAsksNoRules,
        Self::DeniesAreIgnored,
        Self::KeepingForgetsPolicies,
        Self::AddressesAreBoundUnasked,
        Self::AMakerResumesWhatTheOwnerPaused,
        Self::OnlyWhoLosesAllIsLosing,
        Self::WhoLosesNothingIsReminded,
        Self::SuspendingDeniesNothing,
        Self::OwnersAreAbovePolicies,
        Self::NothingIsLimited,
        Self::SharingIsPromisedInVain,
        Self::ProlongingAsksNoDomain,
        Self::LocksAreNotFolded,
        Self::LocksAreMixed,
        Self::NarrowingReplaces,
        Self::ExportsGoByAnyGrant,
        Self::LocksNarrowPolicies,
        Self::TenantsLocksAreForgotten,
        Self::ParentsAreChosenWithoutLocks,
        Self::StandingForgetsLocks,
        Self::RebindsWidenLocks,
        Self::EmptyPathsAreAccepted,
        Self::TransferWidensTheLink,
    ];
}
