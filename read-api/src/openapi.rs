//! The OpenAPI 3.1 document, made from the handlers. `read-api --openapi` prints it; a copy is checked in.

use actix_web::HttpResponse;
use actix_web::http::header;
use shared::position::Position;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{RefOr, Required, Response};
use utoipa::{OpenApi, PartialSchema};

use crate::dashboard;
use crate::filter::Sorting;
use crate::live::{self, frames};
use crate::queries::{
    incidents, message, message_groups, message_list, metal_fixings, model_analysis, my_work,
    order_board, order_card, order_search, order_timeline, parked_deliveries, partner_feed,
    price_list, pricing_place, quote, quote_list, reconciliation, status_counts,
    webhook_deliveries, webhook_list,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MES read API",
        description = "Questions, answered from replicas. Every answer says how far it is \
                       (`MES-Position`) and until when it is known to hold (`MES-As-Of`); whoever sends \
                       `MES-Min-Position` is not answered from before it, or told so (`MES-Stale: true`). \
                       Errors are RFC 9457 problems."
    ),
    paths(
        order_board::handler,
        status_counts::handler,
        my_work::handler,
        order_search::handler,
        order_card::handler,
        order_timeline::handler,
        price_list::handler,
        quote::handler,
        quote_list::handler,
        live::quotes::handler,
        pricing_place::handler,
        model_analysis::handler,
        incidents::handler,
        metal_fixings::handler,
        message_list::handler,
        message::handler,
        message_groups::handler,
        parked_deliveries::handler,
        reconciliation::list,
        reconciliation::handler,
        reconciliation::rows,
        live::handler,
        partner_feed::handler,
        webhook_list::handler,
        webhook_deliveries::handler,
        live::feed::handler,
        dashboard::public_config,
    ),
    components(schemas(
        frames::LiveOrder, frames::LiveCounts, frames::Heartbeat, frames::Resync, frames::Resume,
        Sorting, partner_feed::FeedEvent, shared::contracts::partner::PartnerEvent
    )),
    security(("bearer" = []))
)]
struct Document;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", bearer);
    let questions = document.paths.paths.iter_mut().filter(|(path, _)| is_a_screen(path));
    for (_, item) in questions {
        if let Some(operation) = &mut item.get {
            describe_freshness(operation);
        }
    }
    document
}

/// Streams, single quotes and messages, and what was measured have no freshness to speak of.
fn is_a_screen(path: &str) -> bool {
    let moving = [
        "/v1/live",
        "/v1/quotes/",
        "/v1/models/",
        "/v1/messages/",
        "/v1/reconciliations/",
        "/v1/feed",
        "/v1/webhooks",
    ];
    path.starts_with("/v1/") && !moving.iter().any(|start| path.starts_with(start))
}

/// What is true of every question, said once.
fn describe_freshness(operation: &mut utoipa::openapi::path::Operation) {
    let wanted = [
        ("MES-Min-Position", "Not from before this position", Position::schema()),
        ("If-None-Match", "`ETag` of the answer that you hold", String::schema()),
    ];
    let parameters = operation.parameters.get_or_insert_default();
    for (name, description, schema) in wanted {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(schema));
        parameters.push(parameter.build().into());
    }
    let told = [
        ("MES-Position", "Every event up to here is in the answer", Position::schema()),
        (
            "MES-As-Of",
            "Everything that happened before this moment is in the answer",
            String::schema(),
        ),
        (
            "MES-Stale",
            "`true` when the answer may be from before `MES-Min-Position`",
            String::schema(),
        ),
        ("MES-Served-By", "`cache`, `replica` or `primary`", String::schema()),
        ("ETag", "Names this answer; absent from searches", String::schema()),
    ];
    if let Some(RefOr::T(Response { headers, .. })) = operation.responses.responses.get_mut("200") {
        for (name, description, schema) in told {
            let header =
                HeaderBuilder::new().description(Some(description)).schema(Some(schema)).build();
            headers.insert(name.to_owned(), header.into());
        }
    }
    let unchanged = Response::new("The answer that you hold is current");
    operation.responses.responses.insert("304".to_owned(), unchanged.into());
}

/// Serves the document.
pub async fn handler() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-cache")).json(document())
}
