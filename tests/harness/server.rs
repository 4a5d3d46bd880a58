//! An HTTP/1.1 server on this machine that Envoy reaches as a cluster: it publishes lists, answers OCSP requests, keeps
//! streams open, and misbehaves as it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::command;
use super::runner::Runner;
use super::setup::Version;

/// More than Envoy sends.
const MAX_HEAD_BYTES: usize = 256 * 1024;
const WAIT_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
/// Between two pieces of an endless download.
const PIECE: Duration = Duration::from_millis(20);
/// Longer than any test.
const FOREVER: Duration = Duration::from_secs(600);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Its headers in order, names in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body; none of a stream.
    pub body: Vec<u8>,
    /// When it was read.
    pub at: Instant,
}

impl Received {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn is_grpc(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("application/grpc"))
    }
}

/// Holds answers back until it is opened.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// One that is closed.
    pub fn closed() -> Gate {
        Gate(Arc::new(watch::channel(false).0))
    }

    /// Lets go what it holds, and all that comes later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }
}

/// What the server does with a request.
#[derive(Clone)]
pub struct Answer {
    after: Duration,
    behind: Option<Gate>,
    what: What,
}

#[derive(Clone)]
enum What {
    Reply(Reply),
    Made(Arc<dyn Fn(&Received) -> Answer + Send + Sync>),
    Forwarded(u16),
    Streamed,
    Hung,
    Reset,
}

#[derive(Clone)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Arc<[u8]>,
    missing: usize,
    pieces: usize,
    pause: Duration,
}

impl Answer {
    fn of(what: What) -> Answer {
        Answer { after: Duration::ZERO, behind: None, what }
    }

    /// 200 with this body.
    pub fn body(bytes: impl Into<Vec<u8>>) -> Answer {
        Answer::of(What::Reply(Reply {
            status: 200,
            headers: Vec::new(),
            body: bytes.into().into(),
            missing: 0,
            pieces: 1,
            pause: Duration::ZERO,
        }))
    }

    /// A status with a short text.
    pub fn status(status: u16) -> Answer {
        let mut answer = Answer::body("nothing here\n");
        answer.reply().status = status;
        answer
    }

    /// 200 with a page, as portals and proxies answer.
    pub fn html() -> Answer {
        Answer::body("<!DOCTYPE html><title>Welcome</title><p>Please log in.\n")
            .header("content-type", "text/html")
    }

    /// What `make` says of the request.
    pub fn made(make: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Answer {
        Answer::of(What::Made(Arc::new(make)))
    }

    /// What a server on this port of this machine answers.
    pub fn forwarded(port: u16) -> Answer {
        Answer::of(What::Forwarded(port))
    }

    /// A stream that stays open: a WebSocket or a gRPC call that gives back what it gets, else an endless download.
    pub fn streamed() -> Answer {
        Answer::of(What::Streamed)
    }

    /// Nothing, on a connection that stays open.
    pub fn hung() -> Answer {
        Answer::of(What::Hung)
    }

    /// The end of the connection.
    pub fn reset() -> Answer {
        Answer::of(What::Reset)
    }

    /// With a further header.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.reply().headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With an `etag`; 304 to those who have it.
    pub fn etag(self, tag: &str) -> Answer {
        self.header("etag", tag)
    }

    /// With a `last-modified`; 304 to those who have that.
    pub fn last_modified(self, date: &str) -> Answer {
        self.header("last-modified", date)
    }

    /// Ends so many bytes too early.
    pub fn truncated(mut self, bytes: usize) -> Answer {
        self.reply().missing = bytes;
        self
    }

    /// Begins so much later.
    pub fn after(mut self, wait: Duration) -> Answer {
        self.after = wait;
        self
    }

    /// Not before a gate is open.
    pub fn behind(mut self, gate: &Gate) -> Answer {
        self.behind = Some(gate.clone());
        self
    }

    /// In so many pieces, with a pause before each but the first.
    pub fn in_pieces(mut self, pieces: usize, pause: Duration) -> Answer {
        let reply = self.reply();
        (reply.pieces, reply.pause) = (pieces.max(1), pause);
        self
    }

    fn reply(&mut self) -> &mut Reply {
        match &mut self.what {
            What::Reply(reply) => reply,
            What::Made(_) | What::Forwarded(_) | What::Streamed | What::Hung | What::Reset => {
                panic!("only an answer with a body can be changed so")
            }
        }
    }
}

/// The server; it ends when this is dropped.
pub struct Server {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    received: Mutex<Vec<Received>>,
    streams: AtomicUsize,
}

impl Server {
    /// Starts it. It answers 404 until told otherwise.
    pub fn start() -> Server {
        Server::start_on(0)
    }

    /// Starts it on a port, such as that of a server which is no more; 0 for any.
    pub fn start_on(port: u16) -> Server {
        let address = Runner::choose(Version::default()).bind_address();
        let listener = std::net::TcpListener::bind((address, port)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let port = listener.local_addr().expect("the address of a listener").port();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        let task = command::spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            // Connections end with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(stream, Arc::clone(&serving)));
                while connections.try_join_next().is_some() {}
            }
        });
        Server { port, shared, task }
    }

    /// The port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on answers a path so, its query left aside; `*` is every path that has no answer of its own.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// From now on answers every path that begins so and has no answer of its own.
    pub fn answer_below(&self, prefix: &str, answer: Answer) {
        self.answer(&format!("{prefix}*"), answer);
    }

    /// The requests for a path so far.
    pub fn requests(&self, path: &str) -> Vec<Received> {
        let received = self.shared.received.lock().unwrap();
        received.iter().filter(|request| without_query(&request.path) == path).cloned().collect()
    }

    /// The paths of all requests so far.
    pub fn paths(&self) -> Vec<String> {
        self.shared.received.lock().unwrap().iter().map(|request| request.path.clone()).collect()
    }

    /// How many requests there were, for whatever path.
    pub fn count(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// Waits until there were so many requests, for whatever path; panics after 30 s.
    pub async fn wait_for_count(&self, number: usize) {
        let deadline = Instant::now() + WAIT_LIMIT;
        while self.count() < number {
            assert!(Instant::now() < deadline, "there were {} requests only", self.count());
            tokio::time::sleep(POLL).await;
        }
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.shared.streams.load(Ordering::SeqCst)
    }

    /// Waits until there were so many requests for a path; panics after 30 s.
    pub async fn wait_for_requests(&self, path: &str, number: usize) {
        let deadline = Instant::now() + WAIT_LIMIT;
        while self.requests(path).len() < number {
            assert!(
                Instant::now() < deadline,
                "`{path}` was asked for {} times only",
                self.requests(path).len()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until so many streams are open; panics after 30 s.
    pub async fn wait_for_streams(&self, number: usize) {
        let deadline = Instant::now() + WAIT_LIMIT;
        while self.streams() != number {
            assert!(Instant::now() < deadline, "{} streams are open", self.streams());
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// Answers the requests of one connection, until one ends it.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut pending = Vec::new();
    while let Some(request) = read(&mut stream, &mut pending).await {
        let path = without_query(&request.path).to_owned();
        shared.received.lock().unwrap().push(request.clone());
        let mut answer = {
            let answers = shared.answers.lock().unwrap();
            let below = || {
                let mut prefixes =
                    answers.iter().filter_map(|(known, answer)| Some((known.strip_suffix('*')?, answer)));
                prefixes
                    .find(|(prefix, _)| !prefix.is_empty() && path.starts_with(prefix))
                    .map(|(_, answer)| answer)
            };
            let found = answers.get(&path).or_else(below).or_else(|| answers.get("*"));
            found.cloned().unwrap_or_else(|| Answer::status(404))
        };
        while let What::Made(make) = &answer.what {
            answer = make(&request);
        }
        tokio::time::sleep(answer.after).await;
        if let Some(Gate(gate)) = &answer.behind {
            let _ = gate.subscribe().wait_for(|open| *open).await;
        }
        let done = match answer.what {
            What::Reply(reply) => reply.write(&request, &mut stream).await,
            What::Forwarded(port) => forward(&request, port, &mut stream).await,
            What::Streamed => {
                shared.streams.fetch_add(1, Ordering::SeqCst);
                let _open = Open(&shared.streams);
                let _ = keep_open(&request, &pending, &mut stream).await;
                None
            }
            What::Hung => {
                tokio::time::sleep(FOREVER).await;
                None
            }
            What::Reset => {
                let _ = stream.set_zero_linger();
                None
            }
            What::Made(_) => None,
        };
        if done.is_none() {
            return;
        }
    }
}

struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The next request; `pending` holds what was read beyond it.
async fn read(stream: &mut TcpStream, pending: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if pending.len() > MAX_HEAD_BYTES || stream.read_buf(pending).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&pending[..end]).into_owned();
    pending.drain(..end);
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Received { method, path, headers, body: Vec::new(), at: Instant::now() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while pending.len() < length {
        if stream.read_buf(pending).await.ok()? == 0 {
            return None;
        }
    }
    request.body = pending.drain(..length).collect();
    let is_chunked = request.header("transfer-encoding") == Some("chunked");
    if is_chunked && !request.is_grpc() && request.header("upgrade").is_none() {
        request.body = read_chunks(stream, pending).await?;
    }
    Some(request)
}

/// A body in chunks; its trailers are left aside.
async fn read_chunks(stream: &mut TcpStream, pending: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream, pending).await?;
        let length = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        while pending.len() < length {
            if stream.read_buf(pending).await.ok()? == 0 {
                return None;
            }
        }
        body.extend(pending.drain(..length));
        if length == 0 {
            while !read_line(stream, pending).await?.is_empty() {}
            return Some(body);
        }
        read_line(stream, pending).await?;
    }
}

async fn read_line(stream: &mut TcpStream, pending: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = pending.windows(2).position(|window| window == b"\r\n") {
            let line = String::from_utf8_lossy(&pending[..end]).into_owned();
            pending.drain(..end + 2);
            return Some(line);
        }
        if pending.len() > MAX_HEAD_BYTES || stream.read_buf(pending).await.ok()? == 0 {
            return None;
        }
    }
}

impl Reply {
    /// `None` where the connection is at its end.
    async fn write(self, request: &Received, stream: &mut TcpStream) -> Option<()> {
        let has = |condition: &str, validator: &str| {
            let known =
                self.headers.iter().find(|(name, _)| name == validator).map(|(_, value)| value.as_str());
            known.is_some() && request.header(condition) == known
        };
        let unchanged = has("if-none-match", "etag") || has("if-modified-since", "last-modified");
        let (status, body): (u16, &[u8]) =
            if unchanged && self.status == 200 { (304, &[]) } else { (self.status, &self.body) };
        let mut head = format!("HTTP/1.1 {status} Some\r\n");
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if status != 304 {
            head += &format!("content-length: {}\r\n", body.len());
        }
        stream.write_all((head + "\r\n").as_bytes()).await.ok()?;
        let sent = &body[..body.len().saturating_sub(self.missing)];
        for (number, piece) in sent.chunks(sent.len().div_ceil(self.pieces).max(1)).enumerate() {
            if number > 0 {
                tokio::time::sleep(self.pause).await;
            }
            stream.write_all(piece).await.ok()?;
            stream.flush().await.ok()?;
        }
        (sent.len() == body.len()).then_some(())
    }
}

/// Lets another server answer, at its root: the first segment of the path is left out. Its connection ends with its answer, and ours too.
async fn forward(request: &Received, port: u16, stream: &mut TcpStream) -> Option<()> {
    let mut other = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let path = request.path.splitn(3, '/').nth(2).unwrap_or_default();
    let mut head = format!("{} /{path} HTTP/1.0\r\n", request.method);
    for name in ["host", "content-type"] {
        if let Some(value) = request.header(name) {
            head += &format!("{name}: {value}\r\n");
        }
    }
    head += &format!("content-length: {}\r\n\r\n", request.body.len());
    other.write_all(&[head.as_bytes(), &request.body].concat()).await.ok()?;
    let mut reply = Vec::new();
    let _ = other.read_to_end(&mut reply).await;
    stream.write_all(&reply).await.ok()?;
    let _ = stream.shutdown().await;
    None
}

/// Gives back what comes, or sends without end, until the other side goes away.
async fn keep_open(request: &Received, pending: &[u8], stream: &mut TcpStream) -> std::io::Result<()> {
    let websocket =
        request.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    let grpc = request.is_grpc();
    let head = match (websocket, grpc) {
        (true, _) => "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        (false, true) => {
            "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n"
        }
        (false, false) => {
            "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        }
    };
    stream.write_all(head.as_bytes()).await?;
    if websocket || grpc {
        // The chunks of a gRPC request are those of its response, framing included.
        stream.write_all(pending).await?;
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await?;
        return Ok(());
    }
    let piece = [b"400\r\n".as_slice(), &[b'x'; 0x400], b"\r\n"].concat();
    let mut buffer = [0; 1024];
    loop {
        stream.write_all(&piece).await?;
        tokio::select! {
            read = stream.read(&mut buffer) => {
                if read? == 0 {
                    return Ok(());
                }
            }
            () = tokio::time::sleep(PIECE) => {}
        }
    }
}
