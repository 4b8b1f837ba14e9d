//! A message that ends whichever process takes it: it is parked after a few deaths, and holds up nobody else.

use std::sync::atomic::{AtomicUsize, Ordering};

use shared::contracts::inbound::{Inbound, OrderSubmitted};
use shared::ids::ModelId;
use shared::order::samples;
use shared::order::spec::WorkSpec;
use testkit::eventually;
use tokio::sync::Mutex;

use crate::stack::{PATIENCE, Stack, publish};

const INNOCENT: usize = 50;
/// One with the whole batch, two alone, two of the retries; and a few for what is killed on the way.
const MOST_DEATHS: usize = 8;

fn submitted(number: &str, model: &str) -> Inbound {
    let spec = WorkSpec { model_id: model.parse::<ModelId>().unwrap(), ..samples::spec() };
    let number = number.to_owned().try_into().unwrap();
    Inbound::ShopOrderSubmitted(OrderSubmitted::new(number, spec))
}

#[tokio::test]
async fn a_message_that_ends_the_process_is_parked_and_the_others_pass() {
    let stack = Stack::start().await;
    let (model, pool, channel) = (stack.upload_cube().await, stack.pool(), stack.channel().await);
    // The message is in hand for as long as this sleeps: time enough to kill whoever has it.
    sqlx::raw_sql(
        "CREATE FUNCTION write.trap() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN IF NEW.external_id = 'S-13' THEN PERFORM pg_sleep(600); END IF; RETURN NEW; END $$;
         CREATE TRIGGER trap BEFORE INSERT ON write.order_references
             FOR EACH ROW EXECUTE FUNCTION write.trap()",
    )
    .execute(&pool)
    .await
    .unwrap();
    let key = submitted("S-13", &model).routing_key();
    publish(&channel, submitted("S-13", &model), "m-13", key).await;
    for number in 100..100 + INNOCENT {
        let id = format!("m-{number}");
        publish(&channel, submitted(&format!("S-{number}"), &model), &id, key).await;
    }
    let (stack, deaths) = (Mutex::new(stack), AtomicUsize::new(0));
    let parked = || async {
        let in_hand: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE wait_event = 'PgSleep' AND datname = current_database()",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        if in_hand > 0 {
            stack.lock().await.kill_and_restart("intake");
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                       WHERE wait_event = 'PgSleep' AND datname = current_database()";
            sqlx::query(end).execute(&pool).await.unwrap();
            deaths.fetch_add(1, Ordering::Relaxed);
        }
        let parked: Option<String> = sqlx::query_scalar(
            "SELECT reason_code FROM write.waiting_messages WHERE state = 'parked'",
        )
        .fetch_optional(&pool)
        .await
        .unwrap();
        parked.is_some_and(|reason| reason == "ends-the-process")
    };
    eventually("the message is parked", parked, PATIENCE).await;
    let deaths = deaths.into_inner();
    assert!((3..=MOST_DEATHS).contains(&deaths), "{deaths} processes died of it");
    let passed = || async {
        let orders: i64 =
            sqlx::query_scalar("SELECT count(*) FROM write.orders").fetch_one(&pool).await.unwrap();
        orders == i64::try_from(INNOCENT).unwrap()
    };
    eventually("the others have passed", passed, PATIENCE).await;
    let kept: Vec<(String, String)> = sqlx::query_as(
        "SELECT state, order_key FROM write.waiting_messages WHERE state IN ('waiting', 'parked')",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(kept, [("parked".to_owned(), "shop:S-13".to_owned())]);
}
