//! Stores of a type that is known at run time only.

use super::store::Store;
use std::{future::Future, pin::Pin};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

macro_rules! declare {
    (
        () $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        #[doc = concat!("[`Store::", stringify!($method), "`].")]
        fn $boxed<'a>(&'a self, $($argument: $($and 'a)? $kind),*) -> Boxed<'a, Result<$answer, $error>>;
    };
}

macro_rules! erase {
    (
        () $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        fn $boxed<'a>(&'a self, $($argument: $($and 'a)? $kind),*) -> Boxed<'a, Result<$answer, $error>> {
            Box::pin(Store::$method(self, $($argument),*))
        }
    };
}

macro_rules! restore {
    (
        () $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        async fn $method(&self, $($argument: $($and)? $kind),*) -> Result<$answer, $error> {
            self.$boxed($($argument),*).await
        }
    };
}

/// The twin of [`Store`] for trait objects: every `Store` is one, and `Arc<dyn DynStore>` is a `Store` again.
///
/// For a host that chooses its store when it starts. A call costs one allocation more. Implement and call
/// `Store`; the methods here only lead to it.
///
/// ```
/// use dashshare::{Dashshare, DynStore, MemoryDirectory, MemoryStore, SystemEnv};
/// use std::sync::Arc;
///
/// let store: Arc<dyn DynStore> = match "memory" {
///     "memory" => Arc::new(MemoryStore::default()),
///     other => panic!("no store is called `{other}`"),
/// };
/// let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
/// ```
pub trait DynStore: Send + Sync {
    crate::__store_methods!(declare, (), ALL);
}

impl<S: Store> DynStore for S {
    crate::__store_methods!(erase, (), ALL);
}

impl Store for dyn DynStore + '_ {
    crate::__store_methods!(restore, (), ALL);
}
