//! Stores and directories of a type that is known at run time only.

use super::{directory::Directory, store::Store};
use std::{future::Future, pin::Pin};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

macro_rules! declare {
    (
        ($trait:ident) $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        #[doc = concat!("[`", stringify!($trait), "::", stringify!($method), "`].")]
        fn $boxed<'a>(&'a self, $($argument: $($and 'a)? $kind),*) -> Boxed<'a, Result<$answer, $error>>;
    };
}

macro_rules! erase {
    (
        ($trait:ident) $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        fn $boxed<'a>(&'a self, $($argument: $($and 'a)? $kind),*) -> Boxed<'a, Result<$answer, $error>> {
            Box::pin($trait::$method(self, $($argument),*))
        }
    };
}

macro_rules! restore {
    (
        ($trait:ident) $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        async fn $method(&self, $($argument: $($and)? $kind),*) -> Result<$answer, $error> {
            self.$boxed($($argument),*).await
        }
    };
}

/// The twin of [`Store`] for trait objects: every `Store` is one, and `Arc<dyn DynStore>` is a `Store` again.
///
/// For a host that chooses its store when it starts. A call costs one allocation more. Implement and call
/// `Store`; the methods here only lead to it. [`within`](crate::Dashshare::within) needs the type of the store, so a host
/// that shares inside its own transactions keeps the store itself as well.
///
/// ```
/// use dashshare::{store::DynStore, Dashshare, MemoryDirectory, MemoryStore, SystemEnv};
/// use std::sync::Arc;
///
/// let store: Arc<dyn DynStore> = match "memory" {
///     "memory" => Arc::new(MemoryStore::default()),
///     other => panic!("no store is called `{other}`"),
/// };
/// let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
/// ```
pub trait DynStore: Send + Sync {
    crate::__store_methods!(declare, (Store), ALL);
}

impl<S: Store> DynStore for S {
    crate::__store_methods!(erase, (Store), ALL);
}

impl Store for dyn DynStore + '_ {
    crate::__store_methods!(restore, (Store), ALL);
}

/// The twin of [`Directory`] for trait objects, as [`DynStore`] is that of [`Store`]: every `Directory` is one, and
/// `Arc<dyn DynDirectory>` is a `Directory` again.
///
/// ```
/// use dashshare::{directory::DynDirectory, Dashshare, MemoryDirectory, MemoryStore, SystemEnv};
/// use std::sync::Arc;
///
/// let directory: Arc<dyn DynDirectory> = Arc::new(MemoryDirectory::default());
/// let sharing = Dashshare::new(MemoryStore::default(), directory, SystemEnv);
/// ```
pub trait DynDirectory: Send + Sync {
    crate::__directory_methods!(declare, (Directory), ALL);
}

impl<D: Directory> DynDirectory for D {
    crate::__directory_methods!(erase, (Directory), ALL);
}

impl Directory for dyn DynDirectory + '_ {
    crate::__directory_methods!(restore, (Directory), ALL);
}
