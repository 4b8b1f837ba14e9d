//! `consumer reprice` and `consumer what-if` as somebody types them, about orders that the whole system priced: what
//! they print to the last minor unit, and with which code they end.

use std::process::Output;

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{eventually, jwt};
use uuid::Uuid;

use crate::stack::{PATIENCE, Stack};

const DEMO: &str = include_str!("../../../pricing/rate_cards/demo.json");
/// What the other card asks for more, once an order, before tax: a multiple of the card's step.
const DEARER_SETUP: i64 = 10_000;
/// The same with the card's 20 % of tax.
const DEARER_TOTAL: i64 = 12_000;
const NO_SUCH_ORDER: &str = "00000000-0000-0000-0000-000000004711";

/// The demonstration's card, changed.
fn card(change: impl FnOnce(&mut Value)) -> Value {
    let mut card = serde_json::from_str(DEMO).unwrap();
    change(&mut card);
    card
}

fn dearer_setup(card: &mut Value) {
    let setup = card["setup_per_order"].as_i64().unwrap();
    card["setup_per_order"] = json!(setup + DEARER_SETUP);
}

struct Ordered {
    order_id: String,
    total_minor: i64,
}

impl Stack {
    /// An order that was submitted over REST and priced by a worker.
    async fn priced(&self, number: &str, model_id: &str, wish: Value) -> Ordered {
        let mut body = json!({
            "external_id": number, "model_id": model_id, "unit": "millimetre",
            "material": "silver-925", "finish": "polished", "quantity": 1,
        });
        body.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        let url = format!("{}/v1/orders", self.url("write-api"));
        let request = self.http.post(url).bearer_auth(&self.partner_key).json(&body);
        let answer =
            request.header("idempotency-key", format!("order-{number}")).send().await.unwrap();
        let accepted: Value = answer.json().await.unwrap();
        let order_id = accepted["order"]["order_id"].as_str();
        let order_id = order_id.unwrap_or_else(|| panic!("{accepted}"));
        let path = format!("/v1/orders/{order_id}");
        let total = || async {
            let card = self.read(&self.partner_key, &path).await?;
            card["order"]["price"]["total"]["minor"].as_i64()
        };
        eventually("the order is priced", || async { total().await.is_some() }, PATIENCE).await;
        Ordered { order_id: order_id.to_owned(), total_minor: total().await.unwrap() }
    }

    /// Publishes a card that is in force at once, and answers since when.
    async fn publish(&self, card: &Value) -> String {
        let admin = jwt("admin", Uuid::from_u128(0xAD), "Olga");
        let url = format!("{}/v1/rate-cards", self.url("write-api"));
        let body = json!({ "rate_card": card });
        let answer = self.http.post(url).bearer_auth(&admin).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let published: Value = answer.json().await.unwrap();
        published["valid_from"].as_str().unwrap().to_owned()
    }

    /// A file that lies with the stack's own, and is gone with them.
    fn file(&self, name: &str, text: &str) -> String {
        let path = std::env::temp_dir().join(self.database.name()).join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    async fn events(&self) -> i64 {
        let count = "SELECT count(*) FROM write.order_events";
        sqlx::query_scalar(count).fetch_one(&self.pool()).await.unwrap()
    }

    /// Asks in ways that cannot be answered: each complaint must hold the words.
    async fn refuses(&self, role: &str, questions: &[(&[&str], &[&str])]) {
        for (arguments, words) in questions {
            let output = self.asked(role, arguments).await;
            assert_eq!(printed(&output, 1), "", "nothing that could be taken for an answer");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
        }
    }
}

/// What was printed, of an answer that ended with this code.
fn printed(output: &Output, code: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Minor units as the reports show them.
fn sum(minor: i64) -> String {
    let digits = minor.to_string().into_bytes();
    let groups = digits.rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap());
    groups.collect::<Vec<_>>().join(" ")
}

/// The line of a report that begins with these words, with single blanks.
fn line(report: &str, begins: &str) -> String {
    let mut lines =
        report.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.find(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("{begins}: {report}"))
}

#[tokio::test]
async fn a_price_is_made_again_and_differs_only_by_another_book() {
    let stack = Stack::start().await;
    let model = stack.upload_cube().await;
    let stones = json!([{ "kind": "pave", "count": 12 }]);
    let wish = json!({ "material": "gold-585", "rush": true, "settings": stones });
    let gold = stack.priced("P-gold", &model, wish).await;
    let silver = stack.priced("P-silver", &model, json!({})).await;
    let dearer_since = stack.publish(&card(dearer_setup)).await;

    let by_its_book = ["--order", &gold.order_id];
    let again = stack.asked("reprice", &by_its_book).await;
    let report = printed(&again, 0);
    let same = format!("The same price, line by line: {} minor units", sum(gold.total_minor));
    assert!(report.contains(&same), "{report}");
    assert!(!report.lines().any(|line| line.starts_with('!')), "{report}");
    let stones = line(&report, "stone_setting pave");
    assert_eq!(stones, "stone_setting pave 12 stone × 18000 216 000 216 000 0");
    assert_eq!(again.stdout, stack.asked("reprice", &by_its_book).await.stdout);

    let by_the_new = ["--order", &silver.order_id, "--as-of", &dearer_since];
    let report = printed(&stack.asked("reprice", &by_the_new).await, 2);
    assert_eq!(line(&report, "! rate card"), "! rate card 1 2");
    let setup = "! setup 1 order × 90000 90 000 1 order × 100000 100 000 +10 000";
    assert_eq!(line(&report, "! setup"), setup);
    let [before, after] = [0, DEARER_TOTAL].map(|more| sum(silver.total_minor + more));
    let total = line(&report, "! total");
    assert_eq!(total, format!("! total RUB {before} RUB {after} +12 000"));
    assert!(line(&report, "Another price:").contains("the total by +12 000 ("), "{report}");

    let of = ["--order", &gold.order_id];
    stack
        .refuses(
            "reprice",
            &[
                (&[], &["--order is missing"]),
                (&["--order", "the-last-one"], &["'the-last-one' for '--order <ORDER_ID>'"]),
                (&["--order", NO_SUCH_ORDER], &["--order 0", "there is no such order"]),
                (&[of[0], of[1], "--as-of", "yesterday"], &["'--as-of <TIME>'"]),
                (
                    &[of[0], of[1], "--as-of", "2020-01-01T00:00:00Z"],
                    &["--as-of 2020-01-01T00:00:00Z: no rate card was in force"],
                ),
                (&[of[0], of[1], "--limit", "5"], &["--limit is for `consumer what-if`"]),
            ],
        )
        .await;
}

#[tokio::test]
async fn a_new_card_is_tried_on_past_orders_and_changes_nothing() {
    let stack = Stack::start().await;
    let model = stack.upload_cube().await;
    let mut before = 0;
    for number in 1..=3 {
        let wish = json!({ "quantity": number });
        before += stack.priced(&format!("P-{number}"), &model, wish).await.total_minor;
    }
    let rushed = stack.priced("P-rush", &model, json!({ "rush": true })).await;
    let events = stack.events().await;

    let same = stack.file("same.json", DEMO);
    let report = printed(&stack.asked("what-if", &["--rate-card", &same]).await, 0);
    let all = sum(before + rushed.total_minor);
    assert_eq!(line(&report, "together"), format!("together 4 {all} {all} 0 +0.00 %"));
    assert!(!report.contains("The largest changes"), "{report}");

    let dearer = card(|card| {
        dearer_setup(card);
        card.as_object_mut().unwrap().remove("rush");
    });
    let dearer = stack.file("dearer.json", &dearer.to_string());
    let listing_two = ["--rate-card", &dearer, "--list", "2"];
    let answer = stack.asked("what-if", &listing_two).await;
    let report = printed(&answer, 0);
    let sums = format!("3 {} {} +36 000", sum(before), sum(before + 3 * DEARER_TOTAL));
    for group in ["dearer", "together"] {
        let shown = line(&report, group);
        assert!(shown.starts_with(&format!("{group} {sums} +")), "{report}");
    }
    assert_eq!(line(&report, "cheaper"), "cheaper 0 0 0 0 -");
    assert_eq!(line(&report, "1 no_rush"), format!("1 no_rush such as {}", rushed.order_id));
    let listed = "The largest changes, 2 of 3; there are MORE, see --list:";
    assert!(report.contains(listed), "{report}");
    assert_eq!(report.matches("+12 000").count(), 2, "{report}");
    assert_eq!(answer.stdout, stack.asked("what-if", &listing_two).await.stdout);

    let first = ["--rate-card", &dearer, "--limit", "1", "--to", "2100-01-01T00:00:00Z"];
    let report = printed(&stack.asked("what-if", &first).await, 0);
    let which = "The first 1 priced orders made before 2100-01-01T00:00:00Z; there are MORE";
    assert!(report.starts_with(which), "{report}");
    assert!(line(&report, "together 1 ").ends_with('%'), "{report}");
    let none = ["--rate-card", &dearer, "--from", "2100-01-01T00:00:00Z"];
    let report = printed(&stack.asked("what-if", &none).await, 0);
    assert_eq!(line(&report, "together"), "together 0 0 0 0 -");
    assert_eq!(stack.events().await, events, "it only reads");
    bad_cards_and_limits(&stack, &same).await;
}

async fn bad_cards_and_limits(stack: &Stack, good: &str) {
    let vat = card(|card| card["vat_rate"] = json!("20"));
    let vat = stack.file("vat.json", &vat.to_string());
    let colour = card(|card| card["materials"][2]["colour"] = json!("white"));
    let colour = stack.file("colour.json", &colour.to_string());
    let cut = stack.file("cut.json", &DEMO[..200]);
    let of = ["--rate-card", good];
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    stack
        .refuses(
            "what-if",
            &[
                (&[], &["--rate-card is missing"]),
                (&["--rate-card", "/nowhere"], &["--rate-card /nowhere", "No such file"]),
                (&["--rate-card", &vat], &["--rate-card ", "vat_rate: must be a fraction"]),
                (&["--rate-card", &colour], &["materials[2]", "unknown field `colour`"]),
                (&["--rate-card", &cut], &["--rate-card ", "line "]),
                (&[of[0], of[1], "--limit", "0"], &["--limit 0: must be from 1 to 100000"]),
                (&[of[0], of[1], "--list", "1001"], &["--list 1001: must be from 0 to 1000"]),
                (&[of[0], of[1], "--limit", "many"], &["'many' for '--limit <ORDERS>'"]),
                (&[of[0], of[1], "--from", late, "--to", early], &["--from must be before --to"]),
                (&[of[0], of[1], "--as-of", late], &["--as-of is for `consumer reprice`"]),
            ],
        )
        .await;
}
