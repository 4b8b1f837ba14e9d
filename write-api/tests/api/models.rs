//! Uploads of 3D models.

use reqwest::{Body, Method};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Options, TestApp, ascii_stl, binary_stl, pricing_file};

const SMALL: u64 = 10_000;

async fn app_with_a_small_limit() -> TestApp {
    TestApp::with(Options { max_model_bytes: SMALL, ..Options::default() }).await
}

/// Without a length, in pieces.
async fn upload_chunked(app: &TestApp, file: Vec<u8>, piece: usize) -> Answer {
    let pieces: Vec<_> =
        file.chunks(piece).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = Body::wrap_stream(futures_util::stream::iter(pieces));
    Answer::to(app.seller.signs(app.request(Method::POST, "/v1/models")).body(body)).await
}

#[tokio::test]
async fn real_models_are_known_by_the_hash_of_their_bytes() {
    let app = TestApp::start().await;
    let partner = app.partner("Goldmann").await;
    let files = [
        ("models/ear_stud.stl", "stl-ascii", None),
        ("models/chain.stl", "stl-binary", None),
        ("tests/models/20mm-xyz-cube.stl", "stl-binary", Some(260)),
        ("tests/models/teapot.stl", "stl-binary", Some(894)),
        ("tests/models/1002_tray_bottom.STL", "stl-ascii", Some(4_520)),
    ];
    for (path, format, facets) in files {
        let file = pricing_file(path);
        let (bytes, hash) = (file.len(), hex::encode(Sha256::digest(&file)));
        let answer = app.upload(&partner, file).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text);
        let model = answer.json();
        assert_eq!((&model["model_id"], &model["bytes"]), (&hash.clone().into(), &bytes.into()));
        assert_eq!((&model["format"], &model["already_known"]), (&format.into(), &false.into()));
        if let Some(facets) = facets {
            assert_eq!(model["facets"], facets, "{path}");
        }
        let kept = app.stored_files();
        let kept = kept.iter().find(|kept| kept.ends_with(format!("models/{}/{hash}", &hash[..2])));
        let kept = std::fs::read(kept.expect("the object lies under its hash")).expect("bytes");
        assert_eq!(hex::encode(Sha256::digest(&kept)), hash);
    }
    assert_eq!(app.stored_files().len(), files.len(), "nothing else is left");
}

#[tokio::test]
async fn the_same_file_again_is_known() {
    let app = TestApp::start().await;
    let first = app.upload(&app.seller, ascii_stl(3)).await.json();
    let again = upload_chunked(&app, ascii_stl(3), 7).await;
    assert_eq!(again.status, 201);
    let again = again.json();
    assert_eq!((&first["already_known"], &again["already_known"]), (&false.into(), &true.into()));
    assert_eq!((&first["model_id"], &again["facets"]), (&again["model_id"], &3.into()));
    assert_eq!(app.stored_files().len(), 1);
    assert_eq!(app.count("SELECT count(*) FROM write.models").await, 1);
}

#[tokio::test]
async fn a_file_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let app = app_with_a_small_limit().await;
    let facets = u32::try_from((SMALL - 84) / 50).expect("a small number");
    let mut file = binary_stl(facets, 1);
    file.resize(usize::try_from(SMALL).expect("a small number"), 0);
    assert_eq!(app.upload(&app.seller, file.clone()).await.status, 201);
    file.push(0);
    let problem = app.upload(&app.seller, file.clone()).await.problem(413, "too-large");
    assert_eq!(problem["limit_bytes"], SMALL);
    upload_chunked(&app, file, 1_000).await.problem(413, "too-large");
    assert_eq!(app.stored_files().len(), 1);
}

/// The client need not send a quarter of a gigabyte to hear that it is too much.
#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_before_it_is_sent() {
    let app = app_with_a_small_limit().await;
    let mut client = TcpStream::connect(app.address).await.expect("the server listens");
    let head = format!(
        "POST /v1/models HTTP/1.1\r\nHost: mes\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 300000000\r\n\r\n",
        app.seller.credential,
    );
    client.write_all(head.as_bytes()).await.expect("the head is sent");
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
}

/// A client that sends everything before it reads still gets the answer, and not a broken pipe.
#[tokio::test]
async fn a_client_that_keeps_sending_hears_why_it_is_refused() {
    let app = app_with_a_small_limit().await;
    let file = vec![b'x'; 4 * 1024 * 1024];
    app.upload(&app.seller, file.clone()).await.problem(413, "too-large");
    upload_chunked(&app, file, 64 * 1024).await.problem(413, "too-large");
    assert_eq!(app.stored_files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn what_cannot_be_a_model_is_refused_with_the_reason_and_not_kept() {
    let app = TestApp::start().await;
    let mut truncated = binary_stl(20, 1);
    truncated.truncate(500);
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 200]].concat();
    let packed = [b"\x1F\x8B".as_slice(), &[0; 200]].concat();
    let bad: [(Vec<u8>, &[&str]); 7] = [
        (truncated, &["1084 bytes are needed", "20 facets", "500 bytes are there"]),
        (png, &["PNG"]),
        (packed, &["gzip"]),
        (Vec::new(), &["empty"]),
        (b"{\"model\": 1}".to_vec(), &["JSON"]),
        (b"solid nothing\nendsolid nothing\n".to_vec(), &["no facets"]),
        (vec![0; 84], &["no facets"]),
    ];
    for (file, said) in bad {
        for answer in [
            app.upload(&app.seller, file.clone()).await,
            upload_chunked(&app, file.clone(), 13).await,
        ] {
            assert_eq!(answer.status, 422, "{}", answer.text);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            let detail = answer.json()["detail"].to_string();
            assert!(said.iter().all(|words| detail.contains(words)), "{said:?} in {detail}");
        }
    }
    assert_eq!(app.stored_files(), Vec::<std::path::PathBuf>::new());
    assert_eq!(app.count("SELECT count(*) FROM write.models").await, 0);
}

#[tokio::test]
async fn an_order_can_name_a_model_of_another_partner() {
    let app = TestApp::start().await;
    let (goldmann, silber) = (app.partner("Goldmann").await, app.partner("Silber").await);
    let model_id = app.small_model(&goldmann).await;
    app.submit(&silber, crate::support::order_body(&model_id)).await.done();
}

#[tokio::test]
async fn uploading_needs_the_scope_or_a_desk() {
    let app = TestApp::start().await;
    let reader = app.partner_with_scopes("Reader", &["orders:read", "orders:submit"]).await;
    let operator = app.operator("Anna", 1).await;
    for caller in [&reader, &operator] {
        app.upload(caller, ascii_stl(1)).await.problem(403, "forbidden");
    }
    let shop = app.system("shop", &["models:write"]).await;
    for caller in [&shop, &app.seller, &app.admin] {
        assert_eq!(app.upload(caller, ascii_stl(1)).await.status, 201);
    }
}

#[tokio::test]
async fn concurrent_uploads_of_one_file_are_one_model() {
    let app = TestApp::start().await;
    let uploads = (0..10).map(|_| app.upload(&app.seller, binary_stl(500, 3)));
    let answers = futures_util::future::join_all(uploads).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    let new = answers.iter().filter(|answer| answer.json()["already_known"] == false).count();
    assert_eq!((new, app.stored_files().len()), (1, 1));
}
