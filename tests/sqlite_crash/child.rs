//! Other processes of this very program, and folders of their own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

/// The first argument of a process that is a child; then come what to do and its arguments.
pub(crate) const MARK: &str = "--crash-child";

/// This program, to do something on a file.
pub(crate) fn command(mode: &str, path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args([MARK, mode]).arg(path).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// A process that is killed when nobody needs it any more, a panic included.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        Self(command.spawn().expect("it starts"))
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("its output, once")
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it ends");
    }

    /// Waits for its own end, which is to be a good one.
    pub(crate) fn finish(&mut self) {
        let status = self.0.wait().expect("it ends");
        assert!(status.success(), "the child ended with {status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A new folder that goes with all that is in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        // Without links, as an open file is named.
        Self(fs::canonicalize(folder).expect("its path"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
