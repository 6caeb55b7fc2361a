//! Where the example binaries are.

use std::{path::Path, process::Command};

/// An example, which cargo puts beside the directory of the test executables.
pub(crate) fn example(name: &str) -> Command {
    let this = std::env::current_exe().expect("the test knows where it is");
    let directory = this.parent().and_then(Path::parent).expect("it is in deps").join("examples");
    let path = directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not there: build it with `cargo build --examples`", path.display());
    Command::new(path)
}
