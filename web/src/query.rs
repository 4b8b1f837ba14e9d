//! Query parameters, with errors that name the parameter.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use crate::body::quoted_after;
use crate::problem::{Problem, Violation};

/// The parameters of a request's query. Let the type deny unknown fields, so that a misspelt
/// filter is an error and not another list.
#[derive(Debug, Clone)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> FromRequest for QueryParams<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let message = error.inner().to_string();
        let named = quoted_after(&message, &["missing field", "unknown field", "duplicate field"]);
        let field = named.map_or_else(|| error.path().to_string(), str::to_owned);
        Problem::invalid(vec![Violation { field, message }])
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        limit: u16,
        #[serde(default)]
        cursor: Option<String>,
    }

    #[test]
    fn a_parameter_that_does_not_fit_is_named() {
        for (query, field) in
            [("limit=many", "limit"), ("cursor=x", "limit"), ("limit=1&colour=red", "colour")]
        {
            let problem = serde_json::to_value(parse::<Page>(query).unwrap_err()).unwrap();
            assert_eq!(problem["violations"][0]["field"], field, "{query}: {problem}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let page: Page = parse("limit=5&cursor=a%20b").unwrap();
        assert_eq!((page.limit, page.cursor.as_deref()), (5, Some("a b")));
    }
}
