//! From an operator and the scale of its output to a layer.

use super::constant::Filters;
use super::node::integers;
use super::reader::Reader;
use super::value::{Axes, Bias, Map, Open, Operator, Value};
use crate::fixed::{AddForm, AverageForm, FixedError, Requantise, Rule, Target, float32_scale};
use crate::network::import::onnx::OnnxNode;
use crate::network::{Function, Op, shape};
use crate::quantise::{QuantAdd, QuantAverage, QuantConv, QuantLayer, QuantTable, TensorQuant};
use crate::reparam::{Activation, Layer, LayerOp, TensorId};
use crate::tensor::FeatureMap;

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
        let name = self.layer_name(node);
        let Open { operator, relu } = open;
        let (op, inputs) = (operator.op(relu), operator.inputs());
        let (bits, axes) = (operator.weight_bits(), operator.axes());
        let shapes: Vec<_> = inputs.iter().map(|map| self.shape(map.tensor)).collect();
        // Before any integers: it bounds windows and weights.
        let output = shape::infer(&name, &op, &shapes).map_err(|error| error.to_string())?;
        let site = Site::new(&quant, relu);
        self.integers
            .push(site.integers(operator, relu, shapes[0])?);
        self.layers.push(Layer {
            name,
            op: layer_op(&op, site.activation),
            inputs: inputs.iter().map(|map| map.tensor).collect(),
            output,
        });
        self.weight_bits.push(bits);
        self.tensors.push(quant);
        Ok(integers(TensorId(self.layers.len()), quant, axes))
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

impl Operator {
    fn op(&self, relu: bool) -> Op {
        match self {
            Self::Conv { conv, .. } => Op::Conv(*conv),
            Self::FullyConnected { filters, .. } => Op::FullyConnected {
                outputs: filters.steps.len(),
            },
            Self::Add(_) => Op::Add,
            Self::MaxPool(_, pool) => Op::MaxPool(*pool),
            Self::AvgPool(_, pool) => Op::AvgPool(*pool),
            Self::GlobalAvgPool(..) => Op::GlobalAvgPool,
            Self::Same(_) => Op::Lookup(function(relu)),
        }
    }

    fn inputs(&self) -> Vec<Map> {
        match self {
            Self::Conv { input, .. }
            | Self::FullyConnected { input, .. }
            | Self::MaxPool(input, _)
            | Self::AvgPool(input, _)
            | Self::GlobalAvgPool(input, _)
            | Self::Same(input) => vec![*input],
            Self::Add(sides) => sides.to_vec(),
        }
    }

    /// Bits of its weights, 0 where it has none.
    fn weight_bits(&self) -> u8 {
        match self {
            Self::Conv { filters, .. } | Self::FullyConnected { filters, .. } => filters.bits,
            Self::Add(_)
            | Self::MaxPool(..)
            | Self::AvgPool(..)
            | Self::GlobalAvgPool(..)
            | Self::Same(_) => 0,
        }
    }

    /// How its result is written: a sum and a function keep the axes of what they read.
    fn axes(&self) -> Axes {
        match self {
            Self::FullyConnected { .. } => Axes::Flat,
            Self::Add([map, _]) | Self::Same(map) => map.axes,
            Self::GlobalAvgPool(_, axes) => *axes,
            Self::Conv { .. } | Self::MaxPool(..) | Self::AvgPool(..) => Axes::Rows,
        }
    }
}

const fn function(relu: bool) -> Function {
    if relu {
        Function::Relu
    } else {
        Function::Identity
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
    quant: TensorQuant,
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
            quant: *quant,
            target: if relu { target.relu() } else { target },
            scale: quant.step(),
            activation: if at_zero {
                Activation::Relu
            } else {
                Activation::None
            },
        }
    }

    /// The integers of an operator whose first input has the shape `map`.
    fn integers(
        &self,
        operator: Operator,
        relu: bool,
        map: FeatureMap,
    ) -> Result<QuantLayer, String> {
        match operator {
            Operator::Conv {
                input,
                filters,
                bias,
                ..
            }
            | Operator::FullyConnected {
                input,
                filters,
                bias,
            } => self.conv(input, filters, bias),
            Operator::Add(sides) => self.add(sides),
            Operator::MaxPool(input, _) => self.max_pool(input),
            Operator::AvgPool(input, pool) => {
                let most = pool.kernel * pool.kernel;
                // The runtime's kernel for global averages takes windows as large as the map.
                if [map.height, map.width] == [pool.kernel; 2] && pool.padding == 0 {
                    return self.mean(input, 1..=most);
                }
                self.window_mean(input, most)
            }
            Operator::GlobalAvgPool(input, _) => self.mean(input, [map.pixels()]),
            Operator::Same(input) => table(input, function(relu), &self.quant),
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
