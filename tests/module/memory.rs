//! The filter's memory stays bounded, however long it serves and whoever comes.

use crate::counts::configured;
use crate::host::{FILTER, Fate, Vm};
use crate::mint::Minted;
use crate::policies::{PAY, prefix, routes_by_prefix};
use crate::request::{BILLING, BILLING_CERTIFICATE, CA, request};
use crate::servers::ticks;

/// Requests between ticks, which hand over what was counted.
const BETWEEN_TICKS: usize = 100;

fn ask(vm: &mut Vm, certificate: &Minted) {
    let path = format!("{}/17", prefix(9));
    let (context, fate) = vm.open(request(Some(certificate), PAY, &path), true).expect("no trap");
    assert_eq!(fate, Fate::Passed, "{:#?}", vm.world().log);
    vm.close(context).expect("no trap");
}

fn ask_often(vm: &mut Vm, number: usize, certificate: impl Fn(usize) -> Minted) {
    for at in 0..number {
        ask(vm, &certificate(at));
        if at % BETWEEN_TICKS == 0 {
            ticks(vm, 1, |_| None).expect("no trap");
            vm.world().log.clear();
        }
    }
}

#[test]
fn warm_requests_leave_nothing_behind() {
    let mut vm = configured(&FILTER, &routes_by_prefix(10));
    ask_often(&mut vm, 1_000, |_| BILLING_CERTIFICATE.clone());
    let pages = vm.pages();
    ask_often(&mut vm, 10_000, |_| BILLING_CERTIFICATE.clone());
    assert_eq!(vm.pages(), pages, "pages of 64 KiB");
}

/// Those of the caches alone: see `src/identity/cache.rs`.
#[test]
fn certificates_that_come_once_are_forgotten() {
    let names = (0..60)
        .fold(CA.leaf("billing").spiffe(BILLING), |leaf, at| leaf.dns(&format!("{at}.billing.acme.example")));
    let minted = names.mint();
    let mut vm = configured(&FILTER, &routes_by_prefix(10));
    // Until the caches are full, which is when more certificates bring no more pages.
    ask_often(&mut vm, 2_000, |at| renumbered(&minted, at));
    let pages = vm.pages();
    ask_often(&mut vm, 2_000, |at| renumbered(&minted, 2_000 + at));
    assert_eq!(vm.pages(), pages, "pages of 64 KiB");
    assert!(pages < 640, "{pages} pages of 64 KiB");
}

/// The certificate with another serial number, and without a signature that fits: Envoy looks at that.
fn renumbered(certificate: &Minted, number: usize) -> Minted {
    let serial = certificate.serial();
    let at = certificate.der.windows(serial.len()).position(|octets| octets == serial).expect("its serial");
    let mut other = certificate.clone();
    other.der[at + 1..at + 9].copy_from_slice(&(number as u64).to_be_bytes());
    other
}
