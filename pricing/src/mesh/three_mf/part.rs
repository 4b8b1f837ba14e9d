//! One model part: its objects and its build, as they stand there.

use std::collections::BTreeMap;

use super::Memory;
use super::inflate::Inflate;
use super::quick;
use super::relations::part_name;
use super::xml::{self, Step, Tag};
use crate::analysis::Unit;
use crate::mesh::transform::Transform;
use crate::mesh::{ModelError, Place, decimal};

/// The most objects, and the most components and items together, that one part may have.
const MAX_OBJECTS: u64 = 10_000;

/// Extensions that do not change what the core elements mean for the volume.
const HARMLESS: [&[u8]; 4] = [
    b"http://schemas.microsoft.com/3dmanufacturing/core/2015/02",
    b"http://schemas.microsoft.com/3dmanufacturing/material/2015/02",
    b"http://schemas.microsoft.com/3dmanufacturing/production/2015/06",
    b"http://schemas.microsoft.com/3dmanufacturing/trianglesets/2021/07",
];

/// What [`read`] found.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) unit: Unit,
    pub(super) objects: BTreeMap<u32, Object>,
    pub(super) items: Vec<Placed>,
    /// Inflated bytes of it.
    pub(super) bytes: u64,
}

/// Something that can be placed: facets of its own, or other objects.
#[derive(Debug)]
pub(super) struct Object {
    /// Whether it is part of the model and not a support or a surface.
    pub(super) solid: bool,
    pub(super) vertices: Vec<[f64; 3]>,
    pub(super) triangles: Vec<[u32; 3]>,
    pub(super) components: Vec<Placed>,
}

/// An object to be placed.
#[derive(Debug)]
pub(super) struct Placed {
    /// The part it stands in, when that is another one.
    pub(super) part: Option<String>,
    pub(super) object: u32,
    pub(super) transform: Transform,
}

impl Part {
    /// Names of the parts that it takes objects from.
    pub(super) fn other_parts(&self) -> impl Iterator<Item = String> {
        let components = self.objects.values().flat_map(|object| &object.components);
        self.items.iter().chain(components).filter_map(|placed| placed.part.clone())
    }
}

/// Where in the document we are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Context {
    Document,
    Model,
    Resources,
    Object,
    Mesh,
    Vertices,
    Triangles,
    Components,
    Build,
    /// Inside something that says nothing about the volume.
    Elsewhere,
}

pub(super) fn read(inflate: Inflate<'_>, memory: &mut Memory) -> Result<Part, ModelError> {
    let part = Part { unit: Unit::Millimetre, objects: BTreeMap::new(), items: vec![], bytes: 0 };
    let mut reading =
        Reading { part, contexts: vec![Context::Document], object: None, placed: 0, memory };
    reading.part.bytes = xml::read(inflate, &mut reading)?;
    Ok(reading.part)
}

struct Reading<'memory> {
    part: Part,
    contexts: Vec<Context>,
    /// The object whose element is open.
    object: Option<(u32, Object)>,
    /// Components and items so far.
    placed: u64,
    memory: &'memory mut Memory,
}

impl xml::Reader for Reading<'_> {
    #[inline]
    fn take(&mut self, step: &Step<'_>) -> Result<(), ModelError> {
        let context = self.context();
        match step {
            Step::Open(tag) => {
                let inside = self.open(context, tag)?;
                self.contexts.push(inside);
                Ok(())
            }
            Step::Whole(tag) => {
                let inside = self.open(context, tag)?;
                self.close(inside)
            }
            Step::Close => {
                self.contexts.pop();
                self.close(context)
            }
        }
    }

    #[inline]
    fn take_quickly(&mut self, text: &[u8]) -> usize {
        match (self.context(), &mut self.object) {
            (Context::Vertices, Some((_, object))) => {
                quick::vertices(text, &mut object.vertices, self.memory)
            }
            (Context::Triangles, Some((_, object))) => {
                quick::triangles(text, &mut object.triangles, self.memory)
            }
            _ => 0,
        }
    }
}

impl Reading<'_> {
    fn context(&self) -> Context {
        self.contexts.last().copied().unwrap_or(Context::Document)
    }

    #[inline]
    fn open(&mut self, context: Context, tag: &Tag<'_>) -> Result<Context, ModelError> {
        match (context, tag.name) {
            (Context::Vertices, b"vertex") => self.vertex(tag)?,
            (Context::Triangles, b"triangle") => self.triangle(tag)?,
            _ => return self.open_outer(context, tag),
        }
        Ok(Context::Elsewhere)
    }

    fn open_outer(&mut self, context: Context, tag: &Tag<'_>) -> Result<Context, ModelError> {
        match (context, tag.name) {
            (Context::Document, b"model") => self.model(tag).map(|()| Context::Model),
            (Context::Document, other) => {
                let name = String::from_utf8_lossy(&other[..other.len().min(32)]);
                Err(broken(format!("the document is a \"{name}\" and not a 3MF model")))
            }
            (Context::Model, b"resources") => Ok(Context::Resources),
            (Context::Model, b"build") => Ok(Context::Build),
            (Context::Resources, b"object") => self.begin_object(tag).map(|()| Context::Object),
            (Context::Object, b"mesh") => Ok(Context::Mesh),
            (Context::Object, b"components") => Ok(Context::Components),
            (Context::Mesh, b"vertices") => Ok(Context::Vertices),
            (Context::Mesh, b"triangles") => Ok(Context::Triangles),
            (Context::Components, b"component") => {
                let placed = self.placed(tag)?;
                if let Some((_, object)) = &mut self.object {
                    object.components.push(placed);
                }
                Ok(Context::Elsewhere)
            }
            (Context::Build, b"item") => {
                let placed = self.placed(tag)?;
                self.part.items.push(placed);
                Ok(Context::Elsewhere)
            }
            (
                Context::Object | Context::Mesh,
                b"beamlattice" | b"booleanshape" | b"displacementmesh" | b"levelset"
                | b"implicitfunction",
            ) => {
                let name = String::from_utf8_lossy(tag.name);
                Err(unsupported(format!("\"{name}\" is not read, only meshes and components")))
            }
            _ => self.memory.ignore().map(|()| Context::Elsewhere),
        }
    }

    fn close(&mut self, context: Context) -> Result<(), ModelError> {
        if context != Context::Object {
            return Ok(());
        }
        let Some((id, object)) = self.object.take() else { return Ok(()) };
        let vertices = object.vertices.len();
        let beyond = |triangle: &&[u32; 3]| triangle.iter().any(|&v| v as usize >= vertices);
        if let Some([a, b, c]) = object.triangles.iter().find(beyond) {
            return Err(broken(format!(
                "object {id} has a triangle {a} {b} {c}, but only {vertices} vertices"
            )));
        }
        match self.part.objects.insert(id, object) {
            None => Ok(()),
            Some(_) => Err(broken(format!("two objects have the number {id}"))),
        }
    }

    fn model(&mut self, tag: &Tag<'_>) -> Result<(), ModelError> {
        let mut required: &[u8] = &[];
        for attribute in tag.attributes() {
            let (name, value) = attribute.ok_or_else(no_attribute)?;
            match name {
                b"unit" => self.part.unit = unit(value)?,
                b"requiredextensions" => required = value,
                _ => {}
            }
        }
        for prefix in required.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            let namespace = tag.attributes().flatten().find_map(|(name, value)| {
                (name.strip_prefix(b"xmlns:") == Some(prefix)).then_some(value)
            });
            let namespace = namespace.unwrap_or(prefix);
            if !HARMLESS.contains(&namespace) {
                let name = String::from_utf8_lossy(&namespace[..namespace.len().min(100)]);
                return Err(unsupported(format!("it requires the extension {name}")));
            }
        }
        Ok(())
    }

    fn begin_object(&mut self, tag: &Tag<'_>) -> Result<(), ModelError> {
        let (mut id, mut solid) = (None, true);
        for attribute in tag.attributes() {
            let (name, value) = attribute.ok_or_else(no_attribute)?;
            match name {
                b"id" => id = Some(number(value)?),
                b"type" => solid = value == b"model",
                _ => {}
            }
        }
        let id = id.ok_or_else(|| broken("an object has no number"))?;
        if self.part.objects.len() as u64 >= MAX_OBJECTS {
            let (place, what) = (Place::File, "objects in one part");
            return Err(ModelError::OverLimit { place, what, limit: MAX_OBJECTS });
        }
        let object = Object { solid, vertices: vec![], triangles: vec![], components: vec![] };
        self.object = Some((id, object));
        Ok(())
    }

    #[inline]
    fn vertex(&mut self, tag: &Tag<'_>) -> Result<(), ModelError> {
        let mut position = [f64::NAN; 3];
        for attribute in tag.attributes() {
            let (name, value) = attribute.ok_or_else(no_attribute)?;
            let axis = match name {
                b"x" => 0,
                b"y" => 1,
                b"z" => 2,
                _ => continue,
            };
            position[axis] = decimal::f64(value)
                .filter(|number| number.is_finite())
                .ok_or_else(|| not("a finite number", value))?;
        }
        if position.iter().any(|coordinate| coordinate.is_nan()) {
            return Err(broken("a vertex needs x, y and z"));
        }
        self.memory.take(Memory::VERTEX, || Place::File)?;
        if let Some((_, object)) = &mut self.object {
            object.vertices.push(position);
        }
        Ok(())
    }

    #[inline]
    fn triangle(&mut self, tag: &Tag<'_>) -> Result<(), ModelError> {
        let mut corners = [None; 3];
        for attribute in tag.attributes() {
            let (name, value) = attribute.ok_or_else(no_attribute)?;
            let corner = match name {
                b"v1" => 0,
                b"v2" => 1,
                b"v3" => 2,
                _ => continue,
            };
            corners[corner] = Some(number(value)?);
        }
        let [Some(a), Some(b), Some(c)] = corners else {
            return Err(broken("a triangle needs v1, v2 and v3"));
        };
        self.memory.take(Memory::TRIANGLE, || Place::File)?;
        if let Some((_, object)) = &mut self.object {
            object.triangles.push([a, b, c]);
        }
        Ok(())
    }

    fn placed(&mut self, tag: &Tag<'_>) -> Result<Placed, ModelError> {
        self.placed += 1;
        if self.placed > MAX_OBJECTS {
            let (place, what) = (Place::File, "components and items in one part");
            return Err(ModelError::OverLimit { place, what, limit: MAX_OBJECTS });
        }
        let (mut object, mut part, mut transform) = (None, None, Transform::IDENTITY);
        for attribute in tag.attributes() {
            let (name, value) = attribute.ok_or_else(no_attribute)?;
            match name {
                b"objectid" => object = Some(number(value)?),
                b"transform" => transform = matrix(value)?,
                // Of the production extension, whatever its prefix.
                _ if name.ends_with(b":path") => part = Some(part_name(value)?),
                _ => {}
            }
        }
        let object = object.ok_or_else(|| broken("what is placed has no object's number"))?;
        Ok(Placed { part, object, transform })
    }
}

fn unit(value: &[u8]) -> Result<Unit, ModelError> {
    Ok(match value {
        b"micron" => Unit::Micrometre,
        b"millimeter" => Unit::Millimetre,
        b"centimeter" => Unit::Centimetre,
        b"inch" => Unit::Inch,
        b"foot" => Unit::Foot,
        b"meter" => Unit::Metre,
        _ => return Err(not("a unit of 3MF", value)),
    })
}

/// Four rows of three: the images of the axes, then that of the origin.
fn matrix(value: &[u8]) -> Result<Transform, ModelError> {
    let mut rows = [[0.0; 3]; 4];
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for place in rows.as_flattened_mut() {
        *place = words
            .next()
            .and_then(decimal::f64)
            .filter(|number| number.is_finite())
            .ok_or_else(|| not("a transform: 12 finite numbers", value))?;
    }
    match words.next() {
        None => Ok(Transform(rows)),
        Some(_) => Err(not("a transform: 12 finite numbers", value)),
    }
}

/// A whole number below 2³¹, as 3MF allows.
#[inline]
fn number(value: &[u8]) -> Result<u32, ModelError> {
    let mut number = 0_u32;
    let digits = !value.is_empty() && value.len() <= 10;
    for byte in value {
        let digit = byte.wrapping_sub(b'0');
        let next = number.checked_mul(10).and_then(|tens| tens.checked_add(u32::from(digit)));
        match next.filter(|_| digits && digit <= 9) {
            Some(next) => number = next,
            None => return Err(not("a whole number below 2^31", value)),
        }
    }
    if digits { Ok(number) } else { Err(not("a whole number below 2^31", value)) }
}

#[cold]
fn not(wanted: &str, value: &[u8]) -> ModelError {
    let found = String::from_utf8_lossy(&value[..value.len().min(64)]);
    broken(format!("expected {wanted}, found \"{found}\""))
}

#[cold]
fn no_attribute() -> ModelError {
    broken("an attribute is not written as name=\"value\"")
}

/// Whoever calls the parser knows the place.
#[cold]
fn broken(what: impl Into<String>) -> ModelError {
    ModelError::Broken { place: Place::File, what: what.into() }
}

#[cold]
fn unsupported(what: impl Into<String>) -> ModelError {
    ModelError::Unsupported { place: Place::File, what: what.into() }
}
