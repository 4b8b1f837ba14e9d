//! The carrier: some time after a parcel left, it says that the parcel arrived.

use std::ops::Range;

use shared::contracts::inbound::{Delivered, Inbound};
use shared::contracts::text::ForeignReference;

use super::told::Told;
use super::world::World;
use crate::broker::Stopping;

const ON_THE_ROAD: Range<f64> = 15.0..60.0;

/// Brings the parcel and tells so.
pub async fn deliver(world: &World, shipped: &Told) -> Result<(), Stopping> {
    travel(world, shipped).await?;
    let order_id = shipped.says.order_id;
    let tracking_number = tracking_number(shipped);
    let message = Inbound::ParcelDelivered(Delivered { order_id, tracking_number });
    let id = format!("{order_id}:delivered");
    world.send(&world.carrier_post, message, id, shipped.trace.as_deref()).await
}

/// Brings the parcel.
pub async fn travel(world: &World, shipped: &Told) -> Result<(), Stopping> {
    world.pause(ON_THE_ROAD, &mut world.dice(&shipped.says.external_id)).await
}

fn tracking_number(shipped: &Told) -> Option<ForeignReference> {
    let number = shipped.says.details["tracking_number"].as_str()?;
    ForeignReference::try_from(number.to_owned()).ok()
}
