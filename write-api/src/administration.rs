//! What administrators change: operators, partners, API keys, rate cards. One file per command. These are not
//! orders: they have no log, each is one statement, and each can be sent twice.

pub mod issue_api_key;
pub mod publish_rate_card;
pub mod put_operator;
pub mod register_partner;
pub mod revoke_api_key;
