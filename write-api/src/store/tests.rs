use shared::clock::SystemClock;
use shared::ids::TimeOrderedIds;

use super::*;

/// Connects to nothing before it is asked for something.
fn store() -> Store {
    let pool = PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/nothing").unwrap();
    Store::new(pool, Arc::new(SystemClock), Arc::new(TimeOrderedIds))
}

#[test]
fn a_batch_goes_on_after_what_is_about_one_command_alone() {
    use CommandError as E;
    let of_the_command = [E::UnknownOrder, E::UnknownQuote, E::UnknownIncident, E::CauseReused];
    assert!(of_the_command.iter().all(E::spares_the_batch));
    let of_the_machinery = [
        E::InProgress,
        E::TooSlow,
        E::OutcomeUnknown(sqlx::Error::PoolTimedOut),
        E::Unavailable(sqlx::Error::PoolTimedOut),
        E::Inconsistent("a row".to_owned()),
        E::Database(sqlx::Error::RowNotFound),
    ];
    assert!(!of_the_machinery.iter().any(E::spares_the_batch));
}

#[tokio::test]
async fn what_is_configured_holds_and_offers_hold_for_a_week_otherwise() {
    let store = store();
    assert_eq!(store.quotes_valid_seconds, 604_800);
    assert_eq!(store.clone().with_quotes_valid_for(60).quotes_valid_seconds, 60);
    let fixings = FixingsConfig { jump_limit_percent: 3, ..FixingsConfig::default() };
    assert_eq!(store.with_fixings(fixings).fixings().jump_limit_percent, 3);
}
