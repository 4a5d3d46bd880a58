//! Counters, gauges and histograms, as Envoy shows them under `wasmcustom.mtls_policy.NAME`.
//!
//! Nothing here asks the host while a request is judged. What requests count is added up in the VM ([`Counts`] of each plugin,
//! [`add`] for the rest) and handed to Envoy by ticks, which go on for as long as something is left; and when a plugin ends. All VMs of a
//! proxy share one metric of a name: counters add up by themselves; a gauge that tells of one VM is a [`level`], which each VM raises and
//! lowers by its own part; a gauge of the whole proxy is [`set`] by one VM, the one that holds the lease.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;
use time::OffsetDateTime;

use super::guard::Guard;
use super::shared::millis;
use super::streams::Streams;
use crate::metrics::{POLICY_IN_FORCE, POLICY_REFUSED, REFUSED, policy_in_force};

/// What all names begin with.
const PREFIX: &str = "mtls_policy.";

/// Streams that were cut while they were open.
pub(super) const STREAMS_RESET: &str = "streams.reset";

/// Counters that are there from the beginning: what goes from absent to one is no increase to a system that reads them now and then.
const ALWAYS_THERE: [&str; 3] = [POLICY_REFUSED, REFUSED, STREAMS_RESET];

/// How long what was counted is kept at least, in milliseconds: ticks may come every few.
const KEPT_FOR: u64 = 250;

/// Most routes whose counts one tick hands over.
const MOST_ROUTES: usize = 500;

/// How soon a tick goes on with what the one before had to leave.
const AT_ONCE: Duration = Duration::from_millis(1);

/// This VM's part of a gauge.
#[derive(Default)]
struct Level {
    now: u64,
    /// What Envoy knows of it.
    told: u64,
}

thread_local! {
    /// What was added since it was handed over.
    static ADDED: RefCell<BTreeMap<Box<str>, u64>> = const { RefCell::new(BTreeMap::new()) };
    static LEVELS: RefCell<BTreeMap<Box<str>, Level>> = const { RefCell::new(BTreeMap::new()) };
    /// When all was handed over last, in milliseconds since 1970.
    static HANDED_OVER: Cell<u64> = const { Cell::new(0) };
    /// The host's numbers for metrics, by name.
    static DEFINED: RefCell<BTreeMap<Box<str>, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// Adds to a counter, without a hostcall. Somebody's ticks must go on: those of a plugin do after each request.
pub(super) fn add(name: &str, number: u64) {
    ADDED.with_borrow_mut(|added| match added.get_mut(name) {
        Some(sum) => *sum = sum.saturating_add(number),
        None => {
            added.insert(name.into(), number);
        }
    });
}

/// Sets this VM's part of a gauge, without a hostcall: Envoy shows the sum over all VMs.
pub(super) fn level(name: &str, value: u64) {
    LEVELS.with_borrow_mut(|levels| match levels.get_mut(name) {
        Some(level) => level.now = value,
        None => {
            levels.insert(name.into(), Level { now: value, told: 0 });
        }
    });
}

/// Changes this VM's part of a gauge by so much, without a hostcall.
pub(super) fn shift(name: &str, change: i64) {
    LEVELS.with_borrow_mut(|levels| {
        let level = levels.entry(name.into()).or_default();
        level.now = level.now.saturating_add_signed(change);
    });
}

/// Sets a gauge of the whole proxy, at once.
pub(super) fn set(name: &str, value: u64) {
    if let Some(metric) = defined(MetricType::Gauge, name) {
        let _ = hostcalls::record_metric(metric, value);
    }
}

/// Adds a value to a histogram, at once.
pub(super) fn record(name: &str, value: u64) {
    if let Some(metric) = defined(MetricType::Histogram, name) {
        let _ = hostcalls::record_metric(metric, value);
    }
}

/// Has counters shown that have not counted yet.
pub(super) fn begin() {
    for name in ALWAYS_THERE {
        add(name, 0);
    }
}

/// Hands over what was counted in this VM, a bounded part at a time. Answers how long from now it wants to be called again; `None` where
/// nothing is left.
pub(super) fn tick(now: Option<OffsetDateTime>) -> Option<Duration> {
    let plugins = Streams::all();
    look(&plugins);
    let guards: Vec<Rc<Guard>> = plugins.iter().flat_map(|plugin| plugin.guards()).collect();
    let is_counted = guards.iter().any(|guard| !guard.counts.borrow().is_empty());
    if !is_counted && !is_added() && !is_moved() {
        return None;
    }
    if let Some(now) = now.map(millis) {
        let since = now.abs_diff(HANDED_OVER.get());
        if since < KEPT_FOR {
            return Some(Duration::from_millis(KEPT_FOR - since));
        }
        HANDED_OVER.set(now);
    }
    hand_over_rest();
    for guard in &guards {
        hand_over(guard, MOST_ROUTES);
    }
    let is_left = guards.iter().any(|guard| !guard.counts.borrow().is_empty());
    if is_left {
        HANDED_OVER.set(0);
    }
    is_left.then_some(AT_ONCE)
}

/// Hands over at once what a plugin that ends, or is replaced, has counted, and what else there is.
pub(super) fn end(guard: &Guard) {
    hand_over(guard, usize::MAX);
    flush();
}

/// Hands over at once what was added and the levels.
pub(super) fn flush() {
    look(&Streams::all());
    hand_over_rest();
}

/// Hands over what the requests of one plugin have come to.
pub(super) fn hand_over(guard: &Guard, most: usize) {
    if guard.counts.borrow().is_empty() {
        return;
    }
    guard.counts.borrow_mut().take(guard.engine.policy(), most, |name, number| count(name, number.into()));
    for (cache, counts) in guard.engine.cache_use() {
        for (result, number) in counts.take() {
            if number > 0 {
                count(&["cache_lookups.cache.", cache, ".result.", result].concat(), number.into());
            }
        }
    }
}

/// What is to be told of the plugins as they are.
fn look(plugins: &[Rc<Streams>]) {
    let sum = |of: fn(&Streams) -> usize| {
        u64::try_from(plugins.iter().map(|plugin| of(plugin)).sum::<usize>()).unwrap_or(u64::MAX)
    };
    level("streams.open", sum(Streams::open_now));
    level("requests.held", sum(Streams::held_now));
    LEVELS.with_borrow_mut(|levels| {
        let policies = levels.iter_mut().filter(|(name, _)| name.starts_with(POLICY_IN_FORCE));
        policies.for_each(|(_, level)| level.now = 0);
        for guard in plugins.iter().filter_map(|plugin| plugin.newest()) {
            let name = policy_in_force(guard.engine.policy().digest());
            levels.entry(name.into()).or_default().now += 1;
        }
    });
}

fn is_added() -> bool {
    ADDED.with_borrow(|added| added.iter().any(|(name, number)| *number > 0 || !is_defined(name)))
}

fn is_moved() -> bool {
    LEVELS
        .with_borrow(|levels| levels.iter().any(|(name, level)| level.now != level.told || !is_defined(name)))
}

fn hand_over_rest() {
    ADDED.with_borrow_mut(|added| {
        for (name, number) in added {
            count(name, std::mem::take(number));
        }
    });
    LEVELS.with_borrow_mut(|levels| {
        for (name, level) in levels {
            let Level { now, told } = *level;
            if let Some(metric) = defined(MetricType::Gauge, name)
                && now != told
            {
                let change = i64::try_from(now.abs_diff(told)).unwrap_or(i64::MAX);
                let change = if now > told { change } else { -change };
                let _ = hostcalls::increment_metric(metric, change);
                level.told = now;
            }
        }
    });
}

fn count(name: &str, number: u64) {
    if let Some(metric) = defined(MetricType::Counter, name)
        && number > 0
    {
        let _ = hostcalls::increment_metric(metric, i64::try_from(number).unwrap_or(i64::MAX));
    }
}

fn is_defined(name: &str) -> bool {
    DEFINED.with_borrow(|defined| defined.contains_key(name))
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
