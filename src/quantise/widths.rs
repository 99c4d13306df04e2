//! Widths of single layers: which layers an entry names, and the bit widths of a network that come of it.

use super::{Numerics, Widths};
use crate::reparam::{LayerGraph, LayerOp, TensorId};
use crate::tensor::IntType;
use serde::{Deserialize, Serialize};

/// Which layers an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// The network's input, which no layer makes.
    Input,
    /// The first layer with weights.
    First,
    /// The last layer with weights.
    Last,
    /// Layers by name; `*` stands for any characters, `?` for one.
    Name(String),
}

impl Pattern {
    /// `input`, `first`, `last`, or names of layers.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text {
            "input" => Self::Input,
            "first" => Self::First,
            "last" => Self::Last,
            name => Self::Name(name.to_owned()),
        }
    }

    /// Tensors made by the layers it names.
    fn tensors(&self, graph: &LayerGraph) -> Vec<TensorId> {
        let weighted = || (0..graph.layers.len()).filter(|&place| has_weights(graph, place));
        let places: Vec<usize> = match self {
            Self::Input => return vec![TensorId::INPUT],
            Self::First => weighted().next().into_iter().collect(),
            Self::Last => weighted().next_back().into_iter().collect(),
            Self::Name(name) => {
                let pattern: Vec<char> = name.chars().collect();
                let matches = |place: &usize| {
                    let name: Vec<char> = graph.layers[*place].name.chars().collect();
                    matches(&pattern, &name)
                };
                (0..graph.layers.len()).filter(matches).collect()
            }
        };
        places
            .into_iter()
            .map(|place| TensorId(place + 1))
            .collect()
    }
}

/// Widths of some layers that differ from those of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerWidths {
    /// Which layers.
    pub layers: Pattern,
    /// Of the tensors they make, 2..=16. A maximum keeps its input's width all the same.
    pub activation_bits: Option<u8>,
    /// Of their weights, 2..=16.
    pub weight_bits: Option<u8>,
}

impl LayerWidths {
    /// Whether some layer of `graph` takes a width from this entry: for weight bits one with weights, for activation
    /// bits one that makes integers of its own.
    #[must_use]
    pub fn reaches(&self, graph: &LayerGraph) -> bool {
        let tensors = self.layers.tensors(graph);
        let any = |takes: fn(&LayerGraph, usize) -> bool| {
            (tensors.iter())
                .filter_map(|tensor| tensor.producer())
                .any(|layer| takes(graph, layer.0))
        };
        let input = tensors.contains(&TensorId::INPUT);
        (self.activation_bits.is_none() || input || any(makes_integers))
            && (self.weight_bits.is_none() || any(has_weights))
            && !tensors.is_empty()
    }
}

impl Numerics {
    /// The widths that a quantisation of `graph` has, known without parameters: as [`Numerics::uniform`], then the
    /// entries of `layers` in order. An entry that reaches no layer changes nothing.
    #[must_use]
    pub fn mixed(graph: &LayerGraph, widths: Widths, layers: &[LayerWidths]) -> Self {
        let mut numerics = Self::uniform(graph, widths);
        for entry in layers {
            for tensor in entry.layers.tensors(graph) {
                if let Some(bits) = entry.activation_bits {
                    let range = &mut numerics.activations[tensor.0];
                    *range = IntType { bits, ..*range };
                }
                let layer = tensor.producer().filter(|id| has_weights(graph, id.0));
                if let (Some(bits), Some(layer)) = (entry.weight_bits, layer) {
                    numerics.weight_bits[layer.0] = bits;
                }
            }
        }
        for (place, layer) in graph.layers.iter().enumerate() {
            if !makes_integers(graph, place) {
                numerics.activations[place + 1] = numerics.activations[layer.inputs[0].0];
            }
        }
        numerics
    }
}

fn has_weights(graph: &LayerGraph, place: usize) -> bool {
    match graph.layers[place].op {
        LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => true,
        LayerOp::Add { .. }
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::Lookup(_)
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => false,
    }
}

/// Whether a layer's output has a scale of its own: a maximum and an interpolation have their input's.
fn makes_integers(graph: &LayerGraph, place: usize) -> bool {
    match graph.layers[place].op {
        LayerOp::MaxPool(_) | LayerOp::Resize(_) => false,
        LayerOp::Conv { .. }
        | LayerOp::FullyConnected { .. }
        | LayerOp::Add { .. }
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::Lookup(_)
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::AdaptiveAvgPool { .. } => true,
    }
}

/// Whether `pattern` covers all of `name`.
///
/// Only the last star seen is tried again: what stands before it fits as early as it can.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[place] => {
                at += 1;
                place += 1;
            }
            Some(_) | None => {
                let Some((last, skipped)) = star else {
                    return false;
                };
                star = Some((last, skipped + 1));
                (at, place) = (last + 1, skipped + 1);
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::builtin;
    use crate::reparam::{Branches, fold_graph};

    const WIDTHS: Widths = Widths {
        activation_bits: 8,
        weight_bits: 8,
        output_bits: 8,
    };

    fn graph(name: &str) -> LayerGraph {
        let input = builtin::default_input(name).expect("built in");
        let graph = builtin::graph(name, input).expect("built in");
        fold_graph(&graph, Branches::Fuse).expect("it folds")
    }

    fn entry(name: &str, activation_bits: Option<u8>, weight_bits: Option<u8>) -> LayerWidths {
        LayerWidths {
            layers: Pattern::new(name),
            activation_bits,
            weight_bits,
        }
    }

    #[test]
    fn a_star_is_any_characters_and_a_question_mark_one() {
        let covers = |pattern: &str, name: &str| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            matches(&chars(pattern), &chars(name))
        };
        assert!(covers("stage1.*", "stage1.0") && covers("*", "") && covers("s*e?.0", "stage1.0"));
        assert!(!covers("stage1", "stage1.0") && !covers("stage?", "stage") && !covers("", "a"));
        assert!(covers("*a*b*", "xxaxxbxx") && covers("*aab", "aaaab") && covers("**", "ab"));
        // Trying every star anew would take longer than anyone waits.
        assert!(!covers(&"*a".repeat(30), &format!("{}b", "a".repeat(200))));
    }

    #[test]
    fn a_later_entry_wins_and_leaves_the_other_key() {
        let graph = graph("repvgg-mini");
        let entries = [
            entry("stage*", Some(6), Some(4)),
            entry("first", None, Some(16)),
            entry("last", Some(12), None),
            entry("input", Some(10), None),
        ];
        let numerics = Numerics::mixed(&graph, WIDTHS, &entries);
        let bits: Vec<u8> = numerics
            .activations
            .iter()
            .map(|range| range.bits)
            .collect();
        assert_eq!(bits, [10, 6, 6, 6, 6, 6, 6, 6, 6, 6, 8, 12]);
        assert_eq!(numerics.weight_bits, [16, 4, 4, 4, 4, 4, 4, 4, 4, 0, 8]);
        assert_eq!(
            Numerics::mixed(&graph, WIDTHS, &[]),
            Numerics::uniform(&graph, WIDTHS)
        );
    }

    #[test]
    fn a_maximum_follows_its_input() {
        let graph = graph("resnet-18");
        let pool = (graph.layers.iter())
            .find(|layer| matches!(layer.op, LayerOp::MaxPool(_)))
            .expect("it has one");
        let by_name = entry(&pool.name, Some(12), None);
        assert!(!by_name.reaches(&graph));
        let numerics = Numerics::mixed(&graph, WIDTHS, &[by_name, entry("first", Some(16), None)]);
        assert_eq!(numerics.activations[1].bits, 16);
        assert_eq!(numerics.activations[2], numerics.activations[1]);
    }

    #[test]
    fn an_entry_must_reach_a_layer_with_each_of_its_keys() {
        let graph = graph("repvgg-mini");
        assert!(entry("stage0*", Some(16), Some(16)).reaches(&graph));
        assert!(!entry("conv1", Some(16), None).reaches(&graph));
        assert!(!entry("gap", None, Some(16)).reaches(&graph));
        assert!(!entry("input", Some(8), Some(16)).reaches(&graph));
        assert!(entry("input", Some(16), None).reaches(&graph));
    }
}
