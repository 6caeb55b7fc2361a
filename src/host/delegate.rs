//! How one method of a wrapper is written, for `delegate_store!` and `delegate_directory!`.

/// What the exported macros name, whatever a host has imported.
pub mod named {
    pub use crate::{
        blueprint::Blueprint,
        host::{
            directory::{CandidatePage, Directory},
            store::{BoxError, CommitError, Freshness, Store},
        },
        lock::Variables,
        policy::{Principal, Resource},
        record::{
            Actor, AuditRecord, Commit, CommitKey, DeadLetter, Grant, Head, Holder, MessageId, OutboxMessage,
            Receipt, Revision, Seed, Snapshot,
        },
        tenant::Tenant,
        value::{
            Account, AccountId, Attestor, DashboardId, EmailAddress, GrantId, LinkDigest, TenantId, Timestamp,
        },
    };
    pub use std::{result::Result, sync::Arc};
}

/// Which methods are written, and how: as they are, or each through an expression.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate {
    ($methods:path, $on:tt $($method:ident),+ $(,)?) => {
        $methods! { $crate::__pass_on, $on, $($method),+ }
    };
    ($methods:path, $on:tt $($method:ident),+, |$name:pat_param, $call:pat_param| $through:expr $(,)?) => {
        $methods! { $crate::__pass_through, ($on $name, $call, $through), $($method),+ }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __pass_on {
    (
        ($trait:path, $this:ident $inner:tt) $method:ident $boxed:ident
        ($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        async fn $method(&$this, $($argument: $($and)? $kind),*) -> $crate::__named::Result<$answer, $error> {
            <_ as $trait>::$method(&$inner, $($argument),*).await
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __pass_through {
    (
        (($trait:path, $this:ident $inner:tt) $name:pat_param, $call:pat_param, $through:expr) $method:ident $boxed:ident
        ($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        async fn $method(&$this, $($argument: $($and)? $kind),*) -> $crate::__named::Result<$answer, $error> {
            let $name: &'static str = stringify!($method);
            let $call = || <_ as $trait>::$method(&$inner, $($argument),*);
            $through.await
        }
    };
}
