//! Values that everything else is made of: ids, instants, e-mail addresses, rights and terms, tokens, tags.

mod account;
mod action;
mod day;
mod email;
mod id;
mod object;
mod pointer;
mod shown;
mod spelling;
mod tag;
mod terms;
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
    spelling::IdError,
    tag::Tag,
    terms::{Expiry, Right, Rights, Terms},
    time::{Timestamp, TimestampError},
    token::{LinkDigest, LinkToken, MalformedToken, NewToken},
};
