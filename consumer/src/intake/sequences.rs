//! Producers number their messages, per epoch of theirs. A number that was passed over is a message that was lost
//! before it came here; it is written down until it comes, and the watchdog tells of it.
//!
//! A number is noted when its message is applied or kept, before it is acknowledged: what comes again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::incoming::Incoming;

/// Gaps that are kept of one producer; whoever numbers at random is known after that many.
const MOST_GAPS: i64 = 1_000;

/// What new numbers mean, given the highest of before.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    highest: i64,
    /// First and last number of each hole that the new numbers leave.
    gaps: Vec<(i64, i64)>,
    /// Numbers that come after higher ones.
    late: Vec<i64>,
}

/// The first number that is ever seen of an epoch begins it: what was before is not missed.
fn step(highest: Option<i64>, numbers: &BTreeSet<i64>) -> Option<Step> {
    let first = *numbers.first()?;
    let known = highest.unwrap_or(first);
    let late = numbers.range(..=known).copied().filter(|_| highest.is_some()).collect();
    let (mut highest, mut gaps) = (known, Vec::new());
    for number in numbers.iter().copied().filter(|number| *number > known) {
        if number > highest + 1 {
            gaps.push((highest + 1, number - 1));
        }
        highest = number;
    }
    Some(Step { highest, gaps, late })
}

/// Notes the numbers of these messages, if they have any.
pub(super) async fn note(
    pool: &PgPool,
    messages: &[Incoming],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut numbers: BTreeMap<(&str, i64), BTreeSet<i64>> = BTreeMap::new();
    for understood in messages.iter().filter_map(|message| message.understood.as_ref().ok()) {
        let envelope = &understood.envelope;
        let epoch = envelope.epoch.map_or(Ok(0), |epoch| i64::try_from(epoch.0));
        let number = envelope.sequence.map(|number| i64::try_from(number.0));
        if let (Ok(epoch), Some(Ok(number))) = (epoch, number) {
            numbers.entry((envelope.source.as_str(), epoch)).or_default().insert(number);
        }
    }
    if numbers.is_empty() {
        return Ok(());
    }
    let mut transaction = pool.begin().await?;
    for ((source, epoch), numbers) in numbers {
        let highest = sqlx::query_scalar!(
            "SELECT highest FROM write.producers WHERE source = $1 AND epoch = $2 FOR UPDATE",
            source,
            epoch,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(step) = step(highest, &numbers) else { continue };
        write(&mut transaction, source, epoch, &step, now).await?;
    }
    transaction.commit().await
}

async fn write(
    connection: &mut PgConnection,
    source: &str,
    epoch: i64,
    step: &Step,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO write.producers (source, epoch, highest, last_seen_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (source, epoch) DO UPDATE
         SET highest = greatest(producers.highest, excluded.highest), last_seen_at = $4",
        source,
        epoch,
        step.highest,
        now,
    )
    .execute(&mut *connection)
    .await?;
    for (first, last) in &step.gaps {
        add_gap(connection, source, epoch, (*first, *last), now).await?;
    }
    for number in &step.late {
        fill(connection, source, epoch, *number).await?;
    }
    Ok(())
}

async fn add_gap(
    connection: &mut PgConnection,
    source: &str,
    epoch: i64,
    (first, last): (i64, i64),
    since: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO write.producer_gaps (source, epoch, first_number, last_number, since)
         SELECT $1, $2, $3, $4, $5
         WHERE (SELECT count(*) FROM write.producer_gaps WHERE source = $1) < $6
         ON CONFLICT (source, epoch, first_number) DO NOTHING",
        source,
        epoch,
        first,
        last,
        since,
        MOST_GAPS,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A late number ends its gap, or leaves what is before and after it.
async fn fill(
    connection: &mut PgConnection,
    source: &str,
    epoch: i64,
    number: i64,
) -> Result<(), sqlx::Error> {
    let gap = sqlx::query!(
        "DELETE FROM write.producer_gaps
         WHERE source = $1 AND epoch = $2 AND first_number <= $3 AND last_number >= $3
         RETURNING first_number, last_number, since",
        source,
        epoch,
        number,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(gap) = gap else { return Ok(()) };
    for (first, last) in [(gap.first_number, number - 1), (number + 1, gap.last_number)] {
        if first <= last {
            add_gap(connection, source, epoch, (first, last), gap.since).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(highest: Option<i64>, numbers: &[i64]) -> (i64, Vec<(i64, i64)>, Vec<i64>) {
        let step = step(highest, &numbers.iter().copied().collect()).unwrap();
        (step.highest, step.gaps, step.late)
    }

    #[test]
    fn numbers_in_a_row_leave_nothing() {
        assert_eq!(after(None, &[7, 8, 9]), (9, vec![], vec![]));
        assert_eq!(after(Some(9), &[10, 11]), (11, vec![], vec![]));
    }

    #[test]
    fn numbers_that_are_passed_over_are_gaps() {
        assert_eq!(after(Some(9), &[11, 12, 20]), (20, vec![(10, 10), (13, 19)], vec![]));
        assert_eq!(after(None, &[5, 8]), (8, vec![(6, 7)], vec![]));
    }

    #[test]
    fn late_numbers_and_repeated_ones_move_nothing() {
        assert_eq!(after(Some(9), &[3, 9]), (9, vec![], vec![3, 9]));
        assert_eq!(after(Some(9), &[8, 10]), (10, vec![], vec![8]));
    }

    #[test]
    fn a_huge_jump_is_one_gap() {
        assert_eq!(after(Some(1), &[i64::MAX]).1, vec![(2, i64::MAX - 1)]);
    }
}
