//! The simulator as a check from end to end: all orders come to the end that their stories tell, and the read API
//! says the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::order::Status;
use shared::order::stage::PricingState;
use shared::views::BoardRow;
use tokio::time::sleep;

use super::book::{Ended, News};
use super::story::End;
use super::world::World;
use crate::broker::Stopping;
use crate::rest::{Asking, BoardPage, CallError, OrderCard, encoded};

const LOOK: Duration = Duration::from_millis(100);
/// Whoever is silent for this long is asked for. Messages tell sooner, unless another simulator hears them.
const SILENT: Duration = Duration::from_secs(3);
const ASKED_FOR_AT_ONCE: usize = 20;
/// How long the read API may take to say the same as the messages.
const CATCHING_UP: Duration = Duration::from_secs(15);

/// Waits until every order has ended, or patience has.
pub async fn all_ended(world: &World) -> Result<bool, Stopping> {
    let began = Instant::now();
    let mut asked = Instant::now();
    while world.book().open() > 0 {
        if began.elapsed() > world.plan.patience {
            return Ok(false);
        }
        if asked.elapsed() > SILENT {
            world.unless_stopped(ask_for_the_silent(world)).await?;
            asked = Instant::now();
        }
        world.unless_stopped(sleep(LOOK)).await?;
    }
    Ok(true)
}

async fn ask_for_the_silent(world: &World) {
    let silent = world.book().silent(SILENT, ASKED_FOR_AT_ONCE, Instant::now());
    for number in silent {
        let path = format!("/v1/orders?reference={}", encoded(&number));
        match world.crm.get::<BoardPage>(&path, Asking::default()).await {
            Ok(found) => found.orders.iter().for_each(|row| world.hear(&news(row))),
            Err(error) => world.failed("asking for an order", &error),
        }
    }
}

fn news(row: &BoardRow) -> News {
    let state = row.pricing.as_ref().map(|pricing| &pricing.state);
    News {
        external_id: row.external_id.clone(),
        order_id: row.order_id,
        version: row.version,
        status: row.status,
        price_failed: matches!(state, Some(PricingState::Failed { .. })),
    }
}

/// Asks the read API for every order that ended; what it says otherwise is told in lines.
pub async fn disagreements(world: &Arc<World>) -> Result<Vec<String>, Stopping> {
    let ended = world.book().ended().to_vec();
    let mut lines = Vec::new();
    let deadline = Instant::now() + CATCHING_UP;
    for order in &ended {
        lines.extend(world.unless_stopped(disagreement(world, order, deadline)).await?);
    }
    Ok(lines)
}

async fn disagreement(world: &World, order: &Ended, deadline: Instant) -> Option<String> {
    loop {
        let said = look_up(world, order).await;
        if said.as_ref().is_ok_and(|status| agrees(*status, order.end)) {
            return None;
        }
        if Instant::now() > deadline {
            let Ended { external_id, end, .. } = order;
            let said = said.map_or_else(|error| error.to_string(), |status| status.to_string());
            return Some(format!("{external_id} ended {end:?}, the read API says: {said}"));
        }
        sleep(LOOK).await;
    }
}

async fn look_up(world: &World, order: &Ended) -> Result<Status, CallError> {
    let path = format!("/v1/orders/{}", order.order_id);
    Ok(world.crm.get::<OrderCard>(&path, Asking::default()).await?.order.status)
}

/// An order may have gone on since.
fn agrees(status: Status, end: End) -> bool {
    match end {
        End::Closed => status == Status::Closed,
        End::Cancelled => status == Status::Cancelled,
        End::PriceFailed => matches!(status, Status::Submitted | Status::Cancelled),
        End::Reached(reached) => status >= reached,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_went_on_still_agrees() {
        assert!(agrees(Status::Shipped, End::Reached(Status::PriceCalculated)));
        assert!(!agrees(Status::Submitted, End::Reached(Status::PriceCalculated)));
        assert!(agrees(Status::Cancelled, End::PriceFailed));
        assert!(!agrees(Status::Shipped, End::Closed));
    }
}
