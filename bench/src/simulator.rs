//! The outside world: customers of the shop, partners, the CRM, the carrier and, if wanted, operators.
//!
//! Nobody here knows more than the real ones would: the shop, the CRM and the carrier send and receive messages,
//! partners and operators use the APIs, models are uploaded as files. What happens to an order is decided by its
//! number ([`story`]), so that the actors need no memory: a simulator that starts again goes on where the last
//! one stopped, and two at once do not contradict each other.
//!
//! | actor | does | file |
//! |---|---|---|
//! | shop | drafts, uploads, "make order", calls off; hears `mes.to.shop` | [`shop`] |
//! | partner | uploads, submits with an idempotency key, retries, polls its order | [`partner`] |
//! | CRM | hears `mes.to.crm`; acknowledges, approves, calls off, closes by hand | [`crm`] |
//! | carrier | brings the parcel | [`carrier`] |
//! | operators | watch the board, take, give back, complete, rework, pack, ship | [`operators`] |
//! | somebody careless | now and then a message that has to be parked | [`careless`] |

pub mod arrivals;
pub mod book;
pub mod careless;
pub mod carrier;
pub mod check;
pub mod crm;
pub mod operators;
pub mod partner;
pub mod shop;
pub mod story;
pub mod tally;
pub mod told;
pub mod world;
