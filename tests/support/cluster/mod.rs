//! A private PostgreSQL cluster for one test run: its own folder, its own socket, gone when it is dropped.
//!
//! Nothing here is shared: no service, no network port, no fixed path, so any number of clusters run side by side.

use std::{
    env, fmt, fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, chown},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::SystemTime,
};

pub(crate) mod psql;
use psql::Psql;

/// Where Debian and its relatives keep the server's programs, one folder for each version.
const VERSIONED: &str = "/usr/lib/postgresql";

/// The server's programs, as installed on this machine.
#[derive(Clone)]
pub(crate) struct Installation {
    initdb: PathBuf,
    pg_ctl: PathBuf,
    psql: PathBuf,
}

impl Installation {
    /// Looks on the `PATH`, then where Debian keeps them, newest version first. `None`: there is no server here.
    pub(crate) fn find() -> Option<Self> {
        let on_path: Vec<PathBuf> =
            env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        let mut versioned: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONED)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .collect();
        versioned.sort_by(|a, b| b.cmp(a));
        on_path.iter().cloned().chain(versioned.into_iter().map(|(_, bin)| bin)).find_map(|folder| {
            // Links are followed to the folder where the programs that belong together lie together.
            let initdb = fs::canonicalize(folder.join("initdb")).ok()?;
            let home = initdb.parent()?;
            let program = |name: &str| Some(home.join(name)).filter(|path| path.is_file());
            program("postgres")?;
            Some(Self {
                pg_ctl: program("pg_ctl")?,
                psql: program("psql")
                    .or_else(|| on_path.iter().map(|bin| bin.join("psql")).find(|psql| psql.is_file()))?,
                initdb,
            })
        })
    }
}

/// A running server of our own. Dropping it stops the server and removes its folder.
pub(crate) struct Cluster {
    installation: Installation,
    folder: PathBuf,
    /// Whom the programs run as, when the test itself runs as root, which PostgreSQL refuses.
    user: Option<User>,
    port: u16,
    /// Stops the server and removes the folder as soon as its standard input ends. It does so too when this process
    /// is killed and nothing here can be dropped any more.
    guard: Option<Child>,
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Why there is no cluster, in words.
#[derive(Debug)]
pub(crate) struct ClusterError(String);

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClusterError {}

impl From<ClusterError> for String {
    fn from(error: ClusterError) -> Self {
        error.0
    }
}

impl Cluster {
    /// Makes and starts a cluster, and returns when it answers. It forgets what it answered last when it crashes.
    pub(crate) fn start(installation: &Installation) -> Result<Self, ClusterError> {
        Self::start_with(installation, 5432, "synchronous_commit = off")
    }

    /// The same with this port (of which only a file's name is made, unless the settings say that the server listens)
    /// and with settings of one's own: lines of the server's configuration. Over the network the server asks for a
    /// password.
    pub(crate) fn start_with(
        installation: &Installation,
        port: u16,
        settings: &str,
    ) -> Result<Self, ClusterError> {
        let folder =
            fresh_folder().map_err(|error| ClusterError(format!("no folder for the cluster: {error}")))?;
        let mut cluster = Self { installation: installation.clone(), folder, user: None, port, guard: None };
        cluster.user = cluster.unprivileged()?;
        cluster.guard = Some(cluster.spawn_guard()?);
        cluster.initialise(settings)?;
        cluster.start_server()?;
        Ok(cluster)
    }

    /// The folder of the server's socket, which is what a client gives as its host. User and database: `postgres`.
    pub(crate) fn socket_dir(&self) -> &Path {
        &self.folder
    }

    /// A new connection through `psql`, as superuser.
    pub(crate) fn psql(&self) -> io::Result<Psql> {
        let mut command = self.command(&self.installation.psql);
        command.arg("--host").arg(self.socket_dir()).args(["--username=postgres", "--dbname=postgres"]);
        command.arg(format!("--port={}", self.port));
        Psql::open(command)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of the cluster, with nothing of the tester's own environment that could lead it elsewhere.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command.env("HOME", &self.folder).env("LC_ALL", "C").current_dir(&self.folder).stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Root hands the folder to an unprivileged account and runs the programs as that one.
    fn unprivileged(&self) -> Result<Option<User>, ClusterError> {
        let failed = |error| ClusterError(format!("handing over the cluster's folder: {error}"));
        // Whoever makes a folder owns it, so this asks who we are.
        if fs::metadata(&self.folder).map_err(failed)?.uid() != 0 {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = ["postgres", "nobody"]
            .iter()
            .find_map(|name| accounts.lines().find_map(|line| account(line, name)))
            .ok_or_else(|| {
                ClusterError("PostgreSQL refuses root, and there is no other account to run it".into())
            })?;
        chown(&self.folder, Some(user.uid), Some(user.gid)).map_err(failed)?;
        Ok(Some(user))
    }

    fn spawn_guard(&self) -> Result<Child, ClusterError> {
        // It outlives an interrupt from the keyboard, which goes to it too, because then it is needed.
        const SCRIPT: &str = r#"trap "" INT TERM HUP
            read -r _
            "$1" stop --silent --mode=immediate --pgdata="$2/data"
            cd / && rm -rf -- "$2""#;
        self.command(Path::new("sh"))
            .args(["-c", SCRIPT, "guard"])
            .args([&self.installation.pg_ctl, &self.folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| ClusterError(format!("no guard for the cluster: {error}")))
    }

    fn initialise(&self, settings: &str) -> Result<(), ClusterError> {
        let mut initdb = self.command(&self.installation.initdb);
        initdb.arg("--pgdata").arg(self.data());
        initdb.args(["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(&mut initdb, "initdb")?;
        // The folder is its account's alone, so whoever reaches the socket may be trusted.
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nunix_socket_permissions = 0700\n\
             fsync = off\nfull_page_writes = off\nport = {}\n{settings}\n",
            self.folder.display().to_string().replace('\'', "''"),
            self.port,
        );
        let path = self.data().join("postgresql.conf");
        let appended = fs::read_to_string(&path).and_then(|shipped| fs::write(&path, shipped + &settings));
        appended.map_err(|error| ClusterError(format!("the cluster's settings: {error}")))
    }

    /// What starts and stops the server.
    pub(crate) fn pg_ctl(&self) -> Command {
        let mut pg_ctl = self.command(&self.installation.pg_ctl);
        pg_ctl.arg("--pgdata").arg(self.data());
        pg_ctl
    }

    /// Starts the server, and returns when it answers.
    pub(crate) fn start_server(&self) -> Result<(), ClusterError> {
        let log = self.folder.join("log");
        let mut pg_ctl = self.pg_ctl();
        pg_ctl.args(["start", "--wait", "--timeout=60"]).arg("--log").arg(&log);
        run(&mut pg_ctl, "pg_ctl start").map_err(|ClusterError(error)| {
            let log = fs::read_to_string(log).unwrap_or_default();
            ClusterError(format!("{error}\nthe server's log:\n{log}"))
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            // A server that would not stop is not worth hiding why the test ended.
            let _ = guard.wait();
        }
        // Left over only when the guard never came to be, or somebody ended it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn fresh_folder() -> io::Result<PathBuf> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    // Short, because the whole path of a socket has to fit in about 100 bytes.
    let name = format!("dashshare-pg-{}-{number}-{:x}", std::process::id(), since.subsec_nanos());
    let folder = env::temp_dir().join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    fs::canonicalize(folder)
}

fn account(line: &str, name: &str) -> Option<User> {
    let mut fields = line.split(':');
    (fields.next()? == name).then_some(())?;
    let mut numbers = fields.skip(1).map(str::parse);
    Some(User { uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
}

fn run(command: &mut Command, name: &str) -> Result<(), ClusterError> {
    let output = command.output().map_err(|error| ClusterError(format!("{name}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(ClusterError(format!("{name}: {}\n{}{said}", output.status, String::from_utf8_lossy(&output.stdout))))
}
