//! Least squares by the normal equations and a Cholesky factor.

/// A pivot below this share of its diagonal counts as 0.
const SMALLEST_PIVOT: f64 = 1e-9;

/// The unknowns do not follow from the equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure;

/// `A^T A` and `A^T b`, row by row.
pub(super) struct Equations {
    size: usize,
    matrix: Vec<f64>,
    right: Vec<f64>,
}

impl Equations {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            matrix: vec![0.0; size * size],
            right: vec![0.0; size],
        }
    }

    /// One more equation: `row · unknowns = value`.
    pub(super) fn add(&mut self, row: &[f64], value: f64) {
        for (i, &a) in row.iter().enumerate() {
            self.right[i] += a * value;
            let line = &mut self.matrix[i * self.size..][..=i];
            for (sum, &b) in line.iter_mut().zip(row) {
                *sum += a * b;
            }
        }
    }

    /// The unknowns of the least sum of squares.
    pub(super) fn solve(mut self) -> Result<Vec<f64>, Failure> {
        self.factor()?;
        let (n, l) = (self.size, &self.matrix);
        let mut x = self.right;
        for i in 0..n {
            let known: f64 = (0..i).map(|j| l[i * n + j] * x[j]).sum();
            x[i] = (x[i] - known) / l[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| l[j * n + i] * x[j]).sum();
            x[i] = (x[i] - known) / l[i * n + i];
        }
        Ok(x)
    }

    /// The lower triangle becomes its Cholesky factor.
    fn factor(&mut self) -> Result<(), Failure> {
        let (n, l) = (self.size, &mut self.matrix);
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                let rest = l[i * n + j] - known;
                if i != j {
                    l[i * n + j] = rest / l[j * n + j];
                } else if rest > SMALLEST_PIVOT * l[i * n + i] && rest.is_finite() {
                    l[i * n + i] = rest.sqrt();
                } else {
                    return Err(Failure);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Equations, Failure};

    #[test]
    fn a_line_through_three_points() {
        let mut equations = Equations::new(2);
        for (x, y) in [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)] {
            equations.add(&[x, 1.0], y);
        }
        let found = equations.solve().unwrap();
        assert!((found[0] - 2.0).abs() < 1e-12 && (found[1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_columns_are_refused() {
        let mut equations = Equations::new(2);
        equations.add(&[1.0, 1.0], 1.0);
        equations.add(&[2.0, 2.0], 2.0);
        assert_eq!(equations.solve(), Err(Failure));
    }
}
