//! Float operators between `DequantizeLinear` and `QuantizeLinear`.

use super::constant::{Constant, Outputs};
use super::reader::Reader;
use super::value::{Axes, Bias, Map, Open, Operator, Seen, Value};
use crate::network::import::onnx::{ElementType, OnnxNode, OnnxTensor};
use crate::network::import::window::{conv, pool};

impl<'g> Reader<'g> {
    pub(super) fn conv(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let input = self.written(node, 0, Seen::Reals, Axes::Rows)?;
        let filters = self.constant(node, 1)?.kernels()?;
        let (outputs, rows, columns, inputs) = filters.weight.dim();
        let conv = conv(
            node,
            [outputs, inputs, rows, columns],
            self.shape(input.tensor),
        )?;
        Ok(open(Operator::Conv {
            input,
            filters,
            bias: self.bias(node)?,
            conv,
        }))
    }

    pub(super) fn gemm(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let outputs = outputs_of_gemm(node)?;
        self.fully_connected(node, outputs)
    }

    pub(super) fn matrix_product(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        self.fully_connected(node, Outputs::Columns)
    }

    fn fully_connected(&self, node: &OnnxNode, outputs: Outputs) -> Result<Value, String> {
        let input = self.written(node, 0, Seen::Reals, Axes::Flat)?;
        let filters = self
            .constant(node, 1)?
            .matrix(outputs, self.shape(input.tensor))?;
        Ok(open(Operator::FullyConnected {
            input,
            filters,
            bias: self.bias(node)?,
        }))
    }

    pub(super) fn add(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let sides = [
            self.map(node, 0, Seen::Reals)?,
            self.map(node, 1, Seen::Reals)?,
        ];
        Ok(open(Operator::Add(sides)))
    }

    pub(super) fn relu(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let operator = match self.value(node, 0)? {
            Value::Open(open) => open.operator.clone(),
            _ => Operator::Same(self.map(node, 0, Seen::Reals)?),
        };
        Ok(Value::Open(Open {
            operator,
            relu: true,
        }))
    }

    /// A maximum passes integers on, so it may read either kind.
    pub(super) fn max_pool(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.outputs.len() > 1 {
            return Err("its second output, places of the maxima, is not run".to_owned());
        }
        let input = match self.value(node, 0)? {
            Value::Map(map) => self.written(node, 0, map.seen, Axes::Rows)?,
            _ => self.written(node, 0, Seen::Reals, Axes::Rows)?,
        };
        let pool = pool(node, self.shape(input.tensor))?;
        let operator = Operator::MaxPool(input, pool);
        match input.seen {
            Seen::Reals => Ok(open(operator)),
            Seen::Integers => self.emit_plain(operator, input.quant, node),
        }
    }

    pub(super) fn average_pool(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let input = self.written(node, 0, Seen::Reals, Axes::Rows)?;
        Ok(open(self.mean_over_windows(node, input)?))
    }

    /// A mean over windows, or over the whole map where the window is one.
    pub(super) fn mean_over_windows(
        &self,
        node: &OnnxNode,
        input: Map,
    ) -> Result<Operator, String> {
        let map = self.shape(input.tensor);
        let pool = pool(node, map)?;
        if pool.padding > 0 && node.attributes.int("count_include_pad", 0)? != 0 {
            return Err("its mean counts pixels of padding (`count_include_pad`)".to_owned());
        }
        if [map.height, map.width] == [pool.kernel; 2] && pool.padding == 0 {
            return Ok(Operator::GlobalAvgPool(input, Axes::Rows));
        }
        Ok(Operator::AvgPool(input, pool))
    }

    pub(super) fn global_average_pool(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        self.mean(node, Axes::Rows)
    }

    /// A mean over all pixels, written with `axes`.
    fn mean(&self, node: &OnnxNode, axes: Axes) -> Result<Value, String> {
        let input = self.written(node, 0, Seen::Reals, Axes::Rows)?;
        Ok(open(Operator::GlobalAvgPool(input, axes)))
    }

    /// A mean over rows and columns; its axes are an attribute up to version 17, an input from 18 on.
    pub(super) fn reduce_mean(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let stated = match node.input(1) {
            Some(name) => self.graph.tensor(name).and_then(OnnxTensor::integers),
            None => node.attributes.ints("axes")?.map(<[i64]>::to_vec),
        };
        let mut axes = stated.unwrap_or_default();
        for axis in axes.iter_mut().filter(|axis| **axis < 0) {
            *axis += 4;
        }
        axes.sort_unstable();
        if axes != [2, 3] {
            return Err(format!(
                "its mean is over axes {axes:?}, only rows and columns are run"
            ));
        }
        match node.attributes.int("keepdims", 1)? {
            0 => self.mean(node, Axes::Flat),
            _ => self.mean(node, Axes::Rows),
        }
    }

    /// The scaled constant that input `place` is.
    fn constant(&self, node: &OnnxNode, place: usize) -> Result<&Constant, String> {
        let name = node.input(place).unwrap_or_default();
        if self.graph.tensor(name).is_some() {
            return Err(format!(
                "its `{name}` is of real numbers, which no DequantizeLinear scales"
            ));
        }
        match self.value(node, place)? {
            Value::Constant(constant) => Ok(constant),
            _ => Err(format!("its `{name}` is computed, not a constant")),
        }
    }

    /// The bias, input 2: 32-bit integers in steps of the accumulator.
    fn bias(&self, node: &OnnxNode) -> Result<Option<Bias>, String> {
        if node.input(2).is_none() {
            return Ok(None);
        }
        let constant = self.constant(node, 2)?;
        if constant.element != ElementType::I32
            || constant.scales.zero_points.iter().any(|z| *z != 0)
        {
            let element = constant.element;
            return Err(format!(
                "its bias is {element:?}, not I32 with zero points of 0"
            ));
        }
        if constant.shape.len() != 1 {
            return Err(format!(
                "its bias has the shape {:?}, not one axis",
                constant.shape
            ));
        }
        Ok(Some(Bias {
            steps: Some(
                (0..constant.values.len())
                    .map(|c| constant.scales.step(c))
                    .collect(),
            ),
            values: constant.values.clone(),
        }))
    }
}

/// Where a matrix product has its outputs.
///
/// # Errors
/// Factors and transpositions that no integer form has.
pub(super) fn outputs_of_gemm(node: &OnnxNode) -> Result<Outputs, String> {
    let one = |name: &str| {
        Ok::<_, String>(node.attributes.float(name, 1.0)?.to_bits() == 1.0_f32.to_bits())
    };
    if node.attributes.int("transA", 0)? != 0 || !one("alpha")? || !one("beta")? {
        return Err("only `transB` is read of its attributes; the factors are 1".to_owned());
    }
    Ok(match node.attributes.int("transB", 0)? {
        0 => Outputs::Columns,
        _ => Outputs::Rows,
    })
}

fn open(operator: Operator) -> Value {
    Value::Open(Open {
        operator,
        relu: false,
    })
}
