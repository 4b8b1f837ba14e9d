//! What a message does: one arm per type.

use shared::actor::Actor;
use shared::contracts::inbound::{Inbound, Producer, Seller};
use shared::contracts::outbound::Recipient;
use shared::contracts::text::{ReasonText, ShopOrderId};
use shared::order::Origin;
use shared::platform::telemetry::{continue_trace, current_traceparent};
use shared::quote::Requester;
use shared::quote::decisions::Request;
use tracing::Instrument;
use write_api::commands::text::Reason;
use write_api::commands::{
    ApproveOrder, AttachFile, CancelOrder, CloseOrder, InitiateOrder, OrderQuote, RecordFixing,
    RequestQuote, SubmitOrder,
};
use write_api::store::{
    Acknowledgement, Batch, Cause, Command, CommandContext, CommandError, Handled, Store, Work,
};

use super::incoming::Understood;

/// Where commands are carried out: in the open transaction of a batch, be it a batch of one.
pub(super) struct Executor<'e>(Batch<'e>);

impl<'e> Executor<'e> {
    /// In this transaction.
    pub const fn new(batch: Batch<'e>) -> Self {
        Self(batch)
    }

    /// Notes what the CRM says that it has, all of it together.
    pub async fn acknowledge(
        &mut self,
        told: &[Acknowledgement],
    ) -> Result<Vec<Result<(), CommandError>>, CommandError> {
        let span = tracing::info_span!("intake.acknowledge", messages = told.len());
        self.0.acknowledge(Recipient::Crm.as_str(), told).instrument(span).await
    }

    /// Does what the message asks for, as the next hop of the message's trace.
    pub async fn apply(&mut self, understood: &Understood) -> Result<(), CommandError> {
        let span = tracing::info_span!("intake.apply", message.kind = understood.message.kind());
        continue_trace(&span, understood.traceparent.as_deref());
        // A future of all commands is as large as the largest: kept out of those that wait for it.
        Box::pin(self.dispatch(understood)).instrument(span).await
    }

    async fn dispatch(&mut self, understood: &Understood) -> Result<(), CommandError> {
        let context = context(understood);
        match understood.message.clone() {
            Inbound::ShopOrderInitiated(data) => {
                let origin = shop(data.shop_order_id);
                self.execute(&context, &InitiateOrder { origin }).await
            }
            Inbound::ShopFileUploaded(data) => {
                let (origin, model_id) = (shop(data.shop_order_id), data.model_id);
                self.execute(&context, &AttachFile { origin, model_id }).await
            }
            Inbound::ShopOrderSubmitted(data) => {
                let (origin, quote_id) = (shop(data.shop_order_id.clone()), data.quote_id);
                let spec = data.spec();
                let Some(quote_id) = quote_id else {
                    return self.execute(&context, &SubmitOrder { origin, spec }).await;
                };
                self.execute(&context, &OrderQuote { origin, quote_id, asked: Some(spec) }).await
            }
            Inbound::ShopOrderCancelled(data) => {
                let (origin, reason) = (shop(data.shop_order_id), data.reason.into());
                self.execute(&context, &CancelShopOrder { origin, reason }).await
            }
            Inbound::ShopQuoteRequested(data) => {
                let reference = Some(String::from(data.shop_quote_id.clone()));
                let request = Request { requester: Requester::Shop, reference, spec: data.spec() };
                let command = RequestQuote::prepare(self.store(), request).await?;
                self.execute(&context, &command).await
            }
            Inbound::CrmOrderApproved(data) => {
                self.execute(&context, &ApproveOrder { order_id: data.order_id }).await
            }
            Inbound::CrmOrderCancelled(data) => {
                let (order_id, reason) = (data.order_id, as_reason(data.reason)?);
                self.execute(&context, &CancelOrder { order_id, reason }).await
            }
            Inbound::CrmOrderClosed(data) => {
                let reason = data.reason.map(as_reason).transpose()?;
                self.execute(&context, &CloseOrder { order_id: data.order_id, reason }).await
            }
            Inbound::CrmOrderAcknowledged(data) => {
                let told = Acknowledgement { cause: context.cause, order_id: data.order_id };
                self.acknowledge(&[told]).await?.into_iter().collect()
            }
            Inbound::ParcelDelivered(data) => {
                let close = CloseOrder { order_id: data.order_id, reason: None };
                self.execute(&context, &close).await
            }
            Inbound::MetalFixingPublished(data) => {
                let observation = data.observation();
                self.execute(&context, &RecordFixing { observation }).await
            }
        }
    }

    const fn store(&self) -> &Store {
        self.0.store()
    }

    async fn execute(
        &mut self,
        context: &CommandContext,
        command: &impl Command,
    ) -> Result<(), CommandError> {
        self.0.execute(context, command).await.map(drop)
    }

    /// Makes lasting what was done together.
    pub async fn commit(self) -> Result<(), CommandError> {
        self.0.commit().await
    }
}

/// The shop calls an order off by the shop's own number, perhaps one that came earlier in the same batch.
struct CancelShopOrder {
    origin: Origin,
    reason: String,
}

impl Command for CancelShopOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        // An order that is not there yet is unknown; the reservation of its name is rolled back with the error.
        let (order_id, order) = work.lock_or_reserve(&self.origin).await?;
        let order = order.ok_or(CommandError::UnknownOrder)?;
        let decision = order.cancel(&work.context().actor, self.reason.clone());
        work.record(order_id, Some(order), decision).await
    }
}

/// What the CRM says that it has, if the message says just that.
pub(super) fn acknowledgement(understood: &Understood) -> Option<Acknowledgement> {
    let Inbound::CrmOrderAcknowledged(data) = &understood.message else { return None };
    Some(Acknowledgement { cause: cause(understood), order_id: data.order_id })
}

/// The message's source and id make a repetition the same command.
fn cause(understood: &Understood) -> Cause {
    let (envelope, message) = (&understood.envelope, &understood.message);
    let data = message.to_data().to_string();
    Cause::new(
        format!("message:{}", envelope.source),
        envelope.id.as_str(),
        &[message.kind().as_bytes(), data.as_bytes()],
    )
}

fn context(understood: &Understood) -> CommandContext {
    CommandContext {
        actor: actor(&understood.message),
        cause: cause(understood),
        trace_context: current_traceparent().or_else(|| understood.traceparent.clone()),
        expected_version: None,
    }
}

fn actor(message: &Inbound) -> Actor {
    let seller = match message {
        Inbound::CrmOrderApproved(data) => data.seller.as_ref(),
        Inbound::CrmOrderCancelled(data) => data.seller.as_ref(),
        Inbound::CrmOrderClosed(data) => data.seller.as_ref(),
        _ => None,
    };
    match (message.producer(), seller) {
        (_, Some(Seller { seller_id, name })) => {
            Actor::Seller { seller_id: *seller_id, name: name.as_str().to_owned() }
        }
        (Producer::Shop, None) => Actor::Shop,
        (Producer::Crm, None) => Actor::Crm,
        (Producer::Carrier, None) => Actor::Carrier,
        (Producer::Metals, None) => Actor::system("metals-feed"),
    }
}

fn shop(number: ShopOrderId) -> Origin {
    Origin::Shop { external_id: number.into() }
}

/// The contract is as strict as the command, so that this does not fail.
fn as_reason(text: ReasonText) -> Result<Reason, CommandError> {
    Reason::try_from(String::from(text))
        .map_err(|error| CommandError::Inconsistent(error.to_string()))
}
