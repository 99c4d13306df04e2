//! Why the output of an RTL differs from the golden output, for one layer on the array.
//!
//! In: a [`Case`], that is the layer's [`Plan`] (work, strips, Sweeps, integers), the tensors of the golden run and the
//! elements observed, some of them perhaps unknown. Out, all plain data: where the two differ ([`difference`]), the
//! terms behind an element ([`terms`]), which altered rule of the datapath gives what was observed ([`causes`]),
//! which weights were used in effect ([`regression`]), and whether the comparison means anything ([`vacuity`]).
//!
//! A cause is never guessed from a pattern: the elements are computed again under the altered rule and compared bit
//! by bit, those that match as well as those that do not. This room knows nothing of files, dumps, cycles and text
//! layout; a fault that no rule here describes is left as unknown, with the extent of what is wrong.

mod case;
pub mod causes;
mod datapath;
pub mod difference;
mod error;
mod evaluate;
mod order;
mod place;
mod plan;
pub mod regression;
mod sample;
mod stored;
pub mod terms;
#[cfg(test)]
mod tests;
pub mod vacuity;

pub use case::{Case, Tensors};
pub use error::DiagnoseError;
pub use place::{Bank, Banks, Element, Layout, Place};
pub use plan::{OutputBuffer, Plan, SweepAt};
