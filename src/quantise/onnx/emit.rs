//! From an operator and the scale of its output to a layer.

use super::constant::Filters;
use super::node::integers;
use super::reader::Reader;
use super::value::{Bias, Map, Open, Operator, Value};
use crate::fixed::{AddForm, AverageForm, FixedError, Requantise, Rule, Target, float32_scale};
use crate::network::import::onnx::OnnxNode;
use crate::network::{Function, Op, shape};
use crate::quantise::{QuantAdd, QuantAverage, QuantConv, QuantLayer, QuantTable, TensorQuant};
use crate::reparam::{Activation, Layer, LayerOp, TensorId};

/// How far a bias's step may be from the accumulator's, as a share: two roundings of f32.
const STEP_TOLERANCE: f32 = 1e-5;

impl<'g> Reader<'g> {
    /// The layer of an operator without a ReLU behind it.
    pub(super) fn emit_plain(
        &mut self,
        operator: Operator,
        quant: TensorQuant,
        node: &'g OnnxNode,
    ) -> Result<Value, String> {
        let relu = false;
        self.emit(Open { operator, relu }, quant, node)
    }

    /// The layer of an operator whose result `node` rounds.
    pub(super) fn emit(
        &mut self,
        open: Open,
        quant: TensorQuant,
        node: &'g OnnxNode,
    ) -> Result<Value, String> {
        let site = Site::new(&quant, open.relu);
        let (op, inputs, layer, bits) = match open.operator {
            Operator::Conv {
                input,
                filters,
                bias,
                conv,
            } => {
                let bits = filters.bits;
                let layer = site.conv(input, filters, bias)?;
                (Op::Conv(conv), vec![input], layer, bits)
            }
            Operator::FullyConnected {
                input,
                filters,
                bias,
            } => {
                let (bits, outputs) = (filters.bits, filters.steps.len());
                let layer = site.conv(input, filters, bias)?;
                (Op::FullyConnected { outputs }, vec![input], layer, bits)
            }
            Operator::Add(sides) => (Op::Add, sides.to_vec(), site.add(sides)?, 0),
            Operator::MaxPool(input, pool) => {
                (Op::MaxPool(pool), vec![input], site.max_pool(input)?, 0)
            }
            Operator::AvgPool(input, pool) => {
                let (map, most) = (self.shape(input.tensor), pool.kernel * pool.kernel);
                // The runtime's kernel for global averages takes windows as large as the map.
                let whole = [map.height, map.width] == [pool.kernel; 2] && pool.padding == 0;
                let layer = if whole {
                    site.mean(input, 1..=most)?
                } else {
                    site.window_mean(input, most)?
                };
                (Op::AvgPool(pool), vec![input], layer, 0)
            }
            Operator::GlobalAvgPool(input) => {
                let pixels = self.shape(input.tensor).pixels();
                (
                    Op::GlobalAvgPool,
                    vec![input],
                    site.mean(input, [pixels])?,
                    0,
                )
            }
            Operator::Same(input) => {
                let function = if open.relu {
                    Function::Relu
                } else {
                    Function::Identity
                };
                let layer = table(input, function, &quant)?;
                (Op::Lookup(function), vec![input], layer, 0)
            }
        };
        self.push(node, &op, site.activation, &inputs, layer)?;
        self.weight_bits.push(bits);
        self.tensors.push(quant);
        Ok(integers(TensorId(self.layers.len()), quant))
    }

    fn push(
        &mut self,
        node: &OnnxNode,
        op: &Op,
        activation: Activation,
        inputs: &[Map],
        integers: QuantLayer,
    ) -> Result<(), String> {
        let name = self.layer_name(node);
        let shapes: Vec<_> = inputs.iter().map(|map| self.shape(map.tensor)).collect();
        let output = shape::infer(&name, op, &shapes).map_err(|error| error.to_string())?;
        self.layers.push(Layer {
            name,
            op: layer_op(op, activation),
            inputs: inputs.iter().map(|map| map.tensor).collect(),
            output,
        });
        self.integers.push(integers);
        Ok(())
    }

    /// The name of the tensor before quantising tools added to it, where no other layer has it.
    fn layer_name(&self, node: &OnnxNode) -> String {
        let tensor = node.outputs.first().cloned().flatten().unwrap_or_default();
        let plain = (tensor.strip_suffix("_QuantizeLinear_Output"))
            .or_else(|| tensor.strip_suffix("_quantized"))
            .filter(|plain| self.layers.iter().all(|layer| layer.name != *plain));
        plain.map_or_else(|| tensor.clone(), str::to_owned)
    }
}

fn layer_op(op: &Op, activation: Activation) -> LayerOp {
    match op {
        Op::Conv(conv) => LayerOp::Conv {
            conv: *conv,
            activation,
        },
        Op::FullyConnected { outputs } => LayerOp::FullyConnected {
            outputs: *outputs,
            activation,
        },
        Op::Add => LayerOp::Add { activation },
        Op::MaxPool(pool) => LayerOp::MaxPool(*pool),
        Op::AvgPool(pool) => LayerOp::AvgPool(*pool),
        Op::GlobalAvgPool => LayerOp::GlobalAvgPool,
        Op::Lookup(function) => LayerOp::Lookup(*function),
        Op::Input
        | Op::BatchNorm { .. }
        | Op::Relu
        | Op::Multiply
        | Op::Concat
        | Op::AdaptiveAvgPool { .. }
        | Op::Resize(_) => {
            unreachable!("only what has integers of its own comes here")
        }
    }
}

/// A function of one element as the runtime computes it: from the integer to a float32, from its value back.
fn table(input: Map, function: Function, output: &TensorQuant) -> Result<QuantLayer, String> {
    let TensorQuant {
        range, zero_point, ..
    } = input.quant;
    if range.bits > 8 {
        return Err(format!("a table of {range} integers is not made"));
    }
    let value = |x: i32| {
        let steps = i16::try_from(x - zero_point).expect("a difference of 9 bits");
        let real = f32::from(steps) * input.quant.step();
        let value = match function {
            Function::Relu => real.max(0.0),
            _ => real,
        };
        output.quantise_float32(value)
    };
    Ok(QuantLayer::Table(QuantTable {
        first: range.min(),
        values: (range.min()..=range.max()).map(value).collect(),
    }))
}

/// The output of a layer to be.
struct Site {
    target: Target,
    /// `s_y`.
    scale: f32,
    activation: Activation,
}

impl Site {
    /// A clamp at the zero point is a ReLU whether the file says so by an operator or by the range of its integers.
    fn new(quant: &TensorQuant, relu: bool) -> Self {
        let target = Target::whole(quant.range, quant.zero_point);
        let at_zero = relu || quant.zero_point == quant.range.min();
        Self {
            target: if relu { target.relu() } else { target },
            scale: quant.step(),
            activation: if at_zero {
                Activation::Relu
            } else {
                Activation::None
            },
        }
    }

    /// Factors `f32(s_x·s_w) / s_y`, one for each output.
    fn conv(&self, input: Map, filters: Filters, bias: Option<Bias>) -> Result<QuantLayer, String> {
        let outputs = filters.steps.len();
        let steps: Vec<f32> = filters
            .steps
            .iter()
            .map(|step| input.quant.step() * step)
            .collect();
        let bias = match bias {
            None => vec![0; outputs],
            Some(bias) => bias.checked(&steps)?,
        };
        let ratios = steps.iter().map(|step| step / self.scale);
        Ok(QuantLayer::Conv(QuantConv {
            weight: filters.weight,
            bias,
            input_zero_point: input.quant.zero_point,
            residual: None,
            requantise: self.requantise(ratios)?,
        }))
    }

    /// Factors `s_a / s_y` and `s_b / s_y`.
    fn add(&self, sides: [Map; 2]) -> Result<QuantLayer, String> {
        let [a, b] = sides.map(|side| float32_scale(side.quant.step() / self.scale));
        let ((m_a, shift_a), (m_b, shift_b)) = (a.map_err(told)?, b.map_err(told)?);
        Ok(QuantLayer::Add(QuantAdd {
            input_zero_points: sides.map(|side| side.quant.zero_point),
            multipliers: [m_a, m_b],
            form: AddForm::Float32 {
                shifts: [shift_a, shift_b],
            },
            requantise: self.plain(1)?,
        }))
    }

    fn max_pool(&self, input: Map) -> Result<QuantLayer, String> {
        let same = Target::whole(input.quant.range, input.quant.zero_point);
        if self.target == same && self.scale.to_bits() == input.quant.step().to_bits() {
            return Ok(QuantLayer::MaxPool);
        }
        Err("its maxima are rounded with another scale than its input".to_owned())
    }

    /// The factor `s_x / (s_y·n)` of the sum of `n` pixels, for each of `pixels`.
    fn mean(
        &self,
        input: Map,
        pixels: impl IntoIterator<Item = usize>,
    ) -> Result<QuantLayer, String> {
        let ratios = (pixels.into_iter())
            .map(|pixels| input.quant.step() / (self.scale * pixel_count(pixels)));
        Ok(QuantLayer::Average(QuantAverage {
            input_zero_point: input.quant.zero_point,
            form: AverageForm::Sum,
            requantise: self.requantise(ratios)?,
        }))
    }

    /// A mean over windows of up to `most` pixels, which the runtime computes in float32.
    fn window_mean(&self, input: Map, most: usize) -> Result<QuantLayer, String> {
        let of = |step: f32| float32_scale(step).map_err(told);
        let scales = [of(input.quant.step())?, of(self.scale)?];
        Ok(QuantLayer::Average(QuantAverage {
            input_zero_point: input.quant.zero_point,
            form: AverageForm::Float32 {
                multipliers: scales.map(|(multiplier, _)| multiplier),
                shifts: scales.map(|(_, shift)| shift),
            },
            requantise: self.plain(most)?,
        }))
    }

    /// What rounds results that are in output steps already.
    fn plain(&self, entries: usize) -> Result<Requantise, String> {
        let (multiplier, shift) = (vec![1; entries], vec![0; entries]);
        Requantise::new(Rule::Float32HalfEven, multiplier, shift, self.target).map_err(told)
    }

    fn requantise(&self, ratios: impl Iterator<Item = f32>) -> Result<Requantise, String> {
        let scales: Result<Vec<(i32, u8)>, FixedError> = ratios.map(float32_scale).collect();
        let (multiplier, shift) = scales.map_err(told)?.into_iter().unzip();
        Requantise::new(Rule::Float32HalfEven, multiplier, shift, self.target).map_err(told)
    }
}

impl Bias {
    /// The values, if they are as many as `steps` and counted in these.
    fn checked(self, steps: &[f32]) -> Result<Vec<i64>, String> {
        let (found, wanted) = (self.values.len(), steps.len());
        if found != wanted {
            return Err(format!("it has {found} biases for {wanted} outputs"));
        }
        let off = |(stated, step): (&f32, &f32)| (stated - step).abs() > STEP_TOLERANCE * step;
        match self
            .steps
            .as_deref()
            .unwrap_or(steps)
            .iter()
            .zip(steps)
            .find(|pair| off(*pair))
        {
            None => Ok(self.values),
            Some((stated, step)) => Err(format!(
                "its bias counts steps of {stated:e}, its accumulator steps of {step:e}"
            )),
        }
    }
}

fn told(error: FixedError) -> String {
    error.to_string()
}

/// A number of pixels as f32; more than 2^24 would round.
fn pixel_count(pixels: usize) -> f32 {
    let low = u16::try_from(pixels & 0xffff).expect("16 bits");
    let high = u16::try_from(pixels >> 16 & 0xffff).expect("16 bits");
    f32::from(high) * 65_536.0 + f32::from(low)
}
