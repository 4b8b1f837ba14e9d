//! Nodes: which meshes are placed, and where.

use super::document::{Document, Node};
use super::{broken, unsupported};
use crate::mesh::ModelError;
use crate::mesh::transform::Transform;

/// The axes themselves.
const AXES: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// A mesh in its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) mesh: u32,
    pub(super) transform: Transform,
    pub(super) mirrors: bool,
}

/// Everything that the scene places. glTF demands a tree: a node reached twice is refused, which
/// also ends every cycle.
pub(super) fn placed(document: &Document) -> Result<Vec<Placed>, ModelError> {
    let mut placed = vec![];
    let mut seen = vec![false; document.nodes.len()];
    let mut waiting: Vec<_> =
        roots(document)?.into_iter().map(|node| (node, Transform::IDENTITY)).collect();
    // First come, first placed: facets keep the order of the file.
    waiting.reverse();
    while let Some((number, outer)) = waiting.pop() {
        let node = document.nodes.get(number as usize);
        let node = node.ok_or_else(|| broken(format!("there is no node {number}")))?;
        if std::mem::replace(&mut seen[number as usize], true) {
            return Err(broken(format!("node {number} is reached twice; nodes must form a tree")));
        }
        let transform = local(node).then(&outer);
        if let Some(mesh) = node.mesh {
            if node.skin.is_some() {
                return Err(unsupported(format!("node {number} has a skin; skins are not read")));
            }
            placed.push(Placed { mesh, transform, mirrors: transform.mirrors() });
        }
        waiting.extend(node.children.iter().rev().map(|child| (*child, transform)));
        // Every node waits at most once in a tree.
        if waiting.len() > document.nodes.len() {
            return Err(broken("nodes name more children than there are nodes".to_owned()));
        }
    }
    Ok(placed)
}

/// The nodes of the scene to be shown, or all that are nobody's children.
fn roots(document: &Document) -> Result<Vec<u32>, ModelError> {
    let number = document.scene.unwrap_or(0) as usize;
    match document.scenes.get(number) {
        Some(scene) => Ok(scene.nodes.to_vec()),
        None if document.scene.is_some() => Err(broken(format!("there is no scene {number}"))),
        None => {
            let mut is_child = vec![false; document.nodes.len()];
            for child in document.nodes.iter().flat_map(|node| node.children.iter()) {
                if let Some(mark) = is_child.get_mut(*child as usize) {
                    *mark = true;
                }
            }
            let orphans = (0_u32..).zip(&is_child).filter(|(_, is_child)| !**is_child);
            Ok(orphans.map(|(node, _)| node).collect())
        }
    }
}

/// A matrix by columns, or scale, then rotation, then translation.
fn local(node: &Node) -> Transform {
    if let Some(m) = &node.matrix {
        return Transform([
            [m[0], m[1], m[2]],
            [m[4], m[5], m[6]],
            [m[8], m[9], m[10]],
            [m[12], m[13], m[14]],
        ]);
    }
    let scale = node.scale.unwrap_or([1.0; 3]);
    let axes = node.rotation.map_or(AXES, axes);
    let stretched = |axis: usize| axes[axis].map(|coordinate| coordinate * scale[axis]);
    let translation = node.translation.unwrap_or_default();
    Transform([stretched(0), stretched(1), stretched(2), translation])
}

/// Where a quaternion turns the axes. Its length is divided out: exporters write few digits.
#[expect(clippy::many_single_char_names, reason = "the names of the components")]
fn axes([x, y, z, w]: [f64; 4]) -> [[f64; 3]; 3] {
    let square = x * x + y * y + z * z + w * w;
    if square == 0.0 {
        return AXES;
    }
    let s = 2.0 / square;
    [
        [1.0 - s * (y * y + z * z), s * (x * y + z * w), s * (x * z - y * w)],
        [s * (x * y - z * w), 1.0 - s * (x * x + z * z), s * (y * z + x * w)],
        [s * (x * z + y * w), s * (y * z - x * w), 1.0 - s * (x * x + y * y)],
    ]
}
