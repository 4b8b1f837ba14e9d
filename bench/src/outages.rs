//! What an outage costs those who ask, and what too much load does: a load at a fixed rate, whatever the answers, while
//! something is away; every latency counts from the moment a request was due.
//!
//! - [`broker`]: the broker is gone for minutes, and comes back to a backlog;
//! - [`redis`]: Redis killed, frozen, slow, flushed, full of garbage;
//! - [`replicas`]: each replica and then both killed or frozen;
//! - [`overload`]: three times what the system can do.
//!
//! What they share: [`stage`] (the stack and how to break it), [`arrivals`] (the load), [`samples`] (what became of it),
//! [`orders`] and [`screens`] (who asks what), [`crm`] (who is told), [`backlog`] (what is not told yet).

pub mod arrivals;
pub mod backlog;
pub mod broker;
pub mod crm;
pub mod orders;
pub mod overload;
pub mod redis;
pub mod replicas;
pub mod samples;
pub mod screens;
pub mod stage;
