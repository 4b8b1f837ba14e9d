//! Who asks: a person with a token of the identity provider, or a system with an API key.
//!
//! The [`Authenticator`] recognises a caller once per request, before anything else; a handler asks for a
//! [`Caller`] and says what it must be allowed. Whether an order belongs to the caller is the command's
//! business, not decided here.

mod api_keys;
mod jwks;
mod tokens;

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::str::FromStr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use shared::clock::Clock;
use shared::ids::PartnerId;
use shared::platform::config;
use sqlx::PgPool;

use crate::problem::Problem;
use api_keys::ApiKeys;
use tokens::Tokens;

/// Every API key begins like this, which is how it is told from a token (and found by secret scanners).
pub const API_KEY_PREFIX: &str = "mes_";

/// How people's tokens are checked.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// A secret shared with whoever signs tokens (HS256), at least 32 bytes; empty for none.
    #[serde(serialize_with = "config::hidden")]
    pub hs256_secret: SecretString,
    /// Where the identity provider publishes its keys; empty for nowhere.
    #[serde(default)]
    pub jwks_url: String,
    /// Who must have issued a token; empty for anyone with the key.
    #[serde(default)]
    pub issuer: String,
    /// For whom a token must be meant; empty for not checked.
    #[serde(default)]
    pub audience: String,
}

/// Why callers cannot be recognised with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum AuthConfigError {
    /// Nobody could sign in.
    #[error("neither `auth.hs256_secret` nor `auth.jwks_url` is set")]
    Nothing,
    /// A short secret can be guessed from one token.
    #[error("`auth.hs256_secret` is shorter than 32 bytes")]
    ShortSecret,
    /// The keys cannot be asked for.
    #[error("`auth.jwks_url` cannot be used")]
    Jwks(#[from] reqwest::Error),
}

/// What a person may be.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Makes the pieces.
    Operator,
    /// Confirms manufacturing.
    Seller,
    /// May do what others may.
    Admin,
}

impl Role {
    /// As in the token's claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Seller => "seller",
            Self::Admin => "admin",
        }
    }
}

/// What an API key may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum Scope {
    /// Upload 3D models.
    #[serde(rename = "models:write")]
    ModelsWrite,
    /// Submit orders.
    #[serde(rename = "orders:submit")]
    OrdersSubmit,
    /// See one's own orders.
    #[serde(rename = "orders:read")]
    OrdersRead,
    /// Cancel one's own orders.
    #[serde(rename = "orders:cancel")]
    OrdersCancel,
    /// Confirm manufacturing (the CRM's rule).
    #[serde(rename = "orders:approve")]
    OrdersApprove,
    /// Close shipped orders (the CRM).
    #[serde(rename = "orders:close")]
    OrdersClose,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 6] = [
        Self::ModelsWrite,
        Self::OrdersSubmit,
        Self::OrdersRead,
        Self::OrdersCancel,
        Self::OrdersApprove,
        Self::OrdersClose,
    ];

    /// As stored with the key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModelsWrite => "models:write",
            Self::OrdersSubmit => "orders:submit",
            Self::OrdersRead => "orders:read",
            Self::OrdersCancel => "orders:cancel",
            Self::OrdersApprove => "orders:approve",
            Self::OrdersClose => "orders:close",
        }
    }
}

/// Text that is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is one of models:write, orders:submit, orders:read, orders:cancel, orders:approve, orders:close"
)]
pub struct NotAScope;

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(NotAScope)
    }
}

/// Whoever makes a request, recognised.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As whom they act.
    pub actor: Actor,
    /// What their API key may do; empty for people, whose role decides.
    pub scopes: BTreeSet<Scope>,
}

impl Caller {
    /// A name for this caller that stays the same: for idempotency keys and quotas.
    pub fn id(&self) -> String {
        match &self.actor {
            Actor::Shop => "shop".to_owned(),
            Actor::Crm => "crm".to_owned(),
            Actor::Carrier => "carrier".to_owned(),
            Actor::Partner { partner_id } => format!("partner:{partner_id}"),
            Actor::Seller { seller_id, .. } => format!("seller:{seller_id}"),
            Actor::Operator { operator_id, .. } => format!("operator:{operator_id}"),
            Actor::Admin { admin_id, .. } => format!("admin:{admin_id}"),
            Actor::System { component } => format!("system:{component}"),
        }
    }

    /// The role, for people.
    pub fn role(&self) -> Option<Role> {
        match self.actor {
            Actor::Operator { .. } => Some(Role::Operator),
            Actor::Seller { .. } => Some(Role::Seller),
            Actor::Admin { .. } => Some(Role::Admin),
            _ => None,
        }
    }

    /// The partner, if one asks.
    pub fn partner_id(&self) -> Option<PartnerId> {
        match self.actor {
            Actor::Partner { partner_id } => Some(partner_id),
            _ => None,
        }
    }

    /// 403 unless the caller is a person in one of these roles.
    pub fn require_role(&self, roles: &[Role]) -> Result<(), Problem> {
        self.require(roles, None)
    }

    /// 403 unless the caller's API key has this scope.
    pub fn require_scope(&self, scope: Scope) -> Result<(), Problem> {
        self.require(&[], Some(scope))
    }

    /// 403 unless the caller is a person in one of `roles` or its API key has `scope`. The problem names
    /// what is missing.
    pub fn require(&self, roles: &[Role], scope: Option<Scope>) -> Result<(), Problem> {
        let by_role = self.role().is_some_and(|role| roles.contains(&role));
        let by_scope = scope.is_some_and(|scope| self.scopes.contains(&scope));
        if by_role || by_scope {
            return Ok(());
        }
        let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let mut needed = Vec::new();
        if !roles.is_empty() {
            needed.push(format!("one of the roles {}", roles.join(", ")));
        }
        if let Some(scope) = scope {
            needed.push(format!("an API key with the scope {}", scope.as_str()));
        }
        Err(Problem::forbidden(format!("This needs {}", needed.join(" or ")))
            .with("required_roles", roles)
            .with("required_scope", scope.map(Scope::as_str)))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let recognised = request.extensions().get::<Recognised>().cloned();
        ready(recognised.unwrap_or_else(|| Err(no_credentials())))
    }
}

/// What the middleware leaves for the extractor.
pub(crate) type Recognised = Result<Caller, Problem>;

/// Recognises callers.
#[derive(Clone)]
pub struct Authenticator {
    tokens: Arc<Tokens>,
    api_keys: Arc<ApiKeys>,
}

impl Authenticator {
    /// Recognises people as `config` says, and API keys through the view `read.api_keys` of the first of
    /// these pools that answers. To be called on the process's main runtime.
    pub fn new(
        config: &AuthConfig,
        pools: Vec<PgPool>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthConfigError> {
        Ok(Self {
            tokens: Arc::new(Tokens::new(config)?),
            api_keys: Arc::new(ApiKeys::new(pools, clock)),
        })
    }

    /// Who sent these headers; `None` when they hold no credentials.
    pub(crate) async fn recognise(&self, headers: &HeaderMap) -> Option<Recognised> {
        match credentials(headers)? {
            Ok(Credentials::Token(token)) => Some(self.tokens.recognise(&token).await),
            Ok(Credentials::ApiKey(key)) => Some(self.api_keys.recognise(&key).await),
            Err(problem) => Some(Err(problem)),
        }
    }
}

enum Credentials {
    Token(String),
    ApiKey(SecretString),
}

fn credentials(headers: &HeaderMap) -> Option<Result<Credentials, Problem>> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|text| {
            let (scheme, rest) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim().to_owned())
        });
        return Some(match bearer {
            Some(key) if key.starts_with(API_KEY_PREFIX) => Ok(Credentials::ApiKey(key.into())),
            Some(token) => Ok(Credentials::Token(token)),
            None => Err(Problem::unauthenticated("`Authorization` must be `Bearer …`")),
        });
    }
    let key = headers.get("x-api-key")?.to_str().unwrap_or_default();
    if key.starts_with(API_KEY_PREFIX) {
        return Some(Ok(Credentials::ApiKey(key.to_owned().into())));
    }
    Some(Err(Problem::unauthenticated("`X-API-Key` is not an API key of ours")))
}

fn no_credentials() -> Problem {
    Problem::unauthenticated("Send `Authorization: Bearer …` with a token or an API key")
}

/// The SHA-256 of an API key: all that is stored of it.
pub fn hash_api_key(key: &SecretString) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(key.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use shared::ids::OperatorId;
    use uuid::Uuid;

    use super::*;

    fn operator() -> Caller {
        let actor =
            Actor::Operator { operator_id: OperatorId::new(Uuid::nil()), name: "Ada".into() };
        Caller { actor, scopes: BTreeSet::new() }
    }

    #[test]
    fn a_missing_role_is_named() {
        let problem = operator().require_role(&[Role::Seller, Role::Admin]).unwrap_err();
        assert!(problem.to_string().contains("seller, admin"), "{problem}");
    }

    #[test]
    fn a_person_has_no_scopes_and_a_key_no_role() {
        assert!(operator().require_scope(Scope::OrdersSubmit).is_err());
        let actor = Actor::Partner { partner_id: PartnerId::new(Uuid::nil()) };
        let partner = Caller { actor, scopes: BTreeSet::from([Scope::OrdersRead]) };
        assert!(partner.require(&[Role::Operator], Some(Scope::OrdersRead)).is_ok());
        assert!(partner.require_role(&[Role::Operator]).is_err());
    }

    #[test]
    fn every_scope_reads_back_what_it_writes() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }
}
