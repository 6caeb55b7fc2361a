//! The library that is preloaded into a child, to write down or to fail its calls (`tests/support/power_cut.c`).

use super::child::{self, Folder, Running};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/power_cut.c");

pub(crate) struct Preload {
    folder: Folder,
}

impl Preload {
    /// Compiles it and tries it out; why there is none, if there is none.
    pub(crate) fn make() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("the calls of a process are written down on Linux only".into());
        }
        let preload = Self { folder: Folder::new() };
        let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
        let made = Command::new(&compiler)
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .arg(preload.library())
            .args([SOURCE, "-ldl", "-lpthread"])
            .output()
            .map_err(|error| format!("no C compiler ({}): {error}", compiler.display()))?;
        if !made.status.success() {
            return Err(format!("power_cut.c does not compile: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let folder = Folder::new();
        let log = preload.folder.file("probe");
        let mut command = child::command("probe", &folder.file("store.db"), &[]);
        preload.put_into(&mut command, &folder, Some(&log));
        Running::start(command).finish();
        match fs::read(log) {
            Ok(log) if !log.is_empty() => Ok(preload),
            _ => Err("a preloaded library is not heeded here".into()),
        }
    }

    fn library(&self) -> PathBuf {
        self.folder.file("power_cut.so")
    }

    /// A child with it, for the files of a folder.
    pub(crate) fn put_into(&self, command: &mut Command, folder: &Folder, log: Option<&Path>) {
        command.env("LD_PRELOAD", self.library()).env("DASHSHARE_CUT_FOLDER", folder.path());
        if let Some(log) = log {
            command.env("DASHSHARE_CUT_LOG", log);
        }
    }

    /// Lets a child work on `store.db` to its end. All that it did to the files, in order; what it acknowledged is among
    /// it, as writes to a file of that name.
    pub(crate) fn record(&self, mode: &str, arguments: &[&str]) -> Vec<Call> {
        let (folder, outside) = (Folder::new(), Folder::new());
        let log = outside.file("log");
        let mut command = child::command(mode, &folder.file("store.db"), arguments);
        command.stdout(Stdio::from(File::create(folder.file(ACKNOWLEDGED)).expect("a file")));
        self.put_into(&mut command, &folder, Some(&log));
        Running::start(command).finish();
        Call::parse_all(&fs::read(log).expect("a log"))
    }
}

pub(crate) const ACKNOWLEDGED: &str = "acknowledged";

/// A call that changed or synced a file.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Write {
        offset: usize,
        data: Vec<u8>,
    },
    Truncate {
        length: usize,
    },
    Sync,
    Remove,
    /// The folder itself: which names are in it.
    SyncFolder,
}

impl Call {
    fn parse_all(mut log: &[u8]) -> Vec<Self> {
        let mut calls = Vec::new();
        while !log.is_empty() {
            let mut number = || {
                let (number, rest) = log.split_first_chunk::<8>().expect("a whole entry");
                log = rest;
                usize::try_from(u64::from_ne_bytes(*number)).expect("a number")
            };
            let (operation, name_length, offset, length) = (number(), number(), number(), number());
            let (name, rest) = log.split_at(name_length);
            let (data, rest) = rest.split_at(length);
            log = rest;
            let name = String::from_utf8(name.to_vec()).expect("a name");
            let what = match operation {
                1 => What::Write { offset, data: data.to_vec() },
                2 => What::Sync,
                3 => What::Truncate { length: offset },
                4 => What::Remove,
                6 => What::SyncFolder,
                other => panic!("SQLite did something new to {name}: {other}"),
            };
            calls.push(Self { name, what });
        }
        calls
    }
}
