//! The messages that the shop, the CRM and the carrier send us, and those that we send out.
//!
//! Every message is a CloudEvent in structured JSON ([`envelope`]). [`inbound`] is the list of what we
//! understand, [`outbound`] the list of what we tell of orders and whom,
//! [`outbound_quotes`] that of quotes, [`partner`] what partners are told of their orders by feed and webhook. JSON Schemas and the AsyncAPI document
//! ([`asyncapi`]) are made from these very types; `docs/api` holds a checked copy.
//!
//! To add a message: its data type and its line in [`inbound`], its sample in [`samples`], and what it
//! does in `consumer/src/intake/commands.rs`. To tell others of a new event: its line in [`outbound`].

pub mod asyncapi;
pub mod envelope;
pub mod inbound;
pub mod outbound;
pub mod outbound_quotes;
pub mod partner;
pub mod samples;
pub mod text;
