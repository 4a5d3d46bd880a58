//! The fields of an audit record by their names, which policies use to leave them out.

/// Lists the fields, in the order in which a record holds them; those of a group stand together.
macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        /// A field of the audit record. The names are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field {
            $(#[doc = concat!("`", $name, "`")] $field,)*
        }

        impl Field {
            /// Every field, in the order of the record.
            pub const ALL: &[Self] = &[$(Self::$field,)*];

            /// The dotted name: of a field in a group, `group.field`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }

            /// The group that it stands in, and its name there: of `tls.sni` these are `tls` and `sni`.
            pub fn group_and_name(self) -> (Option<&'static str>, &'static str) {
                // Records ask this of every field: found out when this is built.
                match self {
                    $(Self::$field => const { split($name) },)*
                }
            }
        }
    };
}

const fn split(name: &str) -> (Option<&str>, &str) {
    let mut dot = 0;
    while dot < name.len() {
        let (group, rest) = name.split_at(dot);
        if let [b'.', ..] = rest.as_bytes() {
            return (Some(group), rest.split_at(1).1);
        }
        dot += 1;
    }
    (None, name)
}

fields! {
    Schema = "schema",
    Time = "time",
    Vm = "vm",
    Sequence = "sequence",
    Id = "id",
    Phase = "phase",
    Decision = "decision",
    Client = "client",
    Mode = "mode",
    Reason = "reason",
    Detail = "detail",
    Route = "route",
    Rule = "rule",
    Policy = "policy",
    Method = "request.method",
    Host = "request.host",
    Path = "request.path",
    Protocol = "request.protocol",
    RequestId = "request.id",
    Traceparent = "request.traceparent",
    Source = "source",
    TlsVersion = "tls.version",
    ServerName = "tls.sni",
    Cipher = "tls.cipher",
    Sha256 = "certificate.sha256",
    SpkiSha256 = "certificate.spki_sha256",
    Serial = "certificate.serial",
    Subject = "certificate.subject",
    Issuer = "certificate.issuer",
    NotBefore = "certificate.not_before",
    NotAfter = "certificate.not_after",
    Dns = "certificate.dns",
    Uri = "certificate.uri",
    Email = "certificate.email",
    Ip = "certificate.ip",
    Upn = "certificate.upn",
    PublicKey = "certificate.public_key",
    SignatureAlgorithm = "certificate.signature_algorithm",
    KeyUsage = "certificate.key_usage",
    ExtendedKeyUsage = "certificate.extended_key_usage",
    NamesOmitted = "certificate.names_omitted",
    Der = "certificate.der",
    VerifiedBy = "verification.by",
    Bundle = "verification.bundle",
    Anchor = "verification.anchor_sha256",
    RevocationStatus = "revocation.status",
    RevocationWhy = "revocation.why",
    RevocationMethod = "revocation.method",
    RevocationSource = "revocation.source",
    RevocationReason = "revocation.reason",
    RevokedSince = "revocation.since",
    ThisUpdate = "revocation.this_update",
    NextUpdate = "revocation.next_update",
    Duration = "duration_us",
}

/// What a policy may do to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: without it nobody could tell what the record is about, and it says nothing of the client.
    Fixed,
    /// Leave it out.
    Optional,
    /// Leave it out or hash it: it holds what the client said, or was named by.
    Personal,
}

impl Field {
    /// What a policy may do to it.
    pub fn standing(self) -> Standing {
        match self {
            Self::Schema
            | Self::Time
            | Self::Vm
            | Self::Sequence
            | Self::Id
            | Self::Phase
            | Self::Decision
            | Self::Mode
            | Self::Reason
            | Self::Route
            | Self::Policy => Standing::Fixed,
            Self::Client
            | Self::Detail
            | Self::Rule
            | Self::Method
            | Self::Protocol
            | Self::Traceparent
            | Self::TlsVersion
            | Self::Cipher
            | Self::NotBefore
            | Self::NotAfter
            | Self::PublicKey
            | Self::SignatureAlgorithm
            | Self::KeyUsage
            | Self::ExtendedKeyUsage
            | Self::NamesOmitted
            | Self::Der
            | Self::VerifiedBy
            | Self::Bundle
            | Self::Anchor
            | Self::RevocationStatus
            | Self::RevocationWhy
            | Self::RevocationMethod
            | Self::RevocationSource
            | Self::RevocationReason
            | Self::RevokedSince
            | Self::ThisUpdate
            | Self::NextUpdate
            | Self::Duration => Standing::Optional,
            Self::Host
            | Self::Path
            | Self::RequestId
            | Self::Source
            | Self::ServerName
            | Self::Sha256
            | Self::SpkiSha256
            | Self::Serial
            | Self::Subject
            | Self::Issuer
            | Self::Dns
            | Self::Uri
            | Self::Email
            | Self::Ip
            | Self::Upn => Standing::Personal,
        }
    }

    /// The group that it stands in: of `tls.sni` this is `tls`.
    pub fn group(self) -> Option<&'static str> {
        self.group_and_name().0
    }

    /// The fields that `name` means: one, or all of a group.
    pub(crate) fn named(name: &str) -> FieldSet {
        let meant = |field: &&Self| field.name() == name || field.group() == Some(name);
        Self::ALL.iter().filter(meant).copied().collect()
    }
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldSet(u64);

// Each field has its bit.
const _: () = assert!(Field::ALL.len() <= 64);

impl FieldSet {
    /// Whether it holds no field.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it holds `field`.
    pub fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u64) != 0
    }

    /// The fields of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its fields, in the order of the record.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.contains(*field))
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<T: IntoIterator<Item = Field>>(fields: T) -> Self {
        fields.into_iter().fold(Self::default(), |set, field| Self(set.0 | 1 << field as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_group_means_all_of_its_fields_and_a_field_itself() {
        let tls: Vec<Field> = Field::named("tls").iter().collect();
        assert_eq!(tls, [Field::TlsVersion, Field::ServerName, Field::Cipher]);
        assert_eq!(Field::named("source").iter().collect::<Vec<_>>(), [Field::Source]);
        assert_eq!(Field::named("tls.sni").iter().collect::<Vec<_>>(), [Field::ServerName]);
    }

    #[test]
    fn group_and_name_make_the_dotted_name() {
        assert_eq!(Field::ServerName.group_and_name(), (Some("tls"), "sni"));
        assert_eq!(Field::Source.group_and_name(), (None, "source"));
        for field in Field::ALL {
            let (group, name) = field.group_and_name();
            assert_eq!(group.into_iter().chain([name]).collect::<Vec<_>>().join("."), field.name());
        }
    }

    #[test]
    fn what_is_near_to_a_name_means_nothing() {
        for name in ["", "tl", "tls.", "tls.s", "TLS", "sni", "certificate.subject.CN"] {
            assert!(Field::named(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn the_fields_of_a_group_stand_together() {
        let mut groups: Vec<&str> = Vec::new();
        for field in Field::ALL {
            let group = field.group().unwrap_or(field.name());
            if groups.last() != Some(&group) {
                assert!(!groups.contains(&group), "{group}");
                groups.push(group);
            }
        }
    }
}
