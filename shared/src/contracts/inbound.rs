//! What we understand: one line per message type.
//!
//! Shop messages name the order by the shop's number, CRM and carrier messages by our order id. The name stands in
//! `subject` and again in the data, and both must agree. A producer publishes under routing keys that begin
//! with its own name, which the broker's permissions can enforce.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::envelope::{Envelope, Flaw, Malformed};
use super::text::{
    FixingSource, ForeignReference, PersonName, ReasonText, ShopOrderId, ShopQuoteId,
};
use crate::ids::{ModelId, OrderId, QuoteId, SellerId};
use crate::metals::{GramPrice, Metal, Observation};
use crate::money::Currency;
use crate::order::spec::{Quantity, RateCardKey, StoneSettings, Unit, WorkSpec};

/// A system that sends us messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Producer {
    /// The internet shop.
    Shop,
    /// The sellers' system.
    Crm,
    /// Whoever delivers parcels.
    Carrier,
    /// The feed of metal prices.
    Metals,
}

impl Producer {
    /// The first word of its routing keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Crm => "crm",
            Self::Carrier => "carrier",
            Self::Metals => "metals",
        }
    }
}

/// How a message names the order, the quote or the metal that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OrderName {
    /// By the shop's number.
    Shop(ShopOrderId),
    /// A quote, by the shop's number.
    ShopQuote(ShopQuoteId),
    /// By our id.
    Ours(OrderId),
    /// No order: a metal, by its name.
    Metal(Metal),
}

impl OrderName {
    /// As it stands in `subject`.
    pub fn subject(&self) -> String {
        match self {
            Self::Shop(number) => number.as_str().to_owned(),
            Self::ShopQuote(number) => number.as_str().to_owned(),
            Self::Ours(order_id) => order_id.to_string(),
            Self::Metal(metal) => metal.as_str().to_owned(),
        }
    }

    /// Distinct for distinct names, whichever kind they are of: messages of one key keep their order.
    pub fn key(&self) -> String {
        match self {
            Self::Shop(number) => format!("shop:{}", number.as_str()),
            Self::ShopQuote(number) => format!("quote:{}", number.as_str()),
            Self::Ours(order_id) => order_id.to_string(),
            Self::Metal(metal) => format!("metal:{}", metal.as_str()),
        }
    }
}

/// Data that names an order.
trait NamesAnOrder {
    fn order(&self) -> OrderName;
}

/// What is written down of a message type, for documents.
#[derive(Debug, Clone)]
pub struct InboundType {
    /// The CloudEvents type.
    pub kind: &'static str,
    /// The routing key on `mes.commands`.
    pub routing_key: &'static str,
    /// Who sends it.
    pub producer: Producer,
    /// The variant of [`Inbound`].
    pub name: &'static str,
    /// What it means.
    pub summary: &'static str,
    /// The JSON Schema of its data.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

macro_rules! inbound_messages {
    ($($name:ident($data:ident), $producer:ident, $kind:literal, $routing_key:literal, $summary:literal;)+) => {
        /// A message that we understand.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Inbound {
            $(#[doc = $summary] $name($data),)+
        }

        /// All message types that we understand.
        pub const INBOUND: &[InboundType] = &[$(InboundType {
            kind: $kind,
            routing_key: $routing_key,
            producer: Producer::$producer,
            name: stringify!($name),
            summary: $summary,
            schema: |generator| generator.subschema_for::<$data>(),
        },)+];

        impl Inbound {
            /// The data of a message whose envelope was read.
            ///
            /// # Errors
            /// [`Malformed`] when the type is unknown, the data is not the type's, or `subject` names another order.
            pub fn from_envelope(envelope: &Envelope) -> Result<Self, Malformed> {
                let message = match envelope.kind.as_str() {
                    $($kind => Self::$name(envelope.data_as()?),)+
                    _ => return Err(unknown_type()),
                };
                message.agrees_with(envelope)?;
                Ok(message)
            }

            /// The CloudEvents type.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)+ }
            }

            /// The routing key on `mes.commands`.
            pub const fn routing_key(&self) -> &'static str {
                match self { $(Self::$name(_) => $routing_key,)+ }
            }

            /// Who sends it.
            pub const fn producer(&self) -> Producer {
                match self { $(Self::$name(_) => Producer::$producer,)+ }
            }

            /// The order or the quote that it is about, as its producer names it.
            pub fn order(&self) -> OrderName {
                match self { $(Self::$name(data) => data.order(),)+ }
            }

            /// The `data` of its envelope.
            pub fn to_data(&self) -> Value {
                let written = match self { $(Self::$name(data) => serde_json::to_value(data),)+ };
                written.expect("text, ids and whole numbers can be written as JSON")
            }
        }
    };
}

inbound_messages! {
    ShopOrderInitiated(OrderInitiated), Shop, "ru.mes.shop.order.initiated.v1", "shop.order.initiated",
        "A new order, or goods in an empty cart: makes a draft.";
    ShopFileUploaded(FileUploaded), Shop, "ru.mes.shop.order.file-uploaded.v1", "shop.order.file-uploaded",
        "The customer uploaded or assembled a model; may come first and may come again until submission.";
    ShopOrderSubmitted(OrderSubmitted), Shop, "ru.mes.shop.order.submitted.v1", "shop.order.submitted",
        "\"Make order\" pressed: the order enters pricing. Creates the order when no draft came before.";
    ShopOrderCancelled(CancelledByShop), Shop, "ru.mes.shop.order.cancelled.v1", "shop.order.cancelled",
        "The customer called the order off, before it was shipped.";
    ShopQuoteRequested(QuoteRequested), Shop, "ru.mes.shop.quote.requested.v1", "shop.quote.requested",
        "A customer asks what something would cost, straight from the site: the rough price comes at once, the exact one follows.";
    CrmOrderApproved(OrderApproved), Crm, "ru.mes.crm.order.approved.v1", "crm.order.approved",
        "A seller, or an auto-accept rule, confirms manufacturing.";
    CrmOrderCancelled(CancelledByCrm), Crm, "ru.mes.crm.order.cancelled.v1", "crm.order.cancelled",
        "A seller called the order off, before it was shipped.";
    CrmOrderClosed(OrderClosed), Crm, "ru.mes.crm.order.closed.v1", "crm.order.closed",
        "The order came to its end; by a person's hand it says why.";
    CrmOrderAcknowledged(OrderAcknowledged), Crm, "ru.mes.crm.order.acknowledged.v1", "crm.order.acknowledged",
        "The CRM has taken a partner's order into its books.";
    ParcelDelivered(Delivered), Carrier, "ru.mes.carrier.parcel.delivered.v1", "carrier.parcel.delivered",
        "The parcel arrived: the order is closed.";
    MetalFixingPublished(FixingPublished), Metals, "ru.mes.metals.fixing.published.v1", "metals.fixing.published",
        "What a gram of a pure metal costs. Far from the price that holds, it waits for a person.";
}

impl Inbound {
    /// Reads a message from its body.
    ///
    /// # Errors
    /// [`Malformed`] with the place of the first mistake.
    pub fn parse(body: &[u8]) -> Result<(Envelope, Self), Malformed> {
        let envelope = Envelope::parse(body)?;
        let message = Self::from_envelope(&envelope)?;
        Ok((envelope, message))
    }

    /// The message in an envelope, as its producer sends it.
    pub fn into_envelope(self, id: String, source: &str) -> Envelope {
        Envelope::new(id, source, self.kind(), self.order().subject(), self.to_data())
    }

    fn agrees_with(&self, envelope: &Envelope) -> Result<(), Malformed> {
        if envelope.subject.eq_ignore_ascii_case(&self.order().subject()) {
            return Ok(());
        }
        let message = "names another order than the data does";
        Err(Malformed::at(Flaw::Contradiction, "/subject", message))
    }
}

fn unknown_type() -> Malformed {
    Malformed::at(
        Flaw::UnknownType,
        "/type",
        "is not a type of this contract (docs/api/producers.md)",
    )
}

/// Data of `ru.mes.shop.order.initiated.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderInitiated {
    /// The shop's number of the order.
    pub shop_order_id: ShopOrderId,
}

/// Data of `ru.mes.shop.order.file-uploaded.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileUploaded {
    /// The shop's number of the order.
    pub shop_order_id: ShopOrderId,
    /// The model, uploaded before by `POST /v1/models`.
    pub model_id: ModelId,
}

/// Data of `ru.mes.shop.order.submitted.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderSubmitted {
    /// The shop's number of the order.
    pub shop_order_id: ShopOrderId,
    /// The model, uploaded before by `POST /v1/models`.
    pub model_id: ModelId,
    /// The unit of the model's numbers.
    pub unit: Unit,
    /// A material of the rate card.
    pub material: RateCardKey,
    /// A finish of the rate card.
    pub finish: RateCardKey,
    /// Pieces.
    pub quantity: Quantity,
    /// Sooner than usual, for the rate card's surcharge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rush: bool,
    /// Stones that are set into each piece.
    #[serde(default, skip_serializing_if = "StoneSettings::is_empty")]
    pub settings: StoneSettings,
    /// A quote of the very same that still holds: the order is made at its price, without another calculation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_id: Option<QuoteId>,
}

impl OrderSubmitted {
    /// The message that asks for this.
    pub fn new(shop_order_id: ShopOrderId, spec: WorkSpec) -> Self {
        let WorkSpec { model_id, unit, material, finish, quantity, rush, settings } = spec;
        let quote_id = None;
        Self { shop_order_id, model_id, unit, material, finish, quantity, rush, settings, quote_id }
    }

    /// What is to be made.
    pub fn spec(self) -> WorkSpec {
        let Self { model_id, unit, material, finish, quantity, rush, settings, .. } = self;
        WorkSpec { model_id, unit, material, finish, quantity, rush, settings }
    }
}

/// Data of `ru.mes.shop.quote.requested.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequested {
    /// The shop's number of the quote, never used before for another question.
    pub shop_quote_id: ShopQuoteId,
    /// The model, uploaded before by `POST /v1/models`.
    pub model_id: ModelId,
    /// The unit of the model's numbers.
    pub unit: Unit,
    /// A material of the rate card.
    pub material: RateCardKey,
    /// A finish of the rate card.
    pub finish: RateCardKey,
    /// Pieces.
    pub quantity: Quantity,
    /// Sooner than usual, for the rate card's surcharge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rush: bool,
    /// Stones that are set into each piece.
    #[serde(default, skip_serializing_if = "StoneSettings::is_empty")]
    pub settings: StoneSettings,
}

impl QuoteRequested {
    /// The message that asks for the price of this.
    pub fn new(shop_quote_id: ShopQuoteId, spec: WorkSpec) -> Self {
        let WorkSpec { model_id, unit, material, finish, quantity, rush, settings } = spec;
        Self { shop_quote_id, model_id, unit, material, finish, quantity, rush, settings }
    }

    /// What would be made.
    pub fn spec(self) -> WorkSpec {
        let Self { model_id, unit, material, finish, quantity, rush, settings, .. } = self;
        WorkSpec { model_id, unit, material, finish, quantity, rush, settings }
    }
}

/// Data of `ru.mes.shop.order.cancelled.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelledByShop {
    /// The shop's number of the order.
    pub shop_order_id: ShopOrderId,
    /// Why.
    pub reason: ReasonText,
}

/// A seller as colleagues know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seller {
    /// Their id in the CRM.
    pub seller_id: SellerId,
    /// Their name, shown on the order's timeline.
    pub name: PersonName,
}

/// Data of `ru.mes.crm.order.approved.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderApproved {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Who confirmed; absent for a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
}

/// Data of `ru.mes.crm.order.cancelled.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelledByCrm {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Why.
    pub reason: ReasonText,
    /// Who called it off; absent for a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
}

/// Data of `ru.mes.crm.order.closed.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderClosed {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Why; required when a seller closes by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonText>,
    /// Who closed it; absent when the CRM passes the carrier's word on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
}

/// Data of `ru.mes.crm.order.acknowledged.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderAcknowledged {
    /// Our id of the order.
    pub order_id: OrderId,
    /// What the CRM calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crm_reference: Option<ForeignReference>,
}

/// Data of `ru.mes.carrier.parcel.delivered.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// Our id of the order.
    pub order_id: OrderId,
    /// The carrier's number of the parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<ForeignReference>,
}

/// Data of `ru.mes.metals.fixing.published.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixingPublished {
    /// Which metal; the same as `subject`.
    pub metal: Metal,
    /// Minor units (kopecks, cents) a gram of the pure metal, as text.
    pub price_per_gram_minor: GramPrice,
    /// The currency of the rate cards.
    pub currency: Currency,
    /// Who says so: the exchange or the supplier.
    pub source: FixingSource,
    /// Since when it has been so.
    pub observed_at: DateTime<Utc>,
}

impl FixingPublished {
    /// What is said.
    pub fn observation(self) -> Observation {
        let Self { metal, price_per_gram_minor: price, currency, source, observed_at } = self;
        Observation { metal, price, currency, source, observed_at }
    }
}

impl NamesAnOrder for FixingPublished {
    fn order(&self) -> OrderName {
        OrderName::Metal(self.metal)
    }
}

macro_rules! named_by {
    ($variant:ident, $field:ident: $($data:ident),+) => {$(
        impl NamesAnOrder for $data {
            fn order(&self) -> OrderName {
                OrderName::$variant(self.$field.clone())
            }
        }
    )+};
}

named_by!(Shop, shop_order_id: OrderInitiated, FileUploaded, OrderSubmitted, CancelledByShop);

named_by!(ShopQuote, shop_quote_id: QuoteRequested);

macro_rules! named_by_us {
    ($($data:ident),+) => {$(
        impl NamesAnOrder for $data {
            fn order(&self) -> OrderName {
                OrderName::Ours(self.order_id)
            }
        }
    )+};
}

named_by_us!(OrderApproved, CancelledByCrm, OrderClosed, OrderAcknowledged, Delivered);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::envelope::Glimpse;
    use crate::contracts::{asyncapi, samples};
    use proptest::prelude::*;
    use serde_json::json;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (0..20_000_u32).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,70}".prop_map(Value::from),
            "[a-f0-9]{64}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-z_]{1,8}", inner, 0..3)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_gets_an_answer(bytes in any::<Vec<u8>>()) {
            prop_assert!(Inbound::parse(&bytes).is_err());
            Glimpse::of(&bytes);
        }

        #[test]
        fn what_is_understood_follows_the_published_schema(
            message in prop::sample::select(samples::inbound()),
            field in 0..8_usize,
            value in any_json(),
        ) {
            let mut envelope = message.into_envelope("m-1".to_owned(), "/test");
            let data = envelope.data.as_object_mut().unwrap();
            let name = data.keys().nth(field % data.len()).unwrap().clone();
            data.insert(name.clone(), value.clone());
            if let (true, Some(text)) = (name.ends_with("order_id") || name.ends_with("quote_id"), value.as_str()) {
                envelope.subject = text.to_owned();
            }
            if Inbound::parse(&envelope.to_json()).is_ok() {
                let schema = &asyncapi::schemas()[&envelope.kind];
                let validator = jsonschema::draft202012::new(schema).unwrap();
                let body: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
                prop_assert!(validator.is_valid(&body), "{body}");
            }
        }
    }

    fn mistake(message: &Inbound, change: impl FnOnce(&mut Envelope)) -> (Flaw, String) {
        let mut envelope = message.clone().into_envelope("m-1".to_owned(), "/test");
        change(&mut envelope);
        let malformed = Inbound::parse(&envelope.to_json()).unwrap_err();
        (malformed.flaw, malformed.pointer)
    }

    #[test]
    fn every_message_reads_back_what_it_writes() {
        let messages = samples::inbound();
        assert_eq!(messages.len(), INBOUND.len(), "one sample for each type");
        for message in messages {
            let envelope = message.clone().into_envelope("m-1".to_owned(), "/test");
            assert_eq!(Inbound::parse(&envelope.to_json()), Ok((envelope, message)));
        }
    }

    #[test]
    fn routing_keys_are_the_types_without_prefix_and_version() {
        for known in INBOUND {
            assert_eq!(known.kind, format!("ru.mes.{}.v1", known.routing_key));
            assert!(known.routing_key.starts_with(known.producer.as_str()));
        }
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let submitted = samples::submitted();
        let cases: [(&str, Value, &str); 6] = [
            ("quantity", json!(0), "/data/quantity"),
            ("quantity", json!("many"), "/data/quantity"),
            ("unit", json!("furlong"), "/data/unit"),
            ("model_id", json!("not a hash"), "/data/model_id"),
            ("shop_order_id", json!(17), "/data/shop_order_id"),
            ("color", json!("red"), "/data/color"),
        ];
        for (field, value, pointer) in cases {
            let found = mistake(&submitted, |envelope| envelope.data[field] = value.clone());
            assert_eq!(found, (Flaw::BadData, pointer.to_owned()), "{field} = {value}");
        }
        let found = mistake(&submitted, |envelope| {
            envelope.data.as_object_mut().unwrap().remove("material");
        });
        assert_eq!(found, (Flaw::BadData, "/data/material".to_owned()));
        let found = mistake(&samples::approved(), |envelope| {
            envelope.data["seller"].as_object_mut().unwrap().remove("name");
        });
        assert_eq!(found, (Flaw::BadData, "/data/seller/name".to_owned()));
    }

    #[test]
    fn an_unknown_type_and_a_contradiction_are_told_apart() {
        let message = samples::submitted();
        let unknown =
            mistake(&message, |envelope| envelope.kind = "ru.mes.shop.order.lost.v1".into());
        assert_eq!(unknown, (Flaw::UnknownType, "/type".to_owned()));
        let other = mistake(&message, |envelope| envelope.subject = "S-9".into());
        assert_eq!(other, (Flaw::Contradiction, "/subject".to_owned()));
    }
}
