//! A server of one revocation list that knows when the last byte of it was written.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// More than Envoy sends.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The server; it ends when this is dropped.
pub(crate) struct Publisher {
    port: u16,
    shared: Arc<Mutex<Published>>,
    task: JoinHandle<()>,
}

struct Published {
    list: Arc<[u8]>,
    /// Counts the lists.
    edition: u64,
    /// When the last byte of this edition was written for the first time.
    written: Option<Instant>,
}

impl Publisher {
    /// Starts it with a list.
    pub(crate) async fn start(list: Vec<u8>) -> Publisher {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("the address of a listener").port();
        let shared = Arc::new(Mutex::new(Published { list: list.into(), edition: 1, written: None }));
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            // Connections end with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Publisher { port, shared, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Puts another list in its place.
    pub(crate) fn replace(&self, list: Vec<u8>) {
        let mut published = self.shared.lock().unwrap();
        *published = Published { list: list.into(), edition: published.edition + 1, written: None };
    }

    /// When the last byte of the list was written, if it was.
    pub(crate) fn written(&self) -> Option<Instant> {
        self.shared.lock().unwrap().written
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Published>>) {
    let mut head = Vec::new();
    while head.len() < MAX_HEAD_BYTES {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
        let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let request = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
        head.drain(..end + 4);
        let (list, edition) = {
            let published = shared.lock().unwrap();
            (Arc::clone(&published.list), published.edition)
        };
        let tag = format!("\"{edition}\"");
        let (status, body) =
            if request.contains(&tag) { ("304 Not Modified", &[][..]) } else { ("200 OK", &list[..]) };
        let answer = format!("HTTP/1.1 {status}\r\netag: {tag}\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.write_all(body).await.is_err() {
            return;
        }
        let mut published = shared.lock().unwrap();
        if published.edition == edition {
            published.written.get_or_insert_with(Instant::now);
        }
    }
}
