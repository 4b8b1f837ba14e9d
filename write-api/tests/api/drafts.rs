//! The two commands that only the shop's messages ask for: `initiate_order` and `attach_file`. They have no
//! endpoint, and are carried out here as the consumer does it.

use shared::actor::Actor;
use shared::ids::ModelId;
use shared::order::refusal::Reason;
use shared::order::spec::WorkSpec;
use shared::order::{Origin, Status, samples};
use write_api::commands::{AttachFile, CommandAnswer, InitiateOrder, SubmitOrder};
use write_api::store::{Cause, Command, CommandContext, CommandError, Handled};

use crate::support::{TestApp, ascii_stl, new_key};

async fn as_shop(app: &TestApp, command: &impl Command) -> Result<Handled, CommandError> {
    let context = CommandContext {
        actor: Actor::Shop,
        cause: Cause::new("shop", new_key(), &[b"the message"]),
        trace_context: None,
        expected_version: None,
    };
    app.store().execute(&context, command).await
}

fn read(handled: Result<Handled, CommandError>) -> CommandAnswer {
    let handled = handled.expect("the command is carried out");
    serde_json::from_str(handled.answer.get()).expect("the answer of a command")
}

async fn uploaded(app: &TestApp, file: Vec<u8>) -> ModelId {
    let model = app.upload(&app.seller, file).await.json();
    serde_json::from_value(model["model_id"].clone()).expect("a model id")
}

fn origin() -> Origin {
    Origin::Shop { external_id: "S-1".to_owned() }
}

#[tokio::test]
async fn a_shops_order_is_drafted_given_a_model_and_submitted() {
    let app = TestApp::start().await;
    let (first, second) = (uploaded(&app, ascii_stl(1)).await, uploaded(&app, ascii_stl(2)).await);
    let draft = read(as_shop(&app, &InitiateOrder { origin: origin() }).await);
    assert_eq!((draft.order.status, draft.order.version), (Status::Initiated, 1));
    let again = read(as_shop(&app, &InitiateOrder { origin: origin() }).await);
    assert!(again.already_done && again.order == draft.order);

    for (model_id, version) in [(&first, 2), (&second, 3)] {
        let attach = AttachFile { origin: origin(), model_id: model_id.clone() };
        let answer = read(as_shop(&app, &attach).await);
        assert_eq!((answer.order.status, answer.order.version), (Status::FileUploaded, version));
        assert!(read(as_shop(&app, &attach).await).already_done);
    }
    let spec = WorkSpec { model_id: second, ..samples::spec() };
    let submit = SubmitOrder { origin: origin(), spec };
    let answer = read(as_shop(&app, &submit).await);
    assert_eq!((answer.order.status, answer.order.version), (Status::Submitted, 4));
    assert_eq!(
        (answer.order.order_id, answer.order.channel.as_str()),
        (draft.order.order_id, "shop")
    );

    let attach = AttachFile { origin: origin(), model_id: first };
    let Err(CommandError::Refused(refusal)) = as_shop(&app, &attach).await else {
        panic!("a submitted order takes no other model");
    };
    assert_eq!((refusal.status, refusal.reason), (Status::Submitted, Reason::WrongStatus));
}

#[tokio::test]
async fn a_model_that_comes_first_makes_the_draft() {
    let app = TestApp::start().await;
    let model_id = uploaded(&app, ascii_stl(1)).await;
    let attach = AttachFile { origin: origin(), model_id: model_id.clone() };
    let answer = read(as_shop(&app, &attach).await);
    assert_eq!(
        (answer.order.status, answer.order.model_id),
        (Status::FileUploaded, Some(model_id))
    );
    let late = as_shop(&app, &InitiateOrder { origin: origin() }).await;
    assert!(matches!(late, Err(CommandError::Refused(_))), "{late:?}");
}

#[tokio::test]
async fn a_model_that_nobody_uploaded_is_not_attached() {
    let app = TestApp::start().await;
    let attach = AttachFile { origin: origin(), model_id: ModelId::from_sha256([9; 32]) };
    let answer = as_shop(&app, &attach).await;
    assert!(matches!(answer, Err(CommandError::UnknownModel(_))), "{answer:?}");
    assert_eq!(app.count("SELECT count(*) FROM write.order_references").await, 0);
}
