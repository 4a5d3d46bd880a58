//! Removes lists that no policy names any more.
//!
//! When a configured plugin ends, its sources are noted in the VM. If nobody in the proxy takes the lease of one for a while, no policy
//! names it, and its lists go; one of a million entries is 25 MB.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::Subject;
use super::fetcher::tell_gone;
use super::publish::{Removal, lease_key, state_key, wished, withdraw};
use crate::plugin::shared::{self, Lease};

/// So long a source must be without a lease, in milliseconds: much longer than the change to another policy takes.
const LEFT_FOR: u64 = 60_000;

/// How often the sources are looked at, in milliseconds.
const LOOK_EVERY: u64 = 10_000;

thread_local! {
    static LEFT: RefCell<Vec<Left>> = const { RefCell::new(Vec::new()) };
    static LOOKED: Cell<u64> = const { Cell::new(0) };
}

struct Left {
    subject: Rc<Subject>,
    removals: Vec<Removal>,
    is_withdrawn: bool,
}

/// Notes a source of a configured plugin that ends, and what of it was still to be removed.
pub(super) fn leave(subject: &Rc<Subject>, removals: Vec<Removal>) {
    let key = lease_key(subject);
    LEFT.with_borrow_mut(|all| {
        // One for every policy that has named it would be too many.
        match all.iter_mut().find(|known| lease_key(&known.subject) == key) {
            Some(known) => known.removals.extend(removals),
            None => all.push(Left { subject: Rc::clone(subject), removals, is_withdrawn: false }),
        }
    });
}

/// Whether there are such sources.
pub(super) fn is_any() -> bool {
    LEFT.with_borrow(|all| !all.is_empty())
}

/// Does a bounded part of what is to be done. `now` is in milliseconds since 1970.
pub(super) fn tick(now: u64) {
    let is_time = LOOKED.with(|looked| now.abs_diff(looked.get()) >= LOOK_EVERY);
    LEFT.with_borrow_mut(|all| {
        if is_time {
            LOOKED.set(now);
            all.retain_mut(|left| left.is_withdrawn || left.look(now) || !left.removals.is_empty());
        }
        for left in all.iter_mut() {
            left.removals.retain_mut(|removal| removal.step(now));
        }
        all.retain(|left| !left.is_withdrawn || !left.removals.is_empty());
    });
}

impl Left {
    /// Takes the lists back if nobody wants them; whether this is worth another look.
    fn look(&mut self, now: u64) -> bool {
        let key = lease_key(&self.subject);
        let Some(until) = Lease::end(&key) else { return false };
        // A policy that names it is in force, or has been until now. Others may go by the same lists.
        let used = [Some(until), wished(&self.subject)];
        if used.into_iter().flatten().any(|used| used.saturating_add(LEFT_FOR) > now) {
            return true;
        }
        shared::empty(&state_key(&self.subject));
        self.removals.extend(withdraw(&self.subject, now));
        self.is_withdrawn = true;
        tell_gone(&self.subject.source);
        shared::empty(&key);
        true
    }
}
