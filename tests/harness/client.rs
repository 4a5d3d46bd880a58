//! An HTTP client for one listener: over TLS with any certificate or none, HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::mint::{Ca, Minted};
use super::tls::{self, Listening, Pinned, Presented};

/// No step of a client takes longer than this.
pub const LIMIT: Duration = Duration::from_secs(10);

const SETTINGS_POLL: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Who asks, and how. Clones share TLS sessions.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    server: Arc<Pinned>,
    presented: Option<Arc<dyn ResolvesClientCert>>,
    sni: Option<Option<String>>,
    protocol: Protocol,
    versions: Vec<&'static SupportedProtocolVersion>,
    resumption: Resumption,
    fragments: Option<usize>,
}

impl Client {
    /// A client without a certificate, of the server with this certificate (DER): HTTP/1.1, any TLS version, SNI as
    /// the URL's host, no session resumption.
    pub fn new(address: SocketAddr, server: &[u8]) -> Client {
        Client {
            address,
            server: Pinned::new(server),
            presented: None,
            sni: None,
            protocol: Protocol::Http1,
            versions: vec![&TLS12, &TLS13],
            resumption: Resumption::disabled(),
            fragments: None,
        }
    }

    /// Presents a certificate.
    pub fn presents(self, certificate: &Minted) -> Client {
        self.presents_chain(certificate, &[])
    }

    /// Presents a certificate and certificates of CAs behind it.
    pub fn presents_chain(self, certificate: &Minted, cas: &[&Ca]) -> Client {
        let cas: Vec<&[u8]> = cas.iter().map(|ca| ca.der()).collect();
        self.presents_followed_by(certificate, &cas)
    }

    /// Presents a certificate and any others (DER) behind it.
    pub fn presents_followed_by(mut self, certificate: &Minted, others: &[&[u8]]) -> Client {
        let others = others.iter().map(|other| other.to_vec());
        let chain = [certificate.der.clone()].into_iter().chain(others).collect();
        self.presented = Some(Presented::new(chain, certificate.key_der()));
        self
    }

    /// The same client, with the TLS sessions that it has, at another listener.
    pub fn at(mut self, address: SocketAddr) -> Client {
        self.address = address;
        self
    }

    /// Asks for another server name than the URL's host; `None` for none at all.
    pub fn sni(mut self, name: Option<&str>) -> Client {
        self.sni = Some(name.map(str::to_owned));
        self
    }

    /// Speaks HTTP/2, on plaintext listeners too.
    pub fn http2(mut self) -> Client {
        self.protocol = Protocol::Http2;
        self
    }

    /// Speaks TLS 1.2 only.
    pub fn tls12(mut self) -> Client {
        self.versions = vec![&TLS12];
        self
    }

    /// Speaks TLS 1.3 only.
    pub fn tls13(mut self) -> Client {
        self.versions = vec![&TLS13];
        self
    }

    /// Resumes TLS sessions of its own and its clones' earlier connections, where the server lets it.
    pub fn resumption(mut self) -> Client {
        self.resumption = Resumption::in_memory_sessions(32);
        self
    }

    /// Sends its part of the handshake in many small TLS records.
    pub fn fragmented(mut self) -> Client {
        // The least that rustls accepts.
        self.fragments = Some(32);
        self
    }

    /// The names of the CAs (DER) that the server says it takes when it asks for a certificate, in its order; panics if it asks
    /// for none. Presents none.
    pub async fn ca_names(mut self, host: &str) -> Vec<Vec<u8>> {
        let listening = Arc::new(Listening::default());
        self.presented = Some(Arc::clone(&listening) as Arc<dyn ResolvesClientCert>);
        self.tls(host, &[b"http/1.1"]).await.unwrap_or_else(|why| panic!("no handshake: {why}"));
        listening.ca_names().expect("a server that asks for a certificate")
    }

    /// GETs a URL over a new connection; panics if there is no reply.
    pub async fn get(&self, url: &str) -> Reply {
        self.send(get(url)).await
    }

    /// Sends a request over a new connection; panics if there is no reply.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let uri = request.uri().clone();
        self.try_send(request).await.unwrap_or_else(|why| panic!("no reply from {uri}: {why}"))
    }

    /// Sends a request over a new connection. No reply is what clients get whom Envoy refuses in the handshake.
    pub async fn try_send(&self, request: Request<Full<Bytes>>) -> Result<Reply, String> {
        let mut connection = self.try_connect(request.uri()).await?;
        connection.try_send(request).await
    }

    /// Opens a connection for the scheme and host of a URL; panics if it cannot be opened.
    pub async fn connect(&self, url: &str) -> Connection {
        self.try_connect(&url.parse().expect("a URL"))
            .await
            .unwrap_or_else(|why| panic!("no connection: {why}"))
    }

    async fn try_connect(&self, url: &Uri) -> Result<Connection, String> {
        if url.scheme_str() == Some("http") {
            let stream = self.tcp().await?;
            let local = stream.local_addr().map_err(|error| error.to_string())?;
            let sender = Sender::open(self.protocol, TokioIo::new(stream)).await?;
            return Ok(Connection { sender, local, resumed: false });
        }
        let alpn: &[&[u8]] = match self.protocol {
            Protocol::Http1 => &[b"http/1.1"],
            Protocol::Http2 => &[b"h2"],
        };
        let stream = self.tls(url.host().unwrap_or_default(), alpn).await?;
        let (tcp, session) = stream.get_ref();
        let local = tcp.local_addr().map_err(|error| error.to_string())?;
        let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok(Connection { sender: Sender::open(self.protocol, TokioIo::new(stream)).await?, local, resumed })
    }

    pub(super) async fn tcp(&self) -> Result<TcpStream, String> {
        let stream = limited(TcpStream::connect(self.address)).await?;
        // Otherwise the first request of a connection waits for an acknowledgement that the other side delays.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(stream)
    }

    pub(super) async fn tls(&self, host: &str, alpn: &[&[u8]]) -> Result<TlsStream<TcpStream>, String> {
        let configuration = tls::configuration(
            &self.server,
            self.presented.clone(),
            &self.versions,
            self.resumption.clone(),
            self.fragments,
            alpn,
        );
        let name = match &self.sni {
            Some(name) => name.as_deref(),
            None => Some(host),
        };
        // A server name that is an address is not sent.
        let name = match name {
            Some(name) => {
                ServerName::try_from(name.to_owned()).map_err(|error| format!("`{name}`: {error}"))?
            }
            None => ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST)),
        };
        limited(TlsConnector::from(configuration).connect(name, self.tcp().await?)).await
    }
}

/// A request with an empty body; headers and body can be added through `Request`'s own methods.
pub fn request(method: Method, url: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(url)
        .body(Full::default())
        .unwrap_or_else(|error| panic!("`{url}`: {error}"))
}

/// A GET request.
pub fn get(url: &str) -> Request<Full<Bytes>> {
    request(Method::GET, url)
}

/// Asks an admin interface.
pub async fn fetch(address: SocketAddr, path: &str) -> Result<Reply, String> {
    Client::new(address, &[]).try_send(get(&format!("http://{address}{path}"))).await
}

/// An open connection, for several requests one after another.
pub struct Connection {
    sender: Sender,
    local: SocketAddr,
    resumed: bool,
}

impl Connection {
    /// Our end of it.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Whether its TLS session is an earlier one, resumed.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// The same connection once more, for requests at the same time; only of HTTP/2.
    pub fn another(&self) -> Connection {
        let sender = match &self.sender {
            Sender::Http1(_) => panic!("HTTP/1.1 answers one request after another"),
            Sender::Http2(sender, allows) => Sender::Http2(sender.clone(), Arc::clone(allows)),
        };
        Connection { sender, local: self.local, resumed: self.resumed }
    }

    /// GETs a URL; panics if there is no reply.
    pub async fn get(&mut self, url: &str) -> Reply {
        self.try_send(get(url)).await.unwrap_or_else(|why| panic!("no reply from {url}: {why}"))
    }

    /// Sends a request.
    pub async fn try_send(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, String> {
        self.try_send_body(request.map(BodyExt::boxed)).await
    }

    /// Sends a request with trailers behind its body.
    pub async fn try_send_with_trailers(
        &mut self,
        request: Request<Full<Bytes>>,
        trailers: HeaderMap,
    ) -> Result<Reply, String> {
        // `map_frame` hides the length of the body: HTTP/1.1, which Envoy speaks to the backend, has no trailers
        // beside a `content-length`.
        let with_trailers = |body: Full<Bytes>| {
            body.with_trailers(async { Some(Ok(trailers)) }).map_frame(|frame| frame).boxed()
        };
        self.try_send_body(request.map(with_trailers)).await
    }

    async fn try_send_body(&mut self, request: Request<Body>) -> Result<Reply, String> {
        Reply::read(self.try_open(request).await?).await
    }

    /// Whether it speaks HTTP/2.
    pub fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(..))
    }

    /// Sends a request, and returns as soon as the head of the response has come.
    pub async fn try_open(
        &mut self,
        mut request: Request<Body>,
    ) -> Result<hyper::Response<Incoming>, String> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                // HTTP/1.1 sends the path alone, and the host as a header.
                let (uri, given) = (request.uri().clone(), request.headers().contains_key(HOST));
                if let (Some(authority), false) = (uri.authority(), given) {
                    request.headers_mut().insert(HOST, authority.as_str().parse().expect("a host"));
                }
                *request.uri_mut() =
                    uri.path_and_query().map_or("/", |path| path.as_str()).parse().expect("a path");
                limited(sender.ready()).await?;
                limited(sender.send_request(request)).await
            }
            Sender::Http2(sender, allows) => {
                limited(sender.ready()).await?;
                // The server must have allowed a CONNECT with a protocol first (RFC 8441 section 3).
                if request.extensions().get::<hyper::ext::Protocol>().is_some() {
                    let allowed = async {
                        while !allows.load(Ordering::Relaxed) {
                            tokio::time::sleep(SETTINGS_POLL).await;
                        }
                        Ok::<(), Infallible>(())
                    };
                    limited(allowed).await?;
                }
                limited(sender.send_request(request)).await
            }
        }
    }
}

/// The body of a request.
pub type Body = BoxBody<Bytes, Infallible>;

enum Sender {
    Http1(http1::SendRequest<Body>),
    /// And whether the server allows extended CONNECTs.
    Http2(http2::SendRequest<Body>, Arc<AtomicBool>),
}

impl Sender {
    async fn open(
        protocol: Protocol,
        stream: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    ) -> Result<Sender, String> {
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) = limited(http1::handshake(stream)).await?;
                tokio::spawn(connection.with_upgrades());
                Ok(Sender::Http1(sender))
            }
            Protocol::Http2 => {
                let (sender, mut connection) =
                    limited(http2::handshake(TokioExecutor::new(), stream)).await?;
                let allows = Arc::new(AtomicBool::new(false));
                let known = Arc::clone(&allows);
                // The settings that say so come after the handshake, and nothing tells of them.
                tokio::spawn(async move {
                    for _ in 0..LIMIT.as_millis() / SETTINGS_POLL.as_millis() {
                        if tokio::time::timeout(SETTINGS_POLL, &mut connection).await.is_ok() {
                            return;
                        }
                        if connection.is_extended_connect_protocol_enabled() {
                            known.store(true, Ordering::Relaxed);
                            break;
                        }
                    }
                    let _ = connection.await;
                });
                Ok(Sender::Http2(sender, allows))
            }
        }
    }
}

/// A reply, read to its end.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its trailers, empty if it had none.
    pub trailers: HeaderMap,
}

impl Reply {
    /// Reads it.
    pub async fn read(response: hyper::Response<Incoming>) -> Result<Reply, String> {
        let (head, body) = response.into_parts();
        let body = limited(body.collect()).await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes(), trailers })
    }

    /// The value of a header, if it is there and printable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The id of the filter's decision.
    pub fn decision_id(&self) -> Option<&str> {
        self.header("x-mtls-decision-id")
    }

    /// The gRPC status, in the trailers or, of a reply without a body, in the headers.
    pub fn grpc_status(&self) -> Option<&str> {
        self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status"))?.to_str().ok()
    }

    /// What the backend received; panics if the reply is not the backend's.
    pub fn echo(&self) -> Echo {
        let parsed = serde_json::from_slice(&self.body);
        Echo(parsed.unwrap_or_else(|_| panic!("not the backend's reply: {self:?}")))
    }
}

/// What the backend received, as `envoy/echo.yaml` tells it.
#[derive(Clone, Debug)]
pub struct Echo(pub Value);

impl Echo {
    /// Every value of a header, in order.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let values = self.0["headers"][name].as_array();
        values.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The names of all headers.
    pub fn header_names(&self) -> Vec<&str> {
        self.0["headers"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// The path with its query.
    pub fn path(&self) -> &str {
        self.0["path"].as_str().unwrap_or_default()
    }
}

pub(super) async fn limited<T, E: std::fmt::Display>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("nothing happened for {} s", LIMIT.as_secs())),
    }
}
