//! Credentials of the callers in a test.

use std::sync::atomic::{AtomicU64, Ordering};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::clock::{Clock, SystemClock};
use uuid::Uuid;

/// The secret that services under test share with [`jwt`].
pub const JWT_SECRET: &str = "a secret of the tests, thirty-two bytes or longer";

/// A token for a person (`operator`, `seller` or `admin`) that is valid for an hour.
pub fn jwt(role: &str, id: Uuid, name: &str) -> String {
    let expires = SystemClock.now().timestamp() + 3_600;
    let claims = json!({ "sub": id, "name": name, "role": role, "exp": expires });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes()))
        .expect("claims of strings and numbers can be signed")
}

/// A new API key and its hash, not known to any database yet.
pub fn new_api_key() -> (String, [u8; 32]) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let seed = format!("{} {number} {}", std::process::id(), SystemClock.now());
    let key = format!("mes_{}", hex::encode(Sha256::digest(seed)));
    let hash = Sha256::digest(&key).into();
    (key, hash)
}
