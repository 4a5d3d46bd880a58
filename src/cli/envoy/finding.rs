//! What is wrong with a configuration, and how to mend it.

use super::document::{At, Place};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The policy does not hold, or refuses everybody.
    Error,
    /// It may not hold, or less is known than should be.
    Warning,
    /// Something to know.
    Note,
}

impl Severity {
    /// As reports write it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something that was found at a place of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) id: Id,
    pub(super) severity: Severity,
    /// What is wrong.
    pub(super) message: String,
    /// How to mend it.
    pub(super) help: &'static str,
    /// The listener's name, where it is about one.
    pub(super) listener: Option<String>,
    pub(super) path: String,
    pub(super) place: Place,
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    listener: Option<String>,
    found: Vec<Finding>,
}

impl Findings {
    /// What is found from now on is about this listener.
    pub(super) fn enter(&mut self, listener: &str) {
        self.listener = Some(listener.to_owned());
    }

    /// What is found from now on is about no listener.
    pub(super) fn leave(&mut self) {
        self.listener = None;
    }

    pub(super) fn error(&mut self, id: Id, at: &At<'_>, message: impl Into<String>, help: &'static str) {
        self.add(Severity::Error, id, at, message.into(), help);
    }

    pub(super) fn warning(&mut self, id: Id, at: &At<'_>, message: impl Into<String>, help: &'static str) {
        self.add(Severity::Warning, id, at, message.into(), help);
    }

    pub(super) fn note(&mut self, id: Id, at: &At<'_>, message: impl Into<String>, help: &'static str) {
        self.add(Severity::Note, id, at, message.into(), help);
    }

    /// Two filters of one listener have its faults in common, as two policies have those of a filter.
    fn add(&mut self, severity: Severity, id: Id, at: &At<'_>, message: String, help: &'static str) {
        let (listener, path, place) = (self.listener.clone(), at.path().to_owned(), at.place().clone());
        let finding = Finding { id, severity, message, help, listener, path, place };
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    /// What was found, in the order of the text, without what is allowed.
    pub(super) fn into_sorted(mut self, allowed: &[Id]) -> Vec<Finding> {
        self.found.retain(|finding| !allowed.contains(&finding.id));
        self.found.sort_by(|left, right| left.place.cmp(&right.place));
        self.found
    }
}

/// Declares the ids once, with the names that reports and `--allow` use.
macro_rules! ids {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Names a check, for as long as it exists.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Id {
            $($(#[$doc])* $variant,)*
        }

        impl Id {
            /// Every check.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As reports and `--allow` write it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

ids! {
    FilterNotFound = "filter-not-found",
    DiscoveredListeners = "discovered-listeners",
    DiscoveredFilters = "discovered-filters",
    DiscoveredRoutes = "discovered-routes",
    DiscoveredSecrets = "discovered-secrets",

    NoTls = "no-tls",
    UnknownTransportSocket = "unknown-transport-socket",
    NoValidationContext = "no-validation-context",
    NoTrustedCa = "no-trusted-ca",
    PublicRoots = "public-roots",
    UntrustedAccepted = "untrusted-accepted",
    UnverifiedRefused = "unverified-refused",
    AnchorRefused = "anchor-refused",
    ExpiredAccepted = "expired-accepted",
    ResumptionOn = "resumption-on",
    CertificateRequired = "certificate-required",
    NoTlsInspector = "no-tls-inspector",

    ForwardMode = "forward-mode",
    ForwardMatcher = "forward-matcher",
    ForwardFormat = "forward-format",
    NoForwardedCertificate = "no-forwarded-certificate",
    NoForwardedChain = "no-forwarded-chain",
    RemoteAddress = "remote-address",
    AddressDetection = "address-detection",
    NoSource = "no-source",
    SourceFormat = "source-format",
    NoCipher = "no-cipher",
    ConnectionFormat = "connection-format",
    NormalizePath = "normalize-path",
    MergeSlashes = "merge-slashes",
    EscapedSlashes = "escaped-slashes",
    HeaderValidator = "header-validator",

    FailOpen = "fail-open",
    FailClosed = "fail-closed",
    StopIteration = "stop-iteration",
    Runtime = "runtime",
    SharedContext = "root-id",
    SharedVm = "vm-id",
    NoPolicy = "no-policy",
    PolicyForm = "policy-form",
    PolicyDiffers = "policy-differs",
    PolicyUnknown = "policy-unknown",

    FilterDisabled = "filter-disabled",
    FilterOptional = "filter-optional",
    FilterConditional = "filter-conditional",
    RouteBypass = "route-bypass",
    UpgradeBypass = "upgrade-bypass",
    ChainBypass = "chain-bypass",
    DefaultChainBypass = "default-chain-bypass",
    ListenerBypass = "listener-bypass",

    NoJwtAuthn = "no-jwt-authn",
    TokenMetadata = "token-metadata",
    TokenFailed = "token-failed",
    TokenUnverified = "token-unverified",

    UnknownSourceCluster = "unknown-source-cluster",
    SourceWithoutTls = "source-without-tls",

    UnknownEnvoyRoute = "unknown-envoy-route",
    UnknownEnvoyCluster = "unknown-envoy-cluster",
    UnknownRouteMetadata = "unknown-route-metadata",
    RouteMetadataForm = "route-metadata-form",
    RouteByHeader = "route-by-header",

    RouterFirst = "router-first",
    AnswersFirst = "answers-first",
    IdentityFirst = "identity-first",
    RewritesFirst = "rewrites-first",
    RewritesAfter = "rewrites-after",
    UnknownFilter = "unknown-filter",
}
