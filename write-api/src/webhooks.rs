//! Where partners want to be told of their orders. The role `consumer webhooks` tells; here partners (or an
//! administrator for them) say where, with which secrets, and what to tell again.

pub mod address;
pub mod delete_webhook;
pub mod drop_secret;
pub mod pause_webhook;
pub mod put_webhook;
pub mod replay;
pub mod resume_webhook;
pub mod rotate_secret;
pub mod secret;

use ::web::{Caller, Problem, Role, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::actor::Actor;
use shared::ids::PartnerId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::audit::{self, Deed};
use crate::store::{CommandError, Store};

/// How webhooks are registered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Whether addresses inside the house and without TLS are taken: for development only.
    pub allow_private: bool,
    /// The most webhooks of one partner.
    pub most: u16,
}

/// Whose webhooks a caller may change: a partner its own, an administrator everybody's.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    partner_id: Option<PartnerId>,
    actor: Actor,
}

impl Owner {
    /// 403 for everybody else.
    pub fn of(caller: &Caller) -> Result<Self, Problem> {
        caller.require(&[Role::Admin], Some(Scope::OrdersRead))?;
        let actor = caller.actor.clone();
        match (caller.partner_id(), caller.role()) {
            (Some(partner_id), _) => Ok(Self { partner_id: Some(partner_id), actor }),
            (None, Some(_)) => Ok(Self { partner_id: None, actor }),
            (None, None) => Err(Problem::forbidden("Only partners have webhooks")),
        }
    }

    /// The partner, if one asks.
    pub const fn partner_id(&self) -> Option<PartnerId> {
        self.partner_id
    }

    /// Remembers who did this to a webhook, in the transaction of the deed.
    async fn remember(
        &self,
        connection: &mut PgConnection,
        store: &Store,
        webhook_id: Uuid,
        action: &'static str,
        detail: Option<Value>,
    ) -> Result<(), CommandError> {
        let subject = format!("webhook:{webhook_id}");
        let deed = Deed { subject: &subject, action, reason: None, detail, body: None };
        let now = store.clock().now();
        audit::note_by(connection, &self.actor, "webhooks", now, deed).await
    }
}

/// Why a webhook was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    /// There is none, or it is another partner's.
    #[error("there is no such webhook")]
    Unknown,
    /// The partner named does not exist.
    #[error("there is no such partner")]
    UnknownPartner,
    /// The partner has as many as it may have.
    #[error("a partner has at most {0} webhooks: delete one first")]
    TooMany(u16),
    /// Two secrets live already.
    #[error("two secrets live already: drop one first")]
    TwoSecrets,
    /// A webhook without a secret could not be signed.
    #[error("this is the only secret that lives: rotate it instead")]
    LastSecret,
    /// No secret could be made.
    #[error("no random bits")]
    Random(#[source] getrandom::Error),
    /// The database.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<sqlx::Error> for WebhookError {
    fn from(error: sqlx::Error) -> Self {
        Self::Command(error.into())
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let text = error.to_string();
        match error {
            WebhookError::Unknown => Self::not_found("There is no such webhook"),
            WebhookError::UnknownPartner => Self::invalid_field("/partner_id", text),
            WebhookError::TooMany(_) => Self::refused("too-many-webhooks", text),
            WebhookError::TwoSecrets => Self::refused("two-secrets", text),
            WebhookError::LastSecret => Self::refused("last-secret", text),
            WebhookError::Random(cause) => Self::internal(&cause),
            WebhookError::Command(error) => error.into(),
        }
    }
}

/// Locks a webhook that must exist and be the owner's.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    owner: &Owner,
    webhook_id: Uuid,
) -> Result<(), WebhookError> {
    let known = sqlx::query_scalar!(
        "SELECT webhook_id FROM write.webhooks
         WHERE webhook_id = $1 AND deleted_at IS NULL AND ($2::uuid IS NULL OR partner_id = $2)
         FOR UPDATE",
        webhook_id,
        owner.partner_id().map(|id| id.as_uuid()),
    )
    .fetch_optional(connection)
    .await?;
    known.map(|_| ()).ok_or(WebhookError::Unknown)
}
