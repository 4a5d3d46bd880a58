//! The situations of PKITS chapters 4.4, 4.14 and 4.15, and others, each with its near miss.
#![expect(clippy::cloned_ref_to_slice_refs, reason = "one list is written as several are")]

use rcgen::{CertificateParams, CustomExtension, date_time_ymd};
use time::{Date, Month};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::cert::Certificate;
use crate::mint::crl::{
    CERTIFICATE_HOLD, Crl, KEY_COMPROMISE, Point, REMOVE_FROM_CRL, Revoked, Scope, directory_name, uri_name,
};
use crate::mint::{self, CN, Ca, Leaf, Minted, UTF8};
use crate::revocation::crl::Load;
use crate::revocation::{Status, Why};

const CRL_SIGN: u8 = 0x02;
const CERT_SIGN: u8 = 0x04;
const DISTRIBUTION_POINTS: &[u64] = &[2, 5, 29, 31];
const URI: &str = "http://crl.acme.example/1.crl";
const OTHER_URI: &str = "http://crl.acme.example/2.crl";

fn year(year: i32) -> OffsetDateTime {
    Date::from_calendar_date(year, Month::January, 1).unwrap().midnight().assume_utc()
}

/// When everything is judged that does not say otherwise.
fn now() -> OffsetDateTime {
    year(2026)
}

/// A trust bundle and lists of it.
struct World {
    authorities: Authorities,
    lists: Vec<Arc<List>>,
}

impl World {
    fn new(anchors: &[&Ca], intermediates: &[&Ca]) -> World {
        let authority = |ca: &&Ca| Authority::of(Certificate::from_der(ca.der().to_vec()).unwrap()).unwrap();
        let all = |cas: &[&Ca]| cas.iter().map(authority).collect();
        let (authorities, refused) = Authorities::new(all(anchors), all(intermediates));
        assert!(refused.is_empty());
        World { authorities, lists: Vec::new() }
    }

    fn with(mut self, list: &Crl) -> World {
        let load = Load::new(list.der(), self.authorities.iter().cloned().collect());
        self.lists.push(Arc::new(load.finish().unwrap().into_list()));
        self
    }

    fn all(self, lists: &[Crl]) -> World {
        lists.iter().fold(self, World::with)
    }

    fn judge_at(&self, der: &[u8], now: OffsetDateTime, grace: Duration) -> Judgement {
        let certificate = Certificate::from_der(der.to_vec()).unwrap();
        let checked = Checked::of(&certificate, [&self.authorities].into_iter()).unwrap();
        let (_, issuer) = &checked.issuers()[0];
        let first = judge(&checked, issuer, &self.authorities, &self.lists, now, grace);
        let second = judge(&checked, issuer, &self.authorities, &self.lists, now, grace);
        assert_eq!(first, second, "what lists have said is remembered otherwise");
        first
    }

    fn judge(&self, leaf: &Minted) -> Judgement {
        self.judge_at(&leaf.der, now(), Duration::ZERO)
    }

    /// `good`, `revoked`, or the code of why it is unknown: in whatever order the lists are.
    #[track_caller]
    fn status(&self, leaf: &Minted) -> &'static str {
        self.status_of(&leaf.der)
    }

    #[track_caller]
    fn status_of(&self, der: &[u8]) -> &'static str {
        let first = word(&self.judge_at(der, now(), Duration::ZERO));
        let lists = self.lists.iter().rev().cloned().collect();
        let World { authorities, .. } = self;
        let certificate = Certificate::from_der(der.to_vec()).unwrap();
        let checked = Checked::of(&certificate, [authorities].into_iter()).unwrap();
        let turned: Vec<Arc<List>> = lists;
        let second = judge(&checked, &checked.issuers()[0].1, authorities, &turned, now(), Duration::ZERO);
        assert_eq!(first, word(&second), "the order of the lists matters");
        first
    }
}

fn word(judgement: &Judgement) -> &'static str {
    match &judgement.status {
        Status::Good => "good",
        Status::Revoked(_) => "revoked",
        Status::Unknown(unknown) => unknown.why.code(),
    }
}

/// What lists of one root say of a leaf.
#[track_caller]
fn status(root: &Ca, leaf: &Minted, lists: &[Crl]) -> &'static str {
    World::new(&[root], &[]).all(lists).status(leaf)
}

fn root() -> Ca {
    Ca::new("Acme Root")
}

fn leaf() -> Leaf {
    root().leaf("billing")
}

fn at_points(points: &[Point]) -> Minted {
    leaf().crl_distribution_points(&points.iter().map(Point::der).collect::<Vec<_>>()).mint()
}

fn hold(leaf: &Minted) -> Revoked {
    Revoked::new(&leaf.serial()).reason(CERTIFICATE_HOLD)
}

fn release(leaf: &Minted) -> Revoked {
    Revoked::new(&leaf.serial()).reason(REMOVE_FROM_CRL)
}

/// The contents of a relative name.
fn relative(name: &str) -> Vec<u8> {
    mint::attribute(CN, &mint::der(UTF8, &[name.as_bytes()]))
}

#[test]
fn what_older_lists_have_said_does_not_speak_for_newer_ones() {
    let root = root();
    let leaf = leaf().mint();
    let of = |number: u64, entries: &[Revoked]| {
        let list = entries.iter().fold(root.crl().number(number), |list, entry| list.entry(entry.clone()));
        World::new(&[&root], &[]).with(&list)
    };
    let worlds = [of(1, &[]), of(2, &[hold(&leaf)]), of(3, &[]), of(4, &[Revoked::new(&leaf.serial())])];
    let certificate = Certificate::from_der(leaf.der.clone()).unwrap();
    let checked = Checked::of(&certificate, [&worlds[0].authorities].into_iter()).unwrap();
    let said = worlds.iter().map(|World { authorities, lists }| {
        word(&judge(&checked, &checked.issuers()[0].1, authorities, lists, now(), Duration::ZERO))
    });
    assert_eq!(said.collect::<Vec<_>>(), ["good", "revoked", "good", "revoked"]);
}

#[test]
fn a_certificate_on_the_list_is_revoked_and_its_neighbour_is_good() {
    let root = root();
    let (leaf, other) = (root.leaf("billing").mint(), root.leaf("ledger").mint());
    let world = World::new(&[&root], &[]).with(&root.crl().revoke(&leaf));
    assert_eq!([world.status(&leaf), world.status(&other)], ["revoked", "good"]);
    let judgement = world.judge(&leaf);
    assert_eq!(
        judgement.status,
        Status::Revoked(Entry { since: Some(year(2021)), reason: EntryReason::Unspecified })
    );
    assert_eq!((judgement.this_update, judgement.next_update), (Some(year(2020)), Some(year(2099))));
    assert_eq!(world.judge(&other).until, Some(year(2099)));
}

#[test]
fn a_ca_without_a_list_breaks_no_other() {
    let (root, other) = (root(), Ca::new("Other Root"));
    let world = World::new(&[&root, &other], &[]).with(&root.crl());
    assert_eq!(world.status(&root.leaf("billing").mint()), "good");
    assert_eq!(world.status(&other.leaf("billing").mint()), "missing");
}

#[test]
fn the_same_serial_number_of_another_issuer_is_not_revoked() {
    let (root, other) = (root(), Ca::new("Other Root"));
    let (leaf, twin) = (root.leaf("billing").mint(), other.leaf("billing").mint());
    assert_eq!(leaf.serial(), twin.serial());
    let world = World::new(&[&root, &other], &[]).with(&root.crl()).with(&other.crl().revoke(&twin));
    assert_eq!([world.status(&leaf), world.status(&twin)], ["good", "revoked"]);
}

#[test]
fn a_list_is_believed_until_its_next_update_and_grace_are_over() {
    let root = root();
    let (leaf, other) = (root.leaf("billing").mint(), root.leaf("ledger").mint());
    let world = World::new(&[&root], &[]).with(&root.crl().expired().revoke(&other));
    let end = year(2021);
    let second = time::Duration::SECOND;
    let hour = Duration::from_secs(3600);
    for (at, grace, expected) in [
        (end, Duration::ZERO, "good"),
        (end + second, Duration::ZERO, "stale"),
        (end + second, hour, "good"),
        (end + hour, hour, "good"),
        (end + hour + second, hour, "stale"),
        (now(), Duration::MAX, "good"),
    ] {
        assert_eq!(word(&world.judge_at(&leaf.der, at, grace)), expected, "{at} {grace:?}");
        // A revoked certificate does not become unknown with time.
        assert_eq!(word(&world.judge_at(&other.der, at, grace)), "revoked", "{at} {grace:?}");
    }
    assert_eq!(world.judge_at(&leaf.der, end, hour).until, Some(end + hour));
    // The end of the issuer's certificate alone.
    assert_eq!(world.judge_at(&leaf.der, end, Duration::MAX).until, Some(year(2099)));
    assert_eq!(world.judge(&leaf).next_update, Some(end));
}

#[test]
fn a_list_from_the_future_says_who_is_revoked_and_not_who_is_good() {
    let root = root();
    let (leaf, other) = (root.leaf("billing").mint(), root.leaf("ledger").mint());
    let list = |at| root.crl().this_update(at).revoke(&other);
    let second = time::Duration::SECOND;
    let soon = World::new(&[&root], &[]).with(&list(now() + CLOCK_SKEW));
    assert_eq!([soon.status(&leaf), soon.status(&other)], ["good", "revoked"]);
    let later = World::new(&[&root], &[]).with(&list(now() + CLOCK_SKEW + second));
    assert_eq!([later.status(&leaf), later.status(&other)], ["future", "revoked"]);
    assert_eq!(later.judge(&leaf).until, Some(now() + second));
    let both = later.with(&root.crl());
    assert_eq!([both.status(&leaf), both.status(&other)], ["good", "revoked"]);
    assert_eq!(both.judge(&leaf).until, Some(now() + second), "when the other list begins");
}

#[test]
fn only_a_newer_list_of_the_same_kind_takes_a_revocation_back() {
    let (root, leaf) = (root(), leaf().mint());
    let old = root.crl().number(5).entry(hold(&leaf));
    for (newer, expected) in [
        (root.crl().number(6), "good"),
        (root.crl().number(4).this_update(year(2025)), "revoked"),
        (root.crl().number(5).this_update(year(2025)), "good"),
        (root.crl().number(6).this_update(year(2027)), "revoked"),
        (root.crl().number(6).expired(), "stale"),
        (root.crl().number(6).scope(&Scope::new().only_user()), "revoked"),
    ] {
        assert_eq!(status(&root, &leaf, &[old.clone(), newer]), expected);
    }
}

#[test]
fn a_list_of_a_distribution_point_is_about_the_certificates_that_name_it() {
    let root = root();
    let scoped = |uri| root.crl().scope(&Scope::new().uri(uri));
    let [one, other] = [URI, OTHER_URI].map(|uri| Point::new().uri(uri));
    let at = |points: &[Point]| status(&root, &at_points(points), &[scoped(URI)]);
    assert_eq!(at(std::slice::from_ref(&one)), "good");
    assert_eq!(at(std::slice::from_ref(&other)), "missing");
    assert_eq!(at(&[other.clone(), one.clone()]), "good", "the second alone");
    assert_eq!(at(&[Point::new().names(&[uri_name(OTHER_URI), uri_name(URI)])]), "good");
    assert_eq!(status(&root, &leaf().mint(), &[scoped(URI)]), "missing", "no distribution point");
    assert_eq!(status(&root, &at_points(&[one]), &[root.crl()]), "good", "a list without scope is about all");
    let leaf = at_points(&[other]);
    assert_eq!(status(&root, &leaf, &[scoped(URI).revoke(&leaf), scoped(OTHER_URI)]), "good");
    assert_eq!(status(&root, &leaf, &[scoped(OTHER_URI).revoke(&leaf), scoped(URI), root.crl()]), "revoked");
}

#[test]
fn distribution_points_go_by_directory_names_and_by_names_relative_to_the_issuer() {
    let root = root();
    let below = |name: &str| {
        let above = mint::der(0x31, &[&relative("Acme Root")]);
        directory_name(&mint::der(0x30, &[&above, &mint::der(0x31, &[&relative(name)])]))
    };
    let full = |name| root.crl().scope(&Scope::new().names(&[below(name)]));
    let short = |name| root.crl().scope(&Scope::new().relative_name(&relative(name)));
    for point in [Point::new().names(&[below("LISTS")]), Point::new().relative_name(&relative("Lists"))] {
        let leaf = at_points(&[point]);
        assert_eq!(status(&root, &leaf, &[full("Lists")]), "good");
        assert_eq!(status(&root, &leaf, &[short("lists")]), "good");
        assert_eq!(status(&root, &leaf, &[full("Lists 2")]), "missing");
        assert_eq!(status(&root, &leaf, &[short("Lists 2")]), "missing");
    }
    // A list that has the issuer's own name is about whoever names no other (RFC 5280 section 6.3.3, at its end).
    let own = root.crl().scope(&Scope::new().names(&[directory_name(&root.name())]));
    assert_eq!(status(&root, &leaf().mint(), &[own]), "good");
}

#[test]
fn lists_are_about_users_or_cas_or_attributes() {
    let root = root();
    let ca = root.intermediate("Acme Issuing");
    let leaf = leaf().mint();
    for (scope, of_leaf, of_ca) in [
        (Scope::new().only_user(), "good", "missing"),
        (Scope::new().only_ca(), "missing", "good"),
        (Scope::new().only_attribute(), "missing", "missing"),
        (Scope::new().indirect(), "good", "good"),
    ] {
        let world = World::new(&[&root], &[&ca]).with(&root.crl().scope(&scope));
        assert_eq!((world.status(&leaf), world.status_of(ca.der())), (of_leaf, of_ca));
    }
    // What is not about it does not revoke it.
    let list = root.crl().scope(&Scope::new().only_ca()).revoke(&leaf);
    assert_eq!(status(&root, &leaf, &[list, root.crl()]), "good");
}

#[test]
fn lists_must_cover_all_reasons_together() {
    let (root, leaf) = (root(), leaf().mint());
    let only = |bits: &[u8]| root.crl().scope(&Scope::new().reasons(bits));
    let (some, rest) = (only(&[1, 2]), only(&[3, 4, 5, 6, 7, 8]));
    assert_eq!(status(&root, &leaf, &[some.clone(), rest.clone()]), "good");
    assert_eq!(status(&root, &leaf, &[some.clone()]), "incomplete");
    assert_eq!(status(&root, &leaf, &[some.clone(), only(&[3, 4, 5, 6, 7])]), "incomplete");
    assert_eq!(status(&root, &leaf, &[some.clone(), rest.clone().expired()]), "stale");
    assert_eq!(status(&root, &leaf, &[some.clone().revoke(&leaf)]), "revoked");
    assert_eq!(status(&root, &leaf, &[some, rest.revoke(&leaf)]), "revoked");
}

#[test]
fn a_distribution_point_may_be_for_some_reasons() {
    let root = root();
    let scoped = |uri| root.crl().scope(&Scope::new().uri(uri));
    let some = Point::new().uri(URI).reasons(&[1, 2]);
    let rest = Point::new().uri(OTHER_URI).reasons(&[3, 4, 5, 6, 7, 8]);
    let leaf = at_points(&[some.clone(), rest.clone()]);
    assert_eq!(status(&root, &leaf, &[scoped(URI), scoped(OTHER_URI)]), "good");
    assert_eq!(status(&root, &leaf, &[scoped(URI)]), "incomplete");
    // That a list is about more than its distribution point does not make the distribution point be for more.
    let both = root.crl().scope(&Scope::new().names(&[uri_name(URI), uri_name(OTHER_URI)]));
    assert_eq!(status(&root, &leaf, &[both.clone()]), "good");
    assert_eq!(status(&root, &at_points(&[some]), &[both]), "incomplete");
}

#[test]
fn a_delta_adds_to_the_list_on_which_it_builds() {
    let (root, leaf) = (root(), leaf().mint());
    let base = root.crl().number(5);
    let delta = root.crl().number(7).delta_of(5);
    assert_eq!(status(&root, &leaf, &[base.clone(), delta.clone()]), "good");
    assert_eq!(status(&root, &leaf, &[base.clone(), delta.clone().revoke(&leaf)]), "revoked");
    assert_eq!(status(&root, &leaf, &[base.clone().revoke(&leaf), delta.clone()]), "revoked");
    assert_eq!(
        status(&root, &leaf, &[delta.clone()]),
        "missing",
        "a delta alone says nothing of who is good"
    );
    assert_eq!(status(&root, &leaf, &[delta.revoke(&leaf)]), "revoked");
    // An old list with a new delta is as good as a new list.
    let old = base.expired();
    let of = |base| root.crl().number(7).delta_of(base);
    assert_eq!(status(&root, &leaf, &[old.clone(), of(5)]), "good");
    assert_eq!(status(&root, &leaf, &[old.clone(), of(4)]), "good");
    assert_eq!(status(&root, &leaf, &[old.clone(), of(6)]), "stale", "it builds on a later list");
    assert_eq!(status(&root, &leaf, &[old.clone(), of(5).scope(&Scope::new().only_user())]), "stale");
    assert_eq!(status(&root, &leaf, &[old.clone(), root.crl().number(5).delta_of(4)]), "stale", "not newer");
    assert_eq!(status(&root, &leaf, &[old, of(5).this_update(year(2027))]), "stale");
}

#[test]
fn a_delta_releases_what_was_on_hold() {
    let (root, leaf) = (root(), leaf().mint());
    let held = root.crl().number(5).entry(hold(&leaf));
    let compromised = root.crl().number(5).entry(Revoked::new(&leaf.serial()).reason(KEY_COMPROMISE));
    let release = root.crl().number(7).delta_of(5).entry(release(&leaf));
    assert_eq!(status(&root, &leaf, &[held.clone(), release.clone()]), "good");
    assert_eq!(status(&root, &leaf, &[compromised, release.clone()]), "revoked");
    assert_eq!(status(&root, &leaf, &[held.clone(), release.clone().expired()]), "revoked");
    let of_later = root.crl().number(7).delta_of(6).entry(self::release(&leaf));
    assert_eq!(status(&root, &leaf, &[held.clone(), of_later]), "revoked");
    // The newest delta has the last word.
    let newest = root.crl().number(8).delta_of(5);
    assert_eq!(status(&root, &leaf, &[held.clone(), release.clone(), newest.clone()]), "revoked");
    let held_between = root.crl().number(6).delta_of(5).entry(hold(&leaf));
    let empty = root.crl().number(5);
    assert_eq!(status(&root, &leaf, &[empty.clone(), held_between.clone(), release]), "good");
    assert_eq!(status(&root, &leaf, &[empty.clone(), held_between.clone(), newest]), "good");
    let builds_on_more = root.crl().number(8).delta_of(6);
    assert_eq!(status(&root, &leaf, &[empty, held_between.clone(), builds_on_more]), "revoked");
    // So has a newer list.
    assert_eq!(status(&root, &leaf, &[root.crl().number(6), held_between]), "good");
}

/// An issuer, a signer of lists beside it, and leaves of the issuer that name the signer, or do not.
struct Indirect {
    root: Ca,
    issuing: Ca,
    lists: Ca,
}

impl Indirect {
    fn new() -> Indirect {
        let root = root();
        let issuing = root.intermediate("Acme Issuing");
        let lists = root.signer("Acme Lists", "lists", CRL_SIGN, false);
        Indirect { root, issuing, lists }
    }

    fn leaf(&self, points: &[Point]) -> Minted {
        let points: Vec<Vec<u8>> = points.iter().map(Point::der).collect();
        self.issuing.leaf("billing").crl_distribution_points(&points).mint()
    }

    fn status(&self, leaf: &Minted, lists: &[Crl]) -> &'static str {
        World::new(&[&self.root], &[&self.issuing, &self.lists]).all(lists).status(leaf)
    }
}

#[test]
fn an_indirect_list_is_about_certificates_that_name_its_issuer() {
    let pki = Indirect::new();
    let leaf = pki.leaf(&[Point::new().crl_issuer(&pki.lists.name())]);
    let list = pki.lists.crl().scope(&Scope::new().indirect());
    let of = |ca: &Ca| Revoked::new(&leaf.serial()).certificate_issuer(&ca.name());
    assert_eq!(pki.status(&leaf, &[list.clone()]), "good");
    assert_eq!(pki.status(&leaf, &[list.clone().entry(of(&pki.issuing))]), "revoked");
    assert_eq!(pki.status(&leaf, &[list.clone().entry(of(&pki.root))]), "good", "of another issuer");
    assert_eq!(pki.status(&leaf, &[list.clone().revoke(&leaf)]), "good", "of the list's issuer");
    // An entry without an issuer has that of the one before.
    let before = Revoked::new(&[1]).certificate_issuer(&pki.issuing.name());
    assert_eq!(pki.status(&leaf, &[list.clone().entry(before).revoke(&leaf)]), "revoked");
    assert_eq!(pki.status(&leaf, &[pki.lists.crl()]), "missing", "the list is not indirect");
    assert_eq!(pki.status(&leaf, &[pki.issuing.crl()]), "good", "the issuer's own full list");
    let other = pki.leaf(&[Point::new().crl_issuer(&pki.root.name())]);
    assert_eq!(pki.status(&other, &[list.clone()]), "missing", "another is named");
    assert_eq!(pki.status(&pki.leaf(&[]), &[list]), "missing", "none is named");
}

#[test]
fn an_indirect_list_may_have_the_name_of_a_distribution_point() {
    let pki = Indirect::new();
    let name = pki.lists.name();
    let list = |scope: Scope| pki.lists.crl().scope(&scope.indirect());
    let [plain, named] =
        [Point::new(), Point::new().uri(URI)].map(|point| pki.leaf(&[point.crl_issuer(&name)]));
    assert_eq!(pki.status(&named, &[list(Scope::new().uri(URI))]), "good");
    assert_eq!(pki.status(&named, &[list(Scope::new().uri(OTHER_URI))]), "missing");
    assert_eq!(pki.status(&plain, &[list(Scope::new().uri(URI))]), "missing");
    // Without a name of its own, the distribution point has that of who issues its lists.
    assert_eq!(pki.status(&plain, &[list(Scope::new().names(&[directory_name(&name)]))]), "good");
    let relative_point = Point::new().relative_name(&relative("1")).crl_issuer(&name);
    let relative_list = list(Scope::new().relative_name(&relative("1")));
    assert_eq!(pki.status(&pki.leaf(&[relative_point]), &[relative_list.clone()]), "good");
    assert_eq!(
        pki.status(&pki.leaf(&[Point::new().relative_name(&relative("1"))]), &[relative_list]),
        "missing"
    );
}

#[test]
fn the_issuer_of_an_indirect_list_must_share_an_anchor_with_the_certificates() {
    let (root, other) = (root(), Ca::new("Other Root"));
    let lists = other.signer("Acme Lists", "lists", CRL_SIGN, false);
    let leaf = at_points(&[Point::new().crl_issuer(&lists.name())]);
    let list = lists.crl().scope(&Scope::new().indirect());
    let revoked = list.clone().entry(Revoked::new(&leaf.serial()).certificate_issuer(&root.name()));
    let world = || World::new(&[&root, &other], &[&lists]);
    assert_eq!(world().with(&list).status(&leaf), "missing");
    assert_eq!(world().with(&revoked).status(&leaf), "missing");
    let crossed = root.below("Other Root", "Other Root", |_| {});
    let world = World::new(&[&root], &[&crossed, &lists]).with(&list);
    assert_eq!(world.status(&leaf), "good");
}

#[test]
fn a_ca_may_have_another_key_for_its_lists() {
    let root = root();
    let issuing = root.intermediate("Acme Issuing");
    let lists = root.signer("Acme Issuing", "lists", CRL_SIGN, false);
    let leaf = issuing.leaf("billing").mint();
    let world = || World::new(&[&root], &[&issuing, &lists]);
    assert_eq!(world().with(&lists.crl()).status(&leaf), "good");
    assert_eq!(world().with(&lists.crl().revoke(&leaf)).status(&leaf), "revoked");
    // The root may revoke that key, and then its lists say nothing any more.
    let serial = Certificate::from_der(lists.der().to_vec()).unwrap().fields().unwrap().serial.to_vec();
    let world = || world().with(&lists.crl());
    assert_eq!(world().with(&root.crl()).status(&leaf), "good");
    assert_eq!(world().with(&root.crl().revoke_serial(&serial)).status(&leaf), "bad_signature");
    assert_eq!(world().with(&root.crl().revoke_serial(&serial)).with(&issuing.crl()).status(&leaf), "good");
}

/// A CA that was renewed with a new key, as far as keyUsage tells, and a leaf of its old key.
struct Renewed {
    root: Ca,
    old: Ca,
    new: Ca,
    leaf: Minted,
}

impl Renewed {
    fn new(bits_of_new: u8) -> Renewed {
        let root = root();
        let old = root.signer("Acme Issuing", "old", CERT_SIGN | CRL_SIGN, true);
        let new = root.signer("Acme Issuing", "new", bits_of_new, true);
        let leaf = old.leaf("billing").mint();
        Renewed { root, old, new, leaf }
    }

    fn status(&self, links: &[&Ca], lists: &[Crl]) -> &'static str {
        let intermediates = [&[&self.old, &self.new], links].concat();
        World::new(&[&self.root], &intermediates).all(lists).status(&self.leaf)
    }
}

#[test]
fn a_list_by_another_key_that_signs_certificates_revokes_and_makes_nobody_good() {
    let ca = Renewed::new(CERT_SIGN | CRL_SIGN);
    let (old, new, leaf) = (ca.old.crl(), ca.new.crl(), &ca.leaf);
    assert_eq!(ca.status(&[], &[new.clone()]), "missing");
    assert_eq!(ca.status(&[], &[new.clone(), old.clone().expired()]), "stale");
    assert_eq!(ca.status(&[], &[new.clone(), old.clone().this_update(year(2027))]), "future");
    assert_eq!(ca.status(&[], &[new.clone(), old.clone()]), "good");
    assert_eq!(ca.status(&[], &[new.clone().expired(), old.clone()]), "good");
    assert_eq!(ca.status(&[], &[new.clone().revoke(leaf)]), "revoked");
    assert_eq!(ca.status(&[], &[new.clone().revoke(leaf), old.clone()]), "revoked");
    assert_eq!(ca.status(&[], &[new.clone(), old.clone().revoke(leaf)]), "revoked");
    assert_eq!(ca.status(&[], &[new.clone(), old.clone().expired().revoke(leaf)]), "revoked");
    // For the reasons that the issuer's own lists do not cover, neither.
    let some = old.scope(&Scope::new().reasons(&[1, 2]));
    assert_eq!(ca.status(&[], &[new, some]), "missing");
}

#[test]
fn a_list_by_another_key_that_signs_lists_only_makes_good() {
    let ca = Renewed::new(CRL_SIGN);
    let (old, new) = (ca.old.crl(), ca.new.crl());
    assert_eq!(ca.status(&[], &[new.clone()]), "good");
    assert_eq!(ca.status(&[], &[new.clone(), old.expired()]), "good");
    assert_eq!(ca.status(&[], &[new.clone().revoke(&ca.leaf)]), "revoked");
    // Another certificate of that key may sign certificates.
    let both = ca.root.below("Acme Issuing", "new", |_| {});
    assert_eq!(ca.status(&[&both], &[new]), "missing");
}

#[test]
fn a_self_issued_certificate_links_the_keys_of_a_ca() {
    let ca = Renewed::new(CERT_SIGN | CRL_SIGN);
    let list = ca.new.crl();
    let new_with_old = ca.old.below("Acme Issuing", "new", |_| {});
    let old_with_new = ca.new.below("Acme Issuing", "old", |_| {});
    for link in [&new_with_old, &old_with_new] {
        assert_eq!(ca.status(&[link], &[list.clone()]), "good");
        assert_eq!(ca.status(&[link], &[list.clone().revoke(&ca.leaf)]), "revoked");
    }
    let other_key = ca.old.below("Acme Issuing", "newest", |_| {});
    let other_name = ca.old.below("Acme Issuing 2", "new", |_| {});
    for link in [&other_key, &other_name] {
        assert_eq!(ca.status(&[link], &[list.clone()]), "missing");
    }
}

#[test]
fn a_ca_of_the_same_name_below_another_anchor_says_nothing() {
    let (one, other) = (Ca::with_seed("Acme", "one"), Ca::with_seed("Acme", "other"));
    let leaf = one.leaf("billing").mint();
    let world = || World::new(&[&one, &other], &[]);
    assert_eq!(world().with(&other.crl()).status(&leaf), "missing");
    assert_eq!(world().with(&other.crl().revoke(&leaf)).status(&leaf), "missing");
    assert_eq!(world().with(&other.crl()).with(&one.crl().revoke(&leaf)).status(&leaf), "revoked");
    assert_eq!(world().with(&other.crl().revoke(&leaf)).with(&one.crl()).status(&leaf), "good");
}

fn expired(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(2025, 1, 1);
}

#[test]
fn who_signs_lists_and_who_issued_the_certificate_must_be_valid() {
    let root = root();
    let old = root.renewed(expired);
    let leaf = root.leaf("billing").mint();
    let lists = [root.crl()];
    assert_eq!(World::new(&[&old], &[]).all(&lists).status(&leaf), "issuer_unknown");
    assert_eq!(World::new(&[&old, &root], &[]).all(&lists).status(&leaf), "good", "renewed");
    let revoked = [root.crl().revoke(&leaf)];
    assert_eq!(World::new(&[&old], &[]).all(&revoked).status(&leaf), "revoked");
    let signer = root.below("Acme Root", "lists", expired);
    let world = |list: &Crl| World::new(&[&root], &[&signer]).with(list);
    assert_eq!(world(&signer.crl()).status(&leaf), "bad_signature");
    assert_eq!(world(&signer.crl().revoke(&leaf)).status(&leaf), "revoked");
    assert_eq!(world(&signer.crl()).with(&root.crl()).status(&leaf), "good");
    // Until the signer's certificate ends.
    let soon = root.below("Acme Root", "lists", |params| params.not_after = date_time_ymd(2027, 1, 1));
    let world = World::new(&[&root], &[&soon]).with(&soon.crl());
    assert_eq!((world.status(&leaf), world.judge(&leaf).until), ("good", Some(year(2027))));
}

#[test]
fn a_signer_is_not_asked_about_itself() {
    let root = root();
    // Its own certificate is on no list but its own.
    let points = |name: &[u8]| mint::der(0x30, &[&Point::new().crl_issuer(name).der()]);
    let name = Ca::new("Acme Lists").name();
    let lists = root.below("Acme Lists", "lists", |params| {
        params.custom_extensions.push(CustomExtension::from_oid_content(DISTRIBUTION_POINTS, points(&name)));
    });
    let leaf = at_points(&[Point::new().crl_issuer(&name)]);
    let list = lists.crl().scope(&Scope::new().indirect());
    let world = || World::new(&[&root], &[&lists]);
    assert_eq!(world().with(&list).status(&leaf), "good");
    let revoked = list.entry(Revoked::new(&leaf.serial()).certificate_issuer(&root.name()));
    assert_eq!(world().with(&revoked).status(&leaf), "revoked");
}

#[test]
fn distribution_points_that_cannot_be_read_make_nothing_good() {
    let root = root();
    let at = |contents: &[u8]| leaf().extension(DISTRIBUTION_POINTS, contents).mint();
    let point = Point::new().uri(URI).der();
    let good = at(&mint::der(0x30, &[&point]));
    assert_eq!(status(&root, &good, &[root.crl()]), "good");
    let only_reasons = Point::new().reasons(&[1]).der();
    for contents in [
        &[5, 0][..],
        &[0x30, 0],
        &[0x30, 2, 0x30, 0],
        &mint::der(0x30, &[&only_reasons]),
        &mint::der(0x30, &[&point, &only_reasons]),
        &mint::der(0x30, &[&point, &[5, 0]]),
    ] {
        let leaf = at(contents);
        assert_eq!(status(&root, &leaf, &[root.crl()]), "unusable", "{contents:x?}");
        assert_eq!(status(&root, &leaf, &[root.crl().revoke(&leaf)]), "revoked", "{contents:x?}");
        assert_eq!(status(&root, &leaf, &[]), Why::Missing.code());
    }
}

#[test]
fn a_part_that_is_missing_makes_nothing_good() {
    struct Nothing;
    impl crate::revocation::crl::Shards for Nothing {
        fn shard(&self, _: u32) -> Option<std::borrow::Cow<'_, [u8]>> {
            None
        }
    }
    let (root, leaf) = (root(), leaf().mint());
    // The last list without its shards.
    let lost = |mut world: World| {
        let last = world.lists.pop().unwrap();
        world.lists.push(Arc::new(List::new(last.head().clone(), Box::new(Nothing))));
        world
    };
    let world = || World::new(&[&root], &[]);
    let base = root.crl().number(5);
    let delta = root.crl().number(7).delta_of(5);
    assert_eq!(world().with(&base).status(&leaf), "good");
    assert_eq!(lost(world().with(&base)).status(&leaf), "unusable");
    // A delta in force may revoke what the list beneath it does not, and releases nobody while it cannot be read.
    assert_eq!(lost(world().with(&base).with(&delta)).status(&leaf), "unusable");
    let held = base.clone().entry(hold(&leaf));
    let release = delta.clone().entry(release(&leaf));
    assert_eq!(world().with(&held).with(&release).status(&leaf), "good");
    assert_eq!(lost(world().with(&held).with(&release)).status(&leaf), "revoked");
    // What is out of force need not be read.
    assert_eq!(lost(world().with(&root.crl().number(8)).with(&delta)).status(&leaf), "good");
    assert_eq!(lost(world().with(&root.crl().number(8)).with(&base)).status(&leaf), "good");
}

#[test]
fn whoever_may_sign_certificates_only_signs_no_lists() {
    let root = Ca::with_key_usage("Acme Root", CERT_SIGN);
    let world = World::new(&[&root], &[]);
    let load = Load::new(root.crl().der(), world.authorities.iter().cloned().collect());
    assert!(load.finish().is_err());
}
