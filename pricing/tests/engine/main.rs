//! The engine as its callers see it: bytes in, numbers or a reason out.
#![expect(clippy::float_cmp, reason = "where a test compares bits, it means bits")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod damaged;
mod demo_models;
mod formats;
mod glb;
mod hostile;
mod invariants;
mod large;
mod obj;
mod oracle;
mod ply_off;
mod pricing_rules;
mod reading;
mod report;
mod rough;
mod shapes;
mod standing;
mod three_mf;
mod writers;
