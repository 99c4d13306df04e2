//! A tensor in a npy file: integers of any width, axes image, row, column, channel.

use super::dumps::unreadable;
use crate::problem::Problem;
use ndarray::{Array4, ArrayView4};
use ndarray_npy::{ReadNpyExt, ReadableElement, ViewElement, ViewNpyError, ViewNpyExt};
use std::path::Path;

/// The integers of a file, in the order of the axes.
///
/// # Errors
/// `verify::unreadable`, `verify::npy`, `verify::shape`.
pub(super) fn integers(
    path: &Path,
    dim: (usize, usize, usize, usize),
) -> Result<Vec<i32>, Problem> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let array = of_any_type(&bytes).map_err(|cause| refused(path, &cause))?;
    if array.dim() != dim {
        return Err(other_shape(path, array.dim(), dim));
    }
    let values = array.iter().map(|value| i32::try_from(*value));
    let values: Result<Vec<i32>, _> = values.collect();
    values.map_err(|_| refused(path, "a value has more than 32 bits"))
}

fn of_any_type(bytes: &[u8]) -> Result<Array4<i64>, String> {
    let readers = [
        of::<i32>, of::<u8>, of::<i8>, of::<i16>, of::<u16>, of::<u32>, of::<i64>,
    ];
    for reader in readers {
        if let Some(array) = reader(bytes)? {
            return Ok(array);
        }
    }
    Err("its elements are no integers in this machine's byte order".to_owned())
}

/// The array; `None` if its elements have another type. A header that promises more than the file holds is refused
/// before anything is allocated.
fn of<A>(bytes: &[u8]) -> Result<Option<Array4<i64>>, String>
where
    A: ViewElement + ReadableElement + Copy + Into<i64>,
{
    match ArrayView4::<A>::view_npy(bytes) {
        Ok(view) => Ok(Some(view.mapv(Into::into))),
        Err(ViewNpyError::WrongDescriptor(_)) => Ok(None),
        Err(ViewNpyError::MisalignedData) => Array4::<A>::read_npy(bytes)
            .map(|array| Some(array.mapv(Into::into)))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn refused(path: &Path, cause: &str) -> Problem {
    let message = format!("cannot read `{}`: {cause}", path.display());
    let help = "give a whole npy file of integers, axes image, row, column, channel";
    Problem::new("verify::npy", message, help)
}

fn other_shape(
    path: &Path,
    found: (usize, usize, usize, usize),
    wanted: (usize, usize, usize, usize),
) -> Problem {
    let message = format!(
        "`{}` has the shape {found:?}, the model's output {wanted:?} (image, row, column, channel)",
        path.display()
    );
    let help = "give the tensor of this layer, with the batch of the study";
    Problem::new("verify::shape", message, help)
}
