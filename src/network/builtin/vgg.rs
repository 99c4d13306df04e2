//! VGG-16 without batch norm (Simonyan and Zisserman, ICLR 2015, configuration D).

use crate::network::build::GraphBuilder;
use crate::network::{Conv, Graph, NetworkError, Pool};
use crate::tensor::FeatureMap;

pub(super) const NAME: &str = "vgg-16";

/// The network: convolutions carry biases; names count as in the usual checkpoints.
pub(super) fn graph(input: FeatureMap) -> Result<Graph, NetworkError> {
    let mut b = GraphBuilder::new(NAME, input)?;
    let mut node = b.input();
    let mut index = 0;
    for (layers, width) in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)] {
        for _ in 0..layers {
            let conv = Conv {
                out_channels: width,
                kernel: 3,
                stride: 1,
                padding: 1,
                dilation: 1,
                groups: 1,
            };
            node = b.conv(&format!("features.{index}"), node, conv)?;
            node = b.relu(&format!("features.{}", index + 1), node);
            index += 2;
        }
        let pool = Pool {
            kernel: 2,
            stride: 2,
            padding: 0,
        };
        node = b.max_pool(&format!("features.{index}"), node, pool)?;
        index += 1;
    }
    for (place, outputs) in [(0, 4096), (3, 4096)] {
        node = b.fully_connected(&format!("classifier.{place}"), node, outputs);
        node = b.relu(&format!("classifier.{}", place + 1), node);
    }
    b.fully_connected("classifier.6", node, 1000);
    Ok(b.finish())
}
