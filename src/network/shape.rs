//! Shape inference: the output of an operator from the shapes it reads, and every rule an operator obeys.

use super::{Conv, MAX_CONCAT, NetworkError, Op, Pool};
use crate::tensor::FeatureMap;

/// The most elements one feature map may have.
pub const MAX_MAP_ELEMENTS: u64 = 1 << 28;
/// The most weights one operator may have.
pub const MAX_WEIGHTS: u64 = 1 << 30;
/// The longest side of a pooling's window; a mean over the whole map has none.
pub const MAX_POOL: usize = 1024;
/// The most multiply-accumulates one operator may need for one image.
pub const MAX_MACS: u64 = 1 << 48;

/// Shape that `op` gives for one image when it reads maps of shapes `inputs`.
///
/// # Errors
/// When the number of inputs, an attribute or a shape breaks the operator's rules; the error names `node`.
pub fn infer(node: &str, op: &Op, inputs: &[FeatureMap]) -> Result<FeatureMap, NetworkError> {
    let want = arity(op, inputs.len());
    if inputs.len() != want {
        return Err(NetworkError::InputCount {
            node: node.to_owned(),
            got: inputs.len(),
            want,
        });
    }
    let Some(&x) = inputs.first() else {
        return Err(NetworkError::MisplacedInput {
            node: node.to_owned(),
        });
    };
    let output = match op {
        Op::Conv(conv) => convolution(node, *conv, x)?,
        Op::BatchNorm { eps } => batch_norm(node, *eps, x)?,
        Op::MaxPool(pool) | Op::AvgPool(pool) => pooling(node, *pool, x)?,
        Op::GlobalAvgPool => FeatureMap::new(1, 1, x.channels),
        Op::AdaptiveAvgPool { bins } => {
            positive(node, "bins", *bins)?;
            FeatureMap::new(*bins, *bins, x.channels)
        }
        Op::Resize(resize) => {
            positive(node, "height", resize.height)?;
            positive(node, "width", resize.width)?;
            FeatureMap::new(resize.height, resize.width, x.channels)
        }
        Op::FullyConnected { outputs } => fully_connected(node, *outputs, x)?,
        Op::Add => sum(node, x, inputs[1])?,
        Op::Multiply if inputs[1] == FeatureMap::new(1, 1, x.channels) => x,
        Op::Multiply => product(node, x, inputs[1])?,
        Op::Concat => concatenation(node, inputs)?,
        Op::Input | Op::Relu | Op::Lookup(_) => x,
    };
    bounded_map(node, output)?;
    Ok(output)
}

/// Maps that `op` reads; of a concatenation that reads `found` the nearest number it may.
fn arity(op: &Op, found: usize) -> usize {
    match op {
        Op::Input => 0,
        Op::Add | Op::Multiply => 2,
        Op::Concat => found.clamp(2, MAX_CONCAT),
        Op::Conv(_)
        | Op::BatchNorm { .. }
        | Op::Relu
        | Op::Lookup(_)
        | Op::MaxPool(_)
        | Op::AvgPool(_)
        | Op::GlobalAvgPool
        | Op::AdaptiveAvgPool { .. }
        | Op::Resize(_)
        | Op::FullyConnected { .. } => 1,
    }
}

/// Refuses a map without elements or with too many.
pub(super) fn image(node: &str, map: FeatureMap) -> Result<(), NetworkError> {
    if map.height == 0 || map.width == 0 || map.channels == 0 {
        return Err(NetworkError::EmptyInput { input: map });
    }
    bounded_map(node, map)
}

fn bounded_map(node: &str, map: FeatureMap) -> Result<(), NetworkError> {
    let sides = [map.height, map.width, map.channels];
    bounded(node, "elements in its output map", MAX_MAP_ELEMENTS, &sides).map(|_| ())
}

/// The product of `factors`, if it is at most `limit`.
fn bounded(
    node: &str,
    what: &'static str,
    limit: u64,
    factors: &[usize],
) -> Result<u64, NetworkError> {
    factors
        .iter()
        .try_fold(1_u64, |product, &factor| {
            product.checked_mul(u64::try_from(factor).ok()?)
        })
        .filter(|&product| product <= limit)
        .ok_or_else(|| NetworkError::TooLarge {
            node: node.to_owned(),
            what,
            limit,
        })
}

fn positive(node: &str, attribute: &'static str, value: usize) -> Result<(), NetworkError> {
    in_range(node, attribute, value, 1, 1 << 16)
}

fn in_range(
    node: &str,
    attribute: &'static str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), NetworkError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(NetworkError::Attribute {
        node: node.to_owned(),
        attribute,
        value: value.to_string(),
        rule: format!("it must lie in {least}..={most}"),
    })
}

fn convolution(node: &str, conv: Conv, x: FeatureMap) -> Result<FeatureMap, NetworkError> {
    positive(node, "kernel", conv.kernel)?;
    positive(node, "stride", conv.stride)?;
    positive(node, "dilation", conv.dilation)?;
    in_range(node, "padding", conv.padding, 0, 1 << 16)?;
    positive(node, "groups", conv.groups)?;
    in_range(node, "out_channels", conv.out_channels, 1, 1 << 28)?;
    for (side, channels) in [("input", x.channels), ("output", conv.out_channels)] {
        if !channels.is_multiple_of(conv.groups) {
            return Err(NetworkError::Groups {
                node: node.to_owned(),
                groups: conv.groups,
                channels,
                side,
            });
        }
    }
    let window = conv.dilation * (conv.kernel - 1) + 1;
    let (height, width) = slide(node, window, conv.stride, conv.padding, x)?;
    let per_output = [conv.kernel, conv.kernel, x.channels / conv.groups];
    let mut factors = vec![conv.out_channels];
    factors.extend(per_output);
    bounded(node, "weights", MAX_WEIGHTS, &factors)?;
    factors.extend([height, width]);
    bounded(node, "multiply-accumulates an image", MAX_MACS, &factors)?;
    Ok(FeatureMap::new(height, width, conv.out_channels))
}

fn batch_norm(node: &str, eps: f64, x: FeatureMap) -> Result<FeatureMap, NetworkError> {
    if eps.is_finite() && eps >= 0.0 {
        return Ok(x);
    }
    Err(NetworkError::Attribute {
        node: node.to_owned(),
        attribute: "eps",
        value: eps.to_string(),
        rule: "it must be finite and not negative".to_owned(),
    })
}

fn pooling(node: &str, pool: Pool, x: FeatureMap) -> Result<FeatureMap, NetworkError> {
    in_range(node, "kernel", pool.kernel, 1, MAX_POOL)?;
    positive(node, "stride", pool.stride)?;
    // With more padding a window could lie outside the map altogether.
    in_range(node, "padding", pool.padding, 0, pool.kernel / 2)?;
    let (height, width) = slide(node, pool.kernel, pool.stride, pool.padding, x)?;
    Ok(FeatureMap::new(height, width, x.channels))
}

fn fully_connected(node: &str, outputs: usize, x: FeatureMap) -> Result<FeatureMap, NetworkError> {
    in_range(node, "outputs", outputs, 1, 1 << 28)?;
    let factors = [outputs, x.height, x.width, x.channels];
    bounded(node, "weights", MAX_WEIGHTS, &factors)?;
    Ok(FeatureMap::new(1, 1, outputs))
}

fn sum(node: &str, left: FeatureMap, right: FeatureMap) -> Result<FeatureMap, NetworkError> {
    if left == right {
        return Ok(left);
    }
    Err(NetworkError::ShapesDiffer {
        node: node.to_owned(),
        left,
        right,
    })
}

fn product(node: &str, left: FeatureMap, right: FeatureMap) -> Result<FeatureMap, NetworkError> {
    if left == right {
        return Ok(left);
    }
    Err(NetworkError::NoProduct {
        node: node.to_owned(),
        left,
        right,
    })
}

fn concatenation(node: &str, inputs: &[FeatureMap]) -> Result<FeatureMap, NetworkError> {
    let first = inputs[0];
    let side = |map: &FeatureMap| (map.height, map.width);
    if let Some(other) = inputs.iter().find(|map| side(map) != side(&first)) {
        return Err(NetworkError::SidesDiffer {
            node: node.to_owned(),
            left: first,
            right: *other,
        });
    }
    let channels = inputs.iter().map(|map| map.channels).sum();
    Ok(FeatureMap::new(first.height, first.width, channels))
}

/// Rows and columns of windows that lie wholly inside the padded map.
fn slide(
    node: &str,
    window: usize,
    stride: usize,
    padding: usize,
    x: FeatureMap,
) -> Result<(usize, usize), NetworkError> {
    let (rows, columns) = (x.height + 2 * padding, x.width + 2 * padding);
    if rows < window || columns < window {
        return Err(NetworkError::VanishingMap {
            node: node.to_owned(),
            window,
            input: x,
            rows,
            columns,
        });
    }
    Ok((
        (rows - window) / stride + 1,
        (columns - window) / stride + 1,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Corners, Resize};
    use proptest::prelude::*;

    fn map() -> impl Strategy<Value = FeatureMap> {
        (1usize..20, 1usize..20, 1usize..20).prop_map(|(h, w, c)| FeatureMap::new(h, w, c))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn a_concatenation_adds_channels_and_nothing_else(x in map(), channels in prop::collection::vec(1usize..9, 0..10)) {
            let mut inputs = vec![x];
            inputs.extend(channels.iter().map(|&c| FeatureMap::new(x.height, x.width, c)));
            let joined = infer("node", &Op::Concat, &inputs);
            if (2..=MAX_CONCAT).contains(&inputs.len()) {
                let sum = x.channels + channels.iter().sum::<usize>();
                prop_assert_eq!(joined, Ok(FeatureMap::new(x.height, x.width, sum)));
                inputs[1].height += 1;
                let refused = infer("node", &Op::Concat, &inputs);
                let differ = matches!(refused, Err(NetworkError::SidesDiffer { .. }));
                prop_assert!(differ);
            } else {
                let too_few_or_many = matches!(joined, Err(NetworkError::InputCount { .. }));
                prop_assert!(too_few_or_many);
            }
        }

        #[test]
        fn a_product_keeps_the_first_shape(x in map(), y in map()) {
            let scale = FeatureMap::new(1, 1, x.channels);
            for by in [x, scale, y] {
                match infer("node", &Op::Multiply, &[x, by]) {
                    Ok(shape) => prop_assert!(shape == x && (by == x || by == scale)),
                    Err(error) => {
                        let refused = matches!(error, NetworkError::NoProduct { .. });
                        prop_assert!(refused && by != x && by != scale);
                    }
                }
            }
        }

        #[test]
        fn channels_pass_through_pooling_and_interpolation(x in map(), height in 0usize..9, width in 1usize..9) {
            let resize = Resize { height, width, corners: Corners::Aligned };
            for (op, shape) in [
                (Op::Resize(resize), FeatureMap::new(height, width, x.channels)),
                (Op::AdaptiveAvgPool { bins: height }, FeatureMap::new(height, height, x.channels)),
            ] {
                match infer("node", &op, &[x]) {
                    Ok(found) => prop_assert!(found == shape && height > 0),
                    Err(error) => {
                        let attribute = matches!(error, NetworkError::Attribute { .. });
                        prop_assert!(attribute && height == 0);
                    }
                }
            }
        }
    }
}
