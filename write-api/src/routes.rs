//! Everything the write API answers to: the table of contents.

use actix_web::web::{ServiceConfig, delete, get, post, put};

use crate::administration::{
    issue_api_key, publish_rate_card, put_operator, register_partner, revoke_api_key,
};
use crate::commands::{
    accept_model, accept_quote, acknowledge_incident, approve_order, cancel_order, cancel_quote,
    close_order, complete_order, confirm_fixing, discard_message, discard_messages, edit_message,
    give_back_order, pack_order, record_fixing, redrive_list, reject_fixing, replay_message,
    replay_messages, reprice_order, request_quote, retry_deliveries, rework_order, ship_order,
    submit_batch, submit_order, take_order,
};
use crate::webhooks::{
    delete_webhook, drop_secret, pause_webhook, put_webhook, replay, resume_webhook, rotate_secret,
};
use crate::{models, openapi, reconciliations};

/// Adds every endpoint.
pub fn add(app: &mut ServiceConfig) {
    app.route("/v1/models", post().to(models::handler))
        .route("/v1/models/{model_id}/accept", post().to(accept_model::handler))
        .route("/v1/quotes", post().to(request_quote::handler))
        .route("/v1/quotes/{quote_id}/accept", post().to(accept_quote::handler))
        .route("/v1/quotes/{quote_id}/cancel", post().to(cancel_quote::handler))
        .route("/v1/orders", post().to(submit_order::handler))
        .route("/v1/orders/batch", post().to(submit_batch::handler))
        .route("/v1/orders/{order_id}/reprice", post().to(reprice_order::handler))
        .route("/v1/orders/{order_id}/approve", post().to(approve_order::handler))
        .route("/v1/orders/{order_id}/take", post().to(take_order::handler))
        .route("/v1/orders/{order_id}/give-back", post().to(give_back_order::handler))
        .route("/v1/orders/{order_id}/complete", post().to(complete_order::handler))
        .route("/v1/orders/{order_id}/rework", post().to(rework_order::handler))
        .route("/v1/orders/{order_id}/pack", post().to(pack_order::handler))
        .route("/v1/orders/{order_id}/ship", post().to(ship_order::handler))
        .route("/v1/orders/{order_id}/close", post().to(close_order::handler))
        .route("/v1/orders/{order_id}/cancel", post().to(cancel_order::handler))
        .route("/v1/webhooks/{webhook_id}", put().to(put_webhook::handler))
        .route("/v1/webhooks/{webhook_id}", delete().to(delete_webhook::handler))
        .route("/v1/webhooks/{webhook_id}/pause", post().to(pause_webhook::handler))
        .route("/v1/webhooks/{webhook_id}/resume", post().to(resume_webhook::handler))
        .route("/v1/webhooks/{webhook_id}/replay", post().to(replay::handler))
        .route("/v1/webhooks/{webhook_id}/secrets", post().to(rotate_secret::handler))
        .route("/v1/webhooks/{webhook_id}/secrets/{secret_id}", delete().to(drop_secret::handler))
        .route("/v1/operators/{operator_id}", put().to(put_operator::handler))
        .route("/v1/partners", post().to(register_partner::handler))
        .route("/v1/api-keys", post().to(issue_api_key::handler))
        .route("/v1/api-keys/{api_key_id}", delete().to(revoke_api_key::handler))
        .route("/v1/rate-cards", post().to(publish_rate_card::handler))
        .route("/v1/metal-fixings", post().to(record_fixing::handler))
        .route("/v1/metal-fixings/{fixing_id}/confirm", post().to(confirm_fixing::handler))
        .route("/v1/metal-fixings/{fixing_id}/reject", post().to(reject_fixing::handler))
        .route("/v1/incidents/{incident_id}/acknowledge", post().to(acknowledge_incident::handler))
        .route("/v1/messages/replay", post().to(replay_messages::handler))
        .route("/v1/messages/discard", post().to(discard_messages::handler))
        .route("/v1/messages/{message_no}/replay", post().to(replay_message::handler))
        .route("/v1/messages/{message_no}/edit", post().to(edit_message::handler))
        .route("/v1/messages/{message_no}/discard", post().to(discard_message::handler))
        .route("/v1/parked-deliveries/retry", post().to(retry_deliveries::handler))
        .route("/v1/reconciliations", post().to(reconciliations::handler))
        .route("/v1/reconciliations/{reconciliation_id}/redrive", post().to(redrive_list::handler))
        .route("/openapi.json", get().to(openapi::handler));
}
