//! Orders arrive at a rate, from the shop and from partners, independent of each other and of how the MES feels.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::operators::{IN_HAND, SECONDS_IN_HAND};
use super::world::World;
use super::{careless, partner, shop};
use crate::broker::Stopping;
use crate::dice::Dice;

/// The share of orders that partners send.
const PARTNERS: f64 = 0.3;
/// Customers in the shop at once; when it is full, the next ones wait outside.
const MOST_CUSTOMERS: usize = 5_000;
/// Who cannot keep up with the rate does not catch up with more than this.
const LONGEST_LAG: Duration = Duration::from_secs(1);
/// Operators are kept this busy when the pace is chosen for them.
const BUSY: f64 = 0.9;

/// Lets orders arrive until there are enough, or everything stops.
pub async fn arrive(world: Arc<World>) -> Result<(), Stopping> {
    let room = Arc::new(Semaphore::new(MOST_CUSTOMERS));
    let mut dice = Dice::new(world.plan.seed);
    let mut next = Instant::now();
    for n in 1..=world.plan.orders.unwrap_or(u64::MAX) {
        next = next.max(Instant::now() - LONGEST_LAG);
        world.unless_stopped(tokio::time::sleep_until(next)).await?;
        let Ok(place) = world.unless_stopped(room.clone().acquire_owned()).await? else { break };
        let (world, partners) = (world.clone(), is_partners(&world, &mut dice));
        let number = world.number(if partners { 'P' } else { 'S' }, n);
        world.book().add(&number, std::time::Instant::now());
        world.tally.count("sent");
        let mut slips = Dice::nth(dice.roll(), n);
        next += dice.gap(world.plan.rate);
        world.clone().shutdown.spawn(async move {
            let _place = place;
            careless::perhaps(&world, &mut slips).await?;
            if partners {
                partner::order(world, number).await
            } else {
                shop::customer(world, number).await
            }
        });
    }
    Ok(())
}

fn is_partners(world: &World, dice: &mut Dice) -> bool {
    dice.chance(PARTNERS) && !world.partners.is_empty()
}

/// How fast people act, so that operators can keep up with the rate: 1 is the speed of the demonstration.
pub fn pace_for(rate: f64, operators: usize) -> f64 {
    let hands = f64::from(u32::try_from(operators * IN_HAND).unwrap_or(u32::MAX));
    let per_second = BUSY * hands / SECONDS_IN_HAND;
    if operators == 0 { 1.0 } else { (per_second / rate).clamp(0.001, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_the_rate_when_operators_could_not() {
        assert!((pace_for(0.5, 3) - 1.0).abs() < 0.1);
        assert!(pace_for(5.0, 3) < 0.15);
        assert!((pace_for(100.0, 0) - 1.0).abs() < f64::EPSILON);
    }
}
