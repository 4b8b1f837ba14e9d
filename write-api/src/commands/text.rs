//! Short texts that people write: parsed once at the edge, never checked again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is empty, too long, or has control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {min} to {max} characters without control characters")]
pub struct BadText {
    what: &'static str,
    min: usize,
    max: usize,
}

macro_rules! short_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal..=$max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = BadText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let text = text.trim();
                let fits = ($min..=$max).contains(&text.chars().count());
                if fits && !text.chars().any(char::is_control) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadText { what: $what, min: $min, max: $max })
                }
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .min_length(Some($min))
                    .max_length(Some($max))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

short_text! {
    /// Why somebody does something unusual.
    Reason, "a reason", 3..=500
}

short_text! {
    /// The carrier's number of a parcel.
    TrackingNumber, "a tracking number", 4..=64
}

short_text! {
    /// What a partner calls an order.
    ExternalId, "an external id", 1..=64
}

short_text! {
    /// What colleagues call a person, a partner or a key.
    DisplayName, "a name", 1..=100
}
