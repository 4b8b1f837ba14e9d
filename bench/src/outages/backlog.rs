//! What the log holds and recipients were not told yet, as the database has it.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// A question of ours must not take longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// How far one way out of the log is.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Standing {
    /// The name of its cursor.
    pub name: String,
    /// Everything up to here was told.
    pub cursor: i64,
    /// How old the next event is, in seconds.
    pub oldest_s: f64,
}

/// The log and its ways out at a moment.
#[derive(Debug, Clone, Serialize)]
pub struct Backlog {
    /// The last position of the log.
    pub head: i64,
    /// Those that keep promises: the CRM and the shop.
    pub promised: Vec<Standing>,
    /// All other followers of the log.
    pub others: Vec<Standing>,
}

impl Backlog {
    /// How far the slowest of those that keep promises is.
    pub fn cursor(&self) -> i64 {
        self.promised.iter().map(|standing| standing.cursor).min().unwrap_or(self.head)
    }

    /// The age of the oldest event that was promised and not told.
    pub fn oldest(&self) -> Duration {
        let oldest = self.promised.iter().map(|standing| standing.oldest_s).fold(0.0, f64::max);
        Duration::from_secs_f64(oldest)
    }

    /// Events that were not told yet.
    pub fn events(&self) -> i64 {
        self.head - self.cursor()
    }

    /// Whether every follower has everything.
    pub fn is_empty(&self) -> bool {
        self.promised.iter().chain(&self.others).all(|standing| standing.cursor >= self.head)
    }
}

/// Whoever looks.
#[derive(Debug)]
pub struct Observer(PgConnection);

impl Observer {
    /// Looks into the primary.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn connect(url: &str) -> Result<Self> {
        let connecting = PgConnection::connect(url);
        Ok(Self(timeout(DEADLINE, connecting).await.context("connecting to the primary")??))
    }

    /// One look.
    ///
    /// # Errors
    /// When the primary does not answer.
    pub async fn look(&mut self) -> Result<Backlog> {
        let head = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM write.order_events");
        let head: i64 = timeout(DEADLINE, head.fetch_one(&mut self.0)).await??;
        let followers = sqlx::query_as(
            "SELECT f.name, f.cursor,
                    coalesce(greatest(extract(epoch FROM clock_timestamp() - next.occurred_at), 0), 0)::float8
                        AS oldest_s
             FROM write.followers f LEFT JOIN LATERAL (
                 SELECT occurred_at FROM write.order_events
                 WHERE position > f.cursor ORDER BY position LIMIT 1
             ) AS next ON true",
        );
        let followers: Vec<Standing> =
            timeout(DEADLINE, followers.fetch_all(&mut self.0)).await??;
        let promised = |standing: &Standing| ["relay:crm", "relay:shop"].contains(&&*standing.name);
        let (promised, others) = followers.into_iter().partition(promised);
        Ok(Backlog { head, promised, others })
    }

    /// How many of these orders there are on the write side, and how many of them the board has.
    ///
    /// # Errors
    /// When the primary does not answer.
    pub async fn orders(&mut self, external_ids: &[String]) -> Result<(u64, u64)> {
        let query = sqlx::query_as(
            "SELECT count(DISTINCT w.order_id), count(DISTINCT b.order_id)
             FROM write.order_references r
             JOIN write.orders w USING (order_id) LEFT JOIN read.orders b USING (order_id)
             WHERE r.external_id = ANY($1)",
        );
        let found: (i64, i64) = query.bind(external_ids).fetch_one(&mut self.0).await?;
        Ok((found.0.unsigned_abs(), found.1.unsigned_abs()))
    }

    /// Pricing jobs that are not done.
    ///
    /// # Errors
    /// When the primary does not answer.
    pub async fn open_jobs(&mut self) -> Result<u64> {
        let query = "SELECT count(*) FROM write.pricing_jobs WHERE state IN ('queued', 'running')";
        let open: i64 = sqlx::query_scalar(query).fetch_one(&mut self.0).await?;
        Ok(open.unsigned_abs())
    }

    /// Sessions of the read API on the primary: those that answer, and all with those that only look how far a server is
    /// and who the primary is.
    ///
    /// # Errors
    /// When the primary does not answer.
    pub async fn readers(&mut self) -> Result<(u64, u64)> {
        let query = "SELECT count(*) FILTER (WHERE application_name = 'read-api'), count(*)
                     FROM pg_stat_activity WHERE usename = 'mes_read'";
        let (answering, all): (i64, i64) =
            timeout(DEADLINE, sqlx::query_as(query).fetch_one(&mut self.0)).await??;
        Ok((answering.unsigned_abs(), all.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(name: &str, cursor: i64, oldest_s: f64) -> Standing {
        Standing { name: name.to_owned(), cursor, oldest_s }
    }

    #[test]
    fn the_slowest_who_keeps_promises_decides() {
        let backlog = Backlog {
            head: 100,
            promised: vec![standing("relay:crm", 40, 7.5), standing("relay:shop", 100, 0.0)],
            others: vec![standing("relay:events", 10, 60.0)],
        };
        assert_eq!((backlog.cursor(), backlog.events()), (40, 60));
        assert_eq!(backlog.oldest(), Duration::from_millis(7_500));
        assert!(!backlog.is_empty());
    }
}
