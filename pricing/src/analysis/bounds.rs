//! Between which values the volume of a faulty mesh lies.
//!
//! The mesh is closed ([`super::repair`]) and its shells judged like those of a sound one
//! ([`super::solid`]): that gives the interval, and what the repair may have got wrong widens it.
//! Where the repair explains the fault (facets turned back, copies taken out, small holes closed)
//! that is all: what the surface integral said before is then known to be wrong and does not
//! count. Where it does not explain it (large holes, surfaces with one side only) the interval is
//! stretched to hold what else could be meant: the integral of the surface as it is about the
//! centre of its box, and the sum of all shells taken as solids.

use super::columns::Interval;
use super::repair::{Repair, Repaired, repair};
use super::shells::Measured;
use super::{edges, shells, solid};
use crate::mesh::Mesh;

/// A single cap that makes up more than this share of the surface is guesswork: a lid that is
/// missing, or a sheet that never had a back.
const LID: f64 = 0.05;
/// So are caps that together make up more than this share.
const SIEVE: f64 = 0.3;
/// Rounding, as a share of the volume.
const ROUNDING: f64 = 1e-9;

/// What is known of a mesh whose edges are not all sound, in file units.
pub(super) struct Bounded {
    pub(super) volume: Option<Interval>,
    pub(super) repair: Option<Repair>,
    pub(super) duplicates: u64,
    pub(super) pieces: u32,
    pub(super) voids: u32,
    pub(super) void_volume: f64,
}

/// Closes the mesh and bounds its volume. `measured` is the mesh as it is.
pub(super) fn bound(mesh: &Mesh, measured: &Measured) -> Bounded {
    let mut bounded = Bounded {
        volume: None,
        repair: None,
        duplicates: 0,
        pieces: u32::try_from(measured.shells.len()).unwrap_or(u32::MAX),
        voids: 0,
        void_volume: 0.0,
    };
    let Some(repaired) = repair(mesh) else { return bounded };
    let closed = closed(&repaired.mesh);
    bounded.repair = Some(repaired.repair);
    bounded.duplicates = repaired.duplicates;
    bounded.pieces = closed.solid.pieces;
    bounded.voids = closed.solid.voids;
    bounded.void_volume = closed.solid.void_volume;
    bounded.volume =
        closed.solid.volume.and_then(|volume| interval(volume, measured, &repaired, &closed));
    bounded
}

/// A closed mesh and what was found about it.
struct Closed {
    sound: bool,
    area: f64,
    /// All shells taken as solids.
    absolute: f64,
    solid: solid::Solid,
}

fn closed(mesh: &Mesh) -> Closed {
    let edges = edges::count(mesh);
    let measured = shells::measure(mesh, &edges.shell_of, edges.shells);
    Closed {
        sound: edges.boundary + edges.nonmanifold + edges.badly_wound == 0,
        area: measured.area,
        absolute: measured.shells.iter().map(|shell| shell.volume.abs()).sum(),
        solid: solid::judge(mesh, &edges.shell_of, &measured.shells, measured.volume),
    }
}

fn interval(
    volume: Interval,
    measured: &Measured,
    repaired: &Repaired,
    closed: &Closed,
) -> Option<Interval> {
    let mut volume = volume;
    let explained = closed.sound
        && repaired.repair.one_sided_edges == 0
        && repaired.largest_hole <= LID * closed.area
        && repaired.repair.hole_area_mm2 <= SIEVE * closed.area;
    if !explained {
        volume = volume
            .hull(Interval::point(measured.volume.abs()))
            .hull(Interval::point(closed.absolute));
    }
    if let Some(copies) = &repaired.copies {
        // Copies that are closed in themselves are a second piece in the same place, which may
        // have been meant; copies of some facets are not.
        let edges = edges::count(copies);
        if edges.unbalanced == 0 {
            let again = shells::measure(copies, &edges.shell_of, edges.shells).volume.abs();
            volume.high += again;
        }
    }
    let wider = volume.wider(repaired.margin + ROUNDING * volume.high);
    // What is all margin has no volume of its own: a sheet, a soup, a flat drawing.
    let flat = volume.high <= 1e-6 * closed.area.powf(1.5);
    (wider.high.is_finite() && !flat)
        .then_some(Interval { low: wider.low.max(0.0), high: wider.high })
}
