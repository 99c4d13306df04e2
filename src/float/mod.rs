//! Float inference: what the integers of a network are compared with and calibrated on.
//!
//! In: a folded network (or one in training form) and a batch of images, axes image, row, column, channel.
//! Out: the output tensor, and every tensor between to an observer. All arithmetic is f32 in one fixed order of
//! additions, so the bits do not depend on the number of threads. Seeded parameters and images stand in where
//! there is no checkpoint. This room knows nothing of integers, chips or time.

mod conv;
mod forward;
mod image;
mod map;
mod seeded;
mod train;

pub use forward::{forward, layer};
pub use image::{normalise, seeded_image, top1};
pub use seeded::seeded;
pub use train::{forward as forward_train, forward_observed as forward_train_observed};

/// The nearest f32.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a cast from f64 to f32 rounds to nearest, as wanted"
)]
const fn narrow(value: f64) -> f32 {
    value as f32
}

/// A number of pixels or channels as a float; exact.
fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a map has fewer than 2^32 elements"))
}
