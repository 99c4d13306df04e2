//! The golden model behind a C ABI: `libgolden`, for DPI-C, cocotb and any other bench.
//!
//! A handle holds a frozen network and the array of a chip. A bench feeds a layer its operands, which need not be
//! those of a run, and reads or compares what the RTL must give. All values are `int32_t` in the order row, column,
//! channel of one image. Nothing is printed and nothing unwinds into C: a call that cannot be served says so by its
//! result, and `golden_message` gives the reason. A handle belongs to one thread at a time.

#![allow(
    unsafe_code,
    reason = "pointers from C; each use states what the caller has promised"
)]

use ndarray::Array4;
use repchip::chip::Chip;
use repchip::cli::problem::render;
use repchip::execute::naive;
use repchip::quantise::{QuantNetwork, freeze};
use repchip::reparam::{Layer, LayerId, TensorId};
use repchip::tensor::Activations;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr;
use std::slice;

/// Equal, or done.
pub const GOLDEN_OK: i32 = 0;
/// The value is not the golden one.
pub const GOLDEN_DIFFERS: i32 = 1;
/// The call cannot be served; see `golden_message`.
pub const GOLDEN_ERROR: i32 = 2;

const DEFECT: &str = "the golden model stopped; this is a defect of it";

/// A golden model, or why there is none.
pub struct Golden {
    model: Option<Model>,
    message: CString,
}

/// A network on an array; of each layer the operands put so far and the last output.
struct Model {
    network: QuantNetwork,
    chip: Chip,
    names: Vec<CString>,
    operands: Vec<Vec<Activations>>,
    outputs: Vec<Option<Activations>>,
}

impl Model {
    fn open(network: &Path, chip: &Path) -> Result<Self, String> {
        let network = freeze::read(network).map_err(|error| error.to_string())?;
        let chip = Chip::read(chip).map_err(|problems| render(&problems, false))?;
        let layers = &network.graph.layers;
        let zeros = |tensor: &TensorId| {
            let map = network.graph.shape(*tensor);
            Array4::zeros((1, map.height, map.width, map.channels))
        };
        let operands = |layer: &Layer| layer.inputs.iter().map(zeros).collect();
        Ok(Self {
            names: layers.iter().map(|layer| c_text(&layer.name)).collect(),
            operands: layers.iter().map(operands).collect(),
            outputs: vec![None; layers.len()],
            network,
            chip,
        })
    }

    fn layer(&self, layer: i32) -> Result<LayerId, String> {
        let count = self.names.len();
        match usize::try_from(layer) {
            Ok(index) if index < count => Ok(LayerId(index)),
            _ => Err(format!(
                "there is no layer {layer}: layers are 0 to {}",
                count - 1
            )),
        }
    }

    /// The values of operand `operand` of a layer.
    fn operand(&mut self, layer: i32, operand: i32) -> Result<&mut [i32], String> {
        let id = self.layer(layer)?;
        let operands = &mut self.operands[id.0];
        let count = operands.len();
        let operand_index = usize::try_from(operand).ok();
        let values = operand_index.and_then(|index| operands.get_mut(index));
        let values = values.and_then(|operand| operand.as_slice_mut());
        values.ok_or_else(|| format!("layer {layer} has no operand {operand}: it has {count}"))
    }

    fn compute(&mut self, layer: i32) -> Result<(), String> {
        let id = self.layer(layer)?;
        let operands: Vec<&Activations> = self.operands[id.0].iter().collect();
        let output = naive::layer(&self.network, &self.chip.array, id, &operands);
        self.outputs[id.0] = Some(output.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// The last output of a layer.
    fn output(&self, layer: i32) -> Result<&[i32], String> {
        let id = self.layer(layer)?;
        let output = self.outputs[id.0]
            .as_ref()
            .and_then(|output| output.as_slice());
        output.ok_or_else(|| format!("layer {layer} was not computed"))
    }

    fn expected(&self, layer: i32, index: u64) -> Result<i32, String> {
        let output = self.output(layer)?;
        let value = usize::try_from(index)
            .ok()
            .and_then(|index| output.get(index));
        value.copied().ok_or_else(|| {
            let count = output.len();
            format!("layer {layer} has no output {index}: it has {count}")
        })
    }
}

/// A text for C; it ends at its first zero byte.
fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// Does `work` on the handle, and keeps the reason when it cannot be done.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed, and no other call uses it meanwhile.
unsafe fn with<T>(
    golden: *mut Golden,
    otherwise: T,
    work: impl FnOnce(&mut Model) -> Result<T, String>,
) -> T {
    // SAFETY: the caller's promise.
    let Some(golden) = (unsafe { golden.as_mut() }) else {
        return otherwise;
    };
    // Without a model the message says why since `golden_open`.
    let Some(model) = &mut golden.model else {
        return otherwise;
    };
    let done = catch_unwind(AssertUnwindSafe(|| work(model)));
    match done.unwrap_or_else(|_| Err(DEFECT.to_owned())) {
        Ok(value) => value,
        Err(message) => {
            golden.message = c_text(&message);
            otherwise
        }
    }
}

/// The text behind a pointer, if it is one in UTF-8.
///
/// # Safety
/// `text` is null or ends with a zero byte.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

/// Opens the frozen network in file `network` (`repchip quantise`) for the array of the chip in file `chip` (TOML).
///
/// There is always a handle: `golden_layers` is -1 when files cannot be used, and `golden_message` says why.
///
/// # Safety
/// `network` and `chip` are texts that end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_open(network: *const c_char, chip: *const c_char) -> *mut Golden {
    // SAFETY: the caller's promise.
    let paths = unsafe { text(network).zip(text(chip)) };
    let opened = catch_unwind(|| match paths {
        Some((network, chip)) => Model::open(Path::new(network), Path::new(chip)),
        None => Err("a path is null or no UTF-8".to_owned()),
    });
    let (model, message) = match opened.unwrap_or_else(|_| Err(DEFECT.to_owned())) {
        Ok(model) => (Some(model), CString::default()),
        Err(message) => (None, c_text(&message)),
    };
    Box::into_raw(Box::new(Golden { model, message }))
}

/// Gives everything of a handle back; null is allowed.
///
/// # Safety
/// `golden` is null or came from `golden_open`; it is not used after this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_close(golden: *mut Golden) {
    if !golden.is_null() {
        // SAFETY: the caller's promise: the box of `golden_open`, given back once.
        drop(unsafe { Box::from_raw(golden) });
    }
}

/// Why the last call that failed could not be served; empty when none has. Valid until the next call.
///
/// # Safety
/// `golden` came from `golden_open` and was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_message(golden: *const Golden) -> *const c_char {
    // SAFETY: the caller's promise.
    match unsafe { golden.as_ref() } {
        Some(golden) => golden.message.as_ptr(),
        None => c"no handle".as_ptr(),
    }
}

/// Number of layers; -1 when the network could not be opened.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_layers(golden: *mut Golden) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, -1, |golden| {
            i32::try_from(golden.names.len()).map_err(|error| error.to_string())
        })
    }
}

/// Name of layer `layer`, or null. Valid as long as the handle.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_layer_name(golden: *mut Golden, layer: i32) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, ptr::null(), |golden| {
            golden.layer(layer).map(|id| golden.names[id.0].as_ptr())
        })
    }
}

/// Number of the layer of that name, or -1.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed; `name` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_find_layer(golden: *mut Golden, name: *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        let wanted = text(name).unwrap_or_default();
        with(golden, -1, |golden| {
            let found = golden
                .names
                .iter()
                .position(|name| name.to_bytes() == wanted.as_bytes());
            let layer = found.and_then(|index| i32::try_from(index).ok());
            layer.ok_or_else(|| format!("there is no layer `{wanted}`"))
        })
    }
}

/// Number of values of operand `operand` of a layer (0 its input, 1 its shortcut); -1 when there is none.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_operand_size(golden: *mut Golden, layer: i32, operand: i32) -> i64 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, -1, |golden| {
            let values = golden.operand(layer, operand)?.len();
            i64::try_from(values).map_err(|error| error.to_string())
        })
    }
}

/// Sets value `index` of operand `operand` of a layer; all values are 0 at first.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_put(
    golden: *mut Golden,
    layer: i32,
    operand: i32,
    index: u64,
    value: i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, GOLDEN_ERROR, |golden| {
            let values = golden.operand(layer, operand)?;
            let count = values.len();
            let place = usize::try_from(index)
                .ok()
                .and_then(|index| values.get_mut(index));
            *place.ok_or_else(|| format!("the operand has no value {index}: it has {count}"))? =
                value;
            Ok(GOLDEN_OK)
        })
    }
}

/// Sets all values of operand `operand` of a layer from `values`, which has `size` of them.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed; `values` is null or has `size` values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_feed(
    golden: *mut Golden,
    layer: i32,
    operand: i32,
    values: *const i32,
    size: u64,
) -> i32 {
    // SAFETY: the caller's promise; the copy is made only where both sides have as many values.
    unsafe {
        with(golden, GOLDEN_ERROR, |golden| {
            let operand = golden.operand(layer, operand)?;
            if values.is_null() || usize::try_from(size) != Ok(operand.len()) {
                return Err(format!(
                    "the operand takes {} values, not {size}",
                    operand.len()
                ));
            }
            operand.copy_from_slice(slice::from_raw_parts(values, operand.len()));
            Ok(GOLDEN_OK)
        })
    }
}

/// Computes a layer from its operands.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_compute(golden: *mut Golden, layer: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, GOLDEN_ERROR, |golden| {
            golden.compute(layer).map(|()| GOLDEN_OK)
        })
    }
}

/// Copies the output of a layer that was computed to `output`, which has room for `size` values: all of them or none.
/// The number of values of the output, or -1.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed; `output` is null or has room for `size` values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_output(
    golden: *mut Golden,
    layer: i32,
    output: *mut i32,
    size: u64,
) -> i64 {
    // SAFETY: the caller's promise; the copy is made only where `output` has room for all values.
    unsafe {
        with(golden, -1, |golden| {
            let values = golden.output(layer)?;
            let count = i64::try_from(values.len()).map_err(|error| error.to_string())?;
            if !output.is_null() && usize::try_from(size).is_ok_and(|size| size >= values.len()) {
                ptr::copy_nonoverlapping(values.as_ptr(), output, values.len());
            }
            Ok(count)
        })
    }
}

/// Compares value `index` of the output of a layer that was computed with `actual`: `GOLDEN_OK`, `GOLDEN_DIFFERS` or
/// `GOLDEN_ERROR`. `expected`, unless null, gets the golden value.
///
/// # Safety
/// `golden` is null or came from `golden_open` and was not closed; `expected` is null or has room for one value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_compare(
    golden: *mut Golden,
    layer: i32,
    index: u64,
    actual: i32,
    expected: *mut i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, GOLDEN_ERROR, |golden| {
            let value = golden.expected(layer, index)?;
            if let Some(expected) = expected.as_mut() {
                *expected = value;
            }
            Ok(if value == actual {
                GOLDEN_OK
            } else {
                GOLDEN_DIFFERS
            })
        })
    }
}
