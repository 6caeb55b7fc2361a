//! Values that everything else is made of: ids, instants, e-mail addresses, rights and terms, tokens, tags.

mod account;
mod action;
mod day;
mod email;
mod id;
mod object;
mod pointer;
mod rights;
mod shown;
mod spelling;
mod tag;
mod time;
mod token;

pub(crate) use email::canonical_domain;
pub(crate) use object::Object;
pub(crate) use pointer::pointer;
pub(crate) use shown::{Showing, Shown, is_seen, shown};
pub use {
    account::Account,
    action::Action,
    email::{Attestor, EmailAddress, EmailError, VerifiedEmail},
    id::{AccountId, DashboardId, GrantId, TenantId},
    rights::{Expiry, Right, Rights},
    spelling::IdError,
    tag::Tag,
    time::{Timestamp, TimestampError},
    token::{LinkDigest, LinkToken, MalformedToken, NewToken},
};
