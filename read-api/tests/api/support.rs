//! The service under test, and a read model that is filled as the projector fills it.

mod app;
mod read_model;
mod sse;

pub use app::{Answer, Setup, TestApp};
pub use read_model::{Actors, ReadModel, order_id, partner_id};
pub use sse::EventStream;
