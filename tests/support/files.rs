//! A place for the files of a test run, in the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The folder of this process. Those of processes that have ended are removed when the next one begins.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("files");
    for old in fs::read_dir(&parent).into_iter().flatten().flatten() {
        let is_running = Path::new("/proc").join(old.file_name()).exists() || !Path::new("/proc").exists();
        if !is_running {
            // Somebody else may be removing it at the same time.
            let _ = fs::remove_dir_all(old.path());
        }
    }
    let folder = parent.join(std::process::id().to_string());
    fs::create_dir_all(&folder).expect("a folder for the files of the test");
    folder
});

/// The path of a file that is not there yet.
pub(crate) fn fresh_path() -> PathBuf {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    FOLDER.join(format!("{}.db", MADE.fetch_add(1, Ordering::Relaxed)))
}
