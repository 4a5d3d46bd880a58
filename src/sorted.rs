//! Sorting, small.
//!
//! Each sort of the standard library is 4 to 6 KB of module for each type. What is sorted here is short: errors, names, authorities.

use std::collections::BinaryHeap;

/// The items, least first.
pub(crate) fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    BinaryHeap::from(items).into_sorted_vec()
}

/// The items by their keys, least first; those of the same key in the order in which they were.
pub(crate) fn sorted_by_key<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let order = sorted(items.iter().map(key).zip(0usize..).collect());
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    order.into_iter().filter_map(|(_, at)| items.get_mut(at)?.take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn items_come_in_order_and_equal_ones_stay() {
        assert_eq!(sorted(vec![3, 1, 2, 1]), [1, 1, 2, 3]);
        assert!(sorted(Vec::<u8>::new()).is_empty());
    }

    #[test]
    fn items_of_the_same_key_keep_their_order() {
        let items = vec!["bb", "a", "cc", "d", "aa", "c"];
        assert_eq!(sorted_by_key(items, |text| text.len()), ["a", "d", "c", "bb", "cc", "aa"]);
    }
}
