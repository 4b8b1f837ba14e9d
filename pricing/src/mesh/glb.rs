//! Binary glTF 2.0 (ISO/IEC 12113): a JSON chunk that describes, a binary chunk with the numbers.
//!
//! Read are the facets of all meshes that the scene's nodes place, with their transforms. What
//! would change the shape and is not read is refused by name: skins, morph targets, compression,
//! quantised positions, sparse accessors, numbers in other files. The unit is the metre.
//!
//! Own code rather than the crate `gltf`: of that only the JSON structures would remain, because
//! its accessors trust counts and offsets, and its lists have no limit.

mod container;
mod data;
mod document;
mod scene;

use super::{Format, Mesh, MeshBuilder, ModelError, Place, Warning};
use crate::analysis::Unit;

use self::container::Container;
use self::data::{Data, Triangles};
use self::document::{Document, Primitive};
use self::scene::Placed;

pub(super) use self::container::{JSON_START, json_length};

/// Facets that placing meshes more than once may add to what the bytes can hold.
const MAX_COPIED: u64 = 5_000_000;

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let container = Container::open(bytes)?;
    let document = Document::parse(container.json)?;
    let data = Data::new(&document, &container)?;
    let placed = scene::placed(&document)?;
    let facets = count(&document, &data, &placed)?;
    let mut builder = MeshBuilder::with_capacity(facets);
    let mut skipped = 0;
    for placed in &placed {
        for primitive in document.primitives(placed.mesh)? {
            match data.triangles(primitive)? {
                Some(triangles) => put(&mut builder, &triangles, placed)?,
                None => skipped += 1,
            }
        }
    }
    let mut warnings = vec![];
    if container.trailing > 0 {
        warnings.push(Warning::TrailingBytes { bytes: container.trailing });
    }
    if skipped > 0 {
        warnings.push(Warning::FacesSkipped { faces: skipped });
    }
    Ok(builder.finish(Format::Glb, warnings)?.in_unit(Unit::Metre))
}

/// Adds up what will be placed, and refuses what is too much.
fn count(document: &Document, data: &Data<'_>, placed: &[Placed]) -> Result<usize, ModelError> {
    let limit = MAX_COPIED + data.len() as u64;
    let (mut work, mut facets) = (0_u64, 0);
    for placed in placed {
        for primitive in document.primitives(placed.mesh)? {
            if let Some(triangles) = data.triangles(primitive)? {
                facets += triangles.len();
                work += (triangles.len() as u64).max(triangles.positions() as u64 / 3);
            }
            if work > limit {
                let (place, what) = (Place::File, "facets in all copies");
                return Err(ModelError::OverLimit { place, what, limit });
            }
        }
    }
    Ok(facets)
}

fn put(
    builder: &mut MeshBuilder,
    triangles: &Triangles<'_>,
    placed: &Placed,
) -> Result<(), ModelError> {
    let position = |index| {
        let position = triangles.position(index).map(f64::from);
        placed.transform.apply(position).map(stored)
    };
    let facets = (0..triangles.len()).map(|number| {
        let [a, b, c] = triangles.corners(number)?;
        Ok(if placed.mirrors { [a, c, b] } else { [a, b, c] })
    });
    builder.indexed(triangles.positions(), position, facets)
}

/// What the JSON alone says: facets, and extents where every mesh states its own.
pub(super) fn outline(json: &[u8]) -> Result<(u64, Option<[f64; 3]>), ModelError> {
    let document = Document::parse(json)?;
    let (mut facets, mut known) = (0_u64, true);
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for placed in scene::placed(&document)? {
        for primitive in document.primitives(placed.mesh)? {
            facets = facets.saturating_add(document.facets(primitive)?);
            let Some([from, to]) = document.bounds(primitive) else {
                known = false;
                continue;
            };
            for corner in 0..8_usize {
                let pick =
                    |axis: usize| if corner >> axis & 1 == 0 { from[axis] } else { to[axis] };
                let point = placed.transform.apply([0, 1, 2].map(pick));
                low = [0, 1, 2].map(|axis| low[axis].min(point[axis]));
                high = [0, 1, 2].map(|axis| high[axis].max(point[axis]));
            }
        }
    }
    let extents = [0, 1, 2].map(|axis| high[axis] - low[axis]);
    let sound = known && extents.iter().all(|extent| extent.is_finite() && *extent >= 0.0);
    Ok((facets, sound.then_some(extents)))
}

impl Document {
    fn primitives(&self, mesh: u32) -> Result<&[Primitive], ModelError> {
        let mesh = self.meshes.get(mesh as usize);
        let mesh = mesh.ok_or_else(|| broken(format!("there is no mesh {mesh:?}")))?;
        Ok(&mesh.primitives)
    }
}

/// Something is wrong with what the JSON says.
fn broken(what: String) -> ModelError {
    ModelError::Broken { place: Place::Byte(JSON_START as u64), what }
}

fn unsupported(what: String) -> ModelError {
    ModelError::Unsupported { place: Place::Byte(JSON_START as u64), what }
}

#[expect(clippy::cast_possible_truncation, reason = "a mesh holds `f32`")]
fn stored(coordinate: f64) -> f32 {
    coordinate as f32
}
