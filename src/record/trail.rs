//! What a change leaves behind: its audit record, and the messages that a host turns into e-mail.

use super::terms::Terms;
use super::{actor::Actor, grant::Holder, head::Revision};
use crate::lock::StoredLock;
use crate::value::{AccountId, DashboardId, EmailAddress, Expiry, GrantId, Rights, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The one record that every change yields: who did what to which grant or link, when, at which revision.
///
/// It holds ids, instants and terms, and never a token or a digest.
///
/// Rules: [G21](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The dashboard.
    pub dashboard: DashboardId,
    /// The revision that the change made; records of a dashboard count up without gaps.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Who.
    #[serde(deserialize_with = "Actor::read")]
    pub actor: Actor,
    /// What.
    pub event: Event,
    /// Every grant that was live before and is not any more, in the order in which they were made.
    pub fell: Vec<GrantId>,
    /// The generation of the link that died with them, if one did.
    pub link_fell: Option<u64>,
}

/// What happened to a dashboard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// It was registered.
    Registered {
        /// Its owner.
        owner: AccountId,
    },
    /// A grant was made.
    Shared {
        /// The new grant.
        grant: GrantId,
        /// Whom it was made to, as named in the command: of an address nothing tells whose it is (I1).
        with: Holder,
        /// On which terms.
        terms: Terms,
    },
    /// A grant's terms were changed.
    Amended {
        /// The grant.
        grant: GrantId,
        /// Its terms before.
        before: Terms,
        /// Its terms now.
        after: Terms,
    },
    /// A grant was revoked.
    Revoked {
        /// The grant.
        grant: GrantId,
        /// What was re-issued under another grant of the same person: old id, new id (G14).
        rebound: Vec<(GrantId, GrantId)>,
    },
    /// An invitation that waits was asked for once more: it waits a full term anew (G17).
    InvitationRenewed {
        /// The invitation.
        grant: GrantId,
        /// When it lapses now, if it is not claimed.
        lapses: Timestamp,
    },
    /// A grant was made in place of all that the person had from the same grantor (G17).
    ShareSet {
        /// The new grant.
        grant: GrantId,
        /// Whom it was made to.
        with: Holder,
        /// On which terms.
        terms: Terms,
        /// What it replaced.
        replaced: Vec<GrantId>,
    },
    /// Sharing with a person was stopped (G13).
    Stopped {
        /// The person, as named in the command.
        with: Holder,
    },
    /// A grantee gave its grant up, or declined an invitation.
    Renounced {
        /// The grant.
        grant: GrantId,
    },
    /// Invitations became an account's grants.
    Claimed {
        /// The account.
        account: AccountId,
        /// The invitations that it holds now.
        grants: Vec<GrantId>,
    },
    /// An account was asked to take the dashboard over (G18).
    TransferAsked {
        /// Who was asked.
        to: AccountId,
        /// What the owner would keep.
        keep: Rights,
        /// Until when it can be taken.
        lapses: Timestamp,
    },
    /// Who was asked to take the dashboard over declined.
    TransferDeclined,
    /// The question whether somebody takes the dashboard over was taken back.
    TransferWithdrawn,
    /// The dashboard changed hands.
    Transferred {
        /// The old owner.
        from: AccountId,
        /// The new owner.
        to: AccountId,
        /// The grant that the old owner kept, if any.
        kept: Option<GrantId>,
    },
    /// The dashboard was deleted.
    Deleted,
    /// An account was deleted; its grants ended.
    AccountDeleted {
        /// The account.
        account: AccountId,
    },
    /// A link was made, and the one before it died.
    LinkRotated {
        /// The new link's generation.
        generation: u64,
        /// When it ends.
        expiry: Expiry,
        /// How much of the data it shows.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "StoredLock::present")]
        lock: Option<Arc<StoredLock>>,
    },
    /// The link shows less of the data since, with the same token.
    LinkNarrowed {
        /// Its generation.
        generation: u64,
        /// Its lock before.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "StoredLock::present")]
        before: Option<Arc<StoredLock>>,
        /// Its lock now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "StoredLock::present")]
        after: Option<Arc<StoredLock>>,
    },
    /// The link was paused.
    LinkPaused {
        /// Its generation.
        generation: u64,
    },
    /// The link was resumed.
    LinkResumed {
        /// Its generation.
        generation: u64,
    },
    /// The end of the link was moved, with the same token.
    LinkEndMoved {
        /// Its generation.
        generation: u64,
        /// The end that was declared before.
        before: Expiry,
        /// The end that is declared since.
        after: Expiry,
    },
    /// The link was withdrawn for good.
    LinkWithdrawn {
        /// Its generation.
        generation: u64,
    },
    /// The host suspended the dashboard (G25).
    Suspended,
    /// The host resumed the dashboard.
    Resumed,
    /// The host set the clock of the dashboard back, which had run ahead.
    ClockRepaired {
        /// The latest instant that the dashboard had seen.
        before: Timestamp,
        /// The one that it had then.
        after: Timestamp,
        /// The grants of which an instant lay in the future.
        grants: Vec<GrantId>,
    },
    /// A clone was offered to somebody (T9).
    Offered {
        /// The grant that says whom it is for.
        grant: GrantId,
        /// Whom.
        to: Holder,
    },
    /// The clone was taken: from here on it is a dashboard of the taker's.
    OfferTaken {
        /// Who gave it.
        from: AccountId,
    },
    /// The clone was declined.
    OfferDeclined,
    /// The offer was withdrawn.
    OfferWithdrawn,
    /// What fell with a withdrawal was listed: the record's `fell` and `link_fell` (G21).
    Fell {
        /// The revision of the withdrawal.
        with: Revision,
    },
    /// People were told that their access ends soon.
    Reminded {
        /// The grants that they were told of.
        grants: Vec<GrantId>,
    },
}

/// The name of an outbox message: unique, and in the order of the dashboard's commits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageId {
    /// The dashboard.
    pub dashboard: DashboardId,
    /// The revision whose commit wrote it.
    pub revision: Revision,
    /// Its place among that commit's messages, from 0.
    pub index: u32,
}

/// A message to somebody, written in the same commit as the change it tells of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutboxMessage {
    /// Its name: a host that sends twice can tell by it.
    pub id: MessageId,
    /// When it was written.
    pub at: Timestamp,
    /// How often it has been leased so far, the lease that answers with it included: 1 the first time, and 0 in
    /// [`outbox`](crate::Dashshare::outbox) while nobody has leased it yet. A lease counts whatever became of it.
    #[serde(default)]
    pub attempts: u32,
    /// Whom to tell what.
    pub message: Message,
}

/// What an outbox message says. A host turns it into an e-mail or a notice of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Message {
    /// An address without an account is invited; it may sign up and claim (I1).
    Invited {
        /// The invitation.
        grant: GrantId,
        /// Who invites.
        by: AccountId,
        /// The address, which is the one to mail to.
        address: EmailAddress,
        /// When the invitation lapses if it is not claimed.
        lapses: Timestamp,
    },
    /// A dashboard was shared with an account.
    Shared {
        /// The grant.
        grant: GrantId,
        /// Who shared it.
        by: AccountId,
        /// With whom.
        to: AccountId,
        /// On which terms.
        terms: Terms,
        /// When access ends, the whole path taken into account.
        ends: Expiry,
    },
    /// The terms of somebody's grant were changed.
    Amended {
        /// The grant.
        grant: GrantId,
        /// Who changed them.
        by: AccountId,
        /// Whose it is.
        to: Holder,
        /// The terms before.
        before: Terms,
        /// The terms now.
        after: Terms,
        /// When access ends now, the whole path taken into account.
        ends: Expiry,
    },
    /// Invitations were claimed: to the one who invited.
    Claimed {
        /// Who invited.
        to: AccountId,
        /// Who claimed.
        by: AccountId,
        /// The address that was invited.
        address: EmailAddress,
        /// The grants.
        grants: Vec<GrantId>,
    },
    /// An invitation that waited was declined: to the one who invited.
    Declined {
        /// Who invited.
        to: AccountId,
        /// The address that was invited.
        address: EmailAddress,
        /// The grant.
        grant: GrantId,
    },
    /// A grantee made a public link: to the owner (L6).
    LinkMade {
        /// The owner.
        to: AccountId,
        /// Who made it.
        by: AccountId,
        /// The grant that it hangs on.
        grant: GrantId,
        /// The link's generation.
        generation: u64,
    },
    /// Somebody is asked to take the dashboard over (G18).
    TransferAsked {
        /// Who is asked.
        to: AccountId,
        /// The owner.
        by: AccountId,
        /// What the owner would keep.
        keep: Rights,
        /// Until when it can be taken.
        lapses: Timestamp,
    },
    /// Who was asked to take the dashboard over declined.
    TransferDeclined {
        /// The owner.
        to: AccountId,
        /// Who was asked.
        by: AccountId,
    },
    /// The question whether somebody takes the dashboard over is gone.
    TransferWithdrawn {
        /// Who was asked.
        to: AccountId,
    },
    /// The dashboard changed hands. One message for each of the two.
    Transferred {
        /// Whom to tell: the old owner, or the new one.
        to: AccountId,
        /// The old owner.
        from: AccountId,
        /// The new owner.
        owner: AccountId,
        /// The grant that the old owner kept, if any.
        kept: Option<GrantId>,
    },
    /// A clone is offered to somebody (T9): to an account, or to an address that nobody has verified, which may sign up
    /// and take it (I1). The id of the message names the offer.
    Offered {
        /// Who offers.
        by: AccountId,
        /// To whom; an address is the one to mail to.
        to: Holder,
        /// Until when it can be taken.
        ends: Expiry,
        /// A word of the giver's, as it may stand in a mail (E17).
        message: Option<String>,
        /// Which devices are needed, as it may stand in a mail (E17).
        devices: Option<String>,
    },
    /// An offer was taken or declined. The id of the message names the offer.
    OfferAnswered {
        /// Who gave it.
        to: AccountId,
        /// Whether it was taken.
        taken: bool,
    },
    /// An offer was taken back before it was taken. The id of the message names the offer.
    OfferWithdrawn {
        /// Whom it was for.
        to: Holder,
    },
    /// Access ends soon, or an invitation lapses soon.
    Expiring {
        /// The grant.
        grant: GrantId,
        /// Whose.
        to: Holder,
        /// When.
        ends: Timestamp,
    },
    /// An invitation lapses soon: to the one who invited.
    Lapsing {
        /// Who invited.
        to: AccountId,
        /// The address that was invited.
        address: EmailAddress,
        /// The grant.
        grant: GrantId,
        /// When.
        lapses: Timestamp,
    },
    /// What fell with the withdrawal of this commit is still to be listed. A note of the library to itself: leasing does
    /// that, and hands no such message out.
    Falling,
    /// Grants were ended by somebody. One message for all whom it concerns, however many they are (S5).
    Ended {
        /// Each person with the grants that ended.
        lost: Vec<(Holder, Vec<GrantId>)>,
    },
}
