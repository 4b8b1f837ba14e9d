//! Bugs on purpose, to show that a campaign of faults finds them: only in binaries that are built with the feature
//! `planted-bugs`, and of those only the one that the environment names. `cargo xtask check` makes sure that no ordinary
//! binary has them.

/// Something that would lose, double or reorder orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A command is acknowledged while its commit is still to come.
    AcknowledgeBeforeCommit,
    /// A repeated command is carried out again.
    NoDedupe,
    /// A kept answer is repeated without a write that waits for the standby.
    ReplayWithoutWrite,
    /// A commit of unknown outcome is told as a refusal.
    UnknownIsRefused,
    /// Jobs whose worker died stay with it.
    NoRescue,
    /// Messages are acknowledged to the broker before they are applied.
    AcknowledgeBeforeApplying,
    /// What cannot be read goes back to the queue, with its whole batch.
    RequeueLoop,
    /// What does not fit into a small buffer is dropped.
    DropWhenFull,
    /// What cannot be read is dropped.
    DropPoison,
    /// Events count as sent before the broker has confirmed them.
    SentBeforeConfirm,
    /// An acknowledgement counts, whatever was returned.
    TrustEachConfirm,
    /// The cursor moves before the events are published.
    CursorBeforePublishing,
    /// Several events of an order are in flight, and overtake each other.
    NoOrderPerOrder,
    /// The log is read by a plain cursor.
    PlainCursor,
    /// Cursor and checkpoint move in a transaction before that of the rows.
    CheckpointBeforeRows,
    /// Counts are not taken down when an order is called off.
    CountsDrift,
}

impl Bug {
    /// As the environment names it.
    const fn name(self) -> &'static str {
        match self {
            Self::AcknowledgeBeforeCommit => "acknowledge-before-commit",
            Self::NoDedupe => "no-dedupe",
            Self::ReplayWithoutWrite => "replay-without-write",
            Self::UnknownIsRefused => "unknown-is-refused",
            Self::NoRescue => "no-rescue",
            Self::AcknowledgeBeforeApplying => "acknowledge-before-applying",
            Self::RequeueLoop => "requeue-loop",
            Self::DropWhenFull => "drop-when-full",
            Self::DropPoison => "drop-poison",
            Self::SentBeforeConfirm => "sent-before-confirm",
            Self::TrustEachConfirm => "trust-each-confirm",
            Self::CursorBeforePublishing => "cursor-before-publishing",
            Self::NoOrderPerOrder => "no-order-per-order",
            Self::PlainCursor => "plain-cursor",
            Self::CheckpointBeforeRows => "checkpoint-before-rows",
            Self::CountsDrift => "counts-drift",
        }
    }
}

/// Whether this one is planted.
pub fn is(bug: Bug) -> bool {
    static PLANTED: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("MES_PLANTED_BUG").ok());
    PLANTED.as_deref() == Some(bug.name())
}
