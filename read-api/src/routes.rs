//! Everything the read API answers to: the table of contents.

use actix_web::web::{ServiceConfig, get};

use crate::queries::{
    incidents, message, message_groups, message_list, metal_fixings, model_analysis, my_work,
    order_board, order_card, order_search, order_timeline, parked_deliveries, partner_feed,
    price_list, pricing_place, quote, quote_list, reconciliation, status_counts,
    webhook_deliveries, webhook_list,
};
use crate::{dashboard, live, openapi};

/// Adds every endpoint.
pub fn add(app: &mut ServiceConfig) {
    app.route("/v1/board", get().to(order_board::handler))
        .route("/v1/board/counts", get().to(status_counts::handler))
        .route("/v1/my-work", get().to(my_work::handler))
        .route("/v1/orders", get().to(order_search::handler))
        .route("/v1/orders/{order_id}", get().to(order_card::handler))
        .route("/v1/orders/{order_id}/timeline", get().to(order_timeline::handler))
        .route("/v1/orders/{order_id}/pricing", get().to(pricing_place::handler))
        .route("/v1/incidents", get().to(incidents::handler))
        .route("/v1/feed", get().to(partner_feed::handler))
        .route("/v1/feed/live", get().to(live::feed::handler))
        .route("/v1/metal-fixings", get().to(metal_fixings::handler))
        .route("/v1/messages", get().to(message_list::handler))
        .route("/v1/messages/{message_no}", get().to(message::handler))
        .route("/v1/message-groups", get().to(message_groups::handler))
        .route("/v1/parked-deliveries", get().to(parked_deliveries::handler))
        .route("/v1/reconciliations", get().to(reconciliation::list))
        .route("/v1/reconciliations/{reconciliation_id}", get().to(reconciliation::handler))
        .route("/v1/reconciliations/{reconciliation_id}/rows", get().to(reconciliation::rows))
        .route("/v1/price-list", get().to(price_list::handler))
        .route("/v1/quotes", get().to(quote_list::handler))
        .route("/v1/quotes/{quote_id}", get().to(quote::handler))
        .route("/v1/quotes/{quote_id}/events", get().to(live::quotes::handler))
        .route("/v1/models/{model_id}/analysis", get().to(model_analysis::handler))
        .route("/v1/webhooks", get().to(webhook_list::handler))
        .route("/v1/webhooks/{webhook_id}/deliveries", get().to(webhook_deliveries::handler))
        .route("/v1/live", get().to(live::handler))
        .route("/openapi.json", get().to(openapi::handler))
        .configure(dashboard::routes);
}
