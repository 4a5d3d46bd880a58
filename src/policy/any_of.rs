//! The matchers of an `any`, and an index of those that a certificate can meet: a list may name 100,000 clients, and each has one name.
//! To ask them one after the other took 13 ms of a request in V8, where all else of a decision takes 0.03.
//!
//! Many matchers ask for one name, and answer `No` to every certificate without it. These are found by that name. The index leaves out
//! none that would answer otherwise: where a certificate holds a name that cannot be read, or that may stand for several, all matchers are
//! asked that look for names of its kind.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::matcher::Matcher;
use crate::cert::Fingerprint;
use crate::identity::{DnsKey, DnsName, Identity, SpiffeIdentity, Truth};
use crate::sorted::sorted;

/// Fewer are asked as fast as an index.
const INDEXED_FROM: usize = 16;

/// Matchers of which any may hold.
#[derive(Debug, Clone)]
pub(crate) struct AnyOf {
    matchers: Vec<Matcher>,
    index: Option<Index>,
    names_identities: bool,
}

/// Positions of matchers.
#[derive(Debug, Clone)]
struct Index {
    /// Those that are found by a name, for each kind of name.
    keyed: Vec<Keyed>,
    /// The others.
    rest: Vec<u32>,
}

#[derive(Debug, Clone)]
struct Keyed {
    kind: Kind,
    /// Hashes of what they ask for, least first, and their positions. Where different names have one hash, one matcher more is asked.
    positions: Vec<(u64, u32)>,
}

/// What a certificate must hold for a matcher to answer anything but `No`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    SpiffeId(&'a str),
    Dns(DnsKey<'a>),
    Serial(&'a [u8]),
    Sha256(Fingerprint),
    SpkiSha256(Fingerprint),
}

/// Those first of which fewer clients have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Sha256,
    SpkiSha256,
    SpiffeId,
    Serial,
    Dns,
}

impl AnyOf {
    pub(super) fn new(matchers: Vec<Matcher>) -> Self {
        let index = (matchers.len() >= INDEXED_FROM).then(|| Index::of(&matchers)).flatten();
        let names_identities = matchers.iter().any(|matcher| !matcher.first_identity_names(1).is_empty());
        Self { matchers, index, names_identities }
    }

    /// Whether one of them is a named identity, or holds one.
    pub(super) fn names_identities(&self) -> bool {
        self.names_identities
    }

    /// All of them.
    pub(super) fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether any holds, where `ask` answers for each. Not all are asked.
    pub(super) fn holds(&self, identity: &Identity, mut ask: impl FnMut(&Matcher) -> Truth) -> Truth {
        let Some(index) = &self.index else { return Truth::any(self.matchers.iter().map(ask)) };
        let mut sum = Truth::No;
        index.find(identity, &mut |at| {
            if sum != Truth::Yes
                && let Some(matcher) = self.matchers.get(at as usize)
            {
                sum = Truth::any([sum, ask(matcher)]);
            }
        });
        sum
    }

    /// Those that may answer anything but `No`, in the policy's order, and maybe others.
    pub(super) fn candidates(&self, identity: &Identity) -> Vec<&Matcher> {
        let Some(index) = &self.index else { return self.matchers.iter().collect() };
        let mut positions = Vec::new();
        index.find(identity, &mut |at| positions.push(u64::from(at)));
        distinct(positions)
            .into_iter()
            .filter_map(|at| self.matchers.get(usize::try_from(at).ok()?))
            .collect()
    }
}

impl Index {
    /// `None` where no matcher can be found by a name.
    fn of(matchers: &[Matcher]) -> Option<Self> {
        let (mut keyed, mut rest): (Vec<Keyed>, _) = (Vec::new(), Vec::new());
        for (matcher, at) in matchers.iter().zip(0..) {
            let Some(key) = matcher.key() else {
                rest.push(at);
                continue;
            };
            let position = (key.hash(), at);
            match keyed.iter_mut().find(|keyed| keyed.kind == key.kind()) {
                Some(keyed) => keyed.positions.push(position),
                None => keyed.push(Keyed { kind: key.kind(), positions: vec![position] }),
            }
        }
        for keyed in &mut keyed {
            keyed.positions = sorted(std::mem::take(&mut keyed.positions));
        }
        (!keyed.is_empty()).then_some(Self { keyed, rest })
    }

    /// Visits the positions of all matchers that may answer anything but `No`, hardly one of them twice. By a visitor and not iterators,
    /// which are 4 KB of module.
    fn find(&self, identity: &Identity, visit: &mut dyn FnMut(u32)) {
        for Keyed { kind, positions } in &self.keyed {
            let Some(hashes) = kind.hashes(identity) else {
                positions.iter().for_each(|(_, at)| visit(*at));
                continue;
            };
            for hash in hashes {
                let from = positions.partition_point(|(known, _)| *known < hash);
                let following = positions.get(from..).unwrap_or_default();
                following.iter().take_while(|(known, _)| *known == hash).for_each(|(_, at)| visit(*at));
            }
        }
        self.rest.iter().for_each(|at| visit(*at));
    }
}

impl Key<'_> {
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::SpiffeId(_) => Kind::SpiffeId,
            Self::Dns(_) => Kind::Dns,
            Self::Serial(_) => Kind::Serial,
            Self::Sha256(_) => Kind::Sha256,
            Self::SpkiSha256(_) => Kind::SpkiSha256,
        }
    }
}

impl Kind {
    /// The hashes of the names of this kind that a certificate holds, each once: a certificate may hold thousands that one pattern matches.
    /// `None` where it does not say which they are: a name that cannot be read may be any, and a wildcard stands for many.
    fn hashes(self, identity: &Identity) -> Option<Vec<u64>> {
        match self {
            Self::SpiffeId => match identity.spiffe() {
                SpiffeIdentity::None => Some(Vec::new()),
                SpiffeIdentity::Id(id) => Some(vec![Key::SpiffeId(id.as_str()).hash()]),
                SpiffeIdentity::Invalid(_) => None,
            },
            Self::Dns => {
                let names = identity.dns();
                if names.malformed() > 0 || names.values().iter().any(DnsName::is_wildcard) {
                    return None;
                }
                let keys = names.values().iter().flat_map(DnsName::keys);
                Some(distinct(keys.map(|key| Key::Dns(key).hash()).collect()))
            }
            Self::Serial => Some(vec![Key::Serial(identity.serial().octets()?).hash()]),
            Self::Sha256 => Some(vec![Key::Sha256(identity.fingerprint()).hash()]),
            Self::SpkiSha256 => Some(vec![Key::SpkiSha256(identity.spki_fingerprint()).hash()]),
        }
    }
}

/// The numbers, least first and each once.
fn distinct(numbers: Vec<u64>) -> Vec<u64> {
    let mut numbers = sorted(numbers);
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::Certificate;
    use crate::chance::Chance;
    use crate::identity::{
        DnsPattern, FingerprintPattern, SerialPattern, SpiffePattern, TextKind, UriPattern,
    };
    use crate::mint::{Ca, Leaf};
    use crate::policy::matcher::Place;
    use crate::policy::trace::{Stage, Untraced};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PLACE: Place = Place { stage: Stage::Allow, depth: 0 };

    fn identity(leaf: Leaf) -> Identity {
        Identity::of(&Certificate::from_der(leaf.mint().der).unwrap()).unwrap()
    }

    fn leaf() -> Leaf {
        Ca::new("Acme Root").leaf("billing")
    }

    fn spiffe(text: &str) -> Matcher {
        Matcher::SpiffeId(SpiffePattern::parse(text).unwrap())
    }

    fn dns(text: &str) -> Matcher {
        Matcher::Dns(DnsPattern::parse(text).unwrap())
    }

    fn evaluate(matcher: &Matcher, identity: &Identity) -> Truth {
        matcher.evaluate(identity, PLACE, &mut Untraced)
    }

    /// What the index answers, how many matchers it asks, and what all of them answer.
    fn answers(any: &AnyOf, identity: &Identity) -> (Truth, usize, Truth) {
        let mut asked = 0;
        let by_index = any.holds(identity, |matcher| {
            asked += 1;
            evaluate(matcher, identity)
        });
        (by_index, asked, Truth::any(any.matchers().iter().map(|matcher| evaluate(matcher, identity))))
    }

    fn services(number: usize) -> Vec<Matcher> {
        (0..number).map(|number| spiffe(&format!("spiffe://acme.example/service-{number}"))).collect()
    }

    #[test]
    fn of_a_long_list_the_one_is_asked_that_the_certificate_meets() {
        let any = AnyOf::new(services(1000));
        let listed = identity(leaf().spiffe("spiffe://acme.example/service-700"));
        assert_eq!(answers(&any, &listed), (Truth::Yes, 1, Truth::Yes));
        let stranger = identity(leaf().spiffe("spiffe://acme.example/service-1000"));
        assert_eq!(answers(&any, &stranger), (Truth::No, 0, Truth::No));
        assert_eq!(answers(&any, &identity(leaf())), (Truth::No, 0, Truth::No));
    }

    #[test]
    fn what_has_no_name_to_be_found_by_is_always_asked() {
        let wildcard = spiffe("spiffe://acme.example/*");
        let uri = Matcher::Uri(UriPattern::new(TextKind::Prefix, "https://acme.example/").unwrap());
        let any = AnyOf::new(services(100).into_iter().chain([wildcard, uri]).collect());
        let stranger = identity(leaf().spiffe("spiffe://acme.example/web"));
        assert_eq!(answers(&any, &stranger), (Truth::Yes, 1, Truth::Yes));
        let elsewhere = identity(leaf().spiffe("spiffe://globex.example/service-7"));
        assert_eq!(answers(&any, &elsewhere), (Truth::No, 2, Truth::No));
    }

    #[test]
    fn a_name_that_cannot_be_told_has_all_asked_that_may_mean_it() {
        let any = AnyOf::new(services(100));
        let two = identity(leaf().spiffe("spiffe://acme.example/service-7").uri("spiffe://acme.example/web"));
        assert_eq!(answers(&any, &two), (Truth::CannotTell, 100, Truth::CannotTell));
        let hosts = AnyOf::new((0..100).map(|number| dns(&format!("host-{number}.acme.example"))).collect());
        let wildcard = identity(leaf().dns("*.acme.example"));
        assert_eq!(answers(&hosts, &wildcard), (Truth::CannotTell, 100, Truth::CannotTell));
        // Neither matters where nothing asks for names of that kind.
        assert_eq!(answers(&hosts, &two), (Truth::No, 0, Truth::No));
        assert_eq!(answers(&any, &wildcard), (Truth::No, 0, Truth::No));
    }

    #[test]
    fn a_matcher_of_several_demands_is_found_by_one_of_them() {
        let both = |number: usize| {
            Matcher::All(vec![
                Matcher::Not(Box::new(dns("web.acme.example"))),
                spiffe(&format!("spiffe://acme.example/service-{number}")),
            ])
        };
        let any = AnyOf::new((0..100).map(both).collect());
        let good = leaf().spiffe("spiffe://acme.example/service-7");
        assert_eq!(answers(&any, &identity(good)), (Truth::Yes, 1, Truth::Yes));
        let web = leaf().spiffe("spiffe://acme.example/service-7").dns("web.acme.example");
        assert_eq!(answers(&any, &identity(web)), (Truth::No, 1, Truth::No));
    }

    #[test]
    fn of_several_demands_the_one_that_fewest_meet_finds_the_matcher() {
        let both = |number: usize| {
            Matcher::All(vec![
                dns("*.acme.example"),
                spiffe(&format!("spiffe://acme.example/service-{number}")),
            ])
        };
        let any = AnyOf::new((0..100).map(both).collect());
        let certificate = identity(leaf().spiffe("spiffe://acme.example/service-7").dns("a.acme.example"));
        assert_eq!(answers(&any, &certificate), (Truth::Yes, 1, Truth::Yes));
    }

    #[test]
    fn a_certificate_of_many_names_has_no_matcher_asked_twice() {
        let one = |_| Matcher::All(vec![dns("*.acme.example"), dns("b.acme.example")]);
        let any = AnyOf::new((0..100).map(one).collect());
        let names = |leaf: Leaf, number: usize| leaf.dns(&format!("a-{number}.acme.example"));
        let certificate = identity((0..50).fold(leaf(), names).dns("a-1.acme.example"));
        assert_eq!(answers(&any, &certificate), (Truth::No, 100, Truth::No));
        assert_eq!(any.candidates(&certificate).len(), 100);
    }

    #[test]
    fn candidates_come_in_the_order_of_the_policy() {
        let mut matchers = services(100);
        matchers.insert(0, dns("*.acme.example"));
        matchers.push(spiffe("spiffe://acme.example/*"));
        let any = AnyOf::new(matchers);
        let found =
            any.candidates(&identity(leaf().spiffe("spiffe://acme.example/service-7").dns("a.acme.example")));
        let found: Vec<String> = found.into_iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["*.acme.example", "spiffe://acme.example/service-7", "spiffe://acme.example/*"].map(|text| {
                let key = if text.starts_with('*') { "dns" } else { "spiffe_id" };
                format!(r#"{{"{key}": "{text}"}}"#)
            })
        );
    }

    #[test]
    fn the_index_answers_as_all_matchers_do() {
        let words = ["a", "b", "c"];
        let mut chance = Chance(0x1234_5678_9abc_def1);
        let identities: Vec<(Identity, String)> = (0..60)
            .map(|_| {
                let word = words[chance.below(3)];
                let plain = leaf().serial(&[1, chance.below(4) as u8]);
                let leaf = match chance.below(4) {
                    0 => plain,
                    1 => plain.spiffe(&format!("spiffe://acme.example/{word}")),
                    2 => plain.spiffe(&format!("spiffe://acme.example/{word}/{word}")),
                    _ => plain.uri("spiffe://Acme.example/a"),
                };
                let leaf = match chance.below(6) {
                    0 => leaf,
                    1 => leaf.dns(&format!("{word}.acme.example")).dns("b.globex.example"),
                    2 => leaf.dns("*.acme.example"),
                    3 => leaf.dns("\0"),
                    4 => leaf.dns(word),
                    _ => leaf.serial(&[0x80]).dns(&format!("{word}.{word}.acme.example")),
                };
                let minted = leaf.mint();
                let digest = minted.hex_digest();
                (Identity::of(&Certificate::from_der(minted.der).unwrap()).unwrap(), digest)
            })
            .collect();
        for _ in 0..300 {
            let one = |chance: &mut Chance| {
                let word = words[chance.below(3)];
                match chance.below(9) {
                    0 => spiffe(&format!("spiffe://acme.example/{word}")),
                    1 => spiffe("spiffe://acme.example/*"),
                    2 => spiffe(&format!("spiffe://acme.example/{word}/**")),
                    3 => dns(&format!("{word}.acme.example")),
                    4 => dns("*.acme.example"),
                    5 => dns(word),
                    6 => Matcher::Serial(SerialPattern::parse(&format!("010{}", chance.below(4))).unwrap()),
                    7 => {
                        let (_, digest) = &identities[chance.below(identities.len())];
                        Matcher::Sha256(FingerprintPattern::sha256(digest).unwrap())
                    }
                    _ => Matcher::Not(Box::new(dns(&format!("{word}.acme.example")))),
                }
            };
            let kinds = 1 + chance.below(3);
            let some: Vec<Matcher> = (0..kinds).map(|_| one(&mut chance)).collect();
            let matchers = (0..INDEXED_FROM + chance.below(8)).map(|_| {
                let (first, second) = (some[chance.below(kinds)].clone(), some[chance.below(kinds)].clone());
                if chance.below(4) == 0 { Matcher::All(vec![first, second]) } else { first }
            });
            let any = AnyOf::new(matchers.collect());
            for (identity, _) in &identities {
                let (by_index, _, by_all) = answers(&any, identity);
                assert_eq!(by_index, by_all, "{:?}\n{identity:?}", any.matchers());
            }
        }
    }
}
