//! The JSON, as far as it says where facets are.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::{broken, unsupported};
use crate::mesh::ModelError;

/// The longest list. A scene of a jeweller has some dozens of everything.
const MAX_LIST: usize = 100_000;
/// Required extensions that do not touch the shape begin so.
const HARMLESS: [&str; 5] =
    ["KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_lights_", "KHR_xmp"];

pub(super) const TRIANGLES: u32 = 4;
pub(super) const FAN: u32 = 6;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) scene: Option<u32>,
    #[serde(default)]
    pub(super) scenes: List<Scene>,
    #[serde(default)]
    pub(super) nodes: List<Node>,
    #[serde(default)]
    pub(super) meshes: List<MeshOfFile>,
    #[serde(default)]
    pub(super) accessors: List<Accessor>,
    #[serde(default)]
    pub(super) buffer_views: List<View>,
    #[serde(default)]
    pub(super) buffers: List<Buffer>,
    #[serde(default)]
    extensions_required: List<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scene {
    #[serde(default)]
    pub(super) nodes: List<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) mesh: Option<u32>,
    pub(super) skin: Option<u32>,
    #[serde(default)]
    pub(super) children: List<u32>,
    pub(super) matrix: Option<[f64; 16]>,
    pub(super) translation: Option<[f64; 3]>,
    pub(super) rotation: Option<[f64; 4]>,
    pub(super) scale: Option<[f64; 3]>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MeshOfFile {
    #[serde(default)]
    pub(super) primitives: List<Primitive>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Primitive {
    pub(super) attributes: Attributes,
    pub(super) indices: Option<u32>,
    #[serde(default = "triangles")]
    pub(super) mode: u32,
    targets: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attributes {
    #[serde(rename = "POSITION")]
    pub(super) position: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accessor {
    pub(super) buffer_view: Option<u32>,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) component_type: u32,
    pub(super) count: u64,
    #[serde(rename = "type")]
    pub(super) shape: Shape,
    pub(super) sparse: Option<IgnoredAny>,
    #[serde(default)]
    min: List<f64>,
    #[serde(default)]
    max: List<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Shape {
    Scalar,
    Vec2,
    Vec3,
    Vec4,
    Mat2,
    Mat3,
    Mat4,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    pub(super) buffer: u32,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) byte_length: u64,
    pub(super) byte_stride: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Buffer {
    pub(super) byte_length: u64,
    pub(super) uri: Option<IgnoredAny>,
}

fn triangles() -> u32 {
    TRIANGLES
}

impl Document {
    pub(super) fn parse(json: &[u8]) -> Result<Self, ModelError> {
        let document: Self =
            serde_json::from_slice(json).map_err(|error| broken(format!("the JSON: {error}")))?;
        let harmless = |name: &str| HARMLESS.iter().any(|start| name.starts_with(start));
        match document.extensions_required.iter().find(|name| !harmless(name)) {
            Some(name) => {
                let name: String = name.chars().take(64).collect();
                Err(unsupported(format!("it requires the extension {name}")))
            }
            None => Ok(document),
        }
    }

    pub(super) fn accessor(&self, index: u32) -> Result<&Accessor, ModelError> {
        let accessor = self.accessors.get(index as usize);
        let accessor = accessor.ok_or_else(|| broken(format!("there is no accessor {index}")))?;
        if accessor.sparse.is_some() {
            return Err(unsupported(format!("accessor {index} is sparse")));
        }
        Ok(accessor)
    }

    /// How many facets the accessors announce.
    pub(super) fn facets(&self, primitive: &Primitive) -> Result<u64, ModelError> {
        let Some(positions) = primitive.positions()? else { return Ok(0) };
        let corners = self.accessor(primitive.indices.unwrap_or(positions))?.count;
        Ok(facets(primitive.mode, corners))
    }

    /// Least and greatest coordinates that the file states for a primitive.
    pub(super) fn bounds(&self, primitive: &Primitive) -> Option<[[f64; 3]; 2]> {
        let accessor = self.accessors.get(primitive.attributes.position? as usize)?;
        let three = |list: &List<f64>| list.0.as_slice().try_into().ok();
        Some([three(&accessor.min)?, three(&accessor.max)?])
    }
}

impl Primitive {
    /// The accessor of the positions, if the primitive has facets.
    pub(super) fn positions(&self) -> Result<Option<u32>, ModelError> {
        if !(TRIANGLES..=FAN).contains(&self.mode) {
            return Ok(None);
        }
        if self.targets.is_some() {
            return Err(unsupported("morph targets are not read".to_owned()));
        }
        Ok(self.attributes.position)
    }
}

/// Facets between so many corners.
pub(super) fn facets(mode: u32, corners: u64) -> u64 {
    if mode == TRIANGLES { corners / 3 } else { corners.saturating_sub(2) }
}

/// A list of no more than [`MAX_LIST`] elements: some bytes of JSON make a hundred of memory.
#[derive(Debug)]
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Gather(PhantomData))
    }
}

struct Gather<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Gather<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<List<T>, A::Error> {
        let mut list = vec![];
        while let Some(element) = sequence.next_element()? {
            if list.len() >= MAX_LIST {
                return Err(A::Error::custom(format_args!("more than {MAX_LIST} in one list")));
            }
            list.push(element);
        }
        Ok(List(list))
    }
}
