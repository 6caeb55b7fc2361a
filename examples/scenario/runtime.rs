//! What the examples wait on.

use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// The databases' driver wants a runtime of its own; the library and the store in memory need none.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime"));

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}
