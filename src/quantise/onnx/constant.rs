//! Constant integers of a file: weights with their scales.

use super::scale::Scales;
use crate::network::import::onnx::{ElementType, OnnxGraph};
use crate::tensor::{FeatureMap, Weights};
use ndarray::{Array2, Array4};

/// A constant with its scales.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Constant {
    pub(super) shape: Vec<usize>,
    /// Row-major, as many as the shape says, zero points not yet subtracted.
    pub(super) values: Vec<i64>,
    /// Type of the values.
    pub(super) element: ElementType,
    pub(super) scales: Scales,
    /// The axis that the scales run along; no matter with one scale.
    pub(super) axis: usize,
}

impl Constant {
    /// The constant `name` with `scales` along `axis`, which counts from the end where it is negative.
    ///
    /// # Errors
    /// A value that is no constant of integers, and scales that do not fit its axis.
    pub(super) fn read(
        graph: &OnnxGraph,
        name: Option<&str>,
        scales: Scales,
        axis: i64,
    ) -> Result<Self, String> {
        let name = name.ok_or("an input is left out")?;
        let tensor =
            (graph.tensor(name)).ok_or_else(|| format!("`{name}` is computed, not a constant"))?;
        let element = tensor.values.element();
        let values = match element {
            ElementType::I8
            | ElementType::U8
            | ElementType::I16
            | ElementType::U16
            | ElementType::I32 => tensor.integers(),
            _ => None,
        };
        let values = values.ok_or_else(|| {
            format!("`{name}` holds {element:?}, not integers of 8, 16 or 32 bits")
        })?;
        if scales.element.is_some_and(|of_zero| of_zero != element) {
            return Err(format!("`{name}` and its zero point have different types"));
        }
        let rank = i64::try_from(tensor.shape.len()).unwrap_or(i64::MAX);
        let from_start = if axis < 0 { axis + rank } else { axis };
        let axis = usize::try_from(from_start).unwrap_or(usize::MAX);
        let slices = scales.steps.len();
        if slices > 1 && tensor.shape.get(axis) != Some(&slices) {
            let shape = &tensor.shape;
            return Err(format!("`{name}` of shape {shape:?} has {slices} scales"));
        }
        Ok(Self {
            shape: tensor.shape.clone(),
            values,
            element,
            scales,
            axis,
        })
    }

    /// A convolution's filters: OIHW in the file, OHWI here.
    ///
    /// # Errors
    /// Not four axes, or scales along another axis than the output channel's.
    pub(super) fn kernels(&self) -> Result<Filters, String> {
        let &[o, i, h, w] = self.shape.as_slice() else {
            return Err(self.other_axes("four"));
        };
        let oihw = Array4::from_shape_vec((o, i, h, w), self.differences(0, i * h * w)?);
        let oihw = oihw.expect("as many values as the shape says");
        let ohwi = oihw.permuted_axes([0, 2, 3, 1]);
        Ok(self.filters(ohwi.as_standard_layout().into_owned()))
    }

    /// A matrix's filters, 1x1 kernels over the elements of `input`: flattened channel first in the file; row,
    /// column, channel here.
    ///
    /// # Errors
    /// Not two axes, another number of inputs, or scales along another axis than the output's.
    pub(super) fn matrix(&self, outputs: Outputs, input: FeatureMap) -> Result<Filters, String> {
        let &[rows, columns] = self.shape.as_slice() else {
            return Err(self.other_axes("two"));
        };
        let matrix = match outputs {
            Outputs::Rows => self.differences(0, columns),
            Outputs::Columns => self.differences(1, 1),
        };
        let matrix = Array2::from_shape_vec((rows, columns), matrix?);
        let matrix = matrix.expect("as many values as the shape says");
        let by_output = match outputs {
            Outputs::Rows => matrix,
            Outputs::Columns => matrix.reversed_axes(),
        };
        let FeatureMap {
            height,
            width,
            channels,
        } = input;
        let (count, inputs) = by_output.dim();
        let flat: Vec<i32> = by_output.iter().copied().collect();
        let chw = Array4::from_shape_vec((count, channels, height, width), flat);
        let chw =
            chw.map_err(|_| format!("its weights take {inputs} inputs, the map is {input}"))?;
        let hwc: Vec<i32> = chw.permuted_axes([0, 2, 3, 1]).iter().copied().collect();
        let weight = Weights::from_shape_vec((count, 1, 1, inputs), hwc);
        Ok(self.filters(weight.expect("a permutation keeps the number of elements")))
    }

    fn filters(&self, weight: Weights) -> Filters {
        let outputs = weight.dim().0;
        Filters {
            bits: bits(&weight, self.element),
            steps: (0..outputs).map(|o| self.scales.step(o)).collect(),
            weight,
        }
    }

    /// Values less their zero points, where outputs lie along `axis` and `slice` values in a row share one.
    fn differences(&self, axis: usize, slice: usize) -> Result<Vec<i32>, String> {
        if self.scales.steps.len() > 1 && self.axis != axis {
            return Err("the scales of its weights are not one for each output".to_owned());
        }
        let (slice, outputs) = (slice.max(1), self.shape[axis].max(1));
        let difference = |(place, value): (usize, &i64)| {
            let difference = value - self.scales.zero_point(place / slice % outputs);
            i16::try_from(difference).map(i32::from).map_err(|_| {
                format!("a weight less its zero point is {difference}, beyond 16 bits")
            })
        };
        self.values.iter().enumerate().map(difference).collect()
    }

    fn other_axes(&self, wanted: &str) -> String {
        format!(
            "its weights have the shape {:?}, not {wanted} axes",
            self.shape
        )
    }
}

/// Which axis of a matrix counts the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outputs {
    /// The first, as in a `Gemm` with `transB`.
    Rows,
    /// The second, as in a `MatMul`.
    Columns,
}

/// Weights less their zero points, with a scale for each output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filters {
    /// OHWI.
    pub(super) weight: Weights,
    /// Real size of one step, one for each output.
    pub(super) steps: Vec<f32>,
    /// Width of the weights.
    pub(super) bits: u8,
}

/// Bits of the smallest two's complement type that holds every weight, at least those of `element`.
fn bits(weights: &Weights, element: ElementType) -> u8 {
    let least = if element.bytes() == 1 { 8 } else { 16 };
    let needed = |w: &i32| {
        let magnitude = if *w < 0 { !*w } else { *w };
        u8::try_from(33 - magnitude.leading_zeros()).expect("at most 33")
    };
    weights.iter().map(needed).max().unwrap_or(0).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(shape: &[usize], values: &[i64], zero_points: &[i64], axis: usize) -> Constant {
        Constant {
            shape: shape.to_vec(),
            values: values.to_vec(),
            element: ElementType::U8,
            scales: Scales {
                steps: vec![0.5; zero_points.len()],
                zero_points: zero_points.to_vec(),
                element: Some(ElementType::U8),
            },
            axis,
        }
    }

    fn flat(filters: &Filters) -> Vec<i32> {
        filters.weight.iter().copied().collect()
    }

    #[test]
    fn a_kernel_is_permuted_and_loses_the_zero_point_of_its_output() {
        // Two outputs of two inputs, kernel 1x2.
        let weight = constant(&[2, 2, 1, 2], &[1, 2, 3, 4, 5, 6, 7, 8], &[1, 255], 0);
        let kernels = weight.kernels().unwrap();
        assert_eq!(kernels.weight.dim(), (2, 1, 2, 2));
        assert_eq!(flat(&kernels), [0, 2, 1, 3, -250, -248, -249, -247]);
        assert_eq!(kernels.bits, 9);
        assert!(
            constant(&[2, 2, 1, 2], &[0; 8], &[1, 2], 1)
                .kernels()
                .is_err()
        );
        assert!(constant(&[2, 4], &[0; 8], &[1], 0).kernels().is_err());
    }

    #[test]
    fn a_matrix_is_output_by_input_either_way_and_pixel_first() {
        // One row of two pixels, two channels: 1 2 are channel 0, 3 4 channel 1.
        let input = FeatureMap::new(1, 2, 2);
        let rows = constant(&[2, 4], &[1, 2, 3, 4, 5, 6, 7, 8], &[0, 1], 0);
        let columns = constant(&[4, 2], &[1, 5, 2, 6, 3, 7, 4, 8], &[0, 1], 1);
        for (weight, outputs, other) in [
            (rows, Outputs::Rows, Outputs::Columns),
            (columns, Outputs::Columns, Outputs::Rows),
        ] {
            let filters = weight.matrix(outputs, input).unwrap();
            assert_eq!(flat(&filters), [1, 3, 2, 4, 4, 6, 5, 7]);
            assert!(weight.matrix(other, input).is_err());
            assert!(weight.matrix(outputs, FeatureMap::new(1, 1, 3)).is_err());
        }
    }

    #[test]
    fn the_widths_of_weights() {
        let of = |w: i32| bits(&Weights::from_elem((1, 1, 1, 1), w), ElementType::I8);
        let widths = [0, 127, -128, 128, -129, 255, -255, -256].map(of);
        assert_eq!(widths, [8, 8, 8, 9, 9, 9, 9, 9]);
    }
}
