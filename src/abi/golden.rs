//! The golden model behind a C ABI: `libgolden`, for DPI-C, cocotb and any other bench.
//!
//! A handle holds a frozen network and the array of a chip. A bench feeds a layer its operands, which need not be
//! those of a run, and reads or compares what the RTL must give. All values are `int32_t` in the order row, column,
//! channel of one image. Nothing unwinds into C: a call that cannot be served says so by its result, and
//! `golden_message` gives the reason. A handle belongs to one thread at a time.
//!
//! What every caller promises: a handle is null or came from `golden_open` and was not closed; a text is null or ends
//! with a zero byte; an array is null or has room for `size` values, any other pointer is null or has room for one.

#![allow(
    unsafe_code,
    reason = "pointers from C; each use states what the caller has promised"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the promise is the same for all functions and stands above"
)]

mod handle;
mod model;

use handle::{Golden, text, with};
use model::{number, place};
use repchip::tensor::IntType;
use std::ffi::c_char;
use std::{ptr, slice};

/// Equal, or done.
pub const GOLDEN_OK: i32 = 0;
/// The value is not the golden one.
pub const GOLDEN_DIFFERS: i32 = 1;
/// The call cannot be served; see `golden_message`.
pub const GOLDEN_ERROR: i32 = 2;
/// Stands for the network's input where a layer stands for its output.
pub const GOLDEN_INPUT: i32 = -1;
/// What calls give that cannot be served and whose result is a number; see `golden_message`.
pub const GOLDEN_NONE: i32 = -2;

/// Opens the frozen network in file `network` (`repchip quantise`) for the array of the chip in file `chip` (TOML).
/// There is always a handle: `golden_layers` is `GOLDEN_NONE` when the files cannot be used, and `golden_message` says
/// why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_open(network: *const c_char, chip: *const c_char) -> *mut Golden {
    // SAFETY: the caller's promise.
    let paths = unsafe { text(network).zip(text(chip)) };
    Box::into_raw(Box::new(Golden::open(paths)))
}

/// Gives everything of a handle back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_close(golden: *mut Golden) {
    if !golden.is_null() {
        // SAFETY: the caller's promise: the box of `golden_open`, given back once.
        drop(unsafe { Box::from_raw(golden) });
    }
}

/// Why the last call that failed could not be served; empty when none has. Valid until the next call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_message(golden: *const Golden) -> *const c_char {
    // SAFETY: the caller's promise.
    let golden = unsafe { golden.as_ref() };
    let message = golden.map_or(c"the handle is null", Golden::message);
    message.as_ptr()
}

/// Number of layers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_layers(golden: *mut Golden) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { with(golden, GOLDEN_NONE, |model| number(model.names().len())) }
}

/// Name of a layer, or null. Valid as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_layer_name(golden: *mut Golden, layer: i32) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, ptr::null(), |model| {
            model.name(layer).map(|name| name.as_ptr())
        })
    }
}

/// Number of the layer of that name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_find_layer(golden: *mut Golden, name: *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        let name = text(name).unwrap_or_default();
        with(golden, GOLDEN_NONE, |model| number(model.find(name)?))
    }
}

/// Number of operands of a layer: operand 0 is its input, 1 its shortcut.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_operands(golden: *mut Golden, layer: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, GOLDEN_NONE, |model| {
            number(model.inputs(layer)?.len())
        })
    }
}

/// The layer whose output an operand of a layer is in a run, or `GOLDEN_INPUT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_source(golden: *mut Golden, layer: i32, operand: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, GOLDEN_NONE, |model| {
            let tensor = model.input(layer, operand)?;
            (tensor.producer()).map_or(Ok(GOLDEN_INPUT), |layer| number(layer.0))
        })
    }
}

/// Number of values of a layer's output or of `GOLDEN_INPUT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_size(golden: *mut Golden, layer: i32) -> i64 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, GOLDEN_NONE.into(), |model| {
            let (shape, _) = model.about(model.tensor(layer)?);
            i64::try_from(shape.elements().0).map_err(|error| error.to_string())
        })
    }
}

/// Smallest value that a layer's output or `GOLDEN_INPUT` may take; 0 where `golden_most` is 0, too: no such layer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_least(golden: *mut Golden, layer: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { bound(golden, layer, IntType::min) }
}

/// Largest value that a layer's output or `GOLDEN_INPUT` may take.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_most(golden: *mut Golden, layer: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { bound(golden, layer, IntType::max) }
}

/// A bound of a tensor's range.
///
/// # Safety
/// As [`with`].
unsafe fn bound(golden: *mut Golden, layer: i32, bound: impl Fn(IntType) -> i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, 0, |model| {
            let tensor = model.tensor(layer)?;
            Ok(bound(model.about(tensor).1))
        })
    }
}

/// Sets one value of an operand of a layer; all are 0 at first. The range is looked at by `golden_compute`.
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
        with(golden, GOLDEN_ERROR, |model| {
            let operand = model.operand(layer, operand)?;
            operand[place(index, operand.len())?] = value;
            Ok(GOLDEN_OK)
        })
    }
}

/// Sets all values of an operand of a layer: `size` must be their number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_feed(
    golden: *mut Golden,
    layer: i32,
    operand: i32,
    values: *const i32,
    size: u64,
) -> i32 {
    // SAFETY: the caller's promise; `values` is read only where it is not null and has as many values.
    unsafe {
        with(golden, GOLDEN_ERROR, |model| {
            let operand = model.operand(layer, operand)?;
            if values.is_null() || usize::try_from(size) != Ok(operand.len()) {
                let count = operand.len();
                return Err(format!(
                    "the operand takes {count} values, not {size}, nor null"
                ));
            }
            operand.copy_from_slice(slice::from_raw_parts(values, operand.len()));
            Ok(GOLDEN_OK)
        })
    }
}

/// Computes a layer from its operands.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_compute(golden: *mut Golden, layer: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        with(golden, GOLDEN_ERROR, |model| {
            model.compute(layer).map(|()| GOLDEN_OK)
        })
    }
}

/// Copies the output of a layer that was computed to `values`, which has room for `size`: all of them or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn golden_output(
    golden: *mut Golden,
    layer: i32,
    values: *mut i32,
    size: u64,
) -> i32 {
    // SAFETY: the caller's promise; `values` is written only where it is not null and has room for all.
    unsafe {
        with(golden, GOLDEN_ERROR, |model| {
            let output = model.output(layer)?;
            let count = output.len();
            if values.is_null() || usize::try_from(size).is_ok_and(|size| size < count) {
                return Err(format!(
                    "the output needs room for {count} values, not {size}, nor null"
                ));
            }
            ptr::copy_nonoverlapping(output.as_ptr(), values, count);
            Ok(GOLDEN_OK)
        })
    }
}

/// Compares one value of the output of a layer that was computed: `GOLDEN_OK`, `GOLDEN_DIFFERS` or `GOLDEN_ERROR`.
/// `expected`, unless null, gets the golden value.
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
        with(golden, GOLDEN_ERROR, |model| {
            let output = model.output(layer)?;
            let value = output[place(index, output.len())?];
            if !expected.is_null() {
                expected.write(value);
            }
            Ok(if value == actual {
                GOLDEN_OK
            } else {
                GOLDEN_DIFFERS
            })
        })
    }
}
