//! Requests as bytes, for what no well-behaved client sends.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::client::{Client, limited};

/// More than any reply in a test.
const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// An HTTP/1.1 reply as it came.
#[derive(Clone, Debug)]
pub struct RawReply {
    /// The status code; none if Envoy closed the connection without one.
    pub status: Option<u16>,
    /// Everything up to the empty line.
    pub head: String,
    /// What followed it, as far as it came.
    pub body: Vec<u8>,
}

impl RawReply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn read_from(bytes: &[u8]) -> RawReply {
        let end = head_end(bytes).unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.get(..3)?.parse().ok());
        RawReply { status, head, body: bytes[end..].to_vec() }
    }

    /// Whether the reply is whole, by its `content-length`.
    fn complete(bytes: &[u8]) -> bool {
        let reply = RawReply::read_from(bytes);
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        head_end(bytes).is_some() && length.is_some_and(|length: usize| reply.body.len() >= length)
    }
}

impl Client {
    /// Writes bytes over TLS, asking for this server name, and reads one reply.
    pub async fn raw(&self, host: &str, bytes: &[u8]) -> Result<RawReply, String> {
        exchange(self.tls(host, &[b"http/1.1"]).await?, bytes).await
    }

    /// Writes bytes without TLS, and reads one reply.
    pub async fn raw_plaintext(&self, bytes: &[u8]) -> Result<RawReply, String> {
        exchange(self.tcp().await?, bytes).await
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Result<RawReply, String> {
    limited(stream.write_all(bytes)).await?;
    limited(stream.flush()).await?;
    let mut reply = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while reply.len() < MAX_REPLY_BYTES && !RawReply::complete(&reply) {
        match limited(stream.read(&mut buffer)).await {
            Ok(length @ 1..) => reply.extend_from_slice(&buffer[..length]),
            // Closed without TLS's goodbye, which is how Envoy ends a bad client.
            Ok(0) | Err(_) => break,
        }
    }
    Ok(RawReply::read_from(&reply))
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}
