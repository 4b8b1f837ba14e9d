//! From the build to facets: every item and every component in its place.

use std::collections::BTreeMap;

use super::Package;
use super::part::{Object, Part, Placed};
use crate::mesh::transform::Transform;
use crate::mesh::{Format, Mesh, MeshBuilder, ModelError, Place, Warning};

/// The deepest chain of components.
const MAX_DEPTH: u32 = 32;
/// Objects placed in all, assemblies counted like what they hold.
const MAX_PLACED: u64 = 10_000;
/// Facets that placing things more than once may add to those in the file.
const MAX_COPIED: u64 = 5_000_000;

/// An object of a package.
type Key<'package> = (&'package str, u32);

/// What placing an object once amounts to.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    placed: u64,
    facets: u64,
}

impl Amount {
    /// Of the object alone. Vertices without facets are work as well.
    fn own(object: &Object) -> Self {
        let facets = (object.triangles.len() as u64).max(object.vertices.len() as u64 / 3);
        Self { placed: 1, facets }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            placed: self.placed.saturating_add(other.placed),
            facets: self.facets.saturating_add(other.facets),
        }
    }
}

pub(super) fn place(package: &Package) -> Result<Mesh, ModelError> {
    let Some(main) = package.parts.get(&package.main) else { return Err(ModelError::NoFacets) };
    let amount = count(package, main)?;
    let mut placing = Placing {
        package,
        unit: main.unit.millimetres(),
        builder: MeshBuilder::with_capacity(usize::try_from(amount.facets).unwrap_or(0)),
        skipped: 0,
    };
    for item in &main.items {
        placing.put(&package.main, item, &Transform::IDENTITY)?;
    }
    let warnings = match placing.skipped {
        0 => vec![],
        objects => vec![Warning::ObjectsSkipped { objects }],
    };
    Ok(placing.builder.finish(Format::ThreeMf, warnings)?.in_unit(main.unit))
}

/// Adds up the build without placing anything, and refuses what is too much or goes in circles.
fn count(package: &Package, main: &Part) -> Result<Amount, ModelError> {
    let mut counting = Counting { package, known: BTreeMap::new(), above: vec![] };
    let mut amount = Amount::default();
    for item in &main.items {
        amount = amount.plus(counting.count(&package.main, item)?);
    }
    let objects = package.parts.values().flat_map(|part| part.objects.values());
    let in_file = objects.map(|object| Amount::own(object).facets).sum::<u64>();
    let place = Place::File;
    if amount.placed > MAX_PLACED {
        let (what, limit) = ("objects placed by the build", MAX_PLACED);
        return Err(ModelError::OverLimit { place, what, limit });
    }
    let limit = in_file.saturating_add(MAX_COPIED);
    if amount.facets > limit {
        return Err(ModelError::OverLimit { place, what: "facets in all copies", limit });
    }
    Ok(amount)
}

struct Counting<'package> {
    package: &'package Package,
    known: BTreeMap<Key<'package>, Amount>,
    /// The objects we are inside of.
    above: Vec<Key<'package>>,
}

impl<'package> Counting<'package> {
    fn count(
        &mut self,
        part: &'package str,
        placed: &'package Placed,
    ) -> Result<Amount, ModelError> {
        let (key, object) = find(self.package, part, placed)?;
        if let Some(amount) = self.known.get(&key) {
            return Ok(*amount);
        }
        if self.above.contains(&key) {
            let what = format!("object {} is a component of itself", key.1);
            return Err(ModelError::Broken { place: place_of(key), what });
        }
        if self.above.len() as u64 >= u64::from(MAX_DEPTH) {
            let (place, what) = (place_of(key), "components inside each other");
            return Err(ModelError::OverLimit { place, what, limit: MAX_DEPTH.into() });
        }
        self.above.push(key);
        let mut amount = Amount::own(object);
        for component in &object.components {
            amount = amount.plus(self.count(key.0, component)?);
        }
        self.above.pop();
        self.known.insert(key, amount);
        Ok(amount)
    }
}

struct Placing<'package> {
    package: &'package Package,
    /// Millimetres in the unit of the main part, which is that of the mesh.
    unit: f64,
    builder: MeshBuilder,
    skipped: u64,
}

impl Placing<'_> {
    /// Recursion ends where counting ended.
    fn put(&mut self, part: &str, placed: &Placed, outer: &Transform) -> Result<(), ModelError> {
        let (key, object) = find(self.package, part, placed)?;
        if !object.solid {
            self.skipped += 1;
            return Ok(());
        }
        let mut transform = placed.transform;
        if key.0 != part {
            // Its own coordinates are in the unit of its part.
            let scale = self.millimetres(key.0) / self.millimetres(part);
            transform = Transform::scale(scale).then(&transform);
        }
        let transform = transform.then(outer);
        self.facets(object, &transform.straightened())?;
        for component in &object.components {
            self.put(key.0, component, &transform)?;
        }
        Ok(())
    }

    fn millimetres(&self, part: &str) -> f64 {
        self.package.parts.get(part).map_or(self.unit, |part| part.unit.millimetres())
    }

    fn facets(&mut self, object: &Object, transform: &Transform) -> Result<(), ModelError> {
        let position = |index: usize| transform.apply(object.vertices[index]).map(stored);
        let mirrors = transform.mirrors();
        let turned = |&[a, b, c]: &[u32; 3]| Ok(if mirrors { [a, c, b] } else { [a, b, c] });
        self.builder.indexed(object.vertices.len(), position, object.triangles.iter().map(turned))
    }
}

/// The object that is to be placed.
fn find<'package>(
    package: &'package Package,
    part: &'package str,
    placed: &'package Placed,
) -> Result<(Key<'package>, &'package Object), ModelError> {
    let name = placed.part.as_deref().unwrap_or(part);
    let object = package.parts.get(name).and_then(|part| part.objects.get(&placed.object));
    let key = (name, placed.object);
    object.map(|object| (key, object)).ok_or_else(|| {
        let what = format!("object {} is placed, but there is none", placed.object);
        ModelError::Broken { place: place_of(key), what }
    })
}

fn place_of((part, _): Key<'_>) -> Place {
    Place::Entry { name: part.to_owned(), byte: 0 }
}

#[expect(clippy::cast_possible_truncation, reason = "a mesh holds `f32`")]
fn stored(coordinate: f64) -> f32 {
    coordinate as f32
}
