//! Consuming in batches, with one acknowledgement for a whole batch.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};
use tokio::time::Instant;

use super::{CALL_DEADLINE, DeliveryError, close, in_time};

/// A consumer that has seen nothing for this long asks whether there is something.
const SUSPICIOUS_SILENCE: Duration = Duration::from_secs(30);

/// A consumer of one queue with a connection of its own.
pub struct Inbox {
    connection: Connection,
    channel: Channel,
    consumer: Consumer,
    queue: &'static str,
    waits_its_turn: bool,
}

impl Inbox {
    pub(super) async fn open(
        connection: Connection,
        channel: Channel,
        queue: &'static str,
        prefetch: u16,
    ) -> Result<Self, DeliveryError> {
        // Without a prefetch lapin's buffer has no limit.
        let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
        in_time(CALL_DEADLINE, "limit deliveries", qos).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consume = channel.basic_consume(queue.into(), "".into(), options, arguments);
        let consumer = in_time(CALL_DEADLINE, "consume", consume).await?;
        Ok(Self { connection, channel, consumer, queue, waits_its_turn: true })
    }

    /// Waits for messages: until there are `most`, or until `window` has passed since the first one.
    /// Cancelling loses nothing: what is in hand comes again after the connection ends.
    pub async fn collect(
        &mut self,
        most: usize,
        window: Duration,
    ) -> Result<Vec<Delivery>, DeliveryError> {
        let first = self.first().await?;
        self.with_others(first, most, Instant::now() + window).await
    }

    /// Waits for messages: until there are `most`, or until `end`, or, when that has passed, for the first and what is
    /// there already. Cancelling loses nothing, as for [`Self::collect`].
    pub async fn collect_until(
        &mut self,
        most: usize,
        end: Instant,
    ) -> Result<Vec<Delivery>, DeliveryError> {
        let first = self.first().await?;
        self.with_others(first, most, end).await
    }

    async fn with_others(
        &mut self,
        first: Delivery,
        most: usize,
        end: Instant,
    ) -> Result<Vec<Delivery>, DeliveryError> {
        let mut deliveries = vec![first];
        while deliveries.len() < most {
            match tokio::time::timeout_at(end, self.consumer.next()).await {
                Ok(next) => deliveries.push(self.delivered(next)?),
                Err(_) => break,
            }
        }
        Ok(deliveries)
    }

    /// Acknowledges a delivery and all before it.
    pub async fn acknowledge_up_to(&self, last: &Delivery) -> Result<(), DeliveryError> {
        let ack = last.ack(BasicAckOptions { multiple: true });
        if !in_time(CALL_DEADLINE, "acknowledge", ack).await? {
            // The channel is gone and nothing was sent: the messages come again, and are known by their ids.
            tracing::warn!(queue.name = self.queue, "an acknowledgement was not sent");
        }
        Ok(())
    }

    /// Closes the connection in good order.
    pub async fn close(self) {
        close(&self.connection).await;
    }

    async fn first(&mut self) -> Result<Delivery, DeliveryError> {
        loop {
            match tokio::time::timeout(SUSPICIOUS_SILENCE, self.consumer.next()).await {
                Ok(next) => return self.delivered(next),
                Err(_) => self.ask_for_the_silence().await?,
            }
        }
    }

    /// Silence is right when the queue is empty, and for whoever stands by while another one consumes.
    async fn ask_for_the_silence(&mut self) -> Result<(), DeliveryError> {
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let ask = self.channel.queue_declare(self.queue.into(), options, FieldTable::default());
        let queue = in_time(CALL_DEADLINE, "describe a queue", ask).await?;
        if queue.message_count() > 0 && !self.waits_its_turn {
            return Err(DeliveryError::Stalled(self.queue));
        }
        Ok(())
    }

    /// `None` is the broker's cancellation, never a normal end.
    fn delivered(
        &mut self,
        next: Option<lapin::Result<Delivery>>,
    ) -> Result<Delivery, DeliveryError> {
        self.waits_its_turn = false;
        next.ok_or(DeliveryError::Cancelled(self.queue))?.map_err(DeliveryError::from)
    }
}
