//! Old prices, made again: whether a price can be reproduced ([`reprice`]), and what a new rate card would have made of
//! past orders ([`what_if`]). Both only read.

pub mod effect;
pub mod question;
pub mod reprice;
mod table;
pub mod what_if;
