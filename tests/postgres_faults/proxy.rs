//! A proxy between a pool and the server that loses answers: it forwards the statement that commits, and then cuts the
//! connection before the answer comes back. It listens on a loopback port that the system chooses, leads to the server's
//! socket, and understands as much of the protocol as it takes to know which statement commits and where its answer ends.

use std::{
    collections::HashMap,
    io::{self, BufReader, BufWriter, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

/// A running proxy. Dropping it ends all of its connections and threads.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    port: u16,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    /// The server's socket.
    server: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// While the server is down, new connections wait.
    is_held: bool,
    is_over: bool,
    /// How many of the next commits lose their answer.
    armed: usize,
    cuts: Cuts,
    connections: HashMap<usize, (TcpStream, UnixStream)>,
    threads: Vec<JoinHandle<()>>,
}

/// The connections that were cut.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cuts {
    /// After the server had answered the commit.
    pub(crate) answered: usize,
    /// At once, so that the server may still be at work on it while the client asks what became of it.
    pub(crate) under_way: usize,
}

impl Cuts {
    pub(crate) fn all(self) -> usize {
        self.answered + self.under_way
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// A proxy in front of the server whose socket this is.
    pub(crate) fn start(server: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared =
            Arc::new(Shared { server: server.to_owned(), state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                if accepting.state().is_over {
                    break;
                }
                let Ok(client) = client else { continue };
                let serving = Arc::clone(&accepting);
                let thread = thread::spawn(move || {
                    // Whatever goes wrong, the client sees its connection end.
                    let _ = serving.serve(client, number);
                    serving.state().connections.remove(&number);
                });
                accepting.state().threads.push(thread);
            }
        });
        Ok(Self { shared, port, acceptor: Some(acceptor) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Lets so many of the next commits lose their answer, and no more.
    pub(crate) fn arm(&self, commits: usize) {
        self.shared.state().armed = commits;
    }

    /// How many commits are still to lose their answer.
    pub(crate) fn armed(&self) -> usize {
        self.shared.state().armed
    }

    pub(crate) fn cuts(&self) -> Cuts {
        self.shared.state().cuts
    }

    /// Lets new connections wait, while the server is down.
    pub(crate) fn hold(&self) {
        self.shared.state().is_held = true;
    }

    pub(crate) fn release(&self) {
        self.shared.state().is_held = false;
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_over = true;
        for (client, server) in state.connections.values() {
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        }
        drop(state);
        self.shared.changed.notify_all();
        // The acceptor looks up when somebody comes.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        let threads = std::mem::take(&mut self.shared.state().threads);
        for thread in threads {
            let _ = thread.join();
        }
    }
}

/// What both directions of a connection know.
#[derive(Default)]
struct Wire {
    /// How many batches the client has sent, each with one `ReadyForQuery` for an answer.
    sent: u64,
    /// How many of them the server has answered.
    answered: u64,
    /// The batch whose answer is lost.
    lost: Option<u64>,
    in_transaction: bool,
}

impl Shared {
    fn serve(&self, client: TcpStream, number: usize) -> io::Result<()> {
        let waiting = self.changed.wait_while(self.state(), |state| state.is_held && !state.is_over);
        drop(waiting);
        client.set_nodelay(true)?;
        let server = UnixStream::connect(&self.server)?;
        {
            let mut state = self.state();
            if state.is_over {
                return Ok(());
            }
            state.connections.insert(number, (client.try_clone()?, server.try_clone()?));
        }
        let wire = Mutex::<Wire>::default();
        let end = || {
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = self.answers(&server, &client, &wire);
                end();
            });
            let _ = self.questions(&client, &server, &wire);
            end();
        });
        Ok(())
    }

    /// Forwards what the client sends.
    fn questions(&self, mut client: &TcpStream, server: &UnixStream, wire: &Mutex<Wire>) -> io::Result<()> {
        let mut from = BufReader::new(&mut client);
        let mut to = BufWriter::new(server);
        // The first message has no type.
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        to.write_all(&length)?;
        to.write_all(&body(&mut from, length)?)?;
        to.flush()?;
        lock(wire).sent += 1;
        let mut statements: HashMap<Vec<u8>, String> = HashMap::new();
        let mut portals: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let mut commits = false;
        loop {
            let message = Message::read(&mut from)?;
            let mut texts = message.body.split(|byte| *byte == 0);
            let mut text = || texts.next().unwrap_or_default().to_vec();
            let in_transaction = lock(wire).in_transaction;
            match message.kind {
                b'P' => {
                    let name = text();
                    statements.insert(name, String::from_utf8_lossy(&text()).into_owned());
                }
                b'B' => {
                    let portal = text();
                    portals.insert(portal, text());
                }
                b'E' => {
                    let sql = portals.get(&text()).and_then(|name| statements.get(name));
                    commits |= sql.is_some_and(|sql| is_commit(sql, in_transaction));
                }
                b'Q' => commits |= is_commit(&String::from_utf8_lossy(&text()), in_transaction),
                _ => {}
            }
            let mut cut = None;
            if matches!(message.kind, b'Q' | b'S') {
                let mut wire = lock(wire);
                wire.sent += 1;
                if std::mem::take(&mut commits) {
                    cut = self.cut();
                }
                // Said before the server can answer.
                wire.lost = wire.lost.or(cut.map(|_| wire.sent));
            }
            message.write(&mut to)?;
            if from.buffer().is_empty() || cut.is_some() {
                to.flush()?;
            }
            if cut == Some(Cut::UnderWay) {
                return Ok(());
            }
        }
    }

    /// Forwards what the server answers, up to the answer that is lost.
    fn answers(&self, mut server: &UnixStream, client: &TcpStream, wire: &Mutex<Wire>) -> io::Result<()> {
        let mut from = BufReader::new(&mut server);
        let mut to = BufWriter::new(client);
        loop {
            let message = Message::read(&mut from)?;
            let is_lost = {
                let mut wire = lock(wire);
                let is_lost = wire.lost == Some(wire.answered + 1);
                if message.kind == b'Z' {
                    wire.answered += 1;
                    wire.in_transaction = message.body.first() != Some(&b'I');
                }
                is_lost
            };
            match is_lost {
                true if message.kind == b'Z' => return Ok(()),
                true => {}
                false => message.write(&mut to)?,
            }
            if from.buffer().is_empty() {
                to.flush()?;
            }
        }
    }

    /// Whether this commit is to lose its answer, and how: by turns.
    fn cut(&self) -> Option<Cut> {
        let mut state = self.state();
        state.armed = state.armed.checked_sub(1)?;
        match state.cuts.all() % 2 {
            0 => state.cuts.answered += 1,
            _ => {
                state.cuts.under_way += 1;
                return Some(Cut::UnderWay);
            }
        }
        Some(Cut::Answered)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Answered,
    UnderWay,
}

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message of the protocol: one byte of type, then its length with the four bytes of the length in it.
struct Message {
    kind: u8,
    length: [u8; 4],
    body: Vec<u8>,
}

fn body(from: &mut impl Read, length: [u8; 4]) -> io::Result<Vec<u8>> {
    let length = u32::from_be_bytes(length).checked_sub(4).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    from.read_exact(&mut body)?;
    Ok(body)
}

impl Message {
    fn read(from: &mut impl Read) -> io::Result<Self> {
        let (mut kind, mut length) = ([0; 1], [0; 4]);
        from.read_exact(&mut kind)?;
        from.read_exact(&mut length)?;
        Ok(Self { kind: kind[0], length, body: body(from, length)? })
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&[self.kind])?;
        to.write_all(&self.length)?;
        to.write_all(&self.body)
    }
}

/// Whether a statement commits something: `COMMIT`, or a statement that changes rows outside a transaction.
pub(crate) fn is_commit(sql: &str, in_transaction: bool) -> bool {
    let words: Vec<String> = sql
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
        .collect();
    let first = words.first().map_or("", String::as_str);
    if in_transaction || matches!(first, "COMMIT" | "END") {
        return matches!(first, "COMMIT" | "END");
    }
    let changes = |at: usize| match words[at].as_str() {
        "INSERT" | "DELETE" => true,
        // `FOR UPDATE` only locks.
        "UPDATE" => at == 0 || words[at - 1] != "FOR",
        _ => false,
    };
    matches!(first, "WITH" | "INSERT" | "UPDATE" | "DELETE") && (0..words.len()).any(changes)
}
