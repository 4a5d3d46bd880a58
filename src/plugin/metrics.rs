//! Counters and gauges, as Envoy shows them under `wasmcustom.NAME`.
//!
//! What requests count is added up in the VM and handed to Envoy by the ticks: a request pays no hostcall for it. Further counters
//! of requests go beside [`count_judgement`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::cert::Fingerprint;
use crate::revocation::{Judgement, Method, Status, Why};

/// What all names begin with.
const PREFIX: &str = "mtls_policy.";

/// So many letters of a URL are told in names.
const MAX_NAME_LETTERS: usize = 100;

/// The outcomes of a look for a certificate's status: good, revoked, or why it is unknown.
const OUTCOMES: usize = 2 + Why::ALL.len();

/// Who may say the status; the last is nobody.
const SAYERS: usize = Method::ALL.len() + 1;

thread_local! {
    static JUDGEMENTS: [[Cell<u32>; OUTCOMES]; SAYERS] =
        const { [const { [const { Cell::new(0) }; OUTCOMES] }; SAYERS] };
    /// The host's numbers for metrics, by name.
    static DEFINED: RefCell<BTreeMap<Box<str>, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// Counts a judgement as `revocation.METHOD.STATUS`; the method of one that nobody could make is `none`.
pub(super) fn count_judgement(judgement: &Judgement) {
    let sayer = judgement
        .method
        .and_then(|method| Method::ALL.iter().position(|known| *known == method))
        .unwrap_or(Method::ALL.len());
    let outcome = match &judgement.status {
        Status::Good => 0,
        Status::Revoked(_) => 1,
        Status::Unknown(unknown) => {
            2 + Why::ALL.iter().position(|known| *known == unknown.why).unwrap_or_default()
        }
    };
    JUDGEMENTS.with(|judgements| {
        if let Some(count) = judgements.get(sayer).and_then(|outcomes| outcomes.get(outcome)) {
            count.set(count.get().saturating_add(1));
        }
    });
}

/// Hands to Envoy what was counted since the last time.
pub(super) fn flush() {
    JUDGEMENTS.with(|judgements| {
        let words = Method::ALL.iter().map(|method| method.word()).chain(["none"]);
        for (word, outcomes) in words.zip(judgements) {
            let statuses = ["good", "revoked"].into_iter().chain(Why::ALL.iter().map(|why| why.code()));
            for (status, count) in statuses.zip(outcomes) {
                let count = count.take();
                if count > 0 {
                    add(&["revocation.", word, ".", status].concat(), count.into());
                }
            }
        }
    });
}

/// What the names of a source's gauges begin with: its URL in letters that names may have, and a part of its digest.
pub(super) fn source_name(cluster: &str, url: &str) -> String {
    let digest = Fingerprint::of([cluster, "\n", url].concat().as_bytes()).to_string();
    let letters = url.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
    let letters: String = letters.take(MAX_NAME_LETTERS).collect();
    ["crl.source.", &letters, "_", digest.get(..8).unwrap_or_default()].concat()
}

/// Adds to a counter.
pub(super) fn add(name: &str, number: i64) {
    if let Some(metric) = defined(MetricType::Counter, name) {
        let _ = hostcalls::increment_metric(metric, number);
    }
}

/// Sets a gauge.
pub(super) fn set(name: &str, value: u64) {
    if let Some(metric) = defined(MetricType::Gauge, name) {
        let _ = hostcalls::record_metric(metric, value);
    }
}

/// The host's number for a metric, which it is asked for once.
fn defined(metric_type: MetricType, name: &str) -> Option<u32> {
    DEFINED.with_borrow_mut(|defined| match defined.get(name) {
        Some(metric) => Some(*metric),
        None => {
            let metric = hostcalls::define_metric(metric_type, &[PREFIX, name].concat()).ok()?;
            defined.insert(name.into(), metric);
            Some(metric)
        }
    })
}
