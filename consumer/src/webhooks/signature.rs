//! Signatures as Standard Webhooks writes them: `v1,` and the base64 of HMAC-SHA256 over id, time and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header `webhook-signature`: one signature for each secret that lives, so that receivers may change theirs at any
/// moment of the overlap.
pub fn sign(secrets: &[Vec<u8>], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures = secrets.iter().filter_map(|secret| {
        // HMAC takes keys of any length; this never fails.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_example_of_standard_webhooks_is_signed_as_it_says() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let signed = sign(&[secret], id, 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_has_a_signature_of_its_own() {
        let both = sign(&[vec![1; 32], vec![2; 32]], "m", 1, b"{}");
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(first, sign(&[vec![1; 32]], "m", 1, b"{}"));
        assert_eq!(second, sign(&[vec![2; 32]], "m", 1, b"{}"));
    }
}
