//! The write API as a client sees it: the real application on a port and a database of its own.
//!
//! One file per command, named as in `src/commands`; what all commands have in common stands beside them, in a file
//! named after the promise.

mod support;

mod accept_model;
mod acknowledge_incident;
mod admission;
mod approve_order;
mod cancel_order;
mod close_order;
mod complete_order;
mod give_back_order;
mod pack_order;
mod reconciliations;
mod reprice_order;
mod request_quote;
mod rework_order;
mod rough_prices;
mod ship_order;
mod submit_batch;
mod submit_order;
mod take_order;

mod administration;
mod analyses;
mod bodies;
mod callers;
mod drafts;
mod hang_ups;
mod health;
mod history;
mod idempotency;
mod messages;
mod metal_fixings;
mod models;
mod openapi;
mod outages;
mod pricing_jobs;
mod quotas;
mod standby;
mod versions;
mod webhooks;
