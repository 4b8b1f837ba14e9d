//! Which slot of a process serves which lanes.

use write_api::store::Lane;

/// The lanes of each slot. With short and long lanes and at least two slots, the first slot is kept for short jobs:
/// however many long ones there are, a short one is begun as soon as that slot has ended the short one before it.
pub(super) fn of_slots(lanes: &[Lane], slots: usize) -> Vec<Vec<Lane>> {
    let short: Vec<Lane> = lanes.iter().copied().filter(|lane| lane.is_short()).collect();
    let keeps_one = slots > 1 && serves_both(lanes);
    (0..slots.max(1))
        .map(|slot| if slot == 0 && keeps_one { short.clone() } else { lanes.to_vec() })
        .collect()
}

/// Whether there are short and long lanes among these.
pub(super) fn serves_both(lanes: &[Lane]) -> bool {
    lanes.iter().any(|lane| lane.is_short()) && lanes.iter().any(|lane| !lane.is_short())
}

/// The lanes as a slot looks into them at its n-th turn: each is the first in its turn, so that none waits for
/// another to be empty.
pub(super) fn at_turn(lanes: &[Lane], turn: usize) -> Vec<Lane> {
    let mut turned = lanes.to_vec();
    let first = turn % turned.len().max(1);
    turned.rotate_left(first);
    turned
}

#[cfg(test)]
mod tests {
    use super::*;
    use Lane::{PartnerLong, PartnerShort, ShopLong, ShopShort};

    #[test]
    fn one_slot_of_several_is_kept_for_short_jobs() {
        let slots = of_slots(&Lane::ALL, 3);
        assert_eq!(slots[0], [ShopShort, PartnerShort]);
        assert_eq!(slots[1..], [Lane::ALL.to_vec(), Lane::ALL.to_vec()]);
    }

    #[test]
    fn a_process_of_one_kind_or_one_slot_keeps_nothing() {
        assert_eq!(of_slots(&Lane::ALL, 1), [Lane::ALL.to_vec()]);
        assert_eq!(of_slots(&[ShopLong, PartnerLong], 2), vec![vec![ShopLong, PartnerLong]; 2]);
        assert_eq!(of_slots(&[ShopShort], 0), [[ShopShort]]);
    }

    #[test]
    fn each_lane_is_first_in_its_turn() {
        let firsts: Vec<Lane> = (0..4).map(|turn| at_turn(&Lane::ALL, turn)[0]).collect();
        assert_eq!(firsts, Lane::ALL);
    }
}
