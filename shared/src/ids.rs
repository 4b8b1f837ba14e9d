//! Ids with kinds: a function that takes an [`OperatorId`] cannot be given an [`OrderId`].
//!
//! All kinds are listed once, at the foot of this file.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::schema::text_schema;

/// Where new ids come from. Injected, so that a test knows its ids beforehand.
pub trait Ids: Send + Sync {
    /// The next id, never given before.
    fn next(&self) -> Uuid;
}

/// Time-ordered random ids (UUID version 7): neighbours in time are neighbours in an index.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeOrderedIds;

impl Ids for TimeOrderedIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Ids 1, 2, 3, …: for tests.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

macro_rules! uuid_kinds {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            schemars::JsonSchema, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = uuid::Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a raw id that is known to be of this kind.
            pub const fn new(raw: Uuid) -> Self {
                Self(raw)
            }

            /// A new id of this kind.
            pub fn generate(ids: &dyn Ids) -> Self {
                Self(ids.next())
            }

            /// The raw id, for the edges: SQL parameters and URLs.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_kinds! {
    /// An API key (not its secret).
    ApiKeyId,
    /// A person at the CRM.
    SellerId,
    /// A person who makes orders.
    OperatorId,
    /// An order, whoever sent it.
    OrderId,
    /// Another jewellery seller who uses our API.
    PartnerId,
    /// A question what something would cost.
    QuoteId,
    /// A comparison of somebody's list of orders with ours.
    ReconciliationId,
}

/// A 3D model: the SHA-256 of its bytes, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelId(String);

text_schema!(
    ModelId,
    pattern = "^[0-9a-f]{64}$",
    example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
);

/// Text that is not a model id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model id is 64 lower-case hexadecimal digits (the SHA-256 of the file)")]
pub struct NotAModelId;

impl ModelId {
    /// The id of a file with this SHA-256.
    pub fn from_sha256(digest: [u8; 32]) -> Self {
        Self(hex::encode(digest))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ModelId {
    type Error = NotAModelId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.len() == 64
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits { Ok(Self(text)) } else { Err(NotAModelId) }
    }
}

impl FromStr for ModelId {
    type Err = NotAModelId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<ModelId> for String {
    fn from(id: ModelId) -> Self {
        id.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_id_is_the_lower_case_hex_of_a_sha256() {
        assert_eq!(ModelId::from_sha256([0xab; 32]).as_str(), "ab".repeat(32));
        assert_eq!("AB".repeat(32).parse::<ModelId>(), Err(NotAModelId));
        assert_eq!("ab".repeat(31).parse::<ModelId>(), Err(NotAModelId));
    }
}
