//! A person knows of an incident and says why it may stay: the system stops trying, and leaves it to them.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, IncidentAnswer, Work};

/// A person's word on an incident.
#[derive(Debug, Clone)]
pub struct AcknowledgeIncident {
    /// Which incident.
    pub incident_id: Uuid,
    /// What they know about it.
    pub reason: Reason,
}

/// As it arrives.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeIncidentBody {
    /// What is known about it, or is being done.
    pub reason: Reason,
}

impl Command for AcknowledgeIncident {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.acknowledge_incident(self.incident_id, &self.reason.to_string()).await
    }
}

/// Acknowledges an incident: its owner has it in hand. A healed one stays as it is.
#[utoipa::path(
    post, path = "/v1/incidents/{incident_id}/acknowledge",
    operation_id = "acknowledge_incident", tag = "administration",
    request_body = AcknowledgeIncidentBody,
    params(("incident_id" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = IncidentAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    incident_id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Seller, Role::Admin])?;
    let AcknowledgeIncidentBody { reason } = request.body()?;
    request.execute(AcknowledgeIncident { incident_id: *incident_id, reason }, None).await
}
