//! Of which decisions there are records.

use crate::policy::{Decision, DecisionId, Policy, Ratio, Route};

/// Whether there is a record of `decision`, which is called `id`: the same for the same id. A denial counts as one whether or not
/// it is enforced. `secret` is a number that no client is told: ids are, and who could foretell which of its requests leave no record
/// would choose those.
pub fn is_recorded(policy: &Policy, decision: &Decision, id: DecisionId, secret: u64) -> bool {
    let sampling = decision.route().map_or(policy.sampling(), Route::sampling);
    let ratio = if decision.verdict().is_ok() { sampling.allowed } else { sampling.denied };
    ratio == Ratio::ALL || ratio.holds(lot(id, secret))
}

/// What an id has drawn: evenly, so that every n-th sequence is no sample. The finalizer of SplitMix64.
fn lot(id: DecisionId, secret: u64) -> u32 {
    let mut mixed = (id.vm ^ secret).wrapping_add(id.sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn lots_are_even_and_follow_from_the_id() {
        let quarter = Ratio::new(0.25).unwrap();
        for vm in [0, 1, 0xfeed, u64::MAX] {
            let ids = (0..10_000).map(|sequence| DecisionId { vm, sequence });
            let held = ids.filter(|id| quarter.holds(lot(*id, 5))).count();
            assert!((2_300..2_700).contains(&held), "{held}");
        }
        let id = DecisionId { vm: 7, sequence: 9 };
        assert_eq!(lot(id, 5), lot(id, 5));
        assert_ne!(lot(id, 5), lot(DecisionId { vm: 7, sequence: 10 }, 5));
        assert_ne!(lot(id, 5), lot(id, 6));
    }
}
