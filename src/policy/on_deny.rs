//! How denied requests are answered.

use thiserror::Error;

use super::decision::Reason;
use super::host::Host;
use super::source::number;
use super::template::{Piece, Template, TemplateError};
use crate::identity::pattern::shown;

/// How denied requests are answered: in one way, and in others for some reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnDeny {
    pub(super) general: Answer,
    pub(super) reasons: Vec<(Reason, Answer)>,
}

impl OnDeny {
    /// How a request is answered that was denied for `reason`.
    pub fn answer(&self, reason: Reason) -> &Answer {
        self.reasons.iter().find(|(named, _)| *named == reason).map_or(&self.general, |(_, answer)| answer)
    }
}

/// One way to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: Option<u16>,
    pub(super) body: Option<Body>,
    pub(super) html: Option<Page>,
    pub(super) redirect: Option<Redirect>,
}

impl Answer {
    /// HTTP status of denials that the client's identity is the reason of, 400 to 599; `None` leaves it to the reason.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Body of the answer.
    pub fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// What those get who would rather read HTML.
    pub fn html(&self) -> Option<&Page> {
        self.html.as_ref()
    }

    /// Where clients are sent that only want to read.
    pub fn redirect(&self) -> Option<&Redirect> {
        self.redirect.as_ref()
    }
}

/// A body and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub(super) media_type: MediaType,
    pub(super) text: Template<ReplyField>,
}

impl Body {
    /// What it is.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The text.
    pub fn text(&self) -> &Template<ReplyField> {
        &self.text
    }
}

/// A page of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// The one that the filter brings.
    BuiltIn,
    /// The policy's own.
    Own(Template<ReplyField>),
}

/// What a text of an answer can name. Both are made of letters, digits, `-` and `_` alone, so that they stand in HTML,
/// JSON and URLs as they are; nothing that a client writes is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyField {
    /// The id of the decision, as the record has it.
    DecisionId,
    /// The code of the reason.
    Reason,
}

impl ReplyField {
    pub(super) const KNOWN: [(&'static str, Self); 2] =
        [("decision_id", Self::DecisionId), ("reason", Self::Reason)];
}

/// A media type with its parameters (RFC 9110, section 8.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(String);

impl Default for MediaType {
    fn default() -> Self {
        Self("text/plain; charset=utf-8".to_owned())
    }
}

impl MediaType {
    pub(super) fn parse(text: &str) -> Result<Self, OnDenyError> {
        let media_type = Self(text.to_owned());
        let is_token = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
        };
        let (kind, subtype) = media_type.essence().split_once('/').unwrap_or_default();
        // Parameters are left to the author, as long as they stay in their line.
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if text.len() <= 256 && visible && is_token(kind) && is_token(subtype) {
            return Ok(media_type);
        }
        Err(OnDenyError::MediaType { text: text.to_owned() })
    }

    /// The whole, as `content-type` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Type and subtype.
    pub fn essence(&self) -> &str {
        self.0.split(';').next().unwrap_or_default().trim_ascii()
    }
}

/// Where a client is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    url: Template<ReplyField>,
    status: RedirectStatus,
}

/// How a client is sent elsewhere: for this time only, as what is denied now may be allowed later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RedirectStatus {
    /// 302.
    #[default]
    Found,
    /// 303.
    SeeOther,
    /// 307.
    TemporaryRedirect,
}

impl RedirectStatus {
    /// The status code.
    pub fn code(self) -> u16 {
        match self {
            Self::Found => 302,
            Self::SeeOther => 303,
            Self::TemporaryRedirect => 307,
        }
    }
}

impl Redirect {
    /// Takes a URL of `http` or `https`, or a path on the same host, with fields behind the host only.
    pub(super) fn parse(text: &str, status: RedirectStatus) -> Result<Self, OnDenyError> {
        /// What every browser and proxy takes.
        const MAX_URL_BYTES: usize = 2048;
        let refuse = |why| Err(OnDenyError::Url { url: text.to_owned(), why });
        if text.len() > MAX_URL_BYTES {
            return refuse("it is longer than 2048 bytes");
        }
        let url = Template::parse(text, |name| {
            let found = ReplyField::KNOWN.iter().find(|(known, _)| *known == name);
            found
                .map(|(_, field)| *field)
                .ok_or_else(|| TemplateError::unknown(name, &ReplyField::KNOWN.map(|(known, _)| known)))
        })?;
        let literal = |piece: &Piece<ReplyField>| match piece {
            Piece::Text(text) => text.bytes().all(is_url_byte),
            Piece::Field(_) => true,
        };
        if !url.pieces().iter().all(literal) {
            return refuse("it holds characters that a URL must have percent-encoded");
        }
        let Some(Piece::Text(start)) = url.pieces().first() else {
            return refuse(EXPECTED_URL);
        };
        match start.strip_prefix("https://").or_else(|| start.strip_prefix("http://")) {
            Some(rest) => {
                let end = rest.find(['/', '?', '#']);
                let authority = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
                if end.is_none() && url.pieces().len() > 1 {
                    return refuse("a field must not be part of the host");
                }
                if Host::from_authority(authority.as_bytes()).is_err() {
                    return refuse("its host is none");
                }
            }
            // Browsers read `//host` and `/\host` as the URL of another host; no backslash gets here.
            None if start.starts_with('/') && !start.starts_with("//") => {}
            None => return refuse(EXPECTED_URL),
        }
        Ok(Self { url, status })
    }

    /// The value of `location`.
    pub fn url(&self) -> &Template<ReplyField> {
        &self.url
    }

    /// How it is sent there.
    pub fn status(&self) -> RedirectStatus {
        self.status
    }
}

const EXPECTED_URL: &str =
    "expected a URL that begins with `https://` or `http://`, or a path that begins with `/`";

/// RFC 3986, section 2: reserved and unreserved characters, and the percent sign of what is encoded.
pub(super) fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// Why something in `on_deny` is not what it should be.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum OnDenyError {
    /// A text with fields.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// No media type.
    #[error("`{text}` is no media type; expected one like `application/json` or `text/plain; charset=utf-8`", text = shown(text))]
    MediaType {
        /// The text.
        text: String,
    },
    /// Not the page, but perhaps its name.
    #[error("`{text}` is no page of HTML; write the page itself, or `default` for the built-in one", text = shown(text))]
    Page {
        /// The text.
        text: String,
    },
    /// Not a status that sends a client elsewhere for this time only.
    #[error("`{value}` is not `302`, `303` or `307`: what is denied now may be allowed later", value = number(*value))]
    RedirectStatus {
        /// The number.
        value: f64,
    },
    /// Nowhere that a client can be sent.
    #[error("clients cannot be redirected to `{url}`: {why}", url = shown(url))]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The status that says what is wrong with the request or the proxy rather than with the client's rights; a policy
/// does not change it.
pub fn fixed_status(reason: Reason) -> Option<u16> {
    match reason {
        Reason::AmbiguousPath | Reason::InvalidRequest => Some(400),
        Reason::SniMismatch => Some(421),
        Reason::Throttled => Some(429),
        Reason::InternalError => Some(500),
        Reason::TimeUnavailable | Reason::AuditUnavailable => Some(503),
        Reason::NoRoute
        | Reason::NoCertificate
        | Reason::MalformedCertificate
        | Reason::ForwardedCertificateMismatch
        | Reason::Untrusted
        | Reason::Expired
        | Reason::NotYetValid
        | Reason::WeakCertificate
        | Reason::WildcardName
        | Reason::LifetimeTooLong
        | Reason::WrongKeyUsage
        | Reason::Revoked
        | Reason::RevocationUnknown
        | Reason::IdentityDenied
        | Reason::IdentityNotAllowed
        | Reason::TokenMissing
        | Reason::TokenMismatch
        | Reason::TokenNotBound
        | Reason::TlsVersion
        | Reason::Cipher => None,
    }
}
