//! Affine transforms as 3MF and glTF write them: a point is a row, the transform stands behind it.

/// Three rows of the linear part, then the translation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Transform(pub(super) [[f64; 3]; 4]);

impl Transform {
    pub(super) const IDENTITY: Self =
        Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0; 3]]);

    /// The same stretch in every direction.
    pub(super) fn scale(by: f64) -> Self {
        Self([[by, 0.0, 0.0], [0.0, by, 0.0], [0.0, 0.0, by], [0.0; 3]])
    }

    /// Where a point comes to lie.
    #[inline]
    pub(super) fn apply(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        let rows = &self.0;
        [0, 1, 2]
            .map(|axis| x * rows[0][axis] + y * rows[1][axis] + z * rows[2][axis] + rows[3][axis])
    }

    /// First `self`, then `outer`.
    pub(super) fn then(&self, outer: &Self) -> Self {
        // The linear part knows no translation.
        let linear = Self([outer.0[0], outer.0[1], outer.0[2], [0.0; 3]]);
        let [a, b, c, d] = self.0;
        Self([linear.apply(a), linear.apply(b), linear.apply(c), outer.apply(d)])
    }

    /// The same, but exactly a rotation where it nearly is one.
    ///
    /// Programs write six digits: an inch model placed in millimetres is shrunk by `0.03937` and enlarged by `25.4`,
    /// which makes 0.999998, and nobody meant that. A linear part `M` counts as a rotation when `MᵀM` differs from the
    /// identity by less than 10⁻⁵; the nearest rotation is found by Newton's iteration for the polar decomposition
    /// (Higham, *Computing the Polar Decomposition*, 1986), which converges quadratically. Mirrors stay mirrors.
    pub(super) fn straightened(&self) -> Self {
        const NEARLY: f64 = 1e-5;
        let [a, b, c, translation] = self.0;
        let mut rows = [a, b, c];
        let deviance = |i: usize, j: usize| {
            let product: f64 = (0..3).map(|row| rows[row][i] * rows[row][j]).sum();
            (product - f64::from(u8::from(i == j))).abs()
        };
        if (0..9).any(|cell| deviance(cell / 3, cell % 3) >= NEARLY) {
            return *self;
        }
        for _ in 0..3 {
            let inverse_transposed = cofactors(&rows);
            let determinant: f64 =
                (0..3).map(|axis| rows[0][axis] * inverse_transposed[0][axis]).sum();
            for (row, cofactors) in rows.iter_mut().zip(inverse_transposed) {
                for (number, cofactor) in row.iter_mut().zip(cofactors) {
                    *number = f64::midpoint(*number, cofactor / determinant);
                }
            }
        }
        let [a, b, c] = rows;
        Self([a, b, c, translation])
    }

    /// Whether it turns things inside out, as a mirror does: its determinant is negative.
    pub(super) fn mirrors(&self) -> bool {
        let [a, b, c, _] = self.0;
        let normal = cross(b, c);
        a[0] * normal[0] + a[1] * normal[1] + a[2] * normal[2] < 0.0
    }
}

/// Divided by the determinant, these are the inverse, transposed.
fn cofactors(&[a, b, c]: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    [cross(b, c), cross(c, a), cross(a, b)]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "where a test compares bits, it means bits")]
mod tests {
    use super::*;

    #[test]
    fn what_nearly_is_a_rotation_becomes_one_and_nothing_else_changes() {
        let (sine, cosine) = 0.3_f64.sin_cos();
        let shrunk = 0.03937 * 25.4;
        let turn = [[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]];
        let [a, b, c] = turn.map(|row| row.map(|number| number * shrunk));
        let straight = Transform([a, b, c, [1.0, 2.0, 3.0]]).straightened();
        for (row, wanted) in straight.0.iter().zip(turn) {
            for (number, wanted) in row.iter().zip(wanted) {
                assert!((number - wanted).abs() < 1e-15, "{straight:?}");
            }
        }
        assert_eq!(straight.0[3], [1.0, 2.0, 3.0]);
        let mirror =
            Transform([[-1.000_001, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0; 3]]);
        assert!(mirror.straightened().mirrors());
        let scaled = Transform::scale(1.0001);
        assert_eq!(scaled.straightened(), scaled);
        assert_eq!(Transform::IDENTITY.straightened(), Transform::IDENTITY);
    }

    #[test]
    fn one_after_the_other_is_both() {
        let turn = Transform([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 2.0], [1.0, 2.0, 3.0]]);
        let mirror =
            Transform([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [5.0, 0.0, 0.0]]);
        let point = [1.5, -2.0, 0.25];
        assert_eq!(turn.then(&mirror).apply(point), mirror.apply(turn.apply(point)));
        assert!(!turn.mirrors() && mirror.mirrors() && turn.then(&mirror).mirrors());
        assert!(!mirror.then(&mirror).mirrors());
        assert_eq!(turn.then(&Transform::IDENTITY), turn);
    }
}
