//! A connection to PostgreSQL through a long-lived `psql`: a batch goes in, rows and complaints come out.
//!
//! It takes the place of a driver, so that the tests of the library's core need none.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

/// Longer than any batch takes; a statement that was never closed would otherwise wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// One session of `psql`.
pub(crate) struct Psql {
    child: Child,
    /// `None` only while it is being closed.
    input: Option<ChildStdin>,
    lines: Receiver<Line>,
    batches: u64,
}

enum Line {
    Row(String),
    Complaint(String),
}

/// What a batch brought: an error is a value here, and the statements after it were run.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// One line for each row, its columns parted by `|`.
    pub(crate) rows: Vec<String>,
    /// Errors and warnings, as severity and SQLSTATE: `ERROR:  42501`.
    pub(crate) complaints: Vec<String>,
}

impl Psql {
    /// Starts this `psql`, which already knows whom to connect to.
    pub(crate) fn open(mut command: Command) -> io::Result<Self> {
        command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"]);
        command.args(["--set=ON_ERROR_STOP=off", "--set=VERBOSITY=sqlstate"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (sender, lines) = channel();
        let input = child.stdin.take();
        // Both ends are read all the time, so neither side ever waits for the other with a full pipe.
        forward(child.stdout.take(), sender.clone(), Line::Row);
        forward(child.stderr.take(), sender, Line::Complaint);
        let mut psql = Self { child, input, lines, batches: 0 };
        let answer = psql.send("SELECT 1;")?;
        if answer.rows == ["1"] { Ok(psql) } else { Err(io::Error::other(answer.complaints.join("\n"))) }
    }

    /// Runs a batch of whole statements, each ended by a semicolon, and waits for all of its answer.
    pub(crate) fn send(&mut self, batch: &str) -> io::Result<Answer> {
        self.batches = self.batches.wrapping_add(1);
        let marker = format!("--- end of batch {}", self.batches);
        let mut answer = Answer::default();
        let sent = match &mut self.input {
            Some(input) => input.write_all(format!("{batch}\n\\echo {marker}\n\\warn {marker}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        let (mut rows_open, mut complaints_open) = (true, true);
        while rows_open || complaints_open {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(Line::Row(line)) if line == marker => rows_open = false,
                Ok(Line::Row(line)) => answer.rows.push(line),
                Ok(Line::Complaint(line)) if line == marker => complaints_open = false,
                Ok(Line::Complaint(line)) => answer.complaints.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer to: {batch}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    sent?;
                    let said = answer.complaints.join("\n");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("psql ended: {said}")));
                }
            }
        }
        Ok(answer)
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward<R: Read + Send + 'static>(from: Option<R>, to: Sender<Line>, kind: fn(String) -> Line) {
    if let Some(from) = from {
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                if to.send(kind(line)).is_err() {
                    break;
                }
            }
        });
    }
}
