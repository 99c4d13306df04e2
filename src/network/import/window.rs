//! Attributes of convolutions and poolings: side, stride, dilation, padding, each equal in both directions.

use super::onnx::{Attributes, OnnxNode};
use crate::network::{Conv, Pool};
use crate::tensor::FeatureMap;

/// The convolution that a node's attributes describe, over a map of shape `x`.
///
/// * `weight`: shape of its weights: outputs, inputs of a group, rows, columns
///
/// # Errors
/// A window that differs in its two directions, padding that is not the same on all sides, and groups that do not
/// fit the channels.
pub(crate) fn conv(node: &OnnxNode, weight: [usize; 4], x: FeatureMap) -> Result<Conv, String> {
    let [out_channels, inputs, rows, columns] = weight;
    let window = Window::new(&node.attributes, Some([rows, columns]), x)?;
    let groups = node.attributes.int("group", 1)?;
    let groups = usize::try_from(groups).ok().filter(|groups| *groups > 0);
    let groups = groups.ok_or("its `group` is not positive")?;
    if inputs.checked_mul(groups) != Some(x.channels) {
        return Err(format!(
            "its weight reads {inputs} channels in each of {groups} groups, its map has {}",
            x.channels
        ));
    }
    Ok(Conv {
        out_channels,
        kernel: window.kernel,
        stride: window.stride,
        padding: window.padding,
        dilation: window.dilation,
        groups,
    })
}

/// The pooling that a node's attributes describe, over a map of shape `x`.
///
/// # Errors
/// A window that differs in its two directions, is dilated, or hangs over the edge of the map.
pub(crate) fn pool(node: &OnnxNode, x: FeatureMap) -> Result<Pool, String> {
    let window = Window::new(&node.attributes, None, x)?;
    if window.dilation != 1 {
        return Err(format!("its window is dilated by {}", window.dilation));
    }
    let up = node.attributes.int("ceil_mode", 0)? != 0;
    if up && (window.ceils(x.height) || window.ceils(x.width)) {
        return Err(format!(
            "`ceil_mode` lets its last window hang over the edge of {x}"
        ));
    }
    Ok(Pool {
        kernel: window.kernel,
        stride: window.stride,
        padding: window.padding,
    })
}

/// A square window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
}

impl Window {
    /// The window that attributes describe, over a map of shape `x`; `sides` is that of the weights, if any.
    ///
    /// # Errors
    /// A window that differs in its two directions, with its numbers; automatic padding that is not the same on
    /// all sides.
    fn new(
        attributes: &Attributes,
        sides: Option<[usize; 2]>,
        x: FeatureMap,
    ) -> Result<Self, String> {
        let stated = pair(attributes, "kernel_shape")?;
        let [height, width] = match (stated, sides) {
            (Some(stated), Some(sides)) if stated != sides => {
                return Err(format!(
                    "its `kernel_shape` is {}x{}, its weights are {}x{}",
                    stated[0], stated[1], sides[0], sides[1]
                ));
            }
            (Some(sides), _) | (None, Some(sides)) => sides,
            (None, None) => return Err("it has no `kernel_shape`".to_owned()),
        };
        let kernel = equal("window", [height, width])?;
        if kernel == 0 {
            return Err("its weights are 0x0".to_owned());
        }
        let stride = equal("stride", pair(attributes, "strides")?.unwrap_or([1, 1]))?;
        let dilation = equal("dilation", pair(attributes, "dilations")?.unwrap_or([1, 1]))?;
        let mut window = Self {
            kernel,
            stride,
            dilation,
            padding: 0,
        };
        window.padding = window.padded(attributes, x)?;
        Ok(window)
    }

    fn padded(self, attributes: &Attributes, x: FeatureMap) -> Result<usize, String> {
        match attributes.text("auto_pad", "NOTSET")? {
            "NOTSET" => {}
            "VALID" => return Ok(0),
            mode @ ("SAME_UPPER" | "SAME_LOWER") => {
                let rows = self.same(x.height);
                let columns = self.same(x.width);
                return match (rows, columns) {
                    (Some(rows), Some(columns)) if rows == columns && rows % 2 == 0 => Ok(rows / 2),
                    (Some(rows), Some(columns)) => Err(format!(
                        "`auto_pad` {mode} pads {x} by {rows} rows and {columns} columns, only the same on all four sides is run"
                    )),
                    (None, _) | (_, None) => Err("its attributes are out of all bounds".to_owned()),
                };
            }
            other => return Err(format!("`auto_pad` is {other}, which is no known way")),
        }
        let pads = attributes.ints("pads")?.unwrap_or(&[0, 0, 0, 0]);
        match pads {
            [top, left, bottom, right] if [left, bottom, right] == [top; 3] => {
                usize::try_from(*top).map_err(|_| format!("it pads by {top} pixels"))
            }
            pads => Err(format!(
                "its `pads` are {pads:?}, only the same on all four sides is run"
            )),
        }
    }

    /// Pixels that padding to `ceil(length / stride)` windows adds.
    fn same(self, length: usize) -> Option<usize> {
        let windows = length.div_ceil(self.stride);
        let span = (self.kernel - 1)
            .checked_mul(self.dilation)?
            .checked_add(1)?;
        let covered = (windows.checked_sub(1)?)
            .checked_mul(self.stride)?
            .checked_add(span)?;
        Some(covered.saturating_sub(length))
    }

    /// Whether rounding the number of windows up instead of down gives one more window over `length` pixels.
    fn ceils(self, length: usize) -> bool {
        let span = (self.kernel - 1).saturating_mul(self.dilation);
        let slack = (length.saturating_add(self.padding.saturating_mul(2)))
            .saturating_sub(span.saturating_add(1));
        !slack.is_multiple_of(self.stride)
    }
}

/// A list of two positive numbers.
fn pair(attributes: &Attributes, name: &str) -> Result<Option<[usize; 2]>, String> {
    let Some(list) = attributes.ints(name)? else {
        return Ok(None);
    };
    let positive = |value: &i64| usize::try_from(*value).ok().filter(|value| *value > 0);
    match list
        .iter()
        .map(positive)
        .collect::<Option<Vec<_>>>()
        .as_deref()
    {
        Some([rows, columns]) => Ok(Some([*rows, *columns])),
        Some(_) | None => Err(format!(
            "its `{name}` is {list:?}, not two positive numbers"
        )),
    }
}

fn equal(what: &str, [rows, columns]: [usize; 2]) -> Result<usize, String> {
    if rows == columns {
        return Ok(rows);
    }
    Err(format!(
        "its {what} is {rows}x{columns}, only a square one is run"
    ))
}
