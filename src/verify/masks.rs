//! Elements that are known to differ, listed in a TOML file.

use crate::problem::{Problem, Problems, SourceFile, mirror};
use crate::reparam::{LayerGraph, LayerId};
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMasks {
    masks: Vec<RawMask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMask {
    layer: Spanned<String>,
    elements: Spanned<Vec<[usize; 2]>>,
    reason: String,
}

/// Elements of one layer that are not judged.
#[derive(Debug, Clone)]
pub struct Mask {
    /// Which layer.
    pub layer: LayerId,
    /// Its name.
    pub name: String,
    /// First and end, in memory order.
    pub ranges: Vec<Range<usize>>,
    /// Why.
    pub reason: String,
    /// Differences that it hid so far.
    pub hidden: u64,
    place: (Arc<SourceFile>, Range<usize>),
}

/// All masks of a file.
#[derive(Debug, Clone, Default)]
pub struct Masks(pub Vec<Mask>);

impl Masks {
    /// Reads a file for a network and batch.
    ///
    /// # Errors
    /// Those of a configuration file, `verify::mask_layer`, `verify::mask_range`.
    pub fn read(path: &Path, graph: &LayerGraph, batch: usize) -> Result<Self, Problems> {
        let source = SourceFile::read(path)?;
        let (raw, origins): (RawMasks, _) = mirror(&source, &[])?;
        let (mut masks, mut problems) = (Vec::new(), Vec::new());
        for mask in raw.masks {
            let name = mask.layer.get_ref().clone();
            let at = |span| origins.locate(span);
            let Some(index) = graph.layers.iter().position(|layer| layer.name == name) else {
                let (file, span) = at(mask.layer.span());
                problems.push(no_layer(graph, &name).at(&file, span, "no such layer"));
                continue;
            };
            let map = graph.layers[index].output;
            let len = batch * map.pixels() * map.channels;
            let ranges: Vec<Range<usize>> = mask
                .elements
                .get_ref()
                .iter()
                .map(|[from, end]| *from..*end)
                .collect();
            let place = at(mask.elements.span());
            if let Some(bad) = ranges
                .iter()
                .find(|range| range.is_empty() || range.end > len)
            {
                let problem = bad_range(&name, bad, len);
                problems.push(problem.at(&place.0, place.1, "not within the layer"));
                continue;
            }
            masks.push(Mask {
                layer: LayerId(index),
                name,
                ranges,
                reason: mask.reason,
                hidden: 0,
                place,
            });
        }
        if problems.is_empty() {
            Ok(Self(masks))
        } else {
            Err(Problems(problems))
        }
    }

    /// Whether a mask hides this difference; the first that does counts it.
    pub(super) fn hide(&mut self, layer: LayerId, index: usize) -> bool {
        let covers = |mask: &&mut Mask| {
            mask.layer == layer && mask.ranges.iter().any(|range| range.contains(&index))
        };
        let found = self.0.iter_mut().find(covers);
        found.is_some_and(|mask| {
            mask.hidden += 1;
            true
        })
    }

    /// That every mask hides something.
    ///
    /// # Errors
    /// `verify::mask_unused` for each that does not.
    pub fn used(&self) -> Result<(), Problems> {
        let unused = self.0.iter().filter(|mask| mask.hidden == 0);
        let problems: Vec<Problem> = unused.map(no_use).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(Problems(problems))
    }
}

fn no_use(mask: &Mask) -> Problem {
    let message = format!(
        "the mask of layer `{}` hides nothing: all its elements are as expected, or not in the dump",
        mask.name
    );
    let help = "remove the mask, so that it cannot hide what breaks later";
    let problem = Problem::new("verify::mask_unused", message, help);
    problem.at(&mask.place.0, mask.place.1.clone(), "hides nothing")
}

fn no_layer(graph: &LayerGraph, name: &str) -> Problem {
    let names: Vec<&str> = graph
        .layers
        .iter()
        .map(|layer| layer.name.as_str())
        .collect();
    Problem::new(
        "verify::mask_layer",
        format!("`{}` has no layer `{name}`", graph.name),
        format!("name one of: {}", names.join(", ")),
    )
}

fn bad_range(name: &str, range: &Range<usize>, len: usize) -> Problem {
    let message = format!(
        "elements {} to {} are none of layer `{name}`, which has {len}",
        range.start, range.end
    );
    let help = format!("write [first, end] with first < end <= {len}; the end is not hidden");
    Problem::new("verify::mask_range", message, help)
}
