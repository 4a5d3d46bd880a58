//! The matchers of an `any`, and an index of those that a certificate can meet: a list may name 100,000 clients, and each has one name.
//! To ask them one after the other took 13 ms of a request in V8, where all else of a decision takes 0.03.
//!
//! Many matchers ask for one name, and answer `No` to every certificate without it. These are found by that name. The index leaves out
//! none that would answer otherwise: where a certificate holds something of a kind that cannot be read, or that may stand for several
//! names, all matchers are asked.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::matcher::Matcher;
use crate::cert::Fingerprint;
use crate::identity::{DnsKey, Identity, SpiffeIdentity, Truth};
use crate::sorted::sorted;

/// Fewer are asked as fast as an index.
const INDEXED_FROM: usize = 16;

/// Matchers of which any may hold.
#[derive(Debug, Clone)]
pub(crate) struct AnyOf {
    matchers: Vec<Matcher>,
    index: Option<Index>,
}

#[derive(Debug, Clone)]
struct Index {
    /// The kinds of names by which matchers are found.
    kinds: Vec<Kind>,
    /// Hashes of what matchers ask for, least first, and the matchers' positions. Where different names have one hash, one matcher more is
    /// asked.
    keyed: Vec<(u64, u32)>,
    /// The positions of the others.
    rest: Vec<u32>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SpiffeId,
    Dns,
    Serial,
    Sha256,
    SpkiSha256,
}

impl AnyOf {
    pub(super) fn new(matchers: Vec<Matcher>) -> Self {
        let index = (matchers.len() >= INDEXED_FROM).then(|| Index::of(&matchers)).flatten();
        Self { matchers, index }
    }

    /// All of them.
    pub(super) fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether any holds, where `ask` answers for each. Not all are asked.
    pub(super) fn holds(&self, identity: &Identity, mut ask: impl FnMut(&Matcher) -> Truth) -> Truth {
        let mut sum = Truth::No;
        let is_told = self.find(identity, &mut |at| {
            if sum != Truth::Yes
                && let Some(matcher) = self.matchers.get(at as usize)
            {
                sum = Truth::any([sum, ask(matcher)]);
            }
        });
        if is_told { sum } else { Truth::any(self.matchers.iter().map(ask)) }
    }

    /// Those that may answer anything but `No`, in the policy's order, and maybe others.
    pub(super) fn candidates(&self, identity: &Identity) -> Vec<&Matcher> {
        let mut positions = Vec::new();
        if !self.find(identity, &mut |at| positions.push((0, at))) {
            return self.matchers.iter().collect();
        }
        sorted(positions).into_iter().filter_map(|(_, at)| self.matchers.get(at as usize)).collect()
    }

    fn find(&self, identity: &Identity, visit: &mut dyn FnMut(u32)) -> bool {
        self.index.as_ref().is_some_and(|index| index.find(identity, visit))
    }
}

impl Index {
    /// `None` where no matcher can be found by a name.
    fn of(matchers: &[Matcher]) -> Option<Self> {
        let (mut kinds, mut keyed, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for (matcher, at) in matchers.iter().zip(0..) {
            match matcher.key() {
                Some(key) => {
                    if !kinds.contains(&key.kind()) {
                        kinds.push(key.kind());
                    }
                    keyed.push((key.hash(), at));
                }
                None => rest.push(at),
            }
        }
        (!keyed.is_empty()).then(|| Self { kinds, keyed: sorted(keyed), rest })
    }

    /// Visits the positions of all matchers that may answer anything but `No`; `false` where these cannot be told. By a visitor and not
    /// iterators, which are 4 KB of module.
    fn find(&self, identity: &Identity, visit: &mut dyn FnMut(u32)) -> bool {
        if !self.kinds.iter().all(|kind| kind.is_told(identity)) {
            return false;
        }
        if let SpiffeIdentity::Id(id) = identity.spiffe() {
            self.look_up(Key::SpiffeId(id.as_str()), visit);
        }
        for name in identity.dns().values() {
            for key in name.keys() {
                self.look_up(Key::Dns(key), visit);
            }
        }
        if let Some(octets) = identity.serial().octets() {
            self.look_up(Key::Serial(octets), visit);
        }
        self.look_up(Key::Sha256(identity.fingerprint()), visit);
        self.look_up(Key::SpkiSha256(identity.spki_fingerprint()), visit);
        self.rest.iter().for_each(|at| visit(*at));
        true
    }

    fn look_up(&self, key: Key<'_>, visit: &mut dyn FnMut(u32)) {
        if !self.kinds.contains(&key.kind()) {
            return;
        }
        let hash = key.hash();
        let from = self.keyed.partition_point(|(known, _)| *known < hash);
        let following = self.keyed.get(from..).unwrap_or_default();
        following.iter().take_while(|(known, _)| *known == hash).for_each(|(_, at)| visit(*at));
    }
}

impl Key<'_> {
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }

    fn kind(&self) -> Kind {
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
    /// Whether a certificate says all that matchers of this kind may ask: a name that cannot be read may be any, and a wildcard stands for
    /// many.
    fn is_told(self, identity: &Identity) -> bool {
        match self {
            Self::SpiffeId => match identity.spiffe() {
                SpiffeIdentity::None | SpiffeIdentity::Id(_) => true,
                SpiffeIdentity::Invalid(_) => false,
            },
            Self::Dns => {
                let names = identity.dns();
                names.malformed() == 0 && !names.values().iter().any(|name| name.is_wildcard())
            }
            Self::Serial => identity.serial().octets().is_some(),
            Self::Sha256 | Self::SpkiSha256 => true,
        }
    }
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
