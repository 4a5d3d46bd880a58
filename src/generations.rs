//! A cache that is bounded by weight and forgets what was not asked for lately.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key, in two generations: the older is dropped when the younger is full, and what is asked for moves to the younger.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, Entry<V>>,
    old: HashMap<K, Entry<V>>,
    young_weight: usize,
    limit: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
}

impl<K: Hash + Eq, V> Generations<K, V> {
    /// An empty cache, each of whose generations weighs at most `limit`, in any unit.
    pub(crate) fn new(limit: usize) -> Generations<K, V> {
        Generations { young: HashMap::new(), old: HashMap::new(), young_weight: 0, limit }
    }

    /// The value of a key.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        // Asked twice: a borrow that may be returned lasts too long for the borrow checker.
        if self.young.contains_key(key) {
            return self.young.get(key).map(|entry| &entry.value);
        }
        let (key, entry) = self.old.remove_entry(key)?;
        Some(self.keep(key, entry))
    }

    /// The same, for a value that costs little to clone: the key is hashed once where the value is young.
    pub(crate) fn cloned(&mut self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        match self.young.get(key) {
            Some(entry) => Some(entry.value.clone()),
            None => self.get(key).cloned(),
        }
    }

    /// Keeps a value of this weight; what the key had before is gone.
    pub(crate) fn insert(&mut self, key: K, value: V, weight: usize) -> &V {
        self.old.remove(&key);
        self.keep(key, Entry { value, weight })
    }

    fn keep(&mut self, key: K, entry: Entry<V>) -> &V {
        if self.young_weight + entry.weight > self.limit {
            self.old = std::mem::take(&mut self.young);
            self.young_weight = 0;
        }
        self.young_weight += entry.weight;
        if let Some(before) = self.young.remove(&key) {
            self.young_weight -= before.weight;
        }
        &self.young.entry(key).or_insert(entry).value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let mut cache = Generations::new(2);
        cache.insert("a", 1, 1);
        cache.insert("b", 2, 1);
        cache.insert("c", 3, 1);
        assert_eq!(cache.get(&"a"), Some(&1));
        cache.insert("d", 4, 1);
        assert_eq!(cache.get(&"a"), Some(&1));
        assert_eq!(cache.get(&"b"), None);
        assert_eq!(cache.get(&"c"), Some(&3));
        assert_eq!(cache.get(&"d"), Some(&4));
    }

    #[test]
    fn a_new_value_takes_the_place_and_the_weight_of_the_old_one() {
        let mut cache = Generations::new(4);
        for value in 0..100 {
            cache.insert("a", value, 2);
        }
        cache.insert("b", 0, 2);
        assert_eq!(cache.get(&"a"), Some(&99));
        assert_eq!(cache.get(&"b"), Some(&0));
        assert!(cache.old.is_empty() || cache.young.len() == 2);
    }

    #[test]
    fn what_is_too_heavy_is_kept_alone() {
        let mut cache = Generations::new(4);
        cache.insert("a", 1, 1);
        cache.insert("b", 2, 100);
        assert_eq!(cache.get(&"b"), Some(&2));
        cache.insert("c", 3, 1);
        cache.insert("d", 4, 1);
        assert_eq!(cache.get(&"a"), None);
        assert_eq!(cache.get(&"d"), Some(&4));
    }
}
