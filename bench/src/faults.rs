//! Proof under fire: a load of orders over REST and RabbitMQ while processes are killed and frozen, servers die and
//! links break; then a checker that knows nothing but what the outside world saw.
//!
//! - [`plan`]: what will be done to the system, a pure function of the seed;
//! - [`nemesis`]: does it, undoes it, and says whether it hit;
//! - [`proxy`]: the links that can be cut and slowed;
//! - [`load`] and [`standins`]: partners, the shop and the CRM, as the outside world has them;
//! - [`history`]: everything that they saw, appended to a file that the system does not know of;
//! - [`facts`]: what the database, the broker and the read API say in the end;
//! - [`checker`]: compares the two, without any I/O; [`outages`] measures failovers; [`report`] tells.

pub mod checker;
pub mod facts;
pub mod history;
pub mod load;
pub mod nemesis;
pub mod outages;
pub mod plan;
pub mod processes;
pub mod proxy;
pub mod report;
pub mod standins;
