//! Which tensors stay in activation SRAM: dynamic programming over the layers in order.
//!
//! The state between two layers is the set of live tensors that stay; all buffers of a layer are live together.
//! For each state the few cheapest ways to reach it are kept, so that a way whose buffers cannot be placed has
//! alternatives. With one way kept the result is the optimum of the estimate.

use super::choice::{Choice, Places};
use super::estimate::Cost;
use super::facts::{Facts, OPERANDS};
use crate::reparam::{LayerId, TensorId};
use std::collections::BTreeMap;

/// A whole network cut and placed in time, without addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) cost: Cost,
    pub(super) layers: Vec<Chosen>,
}

/// One layer of a [`Way`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) choice: Choice,
    /// Whether its output stays.
    pub(super) stays: bool,
    /// Whether its output takes the storage of [`super::facts::LayerFacts::in_place`].
    pub(super) in_place: bool,
    /// Choices that the estimate ranked.
    pub(super) ranked: usize,
}

/// How far the search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Breadth {
    /// Choices kept for each layer and places of its tensors.
    pub(super) choices: usize,
    /// Ways kept for each state.
    pub(super) ways: usize,
    /// Whether any tensor may stay.
    pub(super) stay: bool,
}

/// States kept after each layer; only graphs with more than eight tensors alive at once have more.
const STATES: usize = 256;

/// One layer appended to a way.
struct Node {
    before: Option<usize>,
    chosen: Chosen,
}

/// A way to a state.
#[derive(Clone, Copy)]
struct Reached {
    cost: Cost,
    node: Option<usize>,
}

/// Tensors that stay and are live, as bits over the live tensors in order.
type Set = u64;

/// The cheapest ways within `capacity` units, cheapest first.
///
/// # Errors
/// The layer behind which no state is left.
pub(super) fn ways(
    facts: &Facts<'_>,
    breadth: Breadth,
    capacity: u64,
) -> Result<Vec<Way>, LayerId> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut live: Vec<TensorId> = Vec::new();
    let start = Reached {
        cost: Cost::default(),
        node: None,
    };
    let mut states: BTreeMap<Set, Vec<Reached>> = BTreeMap::from([(0, vec![start])]);
    for index in 0..facts.layers.len() {
        let layer = LayerId(index);
        let output = layer.output();
        let after: Vec<TensorId> = live
            .iter()
            .chain([&output])
            .copied()
            .filter(|tensor| facts.last[tensor.0] > layer)
            .take(64)
            .collect();
        let mut next: BTreeMap<Set, Vec<Reached>> = BTreeMap::new();
        for (&set, reached) in &states {
            for step in steps(facts, layer, &live, set, breadth, capacity) {
                let set = step.set_after(&live, &after, set, output);
                let node = |before| Node {
                    before,
                    chosen: step.chosen,
                };
                let list = next.entry(set).or_default();
                for way in reached {
                    let cost = way.cost + step.chosen.choice.cost;
                    let at = list.partition_point(|r| r.cost <= cost);
                    if at < breadth.ways {
                        nodes.push(node(way.node));
                        let node = Some(nodes.len() - 1);
                        list.insert(at, Reached { cost, node });
                        list.truncate(breadth.ways);
                    }
                }
            }
        }
        if next.is_empty() {
            return Err(layer);
        }
        states = next;
        cut(&mut states);
        live = after;
    }
    let mut ends: Vec<Reached> = states.into_values().flatten().collect();
    ends.sort_by_key(|end| end.cost);
    ends.truncate(breadth.ways);
    Ok(ends.iter().map(|end| way(&nodes, end)).collect())
}

/// Keeps the cheapest states; nothing staying is always among them, so that every network gets through.
fn cut(states: &mut BTreeMap<Set, Vec<Reached>>) {
    if states.len() <= STATES {
        return;
    }
    let mut order: Vec<(Cost, Set)> = states
        .iter()
        .map(|(set, ways)| (ways[0].cost, *set))
        .collect();
    order.sort_unstable();
    for (_, set) in order.drain(STATES..) {
        if set != 0 {
            states.remove(&set);
        }
    }
}

fn way(nodes: &[Node], end: &Reached) -> Way {
    let mut layers = Vec::new();
    let mut at = end.node;
    while let Some(node) = at {
        layers.push(nodes[node].chosen);
        at = nodes[node].before;
    }
    layers.reverse();
    Way {
        cost: end.cost,
        layers,
    }
}

/// One choice for a layer from one state.
struct Step {
    chosen: Chosen,
}

impl Step {
    fn set_after(&self, live: &[TensorId], after: &[TensorId], set: Set, output: TensorId) -> Set {
        let stays = |tensor: TensorId| match live.iter().position(|t| *t == tensor) {
            Some(bit) => set >> bit & 1 == 1,
            None => tensor == output && self.chosen.stays,
        };
        after
            .iter()
            .enumerate()
            .filter(|(_, tensor)| stays(**tensor))
            .fold(0, |set, (bit, _)| set | 1 << bit)
    }
}

/// All steps worth keeping from one state.
fn steps(
    facts: &Facts<'_>,
    layer: LayerId,
    live: &[TensorId],
    set: Set,
    breadth: Breadth,
    capacity: u64,
) -> Vec<Step> {
    let this = &facts.layers[layer.0];
    let output = layer.output();
    let stays = |tensor: TensorId| {
        live.iter()
            .position(|t| *t == tensor)
            .is_some_and(|bit| set >> bit & 1 == 1)
    };
    let used: u64 = live
        .iter()
        .filter(|tensor| stays(**tensor))
        .map(|tensor| facts.whole(*tensor))
        .sum();
    let mut operands = [true; OPERANDS];
    for (place, operand) in this.operands.iter().enumerate() {
        operands[place] = stays(operand.tensor);
    }
    let mut steps = Vec::new();
    for output_stays in [true, false] {
        let last = output == facts.graph.output();
        if output_stays && (last || !breadth.stay || live.len() >= 63) {
            continue;
        }
        let in_place = output_stays && operands == [true; OPERANDS] && this.in_place.is_some();
        let own = if output_stays && !in_place {
            facts.whole(output)
        } else {
            0
        };
        let Some(free) = capacity.checked_sub(used + own) else {
            continue;
        };
        let places = Places {
            operands,
            output: output_stays,
        };
        let ranked = facts.rank(layer, places, free, breadth.choices);
        steps.extend(ranked.best.into_iter().map(|choice| Step {
            chosen: Chosen {
                choice,
                stays: output_stays,
                in_place,
                ranked: ranked.ranked,
            },
        }));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Chip;
    use crate::map::Settings;
    use crate::network::{Conv, Form};
    use crate::quantise::{Numerics, Widths};
    use crate::reparam::{Activation, Layer, LayerGraph, LayerOp};
    use crate::tensor::FeatureMap;
    use crate::units::Bytes;
    use proptest::prelude::*;
    use std::path::Path;

    const ONE: Breadth = Breadth {
        choices: 1,
        ways: 1,
        stay: true,
    };

    /// Convolutions and sums on maps of one height, each reading the tensor before and, for a sum, an earlier one.
    fn graph(layers: &[(usize, Option<usize>)]) -> LayerGraph {
        let input = FeatureMap::new(16, 16, 8);
        let mut graph = LayerGraph {
            name: "random".to_owned(),
            form: Form::Folded,
            input,
            layers: Vec::new(),
        };
        for (index, (channels, earlier)) in layers.iter().enumerate() {
            let before = graph.output();
            let earlier = earlier
                .map(|back| TensorId(back % (index + 1)))
                .filter(|t| *t != before && graph.shape(*t) == graph.shape(before));
            let shape = graph.shape(before);
            let activation = Activation::Relu;
            let conv = Conv {
                out_channels: 8 * channels,
                kernel: 3,
                stride: 1,
                padding: 1,
                dilation: 1,
                groups: 1,
            };
            let (op, inputs, output) = match earlier {
                Some(earlier) => (LayerOp::Add { activation }, vec![before, earlier], shape),
                None => (
                    LayerOp::Conv { conv, activation },
                    vec![before],
                    FeatureMap::new(16, 16, 8 * channels),
                ),
            };
            graph.layers.push(Layer {
                name: format!("layer{index}"),
                op,
                inputs,
                output,
            });
        }
        graph
    }

    fn chip(kib: u64) -> Chip {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips/edge-general.toml");
        let mut chip = Chip::read(&path).unwrap();
        chip.activation_sram.capacity = Bytes(kib * 1024);
        chip.weight_sram.capacity = Bytes(8 * 576);
        chip
    }

    /// The cheapest of all subsets of tensors that may stay.
    fn brute_force(facts: &Facts<'_>) -> Option<Cost> {
        let layers = facts.layers.len();
        (0..1u32 << layers.saturating_sub(1))
            .filter_map(|subset| {
                let stays = |t: TensorId| t.0 > 0 && t.0 < layers && subset >> (t.0 - 1) & 1 == 1;
                (0..layers).try_fold(Cost::default(), |sum, index| {
                    let layer = LayerId(index);
                    let this = &facts.layers[index];
                    let mut operands = [true; OPERANDS];
                    for (place, operand) in this.operands.iter().enumerate() {
                        operands[place] = stays(operand.tensor);
                    }
                    let output = layer.output();
                    let in_place =
                        stays(output) && operands == [true; OPERANDS] && this.in_place.is_some();
                    let live = (1..=index + 1).map(TensorId).filter(|t| {
                        let own = *t == output && !in_place;
                        stays(*t) && (own || (*t != output && facts.last[t.0] >= layer))
                    });
                    let used: u64 = live.map(|t| facts.whole(t)).sum();
                    let free = facts.capacity.checked_sub(used)?;
                    let places = Places {
                        operands,
                        output: stays(output),
                    };
                    let choice = *facts.rank(layer, places, free, 1).best.first()?;
                    Some(sum + choice.cost)
                })
            })
            .min()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn no_subset_of_tensors_is_cheaper(
            layers in proptest::collection::vec((1usize..4, proptest::option::of(0usize..4)), 1..=4),
            kib in 2u64..24,
            inplace_add: bool,
        ) {
            let graph = graph(&layers);
            let widths = Widths { activation_bits: 8, weight_bits: 8, output_bits: 8 };
            let numerics = Numerics::uniform(&graph, widths);
            let chip = chip(kib);
            let settings = Settings { inplace_add, ..Settings::default() };
            let facts = Facts::new(&graph, &numerics, &chip, &settings).unwrap();
            let best = ways(&facts, ONE, facts.capacity).ok().map(|ways| ways[0].cost);
            prop_assert_eq!(best, brute_force(&facts));
            // Ways are sorted, and more of them do not change the first.
            let wide = Breadth { choices: 3, ways: 8, stay: true };
            if let Ok(ways) = ways(&facts, wide, facts.capacity) {
                prop_assert_eq!(Some(ways[0].cost), best);
                prop_assert!(ways.is_sorted_by_key(|way| way.cost));
            }
        }
    }
}
