//! One async runtime for all tests of a file: their pools hand connections from one thread to another.

use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// Who enters it can wait for futures of the pools by any executor on this thread, also by one inside another.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"));

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}
