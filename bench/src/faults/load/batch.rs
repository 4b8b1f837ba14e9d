//! Partners who send many orders in one request, and each of them as carefully as a single one.

use std::ops::Range;
use std::time::Instant;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Answer, FIRST_PAUSE, LONGEST_PAUSE, Load, Reply, TWICE, accepted, passes, unknown};
use crate::dice::Dice;
use crate::faults::history::{Entry, Outcome};

/// Orders in one request.
const ROWS: u64 = 20;
const PATH: &str = "/v1/orders/batch";

/// An order of a batch.
struct Row {
    number: u64,
    op: String,
    body: Value,
}

#[derive(Deserialize)]
struct Told {
    rows: Vec<RowTold>,
}

#[derive(Deserialize)]
struct RowTold {
    row: usize,
    answer: Option<Box<RawValue>>,
    problem: Option<Value>,
}

impl Load {
    /// The numbers that are ordered together with this one, if it is not ordered by itself.
    pub(super) fn batch_of(&self, number: u64) -> Option<Range<u64>> {
        let first = number - number % ROWS;
        let mut dice = Dice::nth(!self.seed, first);
        dice.chance(self.in_batches).then(|| first..self.orders.min(first.saturating_add(ROWS)))
    }

    /// Orders them in one request; now and then twice at once, and now and then a part of them once more under another
    /// key, as a partner does who does not know what came through.
    pub(super) async fn order_together(&self, numbers: Range<u64>, dice: &mut Dice) {
        let op = format!("batch-{}", numbers.start);
        let rows = numbers.map(|number| {
            let (op, body) = self.invoke(number, &self.model_id);
            Row { number, op, body }
        });
        let rows: Vec<Row> = rows.collect();
        let answers = if dice.chance(TWICE) {
            let (one, other) =
                tokio::join!(self.ask_for_all(&op, &rows), self.ask_for_all(&op, &rows));
            if one.is_empty() { other } else { one }
        } else {
            self.ask_for_all(&op, &rows).await
        };
        if dice.chance(TWICE) {
            self.ask_for_all(&format!("{op}-again"), &rows[rows.len() / 2..]).await;
        }
        for (row, answer) in rows.iter().zip(&answers) {
            if let Some(answer) = answer {
                self.go_on_with(row.number, answer, dice).await;
            }
        }
    }

    /// Asks until there is an answer for each; an order's own, where it was accepted. None at all when nobody answered in
    /// time.
    async fn ask_for_all(&self, op: &str, rows: &[Row]) -> Vec<Option<Answer>> {
        let orders: Vec<&Value> = rows.iter().map(|row| &row.body).collect();
        let body = json!({ "orders": orders });
        let mut pause = FIRST_PAUSE;
        loop {
            let since = self.history.now();
            let outcomes = self.attempt_all(op, &body, rows.len()).await;
            let outcomes =
                outcomes.unwrap_or_else(|reason| vec![(unknown(&reason), None); rows.len()]);
            let is_answered =
                !outcomes.iter().any(|(outcome, _)| matches!(outcome, Outcome::Unknown { .. }));
            let note = |(row, (outcome, answer)): (&Row, (Outcome, Option<Answer>))| {
                self.history.note(Entry::Ended { op: row.op.clone(), since, outcome });
                answer
            };
            let answers = rows.iter().zip(outcomes).map(note).collect();
            if is_answered {
                return answers;
            }
            if Instant::now() > self.give_up {
                return Vec::new();
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// `Err` is what may have happened or not, to all of them.
    async fn attempt_all(
        &self,
        op: &str,
        body: &Value,
        rows: usize,
    ) -> Result<Vec<(Outcome, Option<Answer>)>, String> {
        let bytes = match self.post(op, PATH, body).await? {
            Reply::Done(bytes) => bytes,
            Reply::Refused { status, code } => {
                return Ok(vec![(Outcome::Refused { status, code }, None); rows]);
            }
        };
        let nonsense = "an answer that nobody understands";
        let told: Told = serde_json::from_slice(&bytes).map_err(|_| nonsense)?;
        let is_in_order = told.rows.iter().map(|row| row.row).eq(0..rows);
        if !is_in_order {
            return Err(nonsense.to_owned());
        }
        told.rows.iter().map(RowTold::outcome).collect()
    }
}

impl RowTold {
    fn outcome(&self) -> Result<(Outcome, Option<Answer>), String> {
        if let Some(answer) = &self.answer {
            let (outcome, answer) = accepted(answer.get().as_bytes())?;
            return Ok((outcome, Some(answer)));
        }
        let problem = self.problem.as_ref().ok_or("neither an answer nor a problem")?;
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        let status = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.ok_or("a problem without a status")?;
        if passes(status, &code) {
            return Ok((unknown(&format!("{} {code}", status.as_u16())), None));
        }
        Ok((Outcome::Refused { status: status.as_u16(), code }, None))
    }
}
