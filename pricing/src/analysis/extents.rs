//! The smallest box around a model that stands askew in its file.
//!
//! The search starts from the axes of the file and from the principal axes of the surface, turns
//! the box about its own axes by ever smaller steps, and keeps what makes it smaller. It is not
//! the smallest box there is (O'Rourke, *Finding Minimal Enclosing Boxes*, 1985, finds that in
//! cubic time) but never larger than the one along the axes, and always the same for the same
//! file. At most [`SAMPLE`] vertices take part in the search; the result is measured on all.

use super::vector::{cross, dot, length, sub};
use crate::mesh::Mesh;

/// Vertices looked at while searching.
const SAMPLE: usize = 20_000;
/// Steps of turning in degrees.
const STEPS: [f64; 7] = [15.0, 7.0, 3.0, 1.5, 0.7, 0.3, 0.1];
/// Turns that made the box smaller, for each step.
const TURNS: usize = 8;

type Frame = [[f64; 3]; 3];

const STRAIGHT: Frame = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Extents of the box in file units, largest first.
pub(crate) fn oriented(mesh: &Mesh) -> [f64; 3] {
    let stride = mesh.vertices().len().div_ceil(SAMPLE).max(1);
    let sample: Vec<[f64; 3]> =
        mesh.vertices().iter().step_by(stride).map(|vertex| vertex.map(f64::from)).collect();
    let mut best = extents(&STRAIGHT, mesh.vertices().iter().map(|vertex| vertex.map(f64::from)));
    for start in [STRAIGHT, principal(&sample)] {
        let frame = search(start, &sample);
        let all = extents(&frame, mesh.vertices().iter().map(|vertex| vertex.map(f64::from)));
        if volume(all) < volume(best) {
            best = all;
        }
    }
    best.sort_unstable_by(|a, b| b.total_cmp(a));
    best
}

fn volume(extents: [f64; 3]) -> f64 {
    extents.iter().product()
}

fn extents(frame: &Frame, points: impl Iterator<Item = [f64; 3]>) -> [f64; 3] {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for point in points {
        for axis in 0..3 {
            let along = dot(frame[axis], point);
            low[axis] = low[axis].min(along);
            high[axis] = high[axis].max(along);
        }
    }
    sub(high, low)
}

fn search(mut frame: Frame, sample: &[[f64; 3]]) -> Frame {
    let mut smallest = volume(extents(&frame, sample.iter().copied()));
    for step in STEPS.map(f64::to_radians) {
        for _ in 0..TURNS {
            let turned = (0..3)
                .flat_map(|axis| [turn(&frame, axis, step), turn(&frame, axis, -step)])
                .map(|turned| (volume(extents(&turned, sample.iter().copied())), turned))
                .min_by(|(a, _), (b, _)| a.total_cmp(b));
            match turned {
                Some((volume, turned)) if volume < smallest => {
                    (smallest, frame) = (volume, turned);
                }
                _ => break,
            }
        }
    }
    frame
}

/// The frame turned about one of its axes.
fn turn(frame: &Frame, axis: usize, angle: f64) -> Frame {
    let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
    let (sin, cos) = angle.sin_cos();
    let mut turned = *frame;
    for place in 0..3 {
        turned[next][place] = cos * frame[next][place] + sin * frame[last][place];
        turned[last][place] = cos * frame[last][place] - sin * frame[next][place];
    }
    turned
}

/// The axes along which the points spread most and least: eigenvectors of their covariance, by
/// Jacobi's rotations.
fn principal(points: &[[f64; 3]]) -> Frame {
    let mut matrix = covariance(points);
    let mut frame = STRAIGHT;
    for _ in 0..24 {
        for (row, column) in [(0, 1), (0, 2), (1, 2)] {
            let off = matrix[row][column];
            if off.abs() <= f64::EPSILON * (matrix[row][row] + matrix[column][column]).abs() {
                continue;
            }
            let angle = 0.5 * (2.0 * off).atan2(matrix[row][row] - matrix[column][column]);
            let (sin, cos) = angle.sin_cos();
            let mut rotation = STRAIGHT;
            rotation[row][row] = cos;
            rotation[row][column] = sin;
            rotation[column][row] = -sin;
            rotation[column][column] = cos;
            matrix = product(&product(&rotation, &matrix), &transposed(&rotation));
            frame = product(&rotation, &frame);
        }
    }
    // Made orthogonal once more, so that no extent comes out stretched.
    let first = unit(frame[0]);
    let third = unit(cross(first, frame[1]));
    [first, cross(third, first), third]
}

#[expect(clippy::cast_precision_loss, reason = "at most SAMPLE")]
fn covariance(points: &[[f64; 3]]) -> Frame {
    let count = points.len().max(1) as f64;
    let mean = [0, 1, 2].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count);
    let mut matrix = [[0.0; 3]; 3];
    for point in points {
        let away = sub(*point, mean);
        for (row, line) in matrix.iter_mut().enumerate() {
            for (column, cell) in line.iter_mut().enumerate() {
                *cell += away[row] * away[column] / count;
            }
        }
    }
    matrix
}

fn product(a: &Frame, b: &Frame) -> Frame {
    let cell = |row: usize, column: usize| (0..3).map(|k| a[row][k] * b[k][column]).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| cell(row, column)))
}

fn transposed(matrix: &Frame) -> Frame {
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| matrix[column][row]))
}

fn unit(vector: [f64; 3]) -> [f64; 3] {
    let long = length(vector);
    if long > 0.0 { vector.map(|x| x / long) } else { vector }
}
