//! `kill -9` of a worker in the middle of a calculation, and what a worker can be told to do.

use std::process::Command;

use testkit::{binary, eventually};
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use crate::stack::{PATIENCE, Stack};

/// As the stack's pricer has it.
const LEASE: Duration = Duration::from_secs(3);
/// The target of the issue.
const LATEST: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_job_whose_worker_was_killed_runs_again_within_the_lease_and_15_seconds() {
    let mut stack = Stack::start().await;
    let model = stack.upload(sphere(900)).await;
    let answer = stack.submit("P-1", &model, "submit-1").await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    let order_id: Uuid = answer["order"]["order_id"].as_str().unwrap().parse().unwrap();
    let pool = stack.pool();
    let runs = async || {
        let query = "SELECT count(*) FROM write.pricing_jobs AS j
                     JOIN write.analyses AS a ON a.lease_token = j.lease_token
                     WHERE j.state = 'running'";
        let running: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
        running == 1
    };
    eventually("a worker measures the model", runs, PATIENCE).await;
    stack.kill_and_restart("pricer");
    let killed = Instant::now();
    let begun_again = async || {
        let query = "SELECT max((data->>'attempt')::int) FROM write.order_events
                     WHERE kind = 'pricing-started' AND order_id = $1";
        let attempts: Option<i32> =
            sqlx::query_scalar(query).bind(order_id).fetch_one(&pool).await.unwrap();
        attempts == Some(2)
    };
    eventually("it is begun again", begun_again, PATIENCE).await;
    let after = killed.elapsed();
    assert!(after <= LEASE + LATEST, "only after {after:?}");

    let query = "SELECT count(*) FROM write.order_events
                 WHERE kind = 'price-calculated' AND order_id = $1";
    let prices = async || {
        let prices: i64 = sqlx::query_scalar(query).bind(order_id).fetch_one(&pool).await.unwrap();
        prices
    };
    eventually("it is priced", async || prices().await > 0, PATIENCE).await;
    let query = "SELECT state || ' ' || attempts FROM write.pricing_jobs";
    let jobs: Vec<String> = sqlx::query_scalar(query).fetch_all(&pool).await.unwrap();
    assert_eq!((prices().await, jobs), (1, vec!["done 2".to_owned()]), "exactly one price");
}

#[test]
fn lanes_and_threads_are_flags_and_a_misspelt_lane_is_named() {
    let check = |lanes: &str| {
        let arguments = ["pricer", "--lanes", lanes, "--threads", "1", "--check-config"];
        let output = Command::new(binary("consumer")).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let (accepted, text) = check("shop-short,partner-short");
    assert!(accepted, "{text}");
    assert!(text.contains("shop-short") && text.contains("partner-short"), "{text}");
    assert!(!text.contains("shop-long") && text.contains("threads = 1"), "{text}");
    let (accepted, text) = check("shop-short,partner-tall");
    assert!(!accepted && text.contains("partner-tall"), "{text}");
}

/// A ball of about 2 n² facets as a binary STL: work for a second or so.
#[expect(clippy::cast_possible_truncation, reason = "a file of STL has single precision")]
fn sphere(n: u32) -> Vec<u8> {
    let point = |ring: u32, step: u32| {
        let (down, around) = (
            f64::from(ring) / f64::from(n) * std::f64::consts::PI,
            f64::from(step % n) / f64::from(n) * std::f64::consts::TAU,
        );
        // The poles are one point each.
        let width = if ring == 0 || ring == n { 0.0 } else { down.sin() };
        [width * around.cos(), width * around.sin(), down.cos()].map(|c| (c * 10.0) as f32)
    };
    let mut facets = Vec::new();
    for ring in 0..n {
        for step in 0..n {
            let upper = [point(ring, step), point(ring, step + 1)];
            let lower = [point(ring + 1, step), point(ring + 1, step + 1)];
            if ring > 0 {
                facets.push([upper[0], lower[0], upper[1]]);
            }
            if ring + 1 < n {
                facets.push([upper[1], lower[0], lower[1]]);
            }
        }
    }
    let mut file = vec![0_u8; 80];
    file.extend(u32::try_from(facets.len()).unwrap().to_le_bytes());
    for facet in facets {
        file.extend([0_u8; 12]);
        file.extend(facet.iter().flatten().flat_map(|c| c.to_le_bytes()));
        file.extend([0_u8; 2]);
    }
    file
}
