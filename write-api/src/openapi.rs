//! The OpenAPI 3.1 document, made from the handlers. `write-api --openapi` prints it; a copy is checked in.

use actix_web::HttpResponse;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

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
use crate::{models, reconciliations};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MES write API",
        description = "Commands. Every command needs an Idempotency-Key and may be repeated with it. \
                       Errors are RFC 9457 problems."
    ),
    paths(
        models::handler,
        accept_model::handler,
        request_quote::handler,
        accept_quote::handler,
        cancel_quote::handler,
        submit_order::handler,
        submit_batch::handler,
        reprice_order::handler,
        approve_order::handler,
        take_order::handler,
        give_back_order::handler,
        complete_order::handler,
        rework_order::handler,
        pack_order::handler,
        ship_order::handler,
        close_order::handler,
        cancel_order::handler,
        put_webhook::handler,
        delete_webhook::handler,
        pause_webhook::handler,
        resume_webhook::handler,
        replay::handler,
        rotate_secret::handler,
        drop_secret::handler,
        put_operator::handler,
        register_partner::handler,
        issue_api_key::handler,
        revoke_api_key::handler,
        publish_rate_card::handler,
        record_fixing::handler,
        confirm_fixing::handler,
        reject_fixing::handler,
        acknowledge_incident::handler,
        replay_messages::handler,
        discard_messages::handler,
        replay_message::handler,
        edit_message::handler,
        discard_message::handler,
        retry_deliveries::handler,
        reconciliations::handler,
        redrive_list::handler,
    ),
    security(("bearer" = []))
)]
struct Document;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", bearer);
    document
}

/// Serves the document.
pub async fn handler() -> HttpResponse {
    HttpResponse::Ok().json(document())
}
