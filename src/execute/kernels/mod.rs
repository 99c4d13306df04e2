//! The fast kernel: plain sums where the order of additions cannot change a bit.
//!
//! In: rows of activations, weights packed once for a layer. Out: the exact sum of products for each pixel and
//! channel. Patches are laid out as rows of `x - z` beside the rows of weights, so that one dot product gives
//! one sum. Operands of 16 bits multiply in 16 bits and add in 32 as long as 32 bits hold the sum, in chunks if
//! need be; wider ones use 64 bits.

mod dot;
mod packed;

pub(super) use packed::Packed;
