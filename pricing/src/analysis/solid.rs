//! What sound shells fill together: which is a piece, which a void, and whether their volumes may
//! simply be added.

use super::bvh::Box3;
use super::columns::{Filled, Interval, excess};
use super::nesting::{Grouped, Lazy, Nesting, nesting};
use super::overlap::{Overlap, candidates, overlap};
use super::shells::Shell;
use crate::mesh::Mesh;

/// What summing up may leave of a volume that is nothing, as a share of the box.
const ROUNDING: f64 = 1e-14;

/// What was found about the shells of a mesh whose edges are all sound, in file units.
pub(super) struct Solid {
    /// Shells wound against their place; `None` when there are too many to find out.
    pub(super) misoriented: Option<u32>,
    /// Pairs that cut through each other; `None` when finding out took too long.
    pub(super) overlapping: Option<u32>,
    /// Pairs that touch.
    pub(super) touching: u32,
    /// Shells that are solids.
    pub(super) pieces: u32,
    /// Shells that are voids, and how much is in them.
    pub(super) voids: u32,
    pub(super) void_volume: f64,
    /// Between which values the volume lies; the same one twice when it is a fact.
    pub(super) volume: Option<Interval>,
}

/// Judges shells whose signed volumes add up to `total`.
pub(super) fn judge(mesh: &Mesh, shell_of: &[u32], shells: &[Shell], total: f64) -> Solid {
    let mut solid = Solid {
        misoriented: Some(0),
        overlapping: Some(0),
        touching: 0,
        pieces: u32::try_from(shells.len()).unwrap_or(u32::MAX),
        voids: 0,
        void_volume: 0.0,
        volume: Some(Interval::point(total.abs())),
    };
    if shells.len() < 2 {
        return solid;
    }
    let shells = &without_sheets(mesh, shells)[..];
    let grouped = Grouped::new(shell_of, shells);
    let candidates = candidates(mesh, &grouped, shells);
    let (nesting, overlap) = candidates.map_or((None, None), |candidates| {
        let mut inside = Lazy::new(mesh, shell_of, &grouped, &candidates.pairs);
        let overlap = overlap(mesh, shell_of, &grouped, &candidates, &mut inside);
        let crossing = overlap.as_ref().map_or(&[][..], |found| &found.crossing);
        let nesting = nesting(mesh, &grouped, shells, &candidates.pairs, crossing, &mut inside);
        (nesting, overlap)
    });
    solid.misoriented = nesting.as_ref().map(|found| found.misoriented);
    let crossing = |found: &Overlap| u32::try_from(found.crossing.len()).unwrap_or(u32::MAX);
    solid.overlapping = overlap.as_ref().map(crossing);
    solid.touching = overlap.as_ref().map_or(0, |found| found.touching);
    if let Some(nesting) = &nesting {
        (solid.pieces, solid.voids, solid.void_volume) = pieces_and_voids(nesting, shells);
    }
    let Some((nesting, overlap)) = nesting.zip(overlap) else {
        solid.volume = unknown_arrangement(mesh, shell_of, shells, total);
        return solid;
    };
    let arranged = Arranged { mesh, shell_of, shells, nesting: &nesting };
    solid.volume = match (nesting.misoriented, overlap.crossing.len()) {
        (0, 0) => solid.volume,
        (_, 0) => Some(arranged.by_nesting()),
        (0, _) => arranged.by_columns(&arranged.as_wound(), &overlap.region),
        (_, _) => {
            let everywhere = Box3::of(mesh.vertices());
            let as_wound = arranged.by_columns(&arranged.as_wound(), &everywhere);
            let by_depth = arranged.by_columns(&arranged.by_depth(), &everywhere);
            as_wound.zip(by_depth).map(|(one, other)| one.hull(other))
        }
    };
    solid
}

/// Sheets folded onto themselves have no inside but, from rounding, a volume that is not quite
/// nothing: it is made nothing, and they take no further part.
fn without_sheets(mesh: &Mesh, shells: &[Shell]) -> Vec<Shell> {
    let nothing = ROUNDING * Box3::of(mesh.vertices()).extents().iter().product::<f64>();
    let rounded = |volume: f64| if volume.abs() <= nothing { 0.0 } else { volume };
    let mut shells = shells.to_vec();
    for shell in &mut shells {
        shell.volume = rounded(shell.volume);
    }
    shells
}

fn pieces_and_voids(nesting: &Nesting, shells: &[Shell]) -> (u32, u32, f64) {
    let (mut pieces, mut voids, mut void_volume) = (0, 0, 0.0);
    for (shell, depth) in shells.iter().zip(&nesting.depth).filter(|(s, _)| s.volume != 0.0) {
        if depth % 2 == 0 {
            pieces += 1;
        } else {
            voids += 1;
            void_volume += shell.volume.abs();
        }
    }
    (pieces, voids, void_volume)
}

/// Neither nesting nor crossings are known: anything from what is filled as the shells are wound
/// to what would be if each faced outward.
fn unknown_arrangement(
    mesh: &Mesh,
    shell_of: &[u32],
    shells: &[Shell],
    total: f64,
) -> Option<Interval> {
    let turn = if total < 0.0 { -1 } else { 1 };
    let outward = left_out(shells, vec![turn; shells.len()]);
    let everywhere = Box3::of(mesh.vertices());
    let over = |filled| excess(mesh, shell_of, &outward, &everywhere, filled, total);
    let (positive, not_zero) = (over(Filled::Positive)?, over(Filled::NotZero)?);
    Some(less(total.abs(), positive).hull(less(total.abs(), not_zero)))
}

/// Columns do not see sheets.
fn left_out(shells: &[Shell], mut outward: Vec<i8>) -> Vec<i8> {
    for (turn, _) in outward.iter_mut().zip(shells).filter(|(_, shell)| shell.volume == 0.0) {
        *turn = 0;
    }
    outward
}

fn less(total: f64, excess: Interval) -> Interval {
    Interval { low: (total - excess.high).max(0.0), high: (total - excess.low).max(0.0) }
}

/// Shells whose nesting is known.
struct Arranged<'a> {
    mesh: &'a Mesh,
    shell_of: &'a [u32],
    shells: &'a [Shell],
    nesting: &'a Nesting,
}

impl Arranged<'_> {
    /// Turns whole families over whose outermost shell faces inward, and nothing else.
    fn as_wound(&self) -> Vec<i8> {
        let root = |mut shell: usize| {
            while let Some(parent) = self.nesting.parent[shell] {
                shell = parent;
            }
            shell
        };
        let turn = |shell| if self.shells[root(shell)].volume < 0.0 { -1 } else { 1 };
        left_out(self.shells, (0..self.shells.len()).map(turn).collect())
    }

    /// Turns each shell to where its place wants it: solid, void, solid, …
    fn by_depth(&self) -> Vec<i8> {
        let turn = |(shell, depth): (&Shell, &u32)| {
            if (shell.volume > 0.0) == depth.is_multiple_of(2) { 1 } else { -1 }
        };
        left_out(self.shells, self.shells.iter().zip(&self.nesting.depth).map(turn).collect())
    }

    fn total(&self, outward: &[i8]) -> f64 {
        self.shells.iter().zip(outward).map(|(shell, turn)| shell.volume * f64::from(*turn)).sum()
    }

    /// No two shells cut each other, so each region between them is filled or not as a whole:
    /// once as the shells are wound, once as their places want it. A shell inside another that
    /// faces outward is either a void gone wrong (taken off) or a solid inside a solid (adds
    /// nothing); these two are the bounds.
    fn by_nesting(&self) -> Interval {
        let filled = |outward: &[i8]| {
            let mut order: Vec<usize> = (0..self.shells.len()).collect();
            order.sort_by_key(|shell| self.nesting.depth[*shell]);
            let mut turns = vec![0_i32; self.shells.len()];
            let mut volume = 0.0;
            for shell in order {
                let parent = self.nesting.parent[shell];
                let around = parent.map_or(0, |parent| turns[parent]);
                let own = self.shells[shell].volume * f64::from(outward[shell]);
                turns[shell] = around + i32::from(own > 0.0) - i32::from(own < 0.0);
                volume +=
                    own.abs() * f64::from(i32::from(turns[shell] > 0) - i32::from(around > 0));
            }
            volume.max(0.0)
        };
        Interval::point(filled(&self.as_wound())).hull(Interval::point(filled(&self.by_depth())))
    }

    /// What is filled by shells that cut each other within `region`.
    fn by_columns(&self, outward: &[i8], region: &Box3) -> Option<Interval> {
        let total = self.total(outward);
        let Self { mesh, shell_of, .. } = *self;
        let excess = excess(mesh, shell_of, outward, region, Filled::Positive, total)?;
        let mut filled = less(total, excess);
        let volumes = || self.shells.iter().zip(outward).map(|(s, t)| s.volume * f64::from(*t));
        if volumes().all(|volume| volume >= 0.0) {
            // Solids only: together they are no less than the largest and no more than all.
            filled.low = filled.low.max(volumes().fold(0.0, f64::max));
            filled.high = filled.high.min(total).max(filled.low);
        }
        Some(filled)
    }
}
