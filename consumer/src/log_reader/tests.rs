use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Just enough of PostgreSQL: transaction ids, snapshots, and a sequence that nothing rolls back.
#[derive(Debug)]
struct Server {
    next_xid: u64,
    latest_completed: u64,
    next_position: u64,
    running: Vec<Transaction>,
    visible: BTreeSet<u64>,
}

#[derive(Debug)]
struct Transaction {
    xid: u64,
    positions: Vec<u64>,
}

impl Server {
    fn new() -> Self {
        Self {
            next_xid: 100,
            latest_completed: 99,
            next_position: 1,
            running: Vec::new(),
            visible: BTreeSet::new(),
        }
    }

    /// An order's row is saved: from here on the transaction has an id.
    fn begin(&mut self) {
        self.running.push(Transaction { xid: self.next_xid, positions: Vec::new() });
        self.next_xid += 1;
    }

    fn append(&mut self, which: usize) {
        let running = self.running.len();
        if running > 0 {
            self.running[which % running].positions.push(self.next_position);
            self.next_position += 1;
        }
    }

    fn end(&mut self, which: usize, commits: bool) {
        if self.running.is_empty() {
            return;
        }
        let ended = self.running.remove(which % self.running.len());
        self.latest_completed = self.latest_completed.max(ended.xid);
        if commits {
            self.visible.extend(ended.positions);
        }
    }

    /// As in `GetSnapshotData`: ids from "latest completed + 1" on are not looked at.
    fn xmin(&self) -> u64 {
        let xmax = self.latest_completed + 1;
        self.running.iter().map(|t| t.xid).fold(xmax, u64::min)
    }

    fn positions_after(&self, cursor: u64, limit: usize) -> Vec<u64> {
        self.visible.range(cursor + 1..).copied().take(limit).collect()
    }

    /// `pg_current_xact_id()` in a transaction of its own.
    fn own_xid(&mut self) -> u64 {
        let xid = self.next_xid;
        self.next_xid += 1;
        self.latest_completed = self.latest_completed.max(xid);
        xid
    }
}

/// A reader that delivers into a list.
#[derive(Debug)]
struct Reader {
    gaps: Gaps,
    wants_barrier: bool,
    delivered: Vec<u64>,
}

impl Reader {
    fn new() -> Self {
        Self { gaps: Gaps::after(0), wants_barrier: false, delivered: Vec::new() }
    }

    /// One statement: either the barrier that is owed, or a look at the log.
    fn step(&mut self, server: &mut Server, limit: usize) -> usize {
        if std::mem::take(&mut self.wants_barrier) {
            let visible = server.visible.last().copied().unwrap_or_default();
            self.gaps.set_barrier(server.own_xid(), visible);
            return 0;
        }
        let positions = server.positions_after(self.gaps.cursor(), limit);
        let view = View { xmin: server.xmin(), positions: &positions };
        let verdict = self.gaps.judge(view, Instant::now());
        self.wants_barrier = verdict.wants_barrier;
        for &position in &positions[..verdict.deliver] {
            self.delivered.push(position);
            self.gaps.move_to(position);
        }
        verdict.deliver
    }

    /// The connection broke: the barrier is gone, the cursor is kept.
    fn reconnect(&mut self) {
        self.gaps = Gaps::after(self.gaps.cursor());
        self.wants_barrier = false;
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Begin,
    Append(usize),
    Commit(usize),
    Rollback(usize),
    Read(usize),
    Reconnect,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => Just(Happening::Begin),
        5 => (0..8_usize).prop_map(Happening::Append),
        2 => (0..8_usize).prop_map(Happening::Commit),
        1 => (0..8_usize).prop_map(Happening::Rollback),
        6 => (1..6_usize).prop_map(Happening::Read),
        1 => Just(Happening::Reconnect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever runs when, and however the statements of the reader fall in between: in the end it has
    /// delivered exactly what was committed, in order, once.
    #[test]
    fn no_interleaving_makes_the_reader_skip_repeat_or_reorder(
        happenings in proptest::collection::vec(happening(), 1..300)
    ) {
        let (mut server, mut reader) = (Server::new(), Reader::new());
        for happening in happenings {
            match happening {
                Happening::Begin => server.begin(),
                Happening::Append(which) => server.append(which),
                Happening::Commit(which) => server.end(which, true),
                Happening::Rollback(which) => server.end(which, false),
                Happening::Read(limit) => { reader.step(&mut server, limit); }
                Happening::Reconnect => reader.reconnect(),
            }
        }
        while !server.running.is_empty() {
            server.end(0, false);
        }
        // Nobody runs any more: three statements a batch are enough to pass any hole.
        for _ in 0..3 * (server.visible.len() + 1) {
            reader.step(&mut server, 5);
        }
        let committed: Vec<u64> = server.visible.iter().copied().collect();
        prop_assert_eq!(reader.delivered, committed);
    }
}

#[test]
fn what_follows_without_a_hole_is_delivered_at_once() {
    let mut gaps = Gaps::after(7);
    let verdict = gaps.judge(View { xmin: 1, positions: &[8, 9, 11] }, Instant::now());
    assert_eq!(verdict, Verdict { deliver: 2, wants_barrier: true });
}

#[test]
fn a_hole_is_passed_when_everybody_older_than_the_barrier_has_ended() {
    let mut gaps = Gaps::after(0);
    let view = |xmin| View { xmin, positions: &[2, 3] };
    assert_eq!(gaps.judge(view(50), Instant::now()).deliver, 0);
    gaps.set_barrier(60, 3);
    assert_eq!(gaps.judge(view(59), Instant::now()), Verdict { deliver: 0, wants_barrier: false });
    assert_eq!(gaps.judge(view(60), Instant::now()).deliver, 2);
}

#[test]
fn a_barrier_says_nothing_about_what_was_not_visible_when_it_was_taken() {
    let mut gaps = Gaps::after(0);
    gaps.judge(View { xmin: 50, positions: &[2] }, Instant::now());
    gaps.set_barrier(60, 2);
    let verdict = gaps.judge(View { xmin: 60, positions: &[2, 4] }, Instant::now());
    assert_eq!(verdict, Verdict { deliver: 1, wants_barrier: true });
}

#[test]
fn a_hole_that_is_filled_in_time_is_none() {
    let mut gaps = Gaps::after(0);
    gaps.judge(View { xmin: 50, positions: &[2] }, Instant::now());
    gaps.set_barrier(60, 2);
    let verdict = gaps.judge(View { xmin: 60, positions: &[1, 2] }, Instant::now());
    assert_eq!(verdict, Verdict { deliver: 2, wants_barrier: false });
}

#[test]
fn the_age_of_a_hole_counts_from_when_it_was_first_seen() {
    let (first, later) = (Instant::now(), Instant::now() + Duration::from_secs(5));
    let mut gaps = Gaps::after(0);
    gaps.judge(View { xmin: 50, positions: &[1, 3] }, first);
    gaps.move_to(1);
    gaps.judge(View { xmin: 50, positions: &[3] }, later);
    assert_eq!(gaps.hole_since(), Some(first));
    gaps.judge(View { xmin: 50, positions: &[2, 3] }, later);
    assert_eq!(gaps.hole_since(), None);
}
