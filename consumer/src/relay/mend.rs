//! A recipient's queue that is not bound any more, or gone: somebody's mistake, which each start of a relay would undo
//! as well. It is undone at once, and an incident says that it was.
//!
//! Whoever wants a recipient to get nothing stops the relay or the recipient, and does not unbind its queue.

use chrono::TimeDelta;
use serde_json::json;
use shared::incident::{Finding, Owner, Subject};

use super::{Relay, Route};

/// The broker returned a message on this route: nothing takes it.
pub(crate) const UNBOUND: &str = "route-unbound";
/// What is wrong with a route for longer than this is for a person.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

/// Declares all queues and bindings again. What was returned is parked and tried again soon, so that nothing here can
/// fail the route.
pub(super) async fn bind_again(relay: &Relay, route: Route) {
    let outcome = match relay.broker.declare_topology().await {
        Ok(()) => "declared again".to_owned(),
        Err(error) => format!("failed: {error}"),
    };
    tracing::error!(route = route.name(), outcome, "a recipient's queue was not bound");
    if let Err(error) = tell(relay, route, &outcome).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(
            error,
            "the incident cannot be written; the watchdog will find the parked event"
        );
    }
}

async fn tell(
    relay: &Relay,
    route: Route,
    outcome: &str,
) -> Result<(), write_api::store::CommandError> {
    let incident = relay.store.open_incident(&finding(route.name(), relay.access.now())).await?;
    relay.store.note_attempt(incident.incident_id, "bind", outcome).await
}

/// The same trouble, whoever finds it.
pub(crate) fn finding(recipient: &str, now: chrono::DateTime<chrono::Utc>) -> Finding {
    Finding {
        subject: Subject::new("route", recipient),
        cause: UNBOUND,
        owner: Owner::OnCall,
        evidence: json!({ "recipient": recipient }),
        deadline: now + PATIENCE,
    }
}
