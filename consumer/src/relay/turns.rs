//! Whose turn it is while a backlog is told: whoever was promised to be told comes first. Reading and telling for listeners, and
//! waking workers who look by themselves, takes as much of the machine as telling the CRM, and nobody waits for it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;

use super::route::Route;

/// Routes without a promise wait no longer than this for each batch: a backlog that never ends must not silence them.
const LONGEST: Duration = Duration::from_secs(10);

/// The routes with a promise that have more to tell than fits in a batch.
#[derive(Default)]
pub(super) struct Turns(watch::Sender<BTreeSet<&'static str>>);

impl Turns {
    /// Whether this route left something to tell.
    pub fn note(&self, route: Route, has_more: bool) {
        if !route.keeps_promises() {
            return;
        }
        self.0.send_if_modified(|behind| {
            if has_more { behind.insert(route.name()) } else { behind.remove(route.name()) }
        });
    }

    /// Waits until this route may read on.
    pub async fn wait(&self, route: Route) {
        if !route.keeps_promises() {
            let mut behind = self.0.subscribe();
            let _ = tokio::time::timeout(LONGEST, behind.wait_for(BTreeSet::is_empty)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use shared::contracts::outbound::Recipient;

    use super::*;

    const SHOP: Route = Route::To(Recipient::Shop);
    const CRM: Route = Route::To(Recipient::Crm);
    const LISTENERS: Route = Route::To(Recipient::Listeners);

    #[tokio::test]
    async fn listeners_and_wake_ups_wait_while_anybody_who_was_promised_is_behind() {
        let turns = Turns::default();
        let goes_on = |route| turns.wait(route).now_or_never().is_some();
        assert!(goes_on(LISTENERS));
        turns.note(CRM, true);
        turns.note(SHOP, true);
        turns.note(SHOP, false);
        assert_eq!(
            [CRM, SHOP, LISTENERS, Route::WakePricers].map(goes_on),
            [true, true, false, false]
        );
        turns.note(LISTENERS, false);
        assert!(!goes_on(LISTENERS), "only the CRM can say that it is not behind");
        let waiting = turns.wait(LISTENERS);
        turns.note(CRM, false);
        waiting.await;
        assert!(goes_on(Route::WakePricers));
    }
}
