//! Networks that need no file.

mod repvgg;
mod resnet;
mod vgg;

use super::{Graph, NetworkError};
use crate::tensor::FeatureMap;

/// Names of all built-in networks.
#[must_use]
pub fn names() -> Vec<&'static str> {
    repvgg::FAMILY
        .iter()
        .map(|spec| spec.name)
        .chain(resnet::FAMILY.iter().map(|spec| spec.name))
        .chain([vgg::NAME])
        .collect()
}

/// The graph of the built-in network `name`, in training form, for images of shape `input`.
///
/// # Errors
/// An unknown name, or an input whose maps would vanish.
pub fn graph(name: &str, input: FeatureMap) -> Result<Graph, NetworkError> {
    if let Some(spec) = repvgg::FAMILY.iter().find(|spec| spec.name == name) {
        return repvgg::graph(spec, input);
    }
    if let Some(spec) = resnet::FAMILY.iter().find(|spec| spec.name == name) {
        return resnet::graph(spec, input);
    }
    if name == vgg::NAME {
        return vgg::graph(input);
    }
    let nearest = names()
        .into_iter()
        .min_by_key(|known| strsim::damerau_levenshtein(known, name))
        .expect("there are built-in networks");
    Err(NetworkError::UnknownName {
        name: name.to_owned(),
        nearest: nearest.to_owned(),
    })
}
