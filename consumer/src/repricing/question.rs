//! What is asked of the roles that answer and end, as it stands on the command line.

use std::path::PathBuf;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use shared::ids::OrderId;

use crate::roles::Role;

/// What is asked of the roles that answer and end.
#[derive(Debug, Default, Args)]
pub struct Question {
    /// reprice: which order.
    #[arg(long, value_name = "ORDER_ID")]
    pub order: Option<OrderId>,
    /// reprice: with the rate card and metal prices in force at this moment (RFC 3339), not those the price names.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<DateTime<Utc>>,
    /// what-if: the other rate card, as JSON.
    #[arg(long, value_name = "FILE")]
    pub rate_card: Option<PathBuf>,
    /// what-if: orders made at this moment or later; all when left out.
    #[arg(long, value_name = "TIME")]
    pub from: Option<DateTime<Utc>>,
    /// what-if: orders made before this moment; all when left out.
    #[arg(long, value_name = "TIME")]
    pub to: Option<DateTime<Utc>>,
    /// what-if: the most orders to look at, the oldest first; 10000 when left out.
    #[arg(long, value_name = "ORDERS")]
    pub limit: Option<u32>,
    /// what-if: of how many orders the change is listed, the largest first; 20 when left out.
    #[arg(long, value_name = "ORDERS")]
    pub list: Option<usize>,
}

impl Question {
    /// Whether everything that was asked is for this role: what would not be looked at must not be believed in.
    ///
    /// # Errors
    /// The argument that is not the role's.
    pub fn check(&self, role: Role) -> anyhow::Result<()> {
        let said = [
            ("--order", self.order.is_some(), Role::Reprice),
            ("--as-of", self.as_of.is_some(), Role::Reprice),
            ("--rate-card", self.rate_card.is_some(), Role::WhatIf),
            ("--from", self.from.is_some(), Role::WhatIf),
            ("--to", self.to.is_some(), Role::WhatIf),
            ("--limit", self.limit.is_some(), Role::WhatIf),
            ("--list", self.list.is_some(), Role::WhatIf),
        ];
        match said.into_iter().find(|(_, is_said, whose)| *is_said && *whose != role) {
            Some((name, _, whose)) => {
                bail!("{name} is for `consumer {}`, not for {}", whose.as_str(), role.as_str())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_for_a_role_is_named() {
        let limit = Question { limit: Some(5), ..Question::default() };
        assert!(limit.check(Role::WhatIf).is_ok());
        for role in [Role::Reprice, Role::Pricer] {
            let said = limit.check(role).unwrap_err().to_string();
            assert!(said.starts_with("--limit is for `consumer what-if`"), "{said}");
        }
        assert!(Question::default().check(Role::Pricer).is_ok());
    }
}
