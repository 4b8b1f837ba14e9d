//! Sample tokens for the people of a demo stack: JSON web tokens signed with HS256.

use std::time::UNIX_EPOCH;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::files;

pub const ISSUER: &str = "mes-demo";
pub const AUDIENCE: &str = "mes";
const LIFETIME_SECONDS: u64 = 30 * 24 * 3600;

/// Whom a token speaks for.
pub struct Claims<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub role: &'a str,
}

/// A token that is good for 30 days from now.
pub fn mint(secret: &str, claims: &Claims) -> Result<String> {
    mint_at(secret, claims, now())
}

fn mint_at(secret: &str, claims: &Claims, now: u64) -> Result<String> {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let body = json!({
        "sub": claims.id, "name": claims.name, "role": claims.role,
        "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME_SECONDS,
    });
    let signed = format!("{}.{}", encode(&header), encode(&body));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Ok(format!("{signed}.{signature}"))
}

fn encode(value: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn now() -> u64 {
    files::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_three_parts_and_says_who() {
        let claims = Claims { id: "42", name: "Анна", role: "operator" };
        let token = mint_at("secret", &claims, 1_000).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let body = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["name"], "Анна");
        assert_eq!(body["exp"], 1_000 + LIFETIME_SECONDS);
    }

    #[test]
    fn another_secret_signs_differently() {
        let claims = Claims { id: "42", name: "Anna", role: "admin" };
        let signature =
            |secret| mint_at(secret, &claims, 0).unwrap().rsplit('.').next().map(str::to_owned);
        assert_ne!(signature("one"), signature("two"));
    }
}
