use std::collections::BTreeMap;

use serde_json::Value;
use shared::position::Position;
use testkit::{jwt, new_api_key};
use uuid::Uuid;

use crate::support::{Actors, TestApp, order_id, partner_id};

fn ids(numbers: &[u128]) -> Vec<String> {
    numbers.iter().map(|number| order_id(*number).to_string()).collect()
}

#[tokio::test]
async fn the_board_shows_one_status_newest_or_oldest_first() {
    let mut app = TestApp::start().await;
    for number in 1..=3 {
        app.read_model.submit(number).await;
    }
    app.read_model.approve(2).await;
    app.caught_up().await;

    assert_eq!(app.board("status=SUBMITTED").await.orders(), ids(&[3, 1]));
    assert_eq!(app.board("status=SUBMITTED&order=oldest").await.orders(), ids(&[1, 3]));
    assert_eq!(app.board("status=MANUFACTURING_APPROVED").await.orders(), ids(&[2]));
    assert_eq!(app.board("status=CLOSED").await.orders(), ids(&[]));
}

#[tokio::test]
async fn a_page_says_what_it_shows_how_far_and_how_old_it_is() {
    let mut app = TestApp::start().await;
    let position = app.read_model.submit(1).await;
    app.caught_up().await;

    let answer = app.board("status=SUBMITTED").await;
    let page = answer.ok();
    assert_eq!(page["status"], "SUBMITTED");
    assert_eq!(page["next_cursor"], Value::Null);
    assert_eq!(page["position"], position.to_string());
    assert_eq!(page["orders"][0]["external_id"], "S-1");
    assert_eq!(page["orders"][0]["pricing"]["state"], "queued");
    assert!(page["as_of"].is_string() && answer.header("mes-as-of").is_some());
    assert_eq!(answer.position(), position);
    assert!(!answer.is_stale());
}

/// All pages of a list; after each page `meanwhile` may change the read model.
async fn all_pages(app: &mut TestApp, query: &str, meanwhile: &mut [Change]) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    let mut changes = meanwhile.iter_mut();
    loop {
        let with_cursor = match &cursor {
            Some(cursor) => format!("{query}&cursor={cursor}"),
            None => query.to_owned(),
        };
        let page = app.board(&with_cursor).await;
        seen.extend(page.orders());
        match page.ok()["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return seen,
        }
        if let Some(change) = changes.next() {
            change.make(app).await;
        }
    }
}

/// What may happen to a list while somebody pages through it.
#[derive(Debug, Clone, Copy)]
enum Change {
    Submit(u128),
    Approve(u128),
}

impl Change {
    async fn make(&mut self, app: &mut TestApp) {
        match *self {
            Self::Submit(number) => app.read_model.submit(number).await,
            Self::Approve(number) => app.read_model.approve(number).await,
        };
        app.caught_up().await;
    }
}

/// Not quite chance: the same every time, and different for each seed.
fn drawn(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

#[tokio::test]
async fn paging_neither_skips_nor_repeats_what_stays_while_rows_come_and_go() {
    let mut app = TestApp::start().await;
    let mut next = 1_u128;
    for seed in 1..=4 {
        let mut draw = drawn(seed);
        let first = next;
        let there = u128::from(5 + draw(15));
        for number in first..first + there {
            app.read_model.submit(number).await;
        }
        next = first + there;
        app.caught_up().await;
        let before = app.board("status=SUBMITTED&limit=200").await.orders();
        let mut gone = Vec::new();
        let mut changes = Vec::new();
        for _ in 0..5 {
            if draw(2) == 0 {
                changes.push(Change::Submit(next));
                next += 1;
            } else {
                let number = first + u128::from(draw(u64::try_from(there).unwrap()));
                if !gone.contains(&number) {
                    gone.push(number);
                    changes.push(Change::Approve(number));
                }
            }
        }
        let sorting = if draw(2) == 0 { "newest" } else { "oldest" };
        let limit = 1 + draw(4);
        let query = format!("status=SUBMITTED&order={sorting}&limit={limit}");
        let seen = all_pages(&mut app, &query, &mut changes).await;

        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for id in &seen {
            *times.entry(id).or_default() += 1;
        }
        assert!(times.values().all(|times| *times == 1), "repeated: {query} {changes:?} {seen:?}");
        let stayed = before.iter().filter(|id| !ids(&gone).contains(id));
        for id in stayed {
            assert!(times.contains_key(id.as_str()), "skipped {id}: {query} {changes:?} {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_or_a_changed_one_is_refused_by_name() {
    let mut app = TestApp::start().await;
    for number in 1..=3 {
        app.read_model.submit(number).await;
    }
    app.caught_up().await;
    let page = app.board("status=SUBMITTED&limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let changed = format!("0{}", &cursor[1..]).replace("00", "11");

    for query in [
        format!("status=CLOSED&cursor={cursor}"),
        format!("status=SUBMITTED&order=oldest&cursor={cursor}"),
        format!("status=SUBMITTED&cursor={changed}"),
        "status=SUBMITTED&cursor=nonsense".to_owned(),
    ] {
        let answer = app.board(&query).await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(answer.json()["violations"][0]["field"], "cursor", "{query}");
    }
    let larger = app.board(&format!("status=SUBMITTED&limit=2&cursor={cursor}")).await;
    assert_eq!(larger.orders(), ids(&[2, 1]), "another limit is the same list");
}

#[tokio::test]
async fn what_cannot_be_asked_is_named() {
    let app = TestApp::start().await;
    for (query, field) in [
        ("", "status"),
        ("status=LOST", "status"),
        ("status=SUBMITTED&limit=0", "limit"),
        ("status=SUBMITTED&limit=201", "limit"),
        ("status=SUBMITTED&limit=many", "limit"),
        ("status=SUBMITTED&order=random", "order"),
        ("status=SUBMITTED&colour=red", "colour"),
    ] {
        let answer = app.board(query).await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(answer.json()["violations"][0]["field"], field, "{query}: {}", answer.json());
    }
}

#[tokio::test]
async fn a_partner_sees_only_its_own_orders() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.submit_for(partner_id(1), 2).await;
    app.read_model.submit_for(partner_id(2), 3).await;
    app.caught_up().await;
    assert_eq!(app.board("status=SUBMITTED").await.orders(), ids(&[3, 2, 1]), "staff see all");

    app.sign_in_partner(partner_id(1)).await;
    assert_eq!(app.board("status=SUBMITTED").await.orders(), ids(&[2]));
    app.sign_in_partner(partner_id(2)).await;
    assert_eq!(app.board("status=SUBMITTED").await.orders(), ids(&[3]));
}

#[tokio::test]
async fn a_partner_cannot_go_on_with_the_cursor_of_another() {
    let mut app = TestApp::start().await;
    for number in 1..=4 {
        app.read_model.submit_for(partner_id(number % 2), number).await;
    }
    app.caught_up().await;
    app.sign_in_partner(partner_id(0)).await;
    let page = app.board("status=SUBMITTED&limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    app.sign_in_partner(partner_id(1)).await;
    let answer = app.board(&format!("status=SUBMITTED&cursor={cursor}")).await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn whoever_is_not_known_or_may_not_read_is_told_so() {
    let mut app = TestApp::start().await;
    let key = app.database.add_partner(partner_id(1), "A partner", &["orders:submit"]).await;
    app.database.replicated().await;
    app.sign_in_with(key);
    assert_eq!(app.board("status=SUBMITTED").await.status, 403);
    app.sign_in_with(new_api_key().0);
    assert_eq!(app.board("status=SUBMITTED").await.status, 401);
    app.sign_in_with("no token");
    assert_eq!(app.board("status=SUBMITTED").await.status, 401);
    app.sign_in_with(jwt("admin", Uuid::from_u128(1), "Ada"));
    assert_eq!(app.board("status=SUBMITTED").await.status, 200);
}

#[tokio::test]
async fn an_order_that_comes_back_to_a_status_is_listed_by_its_new_stay() {
    let mut app = TestApp::start().await;
    for number in 1..=2 {
        app.read_model.submit(number).await;
        app.read_model.approve(number).await;
    }
    app.read_model.take(1, Actors::operator(1)).await;
    app.read_model.give_back(1).await;
    app.caught_up().await;
    assert_eq!(app.board("status=MANUFACTURING_APPROVED").await.orders(), ids(&[1, 2]));
    let floor = Position { epoch: 1, position: 1 };
    assert!(app.board("status=MANUFACTURING_APPROVED").await.position().covers(&floor));
}
