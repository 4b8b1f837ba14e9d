//! The rule for confirms, on a real broker.

use consumer::delivery::{Fate, Outgoing};
use consumer::topology;
use testkit::TestVhost;

use crate::world::broker;

fn message(batch: usize, number: usize) -> Outgoing {
    // Nobody is bound to the key of every third one.
    let routing_key = if number.is_multiple_of(3) { "nobody" } else { "shop" };
    Outgoing {
        exchange: topology::DELIVERIES,
        routing_key: routing_key.to_owned(),
        message_id: format!("{batch}-{number}"),
        kind: "test".to_owned(),
        headers: Vec::new(),
        body: vec![b'x'; 200],
        mandatory: true,
    }
}

/// lapin pairs a returned message with whichever confirm comes next. Decided by the batch as a whole, no message
/// is ever taken for sent that nobody got, nor the other way round.
#[tokio::test]
async fn an_unroutable_message_is_never_taken_for_sent_nor_its_neighbour_for_lost() {
    let vhost = TestVhost::create().await;
    let broker = broker(&vhost);
    broker.declare_topology().await.unwrap();
    let publishers = (0..4).map(|publisher| {
        let broker = broker.clone();
        async move {
            let mut channel = broker.publisher("test").await.unwrap();
            let mut wrong = Vec::new();
            for round in 0..10 {
                let messages: Vec<Outgoing> =
                    (0..300).map(|number| message(publisher * 100 + round, number)).collect();
                let fates = channel.publish_batch(&messages).await.unwrap();
                wrong.extend(messages.into_iter().zip(fates).filter(|(message, fate)| {
                    (message.routing_key == "nobody") != (*fate == Fate::Unroutable)
                }));
            }
            wrong
        }
    });
    let wrong: Vec<_> = futures_util::future::join_all(publishers).await.concat();
    assert!(wrong.is_empty(), "{} of 12000 misjudged, such as {:?}", wrong.len(), wrong[0]);
}

/// Who is said to be ready before its queues are there lets producers publish into the void.
#[tokio::test]
async fn a_process_knows_whether_its_queues_are_declared() {
    let vhost = TestVhost::create().await;
    let broker = broker(&vhost);
    let part = broker.named("relay");
    broker.ping().await.unwrap();
    assert!(!broker.has_declared());
    part.declare_topology().await.unwrap();
    assert!(broker.has_declared() && part.has_declared());
}
