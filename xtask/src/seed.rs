//! Demo data, made the way an administrator makes it: through the public API of write-api.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::stack::{Partner, Stack, System};
use crate::{home, http};

/// The partners of the demo.
const PARTNERS: [(&str, &str); 2] = [
    ("01940000-0000-7000-8000-000000000101", "Nordic Rings"),
    ("01940000-0000-7000-8000-000000000102", "Baltic Silver"),
];
/// What a gram of a pure metal costs in the demo, in kopecks. Made up.
const METALS: [(&str, &str); 4] =
    [("gold", "1020000"), ("silver", "13800"), ("platinum", "395000"), ("palladium", "330000")];
/// What a partner may do with its key.
const PARTNER_SCOPES: [&str; 4] = ["models:write", "orders:submit", "orders:read", "orders:cancel"];
/// Shop and CRM speak by message; what they may also do over REST is what they do there.
const SYSTEMS: [(&str, &[&str]); 2] = [
    ("shop", &["models:write", "orders:read", "orders:cancel"]),
    ("crm", &["orders:read", "orders:approve", "orders:close", "orders:cancel"]),
];

/// Makes what is not there yet: a stack that goes on with kept data has its keys already.
pub fn run(stack: &mut Stack) -> Result<()> {
    let admin = Admin::of(stack)?;
    for person in stack.people.iter().filter(|person| person.role == "operator") {
        let body = json!({"display_name": person.name, "wip_limit": 20, "active": true});
        admin.send("PUT", &format!("/v1/operators/{}", person.id), &body)?;
    }
    if stack.partners.is_empty() {
        admin.send("POST", "/v1/rate-cards", &json!({"rate_card": rate_card()?}))?;
        for (metal, price) in METALS {
            let body = json!({
                "metal": metal, "price_per_gram_minor": price, "currency": "RUB", "source": "demo",
            });
            admin.send("POST", "/v1/metal-fixings", &body)?;
        }
        let partners = PARTNERS.iter().map(|(id, name)| partner(&admin, id, name));
        stack.partners = partners.collect::<Result<_>>()?;
        let systems = SYSTEMS.iter().map(|(name, scopes)| system(&admin, name, scopes));
        stack.systems = systems.collect::<Result<_>>()?;
    }
    println!("demo data: operators, partners, keys, a rate card and metal prices are there");
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

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        http::send(method, &url, &self.token, body).context("seeding demo data")
    }

    fn issue_key(&self, holder: &Value, scopes: &[&str]) -> Result<String> {
        let body = json!({"holder": holder, "scopes": scopes, "label": "demo"});
        let answer = self.send("POST", "/v1/api-keys", &body)?;
        answer["api_key"].as_str().map(str::to_owned).context("the answer has no `api_key`")
    }
}

fn partner(admin: &Admin, id: &str, name: &str) -> Result<Partner> {
    admin.send("POST", "/v1/partners", &json!({"partner_id": id, "display_name": name}))?;
    let key = admin.issue_key(&json!({"kind": "partner", "partner_id": id}), &PARTNER_SCOPES)?;
    Ok(Partner { id: id.to_owned(), name: name.to_owned(), key })
}

fn system(admin: &Admin, name: &str, scopes: &[&str]) -> Result<System> {
    let key = admin.issue_key(&json!({"kind": name}), scopes)?;
    Ok(System { name: name.to_owned(), key })
}

/// The example beside the pricing engine.
fn rate_card() -> Result<Value> {
    let path = home::checkout().join("pricing/rate_cards/demo.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}
