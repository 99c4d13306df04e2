//! VGG-16 without batch norm (Simonyan and Zisserman, ICLR 2015, configuration D): thirteen 3x3 convolutions with bias, five max-pools, three fully connected layers.
//!
//! The classifier reads the last map as it is: 7x7 pixels at 224x224, and as many as there are at other sizes.

use crate::network::{Conv, Graph, GraphBuilder, NetworkError, Pool};
use crate::tensor::FeatureMap;

/// Output channels and number of convolutions before each max-pool.
const GROUPS: [(usize, usize); 5] = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];

/// Builds VGG-16; names count convolutions, activations and pools together, as public checkpoints do.
pub(super) fn vgg_16(name: &str, input: FeatureMap) -> Result<Graph, NetworkError> {
    let halve = Pool {
        kernel: 2,
        stride: 2,
        padding: 0,
    };
    let mut builder = GraphBuilder::new(name, input)?;
    let mut x = GraphBuilder::INPUT;
    let mut number = 0;
    let mut next = || {
        number += 1;
        format!("features.{}", number - 1)
    };
    for (width, convolutions) in GROUPS {
        for _ in 0..convolutions {
            x = builder.conv(next(), x, Conv::square(width, 3))?;
            x = builder.relu(next(), x)?;
        }
        x = builder.max_pool(next(), x, halve)?;
    }
    x = builder.fully_connected("classifier.0", x, 4096)?;
    x = builder.relu("classifier.1", x)?;
    x = builder.fully_connected("classifier.3", x, 4096)?;
    x = builder.relu("classifier.4", x)?;
    builder.fully_connected("classifier.6", x, 1000)?;
    builder.finish()
}
