//! Who asks: people with tokens, partners and systems with keys.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use shared::ids::PartnerId;
use testkit::jwt;
use uuid::Uuid;

use super::{TestApp, new_id};

/// Somebody with a credential.
#[derive(Debug, Clone)]
pub struct Caller {
    pub id: Uuid,
    pub name: String,
    pub credential: String,
}

impl Caller {
    pub fn person(role: &str, name: &str) -> Self {
        let id = new_id();
        Self { id, name: name.to_owned(), credential: jwt(role, id, name) }
    }

    pub fn signs(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.credential)
    }
}

const EVERY_SCOPE: [&str; 6] = [
    "models:write",
    "orders:submit",
    "orders:read",
    "orders:cancel",
    "orders:approve",
    "orders:close",
];

impl TestApp {
    /// An operator whom an administrator has added.
    pub async fn operator(&self, name: &str, wip_limit: u16) -> Caller {
        let operator = Caller::person("operator", name);
        self.put_operator(&operator, wip_limit, true).await;
        operator
    }

    pub async fn put_operator(&self, operator: &Caller, wip_limit: u16, active: bool) {
        let body =
            json!({ "display_name": operator.name, "wip_limit": wip_limit, "active": active });
        let path = format!("/v1/operators/{}", operator.id);
        let answer = self.administer(Method::PUT, &path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// A registered partner with a key that has every scope.
    pub async fn partner(&self, name: &str) -> Caller {
        self.partner_with_scopes(name, &EVERY_SCOPE).await
    }

    pub async fn partner_with_scopes(&self, name: &str, scopes: &[&str]) -> Caller {
        let id = new_id();
        let credential = self.database.add_partner(PartnerId::new(id), name, scopes).await;
        Caller { id, name: name.to_owned(), credential }
    }

    /// A key of the shop or the CRM.
    pub async fn system(&self, holder: &str, scopes: &[&str]) -> Caller {
        let credential = self.database.add_api_key(holder, scopes).await;
        Caller { id: Uuid::nil(), name: holder.to_owned(), credential }
    }
}
