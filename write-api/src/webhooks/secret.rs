//! Secrets that webhooks are signed with, as Standard Webhooks writes them: `whsec_` and base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};
use serde::Deserialize;

const PREFIX: &str = "whsec_";
/// Bytes of a secret that we make.
const BYTES: usize = 32;

/// 24 to 64 bytes that the partner and the signing role know.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(SecretSlice<u8>);

/// Text that is not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`whsec_` and 24 to 64 bytes in base64")]
pub struct NotASecret;

impl TryFrom<String> for Secret {
    type Error = NotASecret;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes.into())) } else { Err(NotASecret) }
    }
}

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// When the machine has no random bits.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.into()))
    }

    /// To store it.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// To show it, once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_what_it_reveals_and_does_not_show_itself() {
        let secret = Secret::generate().unwrap();
        let again = Secret::try_from(secret.reveal()).unwrap();
        assert_eq!(secret.bytes(), again.bytes());
        assert!(!format!("{secret:?}").contains(&secret.reveal()[6..]));
    }

    #[test]
    fn what_is_too_short_too_long_or_no_base64_is_refused() {
        for text in
            ["", "whsec_", "whsec_????", "secret", &format!("whsec_{}", STANDARD.encode([1; 23]))]
        {
            assert!(Secret::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Secret::try_from(format!("whsec_{}", STANDARD.encode([1; 65]))).is_err());
        assert!(Secret::try_from(format!("whsec_{}", STANDARD.encode([1; 24]))).is_ok());
    }
}
