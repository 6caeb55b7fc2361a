//! The one list of what a directory is asked, and `delegate_directory!`, which writes wrappers from it.

/// Calls a macro with a method, as `__store_method!` does.
#[doc(hidden)]
#[macro_export]
macro_rules! __directory_method {
    ($then:path, $with:tt, account) => {
        $then! { $with account boxed_account(
            id: [] $crate::__named::AccountId,
            attestor: [&] $crate::__named::Attestor
        ) -> Option<$crate::__named::Account>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, account_of) => {
        $then! { $with account_of boxed_account_of(
            address: [&] $crate::__named::EmailAddress,
            attestor: [&] $crate::__named::Attestor
        ) -> Option<$crate::__named::Account>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, tenant) => {
        $then! { $with tenant boxed_tenant(id: [] $crate::__named::TenantId)
        -> Option<$crate::__named::Arc<$crate::__named::Tenant>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, principal) => {
        $then! { $with principal boxed_principal(
            tenant: [] $crate::__named::TenantId,
            account: [] $crate::__named::AccountId
        ) -> Option<$crate::__named::Arc<$crate::__named::Principal>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, dashboard) => {
        $then! { $with dashboard boxed_dashboard(dashboard: [] $crate::__named::DashboardId)
        -> Option<$crate::__named::Arc<$crate::__named::Resource>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, device) => {
        $then! { $with device boxed_device(dashboard: [] $crate::__named::DashboardId, device: [&] str)
        -> Option<$crate::__named::Arc<$crate::__named::Resource>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, variables) => {
        $then! { $with variables boxed_variables(dashboard: [] $crate::__named::DashboardId, device: [&] str)
        -> $crate::__named::Variables, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, devices) => {
        $then! { $with devices boxed_devices(dashboard: [] $crate::__named::DashboardId)
        -> Vec<$crate::__named::Arc<$crate::__named::Resource>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, blueprint) => {
        $then! { $with blueprint boxed_blueprint(dashboard: [] $crate::__named::DashboardId)
        -> Option<$crate::__named::Arc<$crate::__named::Blueprint>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, candidates) => {
        $then! { $with candidates boxed_candidates(page: [&] $crate::__named::CandidatePage)
        -> Vec<$crate::__named::Arc<$crate::__named::Resource>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, $other:ident) => {
        ::std::compile_error!(concat!("a `Directory` has no method `", stringify!($other), "`"));
    };
}

/// Calls a macro with some methods, or with all, one after the other.
#[doc(hidden)]
#[macro_export]
macro_rules! __directory_methods {
    ($then:path, $with:tt, ALL) => {
        $crate::__directory_methods! {
            $then, $with, account, account_of, tenant, principal, dashboard, device, variables, devices, blueprint, candidates
        }
    };
    ($then:path, $with:tt, $($method:ident),+) => {
        $($crate::__directory_method! { $then, $with, $method })+
    };
}

/// Writes the methods of a [`Directory`](crate::Directory) that wraps another one, as
/// [`delegate_store!`](crate::delegate_store!) does for stores.
///
/// ```
/// use dashshare::{delegate_directory, directory::{Account, Attestor}, AccountId, BoxError, Directory};
///
/// /// A directory in which some accounts are blocked.
/// struct Guarded<D> {
///     directory: D,
///     blocked: Vec<AccountId>,
/// }
///
/// impl<D: Directory> Directory for Guarded<D> {
///     async fn account(&self, id: AccountId, attestor: &Attestor) -> Result<Option<Account>, BoxError> {
///         if self.blocked.contains(&id) { Ok(None) } else { self.directory.account(id, attestor).await }
///     }
///
///     delegate_directory!(
///         self.directory => account_of, tenant, principal, dashboard, device, variables, devices, blueprint, candidates
///     );
/// }
/// ```
#[macro_export]
macro_rules! delegate_directory {
    (** $this:ident => $($what:tt)+) => {
        $crate::__delegate! { $crate::__directory_methods, ($crate::__named::Directory, $this (**$this)) $($what)+ }
    };
    ($this:ident $(. $field:tt $(($($given:tt)*))?)+ => $($what:tt)+) => {
        $crate::__delegate! {
            $crate::__directory_methods,
            ($crate::__named::Directory, $this ($this $(. $field $(($($given)*))?)+)) $($what)+
        }
    };
}
