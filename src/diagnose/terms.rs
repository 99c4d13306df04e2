//! What one golden output is made of, term by term.

use super::datapath::Datapath;
use super::{Case, DiagnoseError, Element};
use crate::schedule::work::PassKind;
use serde::Serialize;

/// Products that are listed at most.
pub const LISTED: usize = 256;

/// The accumulator after one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which pass of the row group.
    pub pass: usize,
    /// What it takes.
    pub kind: PassKind,
    /// What it added.
    pub addend: i64,
    /// The accumulator after it.
    pub accumulator: i64,
}

/// One tap and channel of the receptive field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Product {
    /// Kernel row and column.
    pub tap: [usize; 2],
    /// Row and column of the input; `None` where it is padding.
    pub pixel: Option<[usize; 2]>,
    /// Input channel, counted over the whole layer.
    pub channel: usize,
    /// The activation as it is stored; the zero point where it is padding.
    pub activation: i32,
    /// The weight.
    pub weight: i32,
}

/// What one output is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// First value of the accumulator.
    pub bias: i64,
    /// One for each pass, in step order.
    pub steps: Vec<Step>,
    /// What the shortcut adds, if there is one.
    pub shortcut: Option<i64>,
    /// The accumulator after the last step.
    pub accumulator: i64,
    /// Its multiplier.
    pub multiplier: i32,
    /// Its shift.
    pub shift: u32,
    /// Accumulator times multiplier, as text: it may need more than 64 bits.
    pub product: String,
    /// After the rounding, with the output's zero point; as text for the same reason.
    pub rounded: String,
    /// After range and clamp: the output.
    pub output: i32,
    /// Whether range or clamp changed the rounded value.
    pub clamped: bool,
    /// Zero point of the input, subtracted from each activation.
    pub input_zero_point: i32,
    /// Pixels and weights in step order, the first [`LISTED`] of them.
    pub products: Vec<Product>,
    /// How many there are.
    pub products_total: usize,
}

impl Case {
    /// What the golden output at `element` is made of.
    ///
    /// # Errors
    /// When there is no such element.
    pub fn terms(&self, element: Element) -> Result<Terms, DiagnoseError> {
        let at = self.inside(element).ok_or(DiagnoseError::NoElement {
            at: [element.image, element.row, element.column, element.channel],
        })?;
        let rules = self.golden_datapath();
        let (steps, accumulator) = self.step_list(&rules, at);
        let quant = &self.plan.quant;
        let end = self.requantised(&rules.requantise, accumulator, at[3]);
        let passes = &self.passes[self.row_group_of(at[3])];
        let shortcuts = passes.iter().map(|pass| match pass.kind {
            PassKind::Residual => self.shortcut(&rules, at, pass),
            PassKind::Window | PassKind::Packed => 0,
        });
        let (products, products_total) = self.products_of(at);
        Ok(Terms {
            bias: quant.bias[at[3]],
            steps,
            shortcut: quant.residual.is_some().then(|| shortcuts.sum()),
            accumulator,
            multiplier: quant.requantise.multiplier[at[3]],
            shift: end.shift,
            product: end.product.to_string(),
            rounded: end.rounded.to_string(),
            output: end.output,
            clamped: i128::from(end.output) != end.rounded,
            input_zero_point: quant.input_zero_point,
            products,
            products_total,
        })
    }

    fn step_list(&self, rules: &Datapath, at: [usize; 4]) -> (Vec<Step>, i64) {
        let passes = &self.passes[self.row_group_of(at[3])];
        let mut before = self.plan.quant.bias[at[3]];
        let mut steps = Vec::with_capacity(passes.len());
        let end = self.steps(rules, at, before, &mut |pass, accumulator| {
            steps.push(Step {
                pass,
                kind: passes[pass].kind,
                addend: accumulator.wrapping_sub(before),
                accumulator,
            });
            before = accumulator;
        });
        (steps, end)
    }

    fn products_of(&self, [n, y, x, c]: [usize; 4]) -> (Vec<Product>, usize) {
        let (work, quant) = (&self.plan.work, &self.plan.quant);
        let place = |out: usize, tap: usize, size: usize| {
            (out * work.conv.stride + tap * work.conv.dilation)
                .checked_sub(work.conv.padding)
                .filter(|&at| at < size)
        };
        let (mut products, mut total) = (Vec::new(), 0);
        for pass in &self.passes[self.row_group_of(c)] {
            if pass.kind == PassKind::Residual {
                continue;
            }
            for ky in pass.tap_rows.clone() {
                for kx in pass.tap_cols.clone() {
                    let pixel = place(y, ky, work.input.height).zip(place(x, kx, work.input.width));
                    total += pass.channels.len();
                    let room = LISTED - products.len();
                    products.extend(pass.channels.clone().take(room).map(|channel| Product {
                        tap: [ky, kx],
                        pixel: pixel.map(Into::into),
                        channel,
                        activation: pixel.map_or(quant.input_zero_point, |(y, x)| {
                            self.input[(n, y, x, channel)]
                        }),
                        weight: quant.weight[(c, ky, kx, channel % work.group_inputs())],
                    }));
                }
            }
        }
        (products, total)
    }
}
