//! Chains in some hundred situations, each against a plain model of what the profile of RFC 5280 section 6 makes of it.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, date_time_ymd,
};
use time::Duration;

use super::*;
use crate::mint::{CN, Ca, Minted, NAME_CONSTRAINTS, O, UTF8, attribute, der};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The least number of situations that all tests here go through together.
const MIN_SITUATIONS: usize = 300;

/// An extension that nobody knows.
const UNKNOWN: &[u64] = &[1, 3, 6, 1, 4, 1, 32473, 1];

fn now() -> OffsetDateTime {
    date_time_ymd(2030, 1, 1)
}

/// What is said of a certificate: of a CA's, and as far as it can be of the leaf's.
#[derive(Debug, Clone)]
struct Plan {
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    signer: Signer,
    is_ca: bool,
    path_length: Option<u8>,
    key_usage: Usage,
    unknown: Option<Criticality>,
    purposes: Vec<Purpose>,
    constraint: Option<Constraint>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Signer {
    Issuer,
    /// Another key under the issuer's name.
    Stranger,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Usage {
    Unstated,
    SignsCertificates,
    SignsLists,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Criticality {
    Critical,
    NotCritical,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Purpose {
    Client,
    Server,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Constraint {
    list: List,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum List {
    Permitted,
    Excluded,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Dns,
    Ip,
    Email,
    Uri,
    Directory,
}

/// A name of the leaf, by what a constraint of its kind says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Name {
    kind: Kind,
    inside: bool,
}

/// A chain: its root, what is between, and the leaf.
#[derive(Debug, Clone)]
struct Situation {
    /// The root first.
    authorities: Vec<Plan>,
    leaf: Plan,
    name: Option<Name>,
    max_intermediates: u8,
    purpose: Option<Purpose>,
    at: OffsetDateTime,
}

impl Plan {
    fn ca() -> Plan {
        Plan {
            not_before: date_time_ymd(2020, 1, 1),
            not_after: date_time_ymd(2040, 1, 1),
            signer: Signer::Issuer,
            is_ca: true,
            path_length: None,
            key_usage: Usage::SignsCertificates,
            unknown: None,
            purposes: Vec::new(),
            constraint: None,
        }
    }

    fn leaf() -> Plan {
        Plan { is_ca: false, key_usage: Usage::Unstated, ..Plan::ca() }
    }
}

impl Situation {
    /// A good chain with so many intermediates.
    fn of(depth: usize) -> Situation {
        Situation {
            authorities: vec![Plan::ca(); depth + 1],
            leaf: Plan::leaf(),
            name: None,
            max_intermediates: MAX_INTERMEDIATES,
            purpose: None,
            at: now(),
        }
    }

    /// It with one of its certificates, the root's first and the leaf's last, otherwise.
    fn with(mut self, at: usize, change: impl FnOnce(&mut Plan)) -> Situation {
        change(self.authorities.get_mut(at).unwrap_or(&mut self.leaf));
        self
    }

    /// Whether the chain is good, by the letter.
    fn is_good(&self) -> bool {
        let depth = self.authorities.len() - 1;
        let valid = |plan: &Plan| plan.not_before <= self.at && self.at <= plan.not_after;
        let known = |plan: &Plan| plan.unknown != Some(Criticality::Critical);
        let signs = |plan: &Plan| plan.is_ca && plan.key_usage != Usage::SignsLists;
        let long_enough =
            |(at, plan): (usize, &Plan)| plan.path_length.is_none_or(|most| depth - at <= most.into());
        let serves = |plan: &Plan| {
            self.purpose.is_none_or(|wanted| {
                plan.purposes.is_empty()
                    || plan.purposes.iter().any(|one| [wanted, Purpose::Any].contains(one))
            })
        };
        let allows = |(at, plan): (usize, &Plan)| match (plan.constraint, self.name) {
            (None, _) => true,
            // The subjects of all CAs are inside, and the leaf's unless it is said to be outside.
            (Some(Constraint { list, kind: Kind::Directory }), name) => {
                let leaf = name != Some(Name { kind: Kind::Directory, inside: false });
                match list {
                    List::Permitted => leaf,
                    List::Excluded => !leaf && at == depth,
                }
            }
            (Some(Constraint { list, kind }), Some(name)) if kind == name.kind => {
                name.inside == (list == List::Permitted)
            }
            (Some(_), _) => true,
        };
        let all = || self.authorities.iter().chain([&self.leaf]);
        let is_signed = |plan: &Plan| plan.signer == Signer::Issuer;
        all().all(|plan| valid(plan) && known(plan))
            && all().skip(1).all(is_signed)
            && self.authorities.iter().all(|plan| signs(plan) && serves(plan))
            && self.authorities.iter().enumerate().all(allows)
            && self.authorities.iter().enumerate().all(long_enough)
            && depth <= self.max_intermediates.into()
    }

    fn mint(&self) -> (Vec<Ca>, Minted) {
        let mut authorities: Vec<Ca> = Vec::new();
        for (at, plan) in self.authorities.iter().enumerate() {
            let (name, change) =
                (format!("Acme CA {at}"), |params: &mut CertificateParams| plan.apply(params));
            let ca = match (authorities.last(), plan.signer) {
                (None, _) => Ca::new(&name).renewed(change),
                (Some(issuer), Signer::Issuer) => issuer.below(&name, &name, change),
                (Some(_), Signer::Stranger) => stranger(at - 1).below(&name, &name, change),
            };
            authorities.push(ca);
        }
        let depth = authorities.len() - 1;
        let issuer = match self.leaf.signer {
            Signer::Issuer => authorities[depth].clone(),
            Signer::Stranger => stranger(depth),
        };
        let organisation = match self.name {
            Some(Name { kind: Kind::Directory, inside: false }) => "Evil",
            Some(_) | None => "Acme",
        };
        let leaf = issuer.leaf("billing").no_subject().subject(O, organisation).subject(CN, "billing");
        let leaf = leaf.valid(self.leaf.not_before, self.leaf.not_after);
        let leaf = match self.leaf.unknown {
            Some(Criticality::Critical) => leaf.critical_extension(UNKNOWN, &[5, 0]),
            Some(Criticality::NotCritical) => leaf.extension(UNKNOWN, &[5, 0]),
            None => leaf,
        };
        let leaf = match self.name {
            Some(Name { kind: Kind::Dns, inside }) => {
                leaf.dns(if inside { "billing.acme.example" } else { "billing.evil.example" })
            }
            Some(Name { kind: Kind::Ip, inside }) => {
                leaf.ip(IpAddr::from(if inside { [192, 0, 2, 1] } else { [198, 51, 100, 1] }))
            }
            Some(Name { kind: Kind::Email, inside }) => {
                leaf.email(if inside { "ada@acme.example" } else { "ada@evil.example" })
            }
            Some(Name { kind: Kind::Uri, inside }) => {
                leaf.uri(if inside { "spiffe://acme.example/a" } else { "spiffe://evil.example/a" })
            }
            Some(Name { kind: Kind::Directory, .. }) | None => leaf,
        };
        (authorities, leaf.mint())
    }

    /// Whether the chain is found.
    fn is_found(&self) -> bool {
        let (authorities, leaf) = self.mint();
        let (root, others) = authorities.split_first().unwrap();
        let demands = Demands {
            max_intermediates: self.max_intermediates,
            purposes: self.purpose.map(|purpose| vec![purpose.pattern()]),
        };
        found(&leaf, &[root], &others.iter().collect::<Vec<_>>(), &demands, self.at).is_ok()
    }
}

/// Another CA of the name of the one at this place.
fn stranger(at: usize) -> Ca {
    Ca::new("Stranger").below(&format!("Acme CA {at}"), "stranger", |params| {
        if at > 0 {
            organise(params);
        }
    })
}

/// Puts the subject into the organisation.
fn organise(params: &mut CertificateParams) {
    let name = std::mem::take(&mut params.distinguished_name);
    params.distinguished_name.push(DnType::OrganizationName, "Acme");
    for (kind, value) in name.iter() {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
}

impl Plan {
    fn apply(&self, params: &mut CertificateParams) {
        let is_root = params.distinguished_name.get(&DnType::CommonName)
            == Some(&rcgen::DnValue::Utf8String("Acme CA 0".to_owned()));
        if !is_root {
            organise(params);
        }
        (params.not_before, params.not_after) = (self.not_before, self.not_after);
        params.is_ca = match (self.is_ca, self.path_length) {
            (false, _) => IsCa::ExplicitNoCa,
            (true, None) => IsCa::Ca(BasicConstraints::Unconstrained),
            (true, Some(most)) => IsCa::Ca(BasicConstraints::Constrained(most)),
        };
        params.key_usages = match self.key_usage {
            Usage::Unstated => Vec::new(),
            Usage::SignsCertificates => vec![KeyUsagePurpose::KeyCertSign],
            Usage::SignsLists => vec![KeyUsagePurpose::CrlSign],
        };
        params.extended_key_usages = self.purposes.iter().map(|purpose| purpose.minted()).collect();
        let mut add = |oid: &[u64], contents: &[u8], criticality| {
            let mut extension = CustomExtension::from_oid_content(oid, contents.to_vec());
            extension.set_criticality(criticality == Criticality::Critical);
            params.custom_extensions.push(extension);
        };
        if let Some(criticality) = self.unknown {
            add(UNKNOWN, &[5, 0], criticality);
        }
        if let Some(constraint) = self.constraint {
            add(NAME_CONSTRAINTS, &constraint.der(), Criticality::Critical);
        }
    }
}

impl Purpose {
    fn minted(self) -> ExtendedKeyUsagePurpose {
        match self {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Purpose::Any => ExtendedKeyUsagePurpose::Any,
        }
    }

    fn pattern(self) -> KeyPurposePattern {
        KeyPurposePattern::parse(match self {
            Purpose::Client => "clientAuth",
            Purpose::Server => "serverAuth",
            Purpose::Any => "2.5.29.37.0",
        })
        .unwrap()
    }
}

impl Constraint {
    fn der(self) -> Vec<u8> {
        let organisation = || der(0x31, &[&attribute(O, &der(UTF8, &[b"Acme"]))]);
        let base = match self.kind {
            Kind::Dns => der(0x82, &[b"acme.example"]),
            Kind::Ip => der(0x87, &[&[192, 0, 2, 0, 255, 255, 255, 0]]),
            Kind::Email => der(0x81, &[b"acme.example"]),
            Kind::Uri => der(0x86, &[b"acme.example"]),
            Kind::Directory => der(0xa4, &[&der(0x30, &[&organisation()])]),
        };
        let list = match self.list {
            List::Permitted => 0xa0,
            List::Excluded => 0xa1,
        };
        der(0x30, &[&der(list, &[&der(0x30, &[&base])])])
    }
}

fn certificate(der: &[u8]) -> Certificate {
    Certificate::from_der(der.to_vec()).unwrap()
}

/// The chain of a leaf to these anchors, by what is presented.
fn found(
    leaf: &Minted,
    anchors: &[&Ca],
    presented: &[&Ca],
    demands: &Demands,
    at: OffsetDateTime,
) -> Result<Chain, ChainError> {
    let presented: Vec<Certificate> = presented.iter().map(|ca| certificate(ca.der())).collect();
    found_by(leaf, anchors, &presented, demands, at)
}

fn found_by(
    leaf: &Minted,
    anchors: &[&Ca],
    presented: &[Certificate],
    demands: &Demands,
    at: OffsetDateTime,
) -> Result<Chain, ChainError> {
    let anchors = anchors.iter().map(|ca| Authority::of(certificate(ca.der())).unwrap()).collect();
    let (bundle, _) = Authorities::new(anchors, Vec::new());
    let leaf = certificate(&leaf.der);
    let identity = Identity::of(&leaf).unwrap();
    verify(&leaf, &identity, &Presented::new(presented), &bundle, demands, at, &Budget::new()).verdict
}

/// The situations that the model is asked about, and by what.
fn situations() -> Vec<Situation> {
    let mut all = Vec::new();
    for depth in 0..=7 {
        for max_intermediates in [0, 1, 2, 3, MAX_INTERMEDIATES] {
            all.push(Situation { max_intermediates, ..Situation::of(depth) });
        }
    }
    type Fault = fn(&mut Plan);
    const FAULTS: [Fault; 9] = [
        |plan| plan.not_after = now() - Duration::SECOND,
        |plan| plan.not_before = now() + Duration::SECOND,
        |plan| (plan.not_before, plan.not_after) = (now(), now()),
        |plan| plan.signer = Signer::Stranger,
        |plan| plan.unknown = Some(Criticality::Critical),
        |plan| plan.unknown = Some(Criticality::NotCritical),
        |plan| plan.is_ca = false,
        |plan| plan.key_usage = Usage::SignsLists,
        |plan| plan.key_usage = Usage::Unstated,
    ];
    for depth in 0..=3 {
        for (number, fault) in FAULTS.into_iter().enumerate() {
            // The last ones are about CAs, and a root is signed by itself.
            let places = if number < 6 { depth + 2 } else { depth + 1 };
            all.extend((usize::from(number == 3)..places).map(|at| Situation::of(depth).with(at, fault)));
        }
    }
    for depth in 1..=4 {
        for at in 0..=depth {
            for most in 0..=3 {
                all.push(Situation::of(depth).with(at, |plan| plan.path_length = Some(most)));
            }
        }
    }
    for at in 0..=2 {
        for purposes in
            [&[Purpose::Client][..], &[Purpose::Server], &[Purpose::Any], &[Purpose::Client, Purpose::Server]]
        {
            for purpose in [None, Some(Purpose::Client), Some(Purpose::Server)] {
                let situation = Situation { purpose, ..Situation::of(2) };
                all.push(situation.with(at, |plan| plan.purposes = purposes.to_vec()));
            }
        }
    }
    let kinds = [Kind::Dns, Kind::Ip, Kind::Email, Kind::Uri, Kind::Directory];
    for at in 0..=2 {
        for kind in kinds {
            for list in [List::Permitted, List::Excluded] {
                let names = [
                    None,
                    Some((kind, true)),
                    Some((kind, false)),
                    Some((Kind::Dns, true)),
                    Some((Kind::Uri, false)),
                ];
                for name in names {
                    let name = name.map(|(kind, inside)| Name { kind, inside });
                    let situation = Situation { name, ..Situation::of(2) };
                    all.push(situation.with(at, |plan| plan.constraint = Some(Constraint { list, kind })));
                }
            }
        }
    }
    all
}

#[test]
fn chains_are_found_where_the_model_says_that_they_are_good() {
    let situations = situations();
    assert!(situations.len() >= MIN_SITUATIONS, "{}", situations.len());
    let good = situations.iter().filter(|situation| situation.is_good()).count();
    // Neither verdict is the rule.
    assert!(good * 4 > situations.len() && good * 4 < situations.len() * 3, "{good} of {}", situations.len());
    for situation in situations {
        assert_eq!(situation.is_found(), situation.is_good(), "{situation:?}");
    }
}

#[test]
fn what_is_presented_may_come_in_any_order_and_number() {
    let (authorities, leaf) = Situation::of(3).mint();
    let [root, a, b, c] = &authorities[..] else { panic!() };
    let others: Vec<Ca> = (0..8).map(|at| Ca::new(&format!("Stranger {at}"))).collect();
    let mut crowd: Vec<&Ca> = others.iter().collect();
    crowd.extend([a, b, c]);
    let same_name = stranger(2);
    for (presented, expected) in [
        (&[a, b, c][..], true),
        (&[a, c, b], true),
        (&[b, a, c], true),
        (&[b, c, a], true),
        (&[c, a, b], true),
        (&[c, b, a], true),
        (&[c, c, b, b, a, a], true),
        (&[root, c, b, a], true),
        (&[c, b], false),
        (&[c, a], false),
        (&[b, a], false),
        (&[], false),
        (&crowd, true),
        (&[&same_name, c, b, a], true),
        (&[c, b, a, &same_name], true),
        (&[&same_name, c, a], false),
    ] {
        let chain = found(&leaf, &[root], presented, &Demands::default(), now());
        assert_eq!(chain.is_ok(), expected, "{:?}", chain.err());
        if let Ok(chain) = chain {
            let above: Vec<&[u8]> = chain.authorities().iter().map(|one| one.certificate().der()).collect();
            assert_eq!(above, [c, b, a, root].map(Ca::der));
        }
    }
}

#[test]
fn more_than_is_looked_at_is_left_out() {
    let (authorities, leaf) = Situation::of(1).mint();
    let [root, issuing] = &authorities[..] else { panic!() };
    let others: Vec<Ca> = (0..MAX_PRESENTED).map(|at| Ca::new(&format!("Stranger {at}"))).collect();
    let mut presented: Vec<&Ca> = others.iter().collect();
    presented.push(issuing);
    assert!(found(&leaf, &[root], &presented, &Demands::default(), now()).is_err());
    assert!(found(&leaf, &[root], &presented[1..], &Demands::default(), now()).is_ok());
}

#[test]
fn anchors_may_be_renewed_or_another_keys_or_in_between() {
    let (authorities, leaf) = Situation::of(2).mint();
    let [root, a, b] = &authorities[..] else { panic!() };
    let expired = root.renewed(|params| params.not_after = date_time_ymd(2029, 1, 1));
    let other = Ca::with_seed("Acme CA 0", "other");
    let stranger = Ca::new("Stranger");
    for (anchors, presented, expected) in [
        (&[root][..], &[a, b][..], true),
        (&[&expired], &[a, b], false),
        (&[&expired, root], &[a, b], true),
        (&[root, &expired], &[a, b], true),
        (&[&other], &[a, b], false),
        (&[&other, root], &[a, b], true),
        (&[&stranger, root], &[b, a], true),
        (&[&stranger], &[a, b], false),
        (&[a], &[b], true),
        (&[b], &[], true),
        (&[b], &[a], true),
        (&[a], &[], false),
        (&[], &[root, a, b], false),
    ] {
        let chain = found(&leaf, anchors, presented, &Demands::default(), now());
        assert_eq!(chain.is_ok(), expected, "{:?}", chain.err());
    }
}

#[test]
fn cas_that_issued_each_other_lead_round_in_circles_or_out_of_them() {
    let root = Ca::new("Root");
    let north = root.below("North", "North", |_| {});
    // Certificates of one name and key each, by one another.
    let south = Ca::new("South");
    let south_by_north = north.below("South", "South", |_| {});
    let north_by_south = south.below("North", "North", |_| {});
    let leaf = south.leaf("billing").mint();
    let ways: Vec<Ca> = (0..8)
        .map(|at| south.below("North", "North", |params| params.not_after = date_time_ymd(2041 + at, 1, 1)))
        .collect();
    let mut circle: Vec<&Ca> = ways.iter().collect();
    circle.push(&south_by_north);
    for (presented, expected) in [
        (&[&south_by_north, &north_by_south][..], false),
        (&[&north_by_south, &south_by_north, &north], true),
        (&[&north, &south_by_north], true),
        (&circle, false),
    ] {
        let chain = found(&leaf, &[&root], presented, &Demands::default(), now());
        assert_eq!(chain.is_ok(), expected, "{:?}", chain.err());
    }
}

#[test]
fn the_bytes_that_webpki_is_shown_of_a_constrained_ca_are_no_ca() {
    let constraint = Constraint { list: List::Permitted, kind: Kind::Uri };
    let outside = Some(Name { kind: Kind::Uri, inside: false });
    let inside = Some(Name { kind: Kind::Uri, inside: true });
    let situation =
        |name| Situation { name, ..Situation::of(1) }.with(1, |plan| plan.constraint = Some(constraint));
    for (name, expected) in [(outside, false), (inside, true)] {
        let (authorities, leaf) = situation(name).mint();
        let [root, issuing] = &authorities[..] else { panic!() };
        let original = certificate(issuing.der());
        let read = constraints::Constraints::of(&original).unwrap().unwrap();
        let copy = shown::Shown::of(&original, read.rest()).unwrap();
        let copy = certificate(copy.der());
        assert!(constraints::Constraints::of(&copy).unwrap().is_none(), "the copy constrains nothing");
        for presented in
            [vec![copy.clone()], vec![copy.clone(), original.clone()], vec![original.clone(), copy.clone()]]
        {
            let chain = found_by(&leaf, &[root], &presented, &Demands::default(), now());
            assert_eq!(chain.is_ok(), expected && presented.len() == 2);
            if let Ok(chain) = chain {
                assert_eq!(chain.authorities()[0].certificate().der(), original.der());
            }
        }
    }
}

#[test]
fn constraints_on_names_of_several_kinds_are_all_followed() {
    let subtrees =
        [der(0x86, &[b"acme.example"]), der(0x82, &[b"acme.example"])].map(|base| der(0x30, &[&base]));
    let value = der(0x30, &[&der(0xa0, &[&subtrees.concat()])]);
    let constrain = |params: &mut CertificateParams| {
        params.custom_extensions.push(CustomExtension::from_oid_content(NAME_CONSTRAINTS, value.clone()));
    };
    let root = Ca::new("Root").renewed(constrain);
    let free = Ca::new("Free");
    let below_free = free.below("Issuing", "Issuing", constrain);
    for (uri, dns, expected) in [
        ("spiffe://acme.example", "a.acme.example", true),
        ("spiffe://acme.example", "a.evil.example", false),
        ("spiffe://evil.example", "a.acme.example", false),
        ("spiffe://evil.example", "a.evil.example", false),
    ] {
        let leaf = |ca: &Ca| ca.leaf("billing").uri(uri).dns(dns).mint();
        for chain in [
            found(&leaf(&root), &[&root], &[], &Demands::default(), now()),
            found(&leaf(&below_free), &[&free], &[&below_free], &Demands::default(), now()),
        ] {
            let wanted = if expected { Ok(()) } else { Err(ChainError::NameConstraints) };
            assert_eq!(chain.map(|_| ()), wanted, "{uri} {dns}");
        }
    }
}

#[test]
fn names_and_constraints_without_end_are_not_compared() {
    let constrained = |count: usize| {
        let subtrees: Vec<u8> = (0..count)
            .flat_map(|at| der(0x30, &[&der(0x82, &[format!("x{at}.acme.example").as_bytes()])]))
            .collect();
        let value = der(0x30, &[&der(0xa1, &[&subtrees])]);
        Ca::new("Root").renewed(|params| {
            params.custom_extensions.push(CustomExtension::from_oid_content(NAME_CONSTRAINTS, value));
        })
    };
    for (subtrees, names, expected) in
        [(1000, 1, Ok(())), (1, 1000, Ok(())), (300, 300, Ok(())), (1000, 1000, Err(ChainError::TooMuchWork))]
    {
        let root = constrained(subtrees);
        let leaf = root.leaf("billing");
        let leaf = (0..names).fold(leaf, |leaf, at| leaf.dns(&format!("y{at}.acme.example"))).mint();
        let chain = found(&leaf, &[&root], &[], &Demands::default(), now());
        assert_eq!(chain.map(|_| ()), expected, "{subtrees} {names}");
    }
}

#[test]
fn what_is_presented_is_read_once_for_several_bundles_and_not_without_a_budget() {
    let (authorities, leaf) = Situation::of(1).mint();
    let [root, issuing] = &authorities[..] else { panic!() };
    let bundle = || {
        let root = Authority::of(certificate(root.der())).unwrap();
        Authorities::new(vec![root], Vec::new()).0
    };
    let (leaf, certificates) = (certificate(&leaf.der), [certificate(issuing.der())]);
    let identity = Identity::of(&leaf).unwrap();
    let (presented, budget) = (Presented::new(&certificates), Budget::new());
    let ask = |bundle: &Authorities| {
        verify(&leaf, &identity, &presented, bundle, &Demands::default(), now(), &budget).verdict
    };
    let chains = [bundle(), bundle()].map(|bundle| ask(&bundle).unwrap());
    let [one, other] = chains.each_ref().map(|chain| &chain.authorities()[0]);
    assert!(Arc::ptr_eq(one, other));
    assert!(!budget.take_work(u32::MAX - 1));
    assert_eq!(ask(&bundle()).map(|_| ()), Err(ChainError::TooMuchWork));
}
