//! Load and checks, as the outside world sees the services: only over HTTP and RabbitMQ.
//!
//! [`simulator`] is the outside world itself, the program `simulate`; [`price_times`] measures how long prices take;
//! [`outages`] measures what an outage and too much load cost those who ask; [`faults`] proves that nothing is lost while
//! everything breaks, and [`sabotage`] that what somebody makes away with is found and healed. Only these three look into
//! the database. What all need stands beside them: the record of a stack ([`stack`]), clients ([`rest`], [`broker`]), models
//! ([`models`]), seeded choices ([`dice`]), figures with their bounds ([`figures`]) and one place where trouble is counted
//! ([`trouble`]).

pub mod broker;
pub mod dice;
pub mod faults;
pub mod figures;
pub mod models;
pub mod outages;
pub mod price_times;
pub mod rest;
pub mod sabotage;
pub mod simulator;
pub mod stack;
pub mod trouble;
