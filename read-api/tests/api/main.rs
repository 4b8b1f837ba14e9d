//! The read API as a client sees it, on a real primary, a real streaming replica and a real Redis.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod caching;
mod dashboard;
mod freshness;
mod incidents;
mod live;
mod messages;
mod metal_fixings;
mod my_work;
mod order_board;
mod order_card;
mod order_search;
mod order_timeline;
mod partner_feed;
mod price_list;
mod pricing_place;
mod quote;
mod reconciliation;
mod service;
mod status_counts;
mod support;
mod wall;
mod webhooks;
