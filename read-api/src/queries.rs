//! Every question that can be asked, one file each.
//!
//! To add one: a file with the parameters as they arrive, the question they become, the row (exactly what the screen
//! shows), the SQL in [`Question::ask`](crate::replicas::Question::ask), and the handler; a line here, one in
//! `routes.rs`, and a test file of the same name. A question whose answer has a version of its own implements
//! [`Screen`](crate::context::Screen) and is kept in the cache; the others are asked each time.

pub mod incidents;
pub mod message;
pub mod message_groups;
pub mod message_list;
pub mod metal_fixings;
pub mod model_analysis;
pub mod my_work;
pub mod order_board;
pub mod order_card;
mod order_list;
pub mod order_search;
pub mod order_timeline;
pub mod parked_deliveries;
pub mod partner_feed;
pub mod price_list;
pub mod pricing_place;
pub mod quote;
pub mod quote_list;
pub mod reconciliation;
pub mod status_counts;
pub mod webhook_deliveries;
pub mod webhook_list;
