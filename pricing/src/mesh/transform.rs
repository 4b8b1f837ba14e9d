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
        let [a, b, c, d] = self.0;
        [0, 1, 2].map(|axis| x * a[axis] + y * b[axis] + z * c[axis] + d[axis])
    }

    /// First `self`, then `outer`.
    pub(super) fn then(&self, outer: &Self) -> Self {
        // The linear part knows no translation.
        let linear = Self([outer.0[0], outer.0[1], outer.0[2], [0.0; 3]]);
        let [a, b, c, d] = self.0;
        Self([linear.apply(a), linear.apply(b), linear.apply(c), outer.apply(d)])
    }

    /// Whether it turns things inside out, as a mirror does: its determinant is negative.
    pub(super) fn mirrors(&self) -> bool {
        let [[a, b, c], [d, e, f], [g, h, i], _] = self.0;
        a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
