//! Streams that stay open: a WebSocket, a gRPC call, a long download. They show whether they are alive, and when and
//! how they ended.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Frame, Incoming};
use hyper::ext::Protocol;
use hyper::header::HeaderMap;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::client::{Client, LIMIT, Reply, limited};

/// What kind of stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A WebSocket: an upgrade in HTTP/1.1 (RFC 6455), an extended CONNECT in HTTP/2 (RFC 8441).
    WebSocket,
    /// A gRPC call that both sides keep open.
    Grpc,
    /// A response that does not end.
    Download,
}

/// How a stream ended.
#[derive(Clone, Debug)]
pub struct End {
    /// When we saw it.
    pub at: Instant,
    /// What the client library says of a stream that was broken off; `None` of one that ended well.
    pub broken: Option<String>,
}

/// An open stream. It ends when this is dropped.
#[derive(Debug)]
pub struct Live {
    /// What kind it is.
    pub kind: Kind,
    /// The headers of the response that opened it.
    pub headers: HeaderMap,
    sender: mpsc::UnboundedSender<Bytes>,
    seen: watch::Receiver<Seen>,
    _closed: mpsc::Sender<Infallible>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    bytes: usize,
    end: Option<End>,
}

impl Client {
    /// Opens a stream on a connection of its own; the reply where it is not let through.
    pub async fn open(&self, kind: Kind, url: &str) -> Result<Live, Reply> {
        let mut connection = self.connect(url).await;
        let http2 = connection.is_http2();
        let (sender, sent) = mpsc::unbounded_channel();
        let request = Request::builder().uri(url);
        let (request, sent) = match (kind, http2) {
            (Kind::Grpc, _) => {
                let request = request.method(Method::POST).header("content-type", "application/grpc");
                (request.header("te", "trailers").body(Sent(sent).boxed()), None)
            }
            (Kind::Download, _) => (request.body(Empty::new().boxed()), None),
            (Kind::WebSocket, false) => {
                let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
                let request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
                let request = request.header("sec-websocket-version", "13");
                (request.body(Empty::new().boxed()), Some(sent))
            }
            (Kind::WebSocket, true) => {
                let request = request.method(Method::CONNECT).version(Version::HTTP_2);
                let request = request.extension(Protocol::from_static("websocket"));
                (request.header("sec-websocket-version", "13").body(Empty::new().boxed()), Some(sent))
            }
        };
        let response = connection.try_open(request.expect("a request")).await;
        let response = response.unwrap_or_else(|why| panic!("no response from {url}: {why}"));
        let opened = if kind == Kind::WebSocket && !http2 { 101 } else { 200 };
        if response.status() != opened || response.headers().contains_key("grpc-status") {
            return Err(Reply::read(response).await.unwrap_or_else(|why| panic!("no reply: {why}")));
        }
        let headers = response.headers().clone();
        let (saw, seen) = watch::channel(Seen::default());
        let (closed, mut closing) = mpsc::channel(1);
        let watched = async move {
            match sent {
                Some(sent) => watch_socket(response, sent, &saw).await,
                None => watch_body(response, &saw).await,
            }
        };
        tokio::spawn(async move {
            // The connection lives as long as its stream.
            let _connection = connection;
            tokio::select! {
                () = watched => {}
                _ = closing.recv() => {}
            }
        });
        Ok(Live { kind, headers, sender, seen, _closed: closed })
    }
}

impl Live {
    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        self.seen.borrow().end.is_none()
    }

    /// Waits until more has come through it, and says what came of that: an error where it ended or nothing came for
    /// 10 s.
    pub async fn flows(&mut self) -> Result<(), String> {
        let before = self.seen.borrow().bytes;
        if self.kind != Kind::Download {
            // A WebSocket frame or a gRPC message, for all that Envoy looks into them.
            let _ = self.sender.send(Bytes::from_static(&[0, 0, 0, 0, 3, 8, 150, 1]));
        }
        let moved =
            tokio::time::timeout(LIMIT, self.seen.wait_for(|seen| seen.bytes > before || seen.end.is_some()));
        match moved.await {
            Ok(Ok(seen)) => match &seen.end {
                Some(end) => Err(format!("it ended: {end:?}")),
                None => Ok(()),
            },
            Ok(Err(_)) => Err("it ended".to_owned()),
            Err(_) => Err(format!("nothing came for {} s", LIMIT.as_secs())),
        }
    }

    /// Waits for its end; panics if it does not come within this time.
    pub async fn end(&mut self, within: Duration) -> End {
        let kind = self.kind;
        let ended = tokio::time::timeout(within, self.seen.wait_for(|seen| seen.end.is_some()));
        let seen = ended.await.unwrap_or_else(|_| panic!("the stream ({kind:?}) is open after {within:?}"));
        seen.expect("who reads it").end.clone().expect("an end")
    }
}

/// A request body of what is sent by and by.
struct Sent(mpsc::UnboundedReceiver<Bytes>);

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn count(saw: &watch::Sender<Seen>, bytes: usize) {
    saw.send_modify(|seen| seen.bytes += bytes);
}

fn finish(saw: &watch::Sender<Seen>, broken: Option<String>) {
    saw.send_modify(|seen| seen.end = Some(End { at: Instant::now(), broken }));
}

async fn watch_body(response: Response<Incoming>, saw: &watch::Sender<Seen>) {
    let mut body = response.into_body();
    loop {
        match body.frame().await {
            Some(Ok(frame)) => count(saw, frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(error)) => return finish(saw, Some(format!("{error:?}"))),
            None => return finish(saw, None),
        }
    }
}

async fn watch_socket(
    response: Response<Incoming>,
    mut sent: mpsc::UnboundedReceiver<Bytes>,
    saw: &watch::Sender<Seen>,
) {
    let upgraded: Upgraded = match hyper::upgrade::on(response).await {
        Ok(upgraded) => upgraded,
        Err(error) => return finish(saw, Some(error.to_string())),
    };
    let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(0) => return finish(saw, None),
                Ok(length) => count(saw, length),
                Err(error) => return finish(saw, Some(error.to_string())),
            },
            Some(bytes) = sent.recv() => {
                if let Err(error) = to.write_all(&bytes).await {
                    return finish(saw, Some(error.to_string()));
                }
                let _ = to.flush().await;
            }
        }
    }
}
