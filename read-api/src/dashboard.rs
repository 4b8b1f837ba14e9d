//! The dashboard's files, and what it must know before it can ask anything.

use std::path::{Path, PathBuf};

use actix_files::NamedFile;
use actix_web::http::header;
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use web::Problem;

use crate::config::DashboardSettings;

/// Scripts and styles come from here only; the write API may be elsewhere.
const CONTENT_POLICY: &str = "default-src 'self'; connect-src *; img-src 'self' data: blob:; \
     style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; object-src 'none'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const NOT_BUILT: &str = include_str!("dashboard_not_built.html");

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Dashboard {
    directory: Option<PathBuf>,
    config: PublicConfig,
}

/// What the dashboard must know: no secrets, nothing about a person.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PublicConfig {
    /// Where commands go; empty for the dashboard's own origin.
    write_api_url: String,
}

impl Dashboard {
    /// As configured. A folder without a start page counts as not built.
    pub fn new(settings: &DashboardSettings) -> Self {
        let directory = PathBuf::from(&settings.directory);
        let built = !settings.directory.is_empty() && directory.join("index.html").is_file();
        Self {
            directory: built.then_some(directory),
            config: PublicConfig { write_api_url: settings.write_api_url.clone() },
        }
    }

    /// The file for a path; the start page for a path that only the application knows.
    fn file_for(directory: &Path, path: &str) -> Option<PathBuf> {
        let relative = path.trim_start_matches('/');
        let plain = relative.split('/').all(|part| !part.starts_with('.') && !part.contains('\\'));
        if !plain {
            return None;
        }
        let file = directory.join(relative);
        if !relative.is_empty() && file.is_file() {
            return Some(file);
        }
        // A file that is missing is missing; a page is the application's business.
        let names_a_file = relative.rsplit('/').next().is_some_and(|name| name.contains('.'));
        (!names_a_file).then(|| directory.join("index.html"))
    }
}

/// Adds the dashboard; to be added last, because it answers to whatever nobody else does.
pub fn routes(app: &mut ServiceConfig) {
    app.route("/config.json", get().to(public_config)).route("/{path:.*}", get().to(file));
}

/// What the dashboard must know before it can ask anything.
#[utoipa::path(
    get, path = "/config.json", operation_id = "public_config", tag = "dashboard", security(()),
    responses((status = 200, body = PublicConfig)),
)]
pub async fn public_config(dashboard: Data<Dashboard>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-cache")).json(&dashboard.config)
}

async fn file(request: HttpRequest, dashboard: Data<Dashboard>) -> Result<HttpResponse, Problem> {
    let path = request.match_info().query("path").to_owned();
    if is_ours(&path) {
        return Err(Problem::not_found(format!("Nothing answers at {}", request.path())));
    }
    let Some(directory) = &dashboard.directory else { return Ok(not_built()) };
    let missing = || Problem::not_found(format!("There is no file {}", request.path()));
    let file = Dashboard::file_for(directory, &path).ok_or_else(missing)?;
    let is_hashed = file.parent().is_some_and(|folder| folder.ends_with("assets"));
    let file = NamedFile::open_async(file).await.map_err(|_| missing())?;
    let mut answer = file.use_etag(true).use_last_modified(true).into_response(&request);
    let caching = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(caching));
    let policy = header::HeaderValue::from_static(CONTENT_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(answer)
}

/// Paths of the API are never answered with a page.
fn is_ours(path: &str) -> bool {
    path == "v1" || path.starts_with("v1/")
}

fn not_built() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(NOT_BUILT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_the_folder() {
        let folder = Path::new("/srv/dashboard");
        for path in ["../secret", "a/../../secret", ".env", "a/.git/config", "..\\secret"] {
            assert_eq!(Dashboard::file_for(folder, path), None, "{path}");
        }
    }

    #[test]
    fn a_page_of_the_application_is_its_start_page_and_a_missing_file_is_missing() {
        let folder = Path::new("/srv/dashboard");
        let start = Some(folder.join("index.html"));
        assert_eq!(Dashboard::file_for(folder, ""), start);
        assert_eq!(Dashboard::file_for(folder, "orders/17"), start);
        assert_eq!(Dashboard::file_for(folder, "assets/gone.js"), None);
    }
}
