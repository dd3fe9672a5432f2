//! The OpenAPI document, made from the handlers themselves.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Callfloor",
        description = "Calls, agents, queues, recordings and numbers of a contact center. Errors are always of the \
                       schema ApiError: what failed, why, and what to do. Times are RFC 3339. A command with an Idempotency-Key header (1 to 255 characters) is carried \
                       out once: sent again within a day it gets the first answer, with Idempotency-Replayed."
    ),
    servers((url = "/api/v1")),
    paths(
        super::session::sign_in,
        super::session::sign_out,
        super::session::me,
        super::session::open_device,
        super::floor::floor,
        super::agents::list,
        super::agents::one,
        super::agents::set_status,
        super::agents::end_wrap_up,
        super::agents::extend_wrap_up,
        super::queues::list,
        super::queues::one,
        super::queues::expected_wait,
        super::callbacks::list,
        super::callbacks::book,
        super::callbacks::cancel,
        super::trunks::list,
        super::calls::list,
        super::calls::place,
        super::calls::one,
        super::calls::decisions,
        super::calls::non_offers,
        super::sound::one,
        super::calls::hold,
        super::calls::resume,
        super::calls::hang_up,
        super::calls::transfer,
        super::calls::supervise,
        super::calls::end_supervision,
        super::recordings::list,
        super::recordings::one,
        super::recordings::track,
        super::recordings::transcript,
        super::reports::journal,
        super::reports::day,
        super::reports::service_levels,
        super::defence::report,
        super::defence::lift,
        super::staffing::staffing,
        super::do_not_call::list,
        super::do_not_call::import,
        super::do_not_call::one,
        super::do_not_call::add,
        super::do_not_call::remove,
        super::campaigns::list,
        super::campaigns::set_up,
        super::campaigns::remove,
        super::campaigns::import,
        super::campaigns::next,
        super::campaigns::skip,
        super::campaigns::dial,
        super::campaigns::outcome,
        super::campaigns::report,
        super::campaigns::report_csv,
        super::import::import,
        super::import::export,
        super::configuration::export,
        super::configuration::replace,
        super::configuration::check,
        super::configuration::versions,
        super::configuration::version,
        super::configuration::restore,
        super::configuration::put_queue,
        super::configuration::remove_queue,
        super::configuration::put_agent,
        super::configuration::remove_agent,
        super::configuration::put_skill,
        super::configuration::remove_skill,
        super::feed::live,
    ),
    components(schemas(
        shared::api::error::ApiError,
        shared::api::live::ClientFrame,
        shared::api::live::ServerFrame,
    )),
    security(("token" = [])),
    modifiers(&Common)
)]
struct Document;

/// The token, and the error that every operation may answer with.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let token = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        if let Some(components) = document.components.as_mut() {
            components.add_security_scheme("token", token);
        }
        let error = ResponseBuilder::new()
            .description("What failed, why, and what to do")
            .content("application/json", Content::new(Some(Ref::from_schema_name("ApiError"))))
            .build();
        for item in document.paths.paths.values_mut() {
            for operation in
                [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
            {
                operation.responses.responses.insert("default".into(), error.clone().into());
            }
        }
    }
}

/// The document.
pub(super) async fn document() -> Response {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| Document::openapi().to_json().unwrap_or_else(|_| "{}".into()));
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
