//! Random passwords of one stack, kept with it.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::files;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secrets {
    pub postgres: String,
    pub mes_write: String,
    pub mes_consumer: String,
    pub mes_read: String,
    pub redis: String,
    pub rabbitmq: String,
    /// Signs the tokens of people.
    pub hs256: String,
}

impl Secrets {
    pub fn random() -> Result<Self> {
        Ok(Self {
            postgres: random()?,
            mes_write: random()?,
            mes_consumer: random()?,
            mes_read: random()?,
            redis: random()?,
            rabbitmq: random()?,
            hs256: random()?,
        })
    }
}

/// 32 hexadecimal digits from the kernel: safe in URLs, configuration files and SQL.
fn random() -> Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(files::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_need_no_quoting() {
        let secrets = Secrets::random().unwrap();
        assert_ne!(secrets.postgres, secrets.redis);
        assert_eq!(secrets.hs256.len(), 32);
        assert!(secrets.hs256.chars().all(|letter| letter.is_ascii_hexdigit()));
    }
}
