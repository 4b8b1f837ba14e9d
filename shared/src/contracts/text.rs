//! Text that others send us: bounded, without blanks around it and without control characters (a NUL could not
//! even be stored).

use serde::{Deserialize, Serialize};

use crate::schema::text_schema;

/// Text that is too short or too long, or has control characters in it or blanks around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{least} to {most} characters, without control characters and without blanks around them")]
pub struct NotPlainText {
    least: usize,
    most: usize,
}

macro_rules! plain_texts {
    ($($(#[$doc:meta])* $name:ident, $least:literal..=$most:literal, pattern = $pattern:literal, example = $example:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        text_schema!($name, pattern = $pattern, example = $example);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotPlainText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if is_plain(&text, $least, $most) {
                    Ok(Self(text))
                } else {
                    Err(NotPlainText { least: $least, most: $most })
                }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )+};
}

plain_texts! {
    /// The shop's number of an order.
    ShopOrderId, 1..=64, pattern = r"^(?=\S)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f]{1,64}$", example = "S-4711";
    /// The shop's number of a quote.
    ShopQuoteId, 1..=64, pattern = r"^(?=\S)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f]{1,64}$", example = "Q-4711";
    /// Why somebody did something, for colleagues.
    ReasonText, 3..=500, pattern = r"^(?=\S)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f]{3,500}$", example = "the customer changed their mind";
    /// A person's name as colleagues know it.
    PersonName, 1..=100, pattern = r"^(?=\S)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f]{1,100}$", example = "Sergei";
    /// Who says what a metal costs: an exchange, a supplier, a person.
    FixingSource, 1..=64, pattern = r"^(?=\S)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f]{1,64}$", example = "LBMA Gold PM";
    /// What another system calls something.
    ForeignReference, 1..=100, pattern = r"^(?=\S)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f]{1,100}$", example = "RA123456785RU";
}

/// Whether a text may stand in a message.
pub(super) fn is_plain(text: &str, least: usize, most: usize) -> bool {
    let fits = (least..=most).contains(&text.chars().count());
    fits && text.trim() == text && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_long_and_unprintable_text_is_refused() {
        for text in ["", "  ", " a", "a\u{0}b", "line\nbreak", &"x".repeat(65)] {
            assert!(ShopOrderId::try_from((*text).to_owned()).is_err(), "{text:?}");
        }
        assert!(ShopOrderId::try_from("Заказ 1".to_owned()).is_ok());
    }
}
