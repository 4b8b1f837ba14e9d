//! `POST /v1/api-keys`: a key for a partner or a system. The secret is shown once and only its hash is kept.

use ::web::caller::{API_KEY_PREFIX, hash_api_key};
use ::web::{Caller, Detached, JsonBody, Problem, Role, Scope};
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared::ids::{ApiKeyId, PartnerId};
use utoipa::ToSchema;

use crate::application::State;
use crate::commands::text::DisplayName;
use crate::store::Store;

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
// The document has one name space, and an order has a `Holder` too.
#[schema(as = ApiKeyHolder)]
pub enum Holder {
    /// The internet shop.
    Shop,
    /// The CRM.
    Crm,
    /// A partner.
    Partner {
        /// Which one.
        partner_id: PartnerId,
    },
}

impl Holder {
    fn as_text(self) -> String {
        match self {
            Self::Shop => "shop".to_owned(),
            Self::Crm => "crm".to_owned(),
            Self::Partner { partner_id } => format!("partner:{partner_id}"),
        }
    }
}

/// A key to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueApiKey {
    /// Whose it is.
    pub holder: Holder,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    pub scopes: Vec<Scope>,
    /// What it is for.
    pub label: DisplayName,
    /// When it stops working; never when left out.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that was just made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IssuedApiKey {
    /// Name it to revoke the key.
    pub api_key_id: ApiKeyId,
    /// The secret, shown this once.
    pub api_key: String,
}

/// Issues a key.
#[utoipa::path(
    post, path = "/v1/api-keys",
    operation_id = "issue_api_key", tag = "administration", request_body = IssueApiKey,
    responses((status = 201, description = "The secret, shown this once", body = IssuedApiKey), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    body: JsonBody<IssueApiKey>,
) -> Result<HttpResponse, Problem> {
    caller.require_role(&[Role::Admin])?;
    let wanted = body.into_inner();
    if wanted.scopes.is_empty() {
        return Err(Problem::invalid_field("/scopes", "at least one scope"));
    }
    let store = state.store.clone();
    let issued = detached.run(async move { issue(&store, &wanted).await }).await?;
    Ok(HttpResponse::Created().json(issued))
}

async fn issue(store: &Store, wanted: &IssueApiKey) -> Result<IssuedApiKey, Problem> {
    if let Holder::Partner { partner_id } = wanted.holder {
        require_partner(store, partner_id).await?;
    }
    let api_key_id = ApiKeyId::generate(store.ids());
    let secret = new_secret().map_err(|error| Problem::internal(&error))?;
    save(store, api_key_id, &secret, wanted)
        .await
        .map_err(|error| Problem::from_database(&error))?;
    Ok(IssuedApiKey { api_key_id, api_key: secret.expose_secret().to_owned() })
}

/// 256 random bits behind a prefix that secret scanners find.
fn new_secret() -> Result<SecretString, getrandom::Error> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)?;
    Ok(SecretString::from(format!("{API_KEY_PREFIX}{}", hex::encode(bits))))
}

async fn require_partner(store: &Store, partner_id: PartnerId) -> Result<(), Problem> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM write.partners WHERE partner_id = $1) AS "known!""#,
        partner_id.as_uuid(),
    )
    .fetch_one(store.pool())
    .await
    .map_err(|error| Problem::from_database(&error))?;
    if known {
        Ok(())
    } else {
        Err(Problem::invalid_field("/holder/partner_id", "there is no such partner"))
    }
}

async fn save(
    store: &Store,
    api_key_id: ApiKeyId,
    secret: &SecretString,
    wanted: &IssueApiKey,
) -> Result<(), sqlx::Error> {
    let scopes: Vec<String> = wanted.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO write.api_keys
             (api_key_id, key_hash, holder, scopes, label, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        api_key_id.as_uuid(),
        &hash_api_key(secret)[..],
        wanted.holder.as_text(),
        &scopes,
        wanted.label.to_string(),
        store.clock().now(),
        wanted.expires_at,
    )
    .execute(store.pool())
    .await?;
    Ok(())
}
