//! Everything that can be asked of an order. This file is the table of contents.
//!
//! # How to add a command
//! 1. The rule: a method in `shared::order::decisions`, its event and its transition.
//! 2. A file here, named with the verb: the command as a type that cannot be wrong, and what it looks up before it
//!    asks the rule ([`Command::carry_out`](crate::store::Command::carry_out)).
//! 3. Its endpoint in [`crate::routes`], its message in `shared::contracts` if a system may send it.
//! 4. A test of the same name in `tests/api`.

pub mod accept_model;
pub mod accept_quote;
pub mod acknowledge_incident;
pub mod approve_order;
pub mod attach_file;
pub mod body;
pub mod cancel_order;
pub mod cancel_quote;
pub mod close_order;
pub mod complete_order;
pub mod confirm_fixing;
pub mod discard_message;
pub mod discard_messages;
pub mod edit_message;
pub mod give_back_order;
pub mod initiate_order;
pub mod pack_order;
pub mod record_fixing;
pub mod redrive_list;
pub mod reject_fixing;
pub mod replay_message;
pub mod replay_messages;
pub mod reprice_order;
pub mod request_quote;
pub mod retry_deliveries;
pub mod rework_order;
pub mod ship_order;
pub mod submit_batch;
pub mod submit_order;
pub mod take_order;
pub mod text;

use serde::{Deserialize, Serialize};
use shared::position::Position;
use shared::views::OrderView;

pub use accept_model::AcceptModel;
pub use accept_quote::AcceptQuote;
pub use acknowledge_incident::AcknowledgeIncident;
pub use approve_order::ApproveOrder;
pub use attach_file::AttachFile;
pub use cancel_order::CancelOrder;
pub use cancel_quote::CancelQuote;
pub use close_order::CloseOrder;
pub use complete_order::CompleteOrder;
pub use confirm_fixing::ConfirmFixing;
pub use discard_message::DiscardMessage;
pub use discard_messages::DiscardMessages;
pub use edit_message::EditMessage;
pub use give_back_order::GiveBackOrder;
pub use initiate_order::InitiateOrder;
pub use pack_order::PackOrder;
pub use record_fixing::RecordFixing;
pub use redrive_list::RedriveList;
pub use reject_fixing::RejectFixing;
pub use replay_message::ReplayMessage;
pub use replay_messages::ReplayMessages;
pub use reprice_order::RepriceOrder;
pub use request_quote::RequestQuote;
pub use retry_deliveries::RetryDeliveries;
pub use rework_order::ReworkOrder;
pub use ship_order::ShipOrder;
pub use submit_order::{OrderQuote, PartnerOrder, SubmitOrder};
pub use take_order::TakeOrder;

/// What every command answers: the changed order and the place in the log from which on readers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CommandAnswer {
    /// The order as it is now.
    pub order: OrderView,
    /// Send it to the read API as `MES-Min-Position` to see your own change.
    pub position: Position,
    /// Whether the order already was as asked and nothing changed.
    pub already_done: bool,
}
