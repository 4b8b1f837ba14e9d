//! Demo data, made the way an administrator makes it: through the public API of write-api.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http;
use crate::stack::{Partner, Stack, System};

/// The partners of the demo.
const PARTNERS: [&str; 2] = ["Nordic Rings", "Baltic Silver"];

pub fn run(stack: &mut Stack) -> Result<()> {
    let admin = Admin::of(stack)?;
    seed_operators(&admin, stack)?;
    if stack.partners.is_empty() {
        admin.send("POST", "/v1/rate-cards", "seed-rate-card", &rate_card())?;
        stack.partners =
            PARTNERS.iter().map(|name| partner(&admin, name)).collect::<Result<_>>()?;
        stack.systems =
            ["shop", "crm"].iter().map(|name| system(&admin, name)).collect::<Result<_>>()?;
    }
    println!("demo data: operators, partners, keys and a rate card are there");
    Ok(())
}

struct Admin {
    base: String,
    token: String,
}

impl Admin {
    fn of(stack: &Stack) -> Result<Self> {
        let person = stack.person("admin").context("the demo has no admin")?;
        Ok(Self { base: stack.write_api.clone(), token: person.token.clone() })
    }

    fn send(&self, method: &str, path: &str, key: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        http::send(method, &url, &self.token, key, body)
            .with_context(|| format!("seeding demo data: {body}"))
    }
}

fn seed_operators(admin: &Admin, stack: &Stack) -> Result<()> {
    for person in stack.people.iter().filter(|person| person.role == "operator") {
        let path = format!("/v1/operators/{}", person.id);
        let body = json!({"display_name": person.name, "wip_limit": 20, "active": true});
        admin.send("PUT", &path, &format!("seed-{}", person.id), &body)?;
    }
    Ok(())
}

fn partner(admin: &Admin, name: &str) -> Result<Partner> {
    let key = format!("seed-partner-{name}").replace(' ', "-");
    let answer = admin.send("POST", "/v1/partners", &key, &json!({"display_name": name}))?;
    let id = text(&answer, "partner_id")?;
    let path = format!("/v1/partners/{id}/api-keys");
    let scopes = ["models:write", "orders:submit", "orders:read", "orders:cancel"];
    let body = json!({"label": "demo", "scopes": scopes});
    let answer = admin.send("POST", &path, &format!("{key}-key"), &body)?;
    Ok(Partner { id, name: name.to_owned(), key: text(&answer, "key")? })
}

fn system(admin: &Admin, name: &str) -> Result<System> {
    let path = format!("/v1/systems/{name}/api-keys");
    let body = json!({"label": "demo", "scopes": ["models:write", "orders:read"]});
    let answer = admin.send("POST", &path, &format!("seed-{name}-key"), &body)?;
    Ok(System { name: name.to_owned(), key: text(&answer, "key")? })
}

fn rate_card() -> Value {
    json!({})
}

fn text(answer: &Value, field: &str) -> Result<String> {
    let value = answer[field].as_str();
    value.map(str::to_owned).with_context(|| format!("the answer has no `{field}`: {answer}"))
}
