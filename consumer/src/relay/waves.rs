//! At most one event of an order in flight: a batch goes out in waves, each with one event of each order.

use std::collections::{HashMap, HashSet};

use shared::ids::OrderId;

use super::route::Parcel;

/// The parcels in waves; within an order the order is kept.
pub(super) fn waves(parcels: Vec<Parcel>) -> Vec<Vec<Parcel>> {
    write_api::planted!(NoOrderPerOrder, {
        return vec![parcels.into_iter().rev().collect()];
    });
    let mut waves: Vec<Vec<Parcel>> = Vec::new();
    let mut seen: HashMap<OrderId, usize> = HashMap::new();
    for parcel in parcels {
        let next = seen.entry(parcel.order_id).or_insert(0);
        if waves.len() == *next {
            waves.push(Vec::new());
        }
        let wave = *next;
        *next += 1;
        waves[wave].push(parcel);
    }
    waves
}

/// Those of orders that are not held, and those that must wait behind them.
pub(super) fn apart(parcels: Vec<Parcel>, held: &HashSet<OrderId>) -> (Vec<Parcel>, Vec<Parcel>) {
    parcels.into_iter().partition(|parcel| !held.contains(&parcel.order_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Outgoing;
    use uuid::Uuid;

    fn parcel(order: u128, position: u64) -> Parcel {
        let message = Outgoing {
            exchange: "",
            routing_key: String::new(),
            message_id: position.to_string(),
            kind: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            mandatory: true,
        };
        let order_id = OrderId::new(Uuid::from_u128(order));
        Parcel { order_id, position, message, wants_acknowledgement: false }
    }

    #[test]
    fn a_wave_has_one_event_of_an_order_and_waves_keep_its_order() {
        let batch = [(1, 1), (2, 2), (1, 3), (1, 4), (3, 5), (2, 6)];
        let waves = waves(batch.map(|(order, position)| parcel(order, position)).into());
        let positions: Vec<Vec<u64>> =
            waves.iter().map(|wave| wave.iter().map(|parcel| parcel.position).collect()).collect();
        assert_eq!(positions, [vec![1, 2, 5], vec![3, 6], vec![4]]);
    }
}
