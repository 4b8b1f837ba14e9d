//! The rules: a command and an order in, events or a refusal out. Pure and synchronous; whatever a rule must
//! know is looked up before and handed in.
//!
//! To add a command: a variant in [`CommandKind`], a method here, its event in [`super::events`], its line in
//! `super::next_stage`, and its file in `write-api/src/commands`.

use super::events::OrderEvent;
use super::price::Price;
use super::refusal::{CommandKind, Reason, Refusal};
use super::spec::WorkSpec;
use super::stage::{OperatorName, PricingState, Stage};
use super::status::Status;
use super::{Order, Origin, closing_by};
use crate::actor::Actor;
use crate::ids::ModelId;

/// What follows from an accepted command.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    /// These facts, in this order; never empty.
    Events(Vec<OrderEvent>),
    /// Nothing: the order already is as asked. Asking twice is no mistake.
    AlreadyDone,
}

impl From<OrderEvent> for Decided {
    fn from(event: OrderEvent) -> Self {
        Self::Events(vec![event])
    }
}

/// Accepted or refused.
pub type Decision = Result<Decided, Refusal>;

/// An operator who asks for work, as the store knows them at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskingOperator {
    /// Who.
    pub operator: OperatorName,
    /// Switched on by an administrator.
    pub active: bool,
    /// Orders in hand now.
    pub in_hand: u32,
    /// How many they may have in hand.
    pub wip_limit: u32,
}

/// The shop's "new order".
pub fn initiate(order: Option<&Order>, origin: Origin) -> Decision {
    match order {
        None => Ok(OrderEvent::Initiated { origin }.into()),
        Some(order) if order.status() == Status::Initiated => Ok(Decided::AlreadyDone),
        Some(order) => Err(order.refuse(CommandKind::Initiate, Reason::WrongStatus)),
    }
}

/// The shop's "model uploaded". It may come first, and the customer may replace the model until submission.
pub fn upload_file(order: Option<&Order>, origin: Origin, model_id: ModelId) -> Decision {
    let Some(order) = order else {
        return Ok(OrderEvent::FileUploaded { origin, model_id }.into());
    };
    match &order.stage {
        Stage::FileUploaded { model_id: known } if *known == model_id => Ok(Decided::AlreadyDone),
        Stage::Initiated | Stage::FileUploaded { .. } => {
            Ok(OrderEvent::FileUploaded { origin, model_id }.into())
        }
        _ => Err(order.refuse(CommandKind::UploadFile, Reason::WrongStatus)),
    }
}

/// "Make order": from the shop after a draft or at once, from a partner always at once. The same submission again
/// is no mistake, another one under the same external id is.
pub fn submit(order: Option<&Order>, origin: Origin, spec: WorkSpec) -> Decision {
    let Some(order) = order else {
        return Ok(OrderEvent::Submitted { origin, spec }.into());
    };
    match order.stage.spec() {
        Some(known) if *known == spec => Ok(Decided::AlreadyDone),
        Some(_) => Err(order.refuse(CommandKind::Submit, Reason::DifferentContent)),
        None if order.status() <= Status::FileUploaded => {
            Ok(OrderEvent::Submitted { origin, spec }.into())
        }
        None => Err(order.refuse(CommandKind::Submit, Reason::WrongStatus)),
    }
}

/// "Make order" at the price of a quote: submitted and priced at once, with nothing left to calculate.
///
/// The same order may not have been submitted before: whoever asks again knows it by the quote.
pub fn submit_at(order: Option<&Order>, origin: Origin, spec: WorkSpec, price: Price) -> Decision {
    match (submit(order, origin, spec)?, order) {
        (Decided::Events(mut events), _) => {
            events.push(OrderEvent::PricingStarted { attempt: 1 });
            events.push(OrderEvent::PriceCalculated { price });
            Ok(Decided::Events(events))
        }
        (Decided::AlreadyDone, Some(order)) => {
            Err(order.refuse(CommandKind::Submit, Reason::DifferentContent))
        }
        (Decided::AlreadyDone, None) => Ok(Decided::AlreadyDone),
    }
}

impl Order {
    /// A worker begins to calculate.
    pub fn start_pricing(&self, attempt: u32) -> Decision {
        match self.pricing(CommandKind::Price)? {
            PricingState::Queued { .. } => Ok(OrderEvent::PricingStarted { attempt }.into()),
            other => Err(self.refuse_pricing(CommandKind::Price, other)),
        }
    }

    /// A worker died (which counts), or what it needed was away (which does not): the job goes back to its lane.
    pub fn interrupt_pricing(&self, reason: String, counts: bool) -> Decision {
        match self.pricing(CommandKind::Price)? {
            PricingState::Running { .. } => {
                Ok(OrderEvent::PricingInterrupted { reason, uncounted: !counts }.into())
            }
            PricingState::Queued { .. } => Ok(Decided::AlreadyDone),
            other @ PricingState::Failed { .. } => {
                Err(self.refuse_pricing(CommandKind::Price, other))
            }
        }
    }

    /// No price can be made, or attempts are used up.
    pub fn fail_pricing(&self, attempts: u32, code: String, reason: String) -> Decision {
        match self.pricing(CommandKind::Price)? {
            PricingState::Failed { .. } => Ok(Decided::AlreadyDone),
            _ => Ok(OrderEvent::PricingFailed { attempts, code, reason }.into()),
        }
    }

    /// The price is known.
    pub fn set_price(&self, price: Price) -> Decision {
        match self.pricing(CommandKind::Price)? {
            PricingState::Running { .. } => Ok(OrderEvent::PriceCalculated { price }.into()),
            other => Err(self.refuse_pricing(CommandKind::Price, other)),
        }
    }

    /// A person has mended what made the pricing fail.
    pub fn reprice(&self, by: &Actor) -> Decision {
        self.only(CommandKind::Reprice, by, |by| {
            matches!(by, Actor::Seller { .. } | Actor::Admin { .. })
        })?;
        match self.pricing(CommandKind::Reprice)? {
            PricingState::Failed { .. } => Ok(OrderEvent::RepricingRequested.into()),
            PricingState::Queued { .. } => Ok(Decided::AlreadyDone),
            other @ PricingState::Running { .. } => {
                Err(self.refuse_pricing(CommandKind::Reprice, other))
            }
        }
    }

    /// A seller or the CRM's rule confirms. Confirming again later is no mistake.
    pub fn approve(&self, by: &Actor) -> Decision {
        self.only(CommandKind::Approve, by, |by| {
            matches!(by, Actor::Crm | Actor::Seller { .. } | Actor::Admin { .. })
        })?;
        match self.status() {
            Status::PriceCalculated => Ok(OrderEvent::ManufacturingApproved.into()),
            _ if self.stage.work().is_some() => Ok(Decided::AlreadyDone),
            _ => Err(self.refuse(CommandKind::Approve, Reason::WrongStatus)),
        }
    }

    /// An operator takes it. Taking what one has is no mistake; taking what another has names the other.
    pub fn take(&self, by: &AskingOperator) -> Decision {
        if !by.active {
            return Err(self.refuse(CommandKind::Take, Reason::OperatorInactive));
        }
        match (&self.stage, self.stage.holder()) {
            (Stage::ManufacturingApproved { .. }, _) if by.in_hand >= by.wip_limit => {
                let reason = Reason::WipLimitReached { limit: by.wip_limit };
                Err(self.refuse(CommandKind::Take, reason))
            }
            (Stage::ManufacturingApproved { .. }, _) => {
                Ok(OrderEvent::ManufacturingStarted { operator: by.operator.clone() }.into())
            }
            (Stage::ManufacturingStarted { .. }, Some(holder))
                if holder.operator.operator_id == by.operator.operator_id =>
            {
                Ok(Decided::AlreadyDone)
            }
            (_, Some(holder))
                if self.stage.in_hand_of().is_some_and(|id| id != by.operator.operator_id) =>
            {
                let reason =
                    Reason::AlreadyTaken { by: holder.operator.name.clone(), at: holder.taken_at };
                Err(self.refuse(CommandKind::Take, reason))
            }
            _ => Err(self.refuse(CommandKind::Take, Reason::WrongStatus)),
        }
    }

    /// The operator returns it to the pool, with a reason.
    pub fn give_back(&self, by: &Actor, reason: String) -> Decision {
        self.in_hands_of(CommandKind::GiveBack, by)?;
        self.in_status(CommandKind::GiveBack)?;
        Ok(OrderEvent::GivenBack { reason }.into())
    }

    /// The operator has made it.
    pub fn complete(&self, by: &Actor) -> Decision {
        self.in_hands_of(CommandKind::Complete, by)?;
        self.in_status(CommandKind::Complete)?;
        Ok(OrderEvent::ManufacturingCompleted.into())
    }

    /// It has to be made again, by the same operator, with a reason.
    pub fn rework(&self, by: &Actor, reason: String) -> Decision {
        self.in_hands_of(CommandKind::Rework, by)?;
        self.in_status(CommandKind::Rework)?;
        Ok(OrderEvent::ReworkRequested { reason }.into())
    }

    /// Packing begins.
    pub fn pack(&self, by: &Actor) -> Decision {
        self.in_hands_of(CommandKind::Pack, by)?;
        self.in_status(CommandKind::Pack)?;
        Ok(OrderEvent::PackagingStarted.into())
    }

    /// It leaves for the buyer.
    pub fn ship(&self, by: &Actor, tracking_number: String) -> Decision {
        self.in_hands_of(CommandKind::Ship, by)?;
        self.in_status(CommandKind::Ship)?;
        Ok(OrderEvent::Shipped { tracking_number }.into())
    }

    /// The parcel arrived, or a person closes it by hand. Closing a closed order changes nothing but is kept on
    /// the timeline.
    pub fn close(&self, by: &Actor, reason: Option<String>) -> Decision {
        self.only(CommandKind::Close, by, |by| {
            let system = matches!(by, Actor::Crm | Actor::Carrier);
            system || matches!(by, Actor::Seller { .. } | Actor::Admin { .. })
        })?;
        let by_hand = matches!(by, Actor::Seller { .. } | Actor::Admin { .. });
        if by_hand && reason.is_none() {
            return Err(self.refuse(CommandKind::Close, Reason::ReasonRequired));
        }
        let closing = closing_by(by, reason);
        match self.status() {
            Status::Shipped => Ok(OrderEvent::Closed { closing }.into()),
            Status::Closed => Ok(OrderEvent::ClosingRepeated { closing }.into()),
            _ => Err(self.refuse(CommandKind::Close, Reason::WrongStatus)),
        }
    }

    /// It is called off, before shipping. Calling off twice is no mistake.
    pub fn cancel(&self, by: &Actor, reason: String) -> Decision {
        self.only(CommandKind::Cancel, by, |by| match by {
            Actor::Crm | Actor::Seller { .. } | Actor::Admin { .. } => true,
            Actor::Shop => matches!(self.origin, Origin::Shop { .. }),
            Actor::Partner { partner_id } => self.origin.partner_id() == Some(*partner_id),
            Actor::Carrier | Actor::Operator { .. } | Actor::System { .. } => false,
        })?;
        match self.status() {
            Status::Cancelled => Ok(Decided::AlreadyDone),
            status if status.is_cancellable() => Ok(OrderEvent::Cancelled { reason }.into()),
            _ => Err(self.refuse(CommandKind::Cancel, Reason::WrongStatus)),
        }
    }

    /// Refuses when the caller looked at an older version than this one.
    ///
    /// # Errors
    /// A refusal naming both versions.
    pub fn expect_version(
        &self,
        command: CommandKind,
        expected: Option<u64>,
    ) -> Result<(), Refusal> {
        match expected {
            Some(expected) if expected != self.version => {
                Err(self.refuse(command, Reason::StaleVersion { expected, actual: self.version }))
            }
            _ => Ok(()),
        }
    }

    /// A refusal of `command` on this order.
    pub const fn refuse(&self, command: CommandKind, reason: Reason) -> Refusal {
        Refusal { command, status: self.status(), reason }
    }

    fn in_status(&self, command: CommandKind) -> Result<(), Refusal> {
        if command.possible_in().contains(&self.status()) {
            Ok(())
        } else {
            Err(self.refuse(command, Reason::WrongStatus))
        }
    }

    fn only(
        &self,
        command: CommandKind,
        by: &Actor,
        may: impl FnOnce(&Actor) -> bool,
    ) -> Result<(), Refusal> {
        if may(by) {
            Ok(())
        } else {
            Err(self.refuse(command, Reason::NotAllowed { role: by.role() }))
        }
    }

    /// Operators move what is in their own hands; administrators may act for one who is absent.
    fn in_hands_of(&self, command: CommandKind, by: &Actor) -> Result<(), Refusal> {
        self.only(command, by, |by| matches!(by, Actor::Operator { .. } | Actor::Admin { .. }))?;
        match (by, self.stage.holder()) {
            (Actor::Operator { operator_id, .. }, Some(holder))
                if holder.operator.operator_id != *operator_id =>
            {
                let holder = holder.operator.name.clone();
                Err(self.refuse(command, Reason::NotYours { holder }))
            }
            _ => Ok(()),
        }
    }

    fn pricing(&self, command: CommandKind) -> Result<&PricingState, Refusal> {
        match &self.stage {
            Stage::Submitted { pricing, .. } => Ok(&pricing.state),
            _ => Err(self.refuse(command, Reason::WrongStatus)),
        }
    }

    fn refuse_pricing(&self, command: CommandKind, state: &PricingState) -> Refusal {
        let state = match state {
            PricingState::Queued { .. } => "queued",
            PricingState::Running { .. } => "running",
            PricingState::Failed { .. } => "failed",
        };
        self.refuse(command, Reason::WrongPricingState { state })
    }
}
