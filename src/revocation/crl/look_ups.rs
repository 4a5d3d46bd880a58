//! What lists have said of a certificate.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::List;
use super::list::Unreadable;
use crate::cert::Fingerprint;
use crate::revocation::Entry;

/// Most lists whose word is remembered for one certificate. Mostly one is about it, or a few where a CA has several keys, deltas, or
/// lists for some reasons each; and as many again while they are replaced.
const MAX_LISTS: usize = 8;

/// The last lists that were searched for a certificate, and what each said. A list does not change: a newer one is another list. So
/// each is searched once for a client's certificate, and not for every request of its holder.
#[derive(Debug, Default)]
pub(in crate::revocation) struct LookUps(RefCell<VecDeque<(Key, Option<Entry>)>>);

/// What tells a list from every other. The digest stands for the entries by way of the signature only, and to a signature that is
/// given others can find a key, for other entries: so the key belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    digest: Fingerprint,
    signer: Fingerprint,
}

impl LookUps {
    /// What `list` says: what it said before, or what `search` finds in it.
    ///
    /// # Errors
    /// Those of `search`, which is asked again the next time.
    pub(super) fn get(
        &self,
        list: &List,
        search: impl FnOnce() -> Result<Option<Entry>, Unreadable>,
    ) -> Result<Option<Entry>, Unreadable> {
        let key = Key { digest: list.head().digest, signer: list.head().signer };
        if let Some((_, said)) = self.0.borrow().iter().find(|(known, _)| *known == key) {
            return Ok(*said);
        }
        let said = search()?;
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_LISTS {
            known.pop_front();
        }
        known.push_back((key, said));
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::cell::Cell;
    use std::sync::Arc;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::cert::Certificate;
    use crate::mint::Ca;
    use crate::revocation::EntryReason;
    use crate::revocation::crl::{Head, Load, Shards};
    use crate::trust::Authority;

    const REVOKED: Option<Entry> = Some(Entry { since: None, reason: EntryReason::Superseded });

    struct NoShards;

    impl Shards for NoShards {
        fn shard(&self, _: u32) -> Option<Cow<'_, [u8]>> {
            None
        }
    }

    /// Lists of one CA, which differ in their numbers.
    fn lists<const N: usize>() -> [List; N] {
        let root = Ca::new("Acme Root");
        let authority = Authority::of(Certificate::from_der(root.der().to_vec()).unwrap()).unwrap();
        let authority = Arc::new(authority);
        std::array::from_fn(|number| {
            let list = root.crl().number(number as u64).der();
            Load::new(list, vec![Arc::clone(&authority)]).finish().unwrap().into_list()
        })
    }

    #[test]
    fn a_list_is_searched_once_and_another_one_for_itself() {
        let [first, second] = lists();
        let known = LookUps::default();
        for _ in 0..2 {
            let searched = Cell::new(0);
            let said = [(&first, REVOKED), (&second, None)].map(|(list, entry)| {
                known.get(list, || {
                    searched.set(searched.get() + 1);
                    Ok(entry)
                })
            });
            assert_eq!(said, [Ok(REVOKED), Ok(None)]);
        }
        assert_eq!(known.get(&first, || panic!("searched again")), Ok(REVOKED));
        assert_eq!(known.get(&second, || panic!("searched again")), Ok(None));
    }

    #[test]
    fn a_list_that_could_not_be_read_is_searched_again() {
        let [list] = lists();
        let known = LookUps::default();
        assert_eq!(known.get(&list, || Err(Unreadable)), Err(Unreadable));
        assert_eq!(known.get(&list, || Ok(REVOKED)), Ok(REVOKED));
    }

    #[test]
    fn a_list_of_another_key_is_another_one_though_it_has_the_same_digest() {
        let [list] = lists();
        let forged =
            Head { signer: Fingerprint::of(b"a key that fits the signature"), ..list.head().clone() };
        let forged = List::new(forged, Box::new(NoShards));
        let known = LookUps::default();
        assert_eq!(known.get(&forged, || Ok(None)), Ok(None));
        assert_eq!(known.get(&list, || Ok(REVOKED)), Ok(REVOKED));
    }

    #[test]
    fn of_many_lists_the_first_is_forgotten() {
        let lists: [List; MAX_LISTS + 1] = lists();
        let known = LookUps::default();
        for list in &lists {
            assert_eq!(known.get(list, || Ok(REVOKED)), Ok(REVOKED));
        }
        assert_eq!(known.0.borrow().len(), MAX_LISTS);
        assert_eq!(known.get(&lists[1], || panic!("searched again")), Ok(REVOKED));
        assert_eq!(known.get(&lists[0], || Ok(None)), Ok(None));
    }
}
