//! Operators that ONNX writes with constants or with several nodes: functions of one element, adaptive pooling,
//! interpolation.

use super::onnx::{F32, I64, Writer, float, signed};
use crate::network::import::onnx::message::{Attribute, Tensor, attribute_kind};
use crate::network::sampling::bin;
use crate::network::{Corners, Function, Resize};
use crate::tensor::FeatureMap;

impl Writer<'_> {
    pub(super) fn function(&mut self, name: &str, function: Function, x: String) {
        match function {
            Function::Sigmoid => self.push("Sigmoid", name, vec![x], Vec::new()),
            Function::HardSwish => self.push("HardSwish", name, vec![x], Vec::new()),
            Function::HardSigmoid => {
                let attributes = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
                self.push("HardSigmoid", name, vec![x], attributes);
            }
            Function::Relu => self.push("Relu", name, vec![x], Vec::new()),
            Function::Identity => self.push("Identity", name, vec![x], Vec::new()),
            Function::Silu => {
                let gate = format!("{name}:gate");
                self.push("Sigmoid", &gate, vec![x.clone()], Vec::new());
                self.push("Mul", name, vec![x, gate], Vec::new());
            }
            Function::Relu6 => {
                let low = self.floats(format!("{name}:low"), &[], &[0.0]);
                let high = self.floats(format!("{name}:high"), &[], &[6.0]);
                self.push("Clip", name, vec![x, low, high], Vec::new());
            }
        }
    }

    /// Means over parts of the map, as a product with a matrix along each axis: ONNX has no such operator.
    pub(super) fn adaptive(&mut self, name: &str, bins: usize, map: FeatureMap, x: String) {
        let columns = means(bins, map.width);
        let columns: Vec<f32> = (0..map.width)
            .flat_map(|x| (0..bins).map(move |bin| (bin, x)))
            .map(|(bin, x)| columns[bin * map.width + x])
            .collect();
        let right = self.floats(format!("{name}:columns"), &[map.width, bins], &columns);
        let rows = means(bins, map.height);
        let left = self.floats(format!("{name}:rows"), &[bins, map.height], &rows);
        let narrow = format!("{name}:narrow");
        self.push("MatMul", &narrow, vec![x, right], Vec::new());
        self.push("MatMul", name, vec![left, narrow], Vec::new());
    }

    pub(super) fn resize(&mut self, name: &str, resize: Resize, x: String) {
        let sizes = format!("{name}:sizes");
        self.graph.initializer.push(Tensor {
            dims: vec![2],
            data_type: I64,
            int64_data: vec![signed(resize.height), signed(resize.width)],
            name: sizes.clone(),
            ..Tensor::default()
        });
        let corners = match resize.corners {
            Corners::Aligned => "align_corners",
            Corners::HalfPixel => "half_pixel",
        };
        let axes = Attribute {
            name: "axes".to_owned(),
            ints: vec![2, 3],
            kind: attribute_kind::INTS,
            ..Attribute::default()
        };
        let attributes = vec![
            axes,
            text("coordinate_transformation_mode", corners),
            text("mode", "linear"),
        ];
        let inputs = vec![x, String::new(), String::new(), sizes];
        self.push("Resize", name, inputs, attributes);
    }

    /// A constant of 32-bit floats; its name.
    pub(super) fn floats(&mut self, name: String, shape: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.graph.initializer.push(Tensor {
            dims: shape.iter().map(|axis| signed(*axis)).collect(),
            data_type: F32,
            name: name.clone(),
            raw_data: Some(bytes.collect()),
            ..Tensor::default()
        });
        name
    }
}

fn text(name: &str, value: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        s: Some(value.as_bytes().to_vec().into()),
        kind: attribute_kind::STRING,
        ..Attribute::default()
    }
}

/// One row a bin: the share of each place of an axis of `length` in its mean.
fn means(bins: usize, length: usize) -> Vec<f32> {
    let share = |bin_of: usize, place: usize| {
        let places = bin(bin_of, bins, length);
        let share = 1.0 / f32::from(u16::try_from(places.len()).unwrap_or(u16::MAX));
        if places.contains(&place) { share } else { 0.0 }
    };
    (0..bins)
        .flat_map(|bin_of| (0..length).map(move |place| share(bin_of, place)))
        .collect()
}
