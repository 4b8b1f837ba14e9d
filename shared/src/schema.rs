//! Schemas of types that are text on the wire and more than text in here, in one place for both documents: JSON
//! Schema (messages) and OpenAPI (HTTP).

/// Implements both schema traits for a type that is written as a string of a known pattern.
macro_rules! text_schema {
    ($type:ident, pattern = $pattern:literal, example = $example:literal) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "pattern": $pattern, "examples": [$example]
                })
            }
        }

        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some($pattern))
                    .examples([serde_json::Value::from($example)])
                    .into()
            }
        }

        impl utoipa::ToSchema for $type {}
    };
}

pub(crate) use text_schema;
