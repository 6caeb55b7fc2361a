//! The faults that hit a run, by turns, until each has hit often enough and enough was done.

use super::{
    progress::{Fault, Progress},
    proxy::Proxy,
};
use crate::support::cluster::{Cluster, psql::Psql};
use std::thread;

/// How long a statement of a hasty connection may take.
pub(crate) const HASTE: &str = "200ms";

/// The name of the connections that are hit.
pub(crate) const VICTIM: &str = "dashshare-faults";

/// How many writers a fault wants to catch inside their commit.
const CAUGHT: usize = 5;
/// How often it is looked for them.
const LOOKS: usize = 2000;
/// Of how many operations one is followed by a fault, at most.
const SPARSEST: usize = 250;

pub(crate) struct Storm<'r> {
    pub(crate) cluster: &'r Cluster,
    pub(crate) proxy: &'r Proxy,
    pub(crate) progress: &'r Progress,
    /// How many operations are to be answered at least.
    pub(crate) operations: usize,
    /// How often each fault is to hit at least.
    pub(crate) hits: usize,
}

/// Two sessions that go past the proxy.
struct Sessions {
    /// Holds the dashboard's row, so that whoever commits waits.
    holder: Psql,
    watcher: Psql,
}

impl Storm<'_> {
    pub(crate) fn rage(&self) -> Result<(), String> {
        let calm = (self.operations / 30).clamp(1, SPARSEST);
        let mut sessions = self.sessions()?;
        for turn in 0.. {
            let done = self.progress.tally();
            if done.answered >= self.operations && done.fewest_hits() >= self.hits {
                break;
            }
            if turn > self.operations.div_ceil(calm) + 10 * self.hits + 100 {
                return Err(format!("the faults do not hit often enough: {done:?}"));
            }
            self.progress.wait(|tally| tally.answered >= done.answered + calm)?;
            // Whichever has hit least so far.
            let fewest = Fault::ALL.into_iter().min_by_key(|fault| self.progress.tally().hits(*fault));
            match fewest.unwrap_or(Fault::Terminated) {
                Fault::Terminated => self.terminate(&mut sessions, turn)?,
                Fault::Restarted => sessions = self.restart(sessions)?,
                Fault::Dropped => self.drop_answers()?,
                Fault::TimedOut => self.time_out(&mut sessions)?,
            }
        }
        Ok(())
    }

    fn sessions(&self) -> Result<Sessions, String> {
        let open = || self.cluster.psql().map_err(|error| format!("psql: {error}"));
        Ok(Sessions { holder: open()?, watcher: open()? })
    }

    /// Terminates backends, by turns whichever are at work and those that wait inside a commit.
    fn terminate(&self, sessions: &mut Sessions, turn: usize) -> Result<(), String> {
        if turn.is_multiple_of(2) {
            let sql = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE application_name = '{VICTIM}' AND state = 'active' LIMIT 3;"
            );
            return send(&mut sessions.watcher, &sql).map(drop);
        }
        sessions.catch()?;
        send(
            &mut sessions.watcher,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock';",
        )?;
        sessions.release()
    }

    /// Stops the server at once while writers are inside their commit, and starts it again.
    fn restart(&self, mut sessions: Sessions) -> Result<Sessions, String> {
        sessions.catch()?;
        self.progress.set_restarting(true);
        self.proxy.hold();
        let restarted = restart(self.cluster, "immediate");
        self.proxy.release();
        self.progress.set_restarting(false);
        restarted?;
        self.sessions()
    }

    /// Drops the answers of the next commits.
    fn drop_answers(&self) -> Result<(), String> {
        let before = self.progress.tally().answered;
        self.proxy.arm(6);
        // They may be a long time in coming when the link is paused and withdrawn and looked at.
        let waited = self.progress.wait(|tally| self.proxy.armed() == 0 || tally.answered > before + 1000);
        self.proxy.arm(0);
        waited
    }

    /// Holds the row for longer than the hasty ones may wait.
    fn time_out(&self, sessions: &mut Sessions) -> Result<(), String> {
        let before = self.progress.tally().hits(Fault::TimedOut);
        sessions.catch()?;
        let waited = self.progress.wait(|tally| tally.hits(Fault::TimedOut) >= before + CAUGHT);
        sessions.release()?;
        waited
    }
}

impl Sessions {
    /// Holds the dashboard's row, and waits until enough writers wait for it.
    fn catch(&mut self) -> Result<(), String> {
        send(&mut self.holder, "BEGIN; SELECT 1 FROM dashshare_head FOR UPDATE;")?;
        for _ in 0..LOOKS {
            let count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock';";
            let caught = send(&mut self.watcher, count)?;
            if caught.first().and_then(|count| count.parse::<usize>().ok()) >= Some(CAUGHT) {
                break;
            }
            thread::yield_now();
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), String> {
        send(&mut self.holder, "ROLLBACK;").map(drop)
    }
}

fn send(psql: &mut Psql, batch: &str) -> Result<Vec<String>, String> {
    let answer = psql.send(batch).map_err(|error| format!("psql: {error}"))?;
    match answer.complaints.as_slice() {
        [] => Ok(answer.rows),
        complaints => Err(format!("psql: {}", complaints.join("\n"))),
    }
}

/// Stops the server and starts it again.
pub(crate) fn restart(cluster: &Cluster, mode: &str) -> Result<(), String> {
    stop(cluster, mode)?;
    Ok(cluster.start_server()?)
}

pub(crate) fn stop(cluster: &Cluster, mode: &str) -> Result<(), String> {
    let stopped = cluster.pg_ctl().args(["stop", "--wait", "--mode", mode]).output();
    let stopped = stopped.map_err(|error| format!("pg_ctl stop: {error}"))?;
    match stopped.status.success() {
        true => Ok(()),
        false => Err(format!("pg_ctl stop: {}", String::from_utf8_lossy(&stopped.stderr))),
    }
}
