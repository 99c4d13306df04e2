//! The integers that a network is given.

use super::model::Integers;
use crate::golden::Stimulus;
use crate::problem::Problem;
use crate::study::NetworkEntry;
use crate::tensor::Activations;
use ndarray::Axis;

/// The integers of a batch: made by the stimulus, or test images from the chosen one on; behind the last image comes the
/// first.
///
/// # Errors
/// `golden::no_image`; `golden::made_image` when an image is chosen though none is read.
pub(super) fn input(
    (stimulus, image): (Stimulus, usize),
    entry: &NetworkEntry,
    integers: &Integers,
    batch: usize,
) -> Result<Activations, Problem> {
    if let Some(made) = stimulus.generate(&integers.network, batch) {
        return if image == 0 {
            Ok(made)
        } else {
            Err(made_image(stimulus, image))
        };
    }
    let count = integers.images.dim().0;
    if image >= count {
        let message = format!(
            "`{}` has no image {image}: there are {count}, the first is 0",
            entry.id
        );
        let help = format!("give `--image` a number from 0 to {}", count - 1);
        return Err(Problem::new("golden::no_image", message, help));
    }
    let indices: Vec<usize> = (0..batch).map(|i| (image + i) % count).collect();
    let images = integers.images.select(Axis(0), &indices);
    Ok(integers.network.quantise_images(&images))
}

fn made_image(stimulus: Stimulus, image: usize) -> Problem {
    let message =
        format!("stimulus `{stimulus}` takes no image of the study, and image {image} is chosen");
    let help = "leave out `--image`, or `--stimulus`";
    Problem::new("golden::made_image", message, help)
}
