use std::fs;
use std::path::PathBuf;

use crate::support::{Setup, TestApp};

/// A built dashboard, and a secret beside it.
struct Built(PathBuf);

impl Built {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(testkit::key_prefix().replace(':', ""));
        let dashboard = folder.join("dist");
        fs::create_dir_all(dashboard.join("assets")).unwrap();
        fs::write(dashboard.join("index.html"), "<!doctype html><title>MES</title>").unwrap();
        fs::write(dashboard.join("assets/app-1a2b3c.js"), "console.log(1)").unwrap();
        fs::write(folder.join("secret.txt"), "secret").unwrap();
        Self(folder)
    }

    async fn serve(&self) -> TestApp {
        let directory = self.0.join("dist");
        let setup = Setup::usual().await.with("dashboard.directory", directory.display());
        setup.with("dashboard.write_api_url", "http://write.example").start().await
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_dashboard_needs_no_sign_in_and_is_asked_about_each_time() {
    let built = Built::new();
    let app = built.serve().await;
    let page = reqwest::get(app.url("/")).await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["cache-control"], "no-cache");
    assert!(page.headers().contains_key("content-security-policy"));
    let etag = page.headers()["etag"].to_str().unwrap().to_owned();
    assert!(page.text().await.unwrap().contains("<title>MES</title>"));
    assert_eq!(app.get_unless("/", &etag).await.status, 304);
}

#[tokio::test]
async fn hashed_files_are_kept_for_good_and_unknown_pages_are_the_applications() {
    let built = Built::new();
    let app = built.serve().await;
    let script = app.get("/assets/app-1a2b3c.js").await;
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert!(script.header("content-type").unwrap().contains("javascript"));
    let page = app.get("/orders/17").await;
    assert!(String::from_utf8_lossy(&page.body).contains("<title>MES</title>"));
    assert_eq!(app.get("/assets/gone.js").await.status, 404);
}

#[tokio::test]
async fn paths_of_the_api_and_files_outside_are_never_answered_with_a_page() {
    let built = Built::new();
    let app = built.serve().await;
    let unknown = app.get("/v1/nothing").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["code"], "not-found");
    for path in ["/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"] {
        let answer = app.get(path).await;
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret\n"), "{path}");
        assert_ne!(answer.body, b"secret", "{path}");
    }
}

#[tokio::test]
async fn the_dashboard_is_told_where_commands_go() {
    let built = Built::new();
    let app = built.serve().await;
    assert_eq!(app.get("/config.json").await.ok()["write_api_url"], "http://write.example");
}

#[tokio::test]
async fn without_a_built_dashboard_a_page_says_how_to_build_it() {
    let app = TestApp::start().await;
    let page = app.get("/").await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("npm --prefix dashboard run build"));
}
