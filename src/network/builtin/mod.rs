//! Networks known by name, in training form, for any input image.
//!
//! Node names are the stems of the parameter names in the networks' public checkpoints. The input size a
//! network is usually run with is its [`default_input`].

mod efficientnet;
mod entries;
mod pspnet;
mod regnet;
mod repvgg;
mod resnet;
mod vgg;

use super::{Graph, NetworkError};
use crate::tensor::FeatureMap;
use entries::{Architecture, ENTRIES};

/// All built-in names, families together.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ENTRIES.iter().map(|(name, ..)| *name).collect()
}

/// The image size and channels a network is usually run with.
///
/// # Errors
/// When the name is unknown.
pub fn default_input(name: &str) -> Result<FeatureMap, NetworkError> {
    find(name).map(|(_, input, _)| input)
}

/// The graph of a built-in network in training form, for images of shape `input`.
///
/// # Errors
/// When the name is unknown, or the input is empty, too large, or so small that a map would vanish.
pub fn graph(name: &str, input: FeatureMap) -> Result<Graph, NetworkError> {
    let (name, _, architecture) = find(name)?;
    match architecture {
        Architecture::RepVgg(plan, classes) => plan.build(name, input, classes),
        Architecture::ResNet(plan, classes) => plan.build(name, input, classes),
        Architecture::RegNetX(plan) => plan.build(name, input),
        Architecture::EfficientNet(plan) => plan.build(name, input),
        Architecture::PspNet(backbone) => pspnet::pspnet(backbone, name, input),
        Architecture::Vgg16 => vgg::vgg_16(name, input),
    }
}

fn find(name: &str) -> Result<(&'static str, FeatureMap, Architecture), NetworkError> {
    (ENTRIES.iter().find(|(known, ..)| *known == name).copied()).ok_or_else(|| {
        let distance =
            |known: &&'static str| strsim::damerau_levenshtein(known, &name.to_lowercase());
        let nearest = names().into_iter().min_by_key(distance);
        NetworkError::UnknownName {
            name: name.to_owned(),
            nearest: nearest.expect("the table has entries"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Op;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        for (asked, nearest) in [
            ("RepVGG-A0", "repvgg-a0"),
            ("resnet50-v1", "resnet-50-v1"),
            ("vgg16", "vgg-16"),
            ("", "vgg-16"),
        ] {
            let error = graph(asked, FeatureMap::new(224, 224, 3)).unwrap_err();
            let name = asked.to_owned();
            assert_eq!(error, NetworkError::UnknownName { name, nearest });
        }
    }

    #[test]
    fn every_network_builds_at_its_own_size_and_passes_its_own_check() {
        for name in names() {
            let graph = graph(name, default_input(name).unwrap()).unwrap();
            graph.check().unwrap();
            assert_eq!(graph.name, name);
            assert_eq!(graph.nodes.iter().filter(|n| n.op == Op::Input).count(), 1);
        }
    }

    #[test]
    fn any_size_and_channel_count_builds_or_names_the_node() {
        for name in names() {
            for side in [1, 2, 7, 16, 33] {
                let input = FeatureMap::new(side, side + 3, 5);
                match graph(name, input) {
                    Ok(graph) => assert_eq!(graph.input(), input),
                    Err(error) => {
                        assert_eq!(name, "vgg-16");
                        assert!(
                            matches!(&error, NetworkError::VanishingMap { node, .. } if node.starts_with("features.")),
                            "{error}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn empty_and_absurd_inputs_are_refused() {
        for input in [
            FeatureMap::new(0, 224, 3),
            FeatureMap::new(224, 224, 0),
            FeatureMap::new(usize::MAX, 2, 3),
            FeatureMap::new(1 << 20, 1 << 20, 3),
        ] {
            for name in names() {
                assert!(graph(name, input).is_err(), "{name} {input}");
            }
        }
    }
}
