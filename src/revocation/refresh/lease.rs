//! The sole right to fetch a list for the whole proxy, for a time.
//!
//! What stands in shared data is who holds it and until when. Whoever holds it takes it anew before that; if a holder dies, any
//! other takes it after that. All times are in milliseconds since 1970.

/// How much longer than its end another VM leaves a lease to the VM that held it last: what was needed to do the work is in its
/// memory already, as when a new policy takes the place of an old one.
const COURTESY: u64 = 1_000;

/// Who may hold a lease: a VM, and somebody in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// A number that no other VM of the proxy has.
    pub vm: u64,
    /// A number that nobody else in the VM has.
    pub within: u64,
}

/// The right to fetch, as one of those who may have it knows of it.
#[derive(Debug)]
pub struct Lease {
    holder: Holder,
    term: u64,
    /// When it ends, where it is held.
    until: Option<u64>,
}

impl Lease {
    /// A lease that `holder` does not hold yet, and takes for so many milliseconds.
    pub fn new(holder: Holder, term: u64) -> Lease {
        Lease { holder, term, until: None }
    }

    /// Whether it is held, and need not be taken anew now: more than half of its time is left.
    pub fn is_held(&self, now: u64) -> bool {
        let ends_soon = |until: u64| until.saturating_sub(now) < self.term / 2;
        self.until.is_some_and(|until| !self.is_beyond(until, now) && !ends_soon(until))
    }

    /// Takes it where `seen` stands, if nobody else has it: `put` puts the new value there, and says whether it did, which it must
    /// not if something else has come to stand there. Says whether it is held.
    pub fn take(&mut self, seen: Option<&[u8]>, now: u64, put: impl FnOnce(&[u8]) -> bool) -> bool {
        let until = now.saturating_add(self.term);
        let taken = self.may_take(seen, now) && put(&self.value(until));
        self.until = taken.then_some(until);
        taken
    }

    /// Gives it up, so that others need not wait for its end: what then is to stand where `seen` stands, if anything.
    pub fn release(&mut self, seen: Option<&[u8]>, now: u64) -> Option<[u8; 24]> {
        self.until.take()?;
        let (holder, _) = read(seen?)?;
        (holder == self.holder).then(|| self.value(now))
    }

    fn may_take(&self, seen: Option<&[u8]>, now: u64) -> bool {
        let Some((holder, until)) = seen.and_then(read) else { return true };
        let courtesy = if holder.vm == self.holder.vm { 0 } else { COURTESY };
        holder == self.holder || until.saturating_add(courtesy) <= now || self.is_beyond(until, now)
    }

    /// Whether `until` is further away than any term: the clock was set back.
    fn is_beyond(&self, until: u64, now: u64) -> bool {
        until > now.saturating_add(self.term).saturating_add(COURTESY)
    }

    fn value(&self, until: u64) -> [u8; 24] {
        let mut bytes = [0; 24];
        let numbers = [self.holder.vm, self.holder.within, until];
        for (to, from) in bytes.iter_mut().zip(numbers.into_iter().flat_map(u64::to_be_bytes)) {
            *to = from;
        }
        bytes
    }
}

/// When the lease ends or has ended of which this is the value.
pub fn lease_end(value: &[u8]) -> Option<u64> {
    read(value).map(|(_, until)| until)
}

fn read(value: &[u8]) -> Option<(Holder, u64)> {
    let mut numbers =
        value.chunks_exact(8).map(|chunk| chunk.try_into().map(u64::from_be_bytes).unwrap_or_default());
    Some((Holder { vm: numbers.next()?, within: numbers.next()? }, numbers.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: u64 = 1_800_000_000_000;
    const TERM: u64 = 5_000;

    /// Shared data, with the lease alone in it.
    #[derive(Default)]
    struct Shared(Option<Vec<u8>>);

    impl Shared {
        /// One tick of this VM.
        fn tick(&mut self, lease: &mut Lease, now: u64) -> bool {
            let seen = self.0.clone();
            lease.is_held(now)
                || lease.take(seen.as_deref(), now, |value| {
                    self.0 = Some(value.to_vec());
                    true
                })
        }

        fn release(&mut self, lease: &mut Lease, now: u64) {
            if let Some(value) = lease.release(self.0.as_deref(), now) {
                self.0 = Some(value.to_vec());
            }
        }
    }

    fn lease(vm: u64, within: u64) -> Lease {
        Lease::new(Holder { vm, within }, TERM)
    }

    #[test]
    fn of_many_one_holds_it_for_as_long_as_it_lives() {
        let mut shared = Shared::default();
        let mut vms = [lease(1, 0), lease(2, 0), lease(3, 0)];
        for tick in 0..1_000 {
            let held = vms.each_mut().map(|lease| shared.tick(lease, NOW + 100 * tick));
            assert_eq!(held, [true, false, false], "{tick}");
        }
    }

    #[test]
    fn of_two_who_saw_the_same_one_takes_it() {
        let (mut first, mut second) = (lease(1, 0), lease(2, 0));
        assert!(first.take(None, NOW, |_| true));
        // Something else has come to stand there.
        assert!(!second.take(None, NOW, |_| false));
        assert!(first.is_held(NOW) && !second.is_held(NOW));
    }

    #[test]
    fn a_holder_that_dies_is_replaced_when_its_time_is_over_and_not_before() {
        let mut shared = Shared::default();
        let (mut dead, mut other) = (lease(1, 0), lease(2, 0));
        assert!(shared.tick(&mut dead, NOW));
        for (after, taken) in
            [(1, false), (TERM, false), (TERM + COURTESY - 1, false), (TERM + COURTESY, true)]
        {
            assert_eq!(shared.tick(&mut other, NOW + after), taken, "{after}");
        }
        // It was but held up: two never go on at once.
        assert!(!shared.tick(&mut dead, NOW + TERM + COURTESY));
    }

    #[test]
    fn what_is_given_up_goes_to_the_same_vm_at_once_and_to_another_a_little_later() {
        for (vm, after) in [(1, 0), (2, COURTESY)] {
            let mut shared = Shared::default();
            let (mut old, mut new) = (lease(1, 0), lease(vm, 1));
            assert!(shared.tick(&mut old, NOW));
            assert!(!shared.tick(&mut new, NOW + 1));
            shared.release(&mut old, NOW + 2);
            assert!(after == 0 || !shared.tick(&mut new, NOW + 1 + after));
            assert!(shared.tick(&mut new, NOW + 2 + after));
        }
    }

    #[test]
    fn what_another_holds_by_now_is_not_given_up() {
        let mut shared = Shared::default();
        let (mut old, mut new) = (lease(1, 0), lease(2, 0));
        assert!(shared.tick(&mut old, NOW));
        assert!(shared.tick(&mut new, NOW + TERM + COURTESY));
        shared.release(&mut old, NOW + TERM + COURTESY);
        assert!(!shared.tick(&mut old, NOW + TERM + COURTESY + 1));
        assert!(shared.tick(&mut new, NOW + TERM + COURTESY + 1));
    }

    #[test]
    fn a_clock_that_is_set_leaves_nobody_without() {
        const DAY: u64 = 86_400_000;
        for now in [NOW - DAY, NOW + DAY] {
            let mut shared = Shared::default();
            let (mut holder, mut other) = (lease(1, 0), lease(2, 0));
            assert!(shared.tick(&mut holder, NOW));
            // Whoever comes first has it, and only that one.
            assert!(shared.tick(&mut other, now));
            assert!(!shared.tick(&mut holder, now));
            assert!(shared.tick(&mut other, now + TERM));
        }
    }

    #[test]
    fn what_is_no_lease_is_in_nobodys_way() {
        for value in [&[][..], &[1], &[0xff; 23]] {
            let mut shared = Shared(Some(value.to_vec()));
            assert!(shared.tick(&mut lease(1, 0), NOW));
            assert_eq!(lease_end(value), None);
        }
        // A term that nobody takes.
        assert!(Shared(Some(vec![0xff; 24])).tick(&mut lease(1, 0), NOW));
    }
}
