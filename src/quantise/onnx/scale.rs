//! Scales and zero points of a file: the two inputs that every quantising operator has.

use crate::network::import::onnx::{ElementType, OnnxGraph};
use crate::quantise::TensorQuant;
use crate::tensor::IntType;

/// How real numbers map to integers: `real = scale · (q - zero_point)`, per tensor or per slice of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scales {
    /// One, or one for each slice.
    pub(super) steps: Vec<f32>,
    /// As many as steps, or one for all.
    pub(super) zero_points: Vec<i64>,
    /// Type of the integers; `None` where the file leaves it to the integers themselves.
    pub(super) element: Option<ElementType>,
}

impl Scales {
    /// Reads the constants named `scale` and `zero_point`; without the latter all zero points are 0.
    ///
    /// # Errors
    /// Values that are no constants, no positive numbers, or of numbers that do not fit each other.
    pub(super) fn read(
        graph: &OnnxGraph,
        scale: Option<&str>,
        zero_point: Option<&str>,
    ) -> Result<Self, String> {
        let constant = |name: &str| {
            let found = graph.tensor(name);
            found.ok_or_else(|| format!("`{name}` is computed, not a constant"))
        };
        let scale = scale.ok_or("it has no scale")?;
        let steps = constant(scale)?.floats()?.into_owned();
        let zeros = zero_point.map(constant).transpose()?;
        let element = zeros.map(|zeros| zeros.values.element());
        let zero_points = match zeros {
            None => vec![0],
            Some(zeros) => zeros.integers().ok_or_else(|| {
                format!(
                    "its zero point is {:?}, not integers",
                    zeros.values.element()
                )
            })?,
        };
        if let Some(step) = steps
            .iter()
            .find(|step| !(step.is_finite() && **step > 0.0))
        {
            return Err(format!(
                "its scale `{scale}` holds {step}, a scale is positive"
            ));
        }
        if steps.is_empty() || ![1, steps.len()].contains(&zero_points.len()) {
            let (steps, zeros) = (steps.len(), zero_points.len());
            return Err(format!("it has {zeros} zero points for {steps} scales"));
        }
        Ok(Self {
            steps,
            zero_points,
            element,
        })
    }

    /// Those of an activation: one scale, one zero point inside an integer type of 8 or 16 bits.
    ///
    /// # Errors
    /// More than one scale, and a type that no activation has here.
    pub(super) fn of_tensor(&self) -> Result<TensorQuant, String> {
        let ([scale], [zero_point]) = (&*self.steps, &*self.zero_points) else {
            let scales = self.steps.len();
            return Err(format!(
                "its activation has {scales} scales, only one is read"
            ));
        };
        // Without a zero point the format means unsigned bytes.
        let range = match self.element.unwrap_or(ElementType::U8) {
            ElementType::U8 => IntType::unsigned(8),
            ElementType::I8 => IntType::signed(8),
            ElementType::U16 => IntType::unsigned(16),
            ElementType::I16 => IntType::signed(16),
            other => {
                return Err(format!(
                    "its activation is {other:?}, not 8 or 16 bits wide"
                ));
            }
        };
        Ok(TensorQuant {
            range,
            scale: f64::from(*scale),
            zero_point: i32::try_from(*zero_point).expect("a value of its type"),
        })
    }

    /// The step of slice `index`.
    pub(super) fn step(&self, index: usize) -> f32 {
        self.steps[if self.steps.len() == 1 { 0 } else { index }]
    }

    /// The zero point of slice `index`.
    pub(super) fn zero_point(&self, index: usize) -> i64 {
        self.zero_points[if self.zero_points.len() == 1 {
            0
        } else {
            index
        }]
    }
}
