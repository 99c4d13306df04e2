//! Outputs as the words of a layout, the way that `repchip verify` reads them.

use super::File;
use super::tensors::stem;
use crate::layout::{Description, Layout, hex};
use crate::problem::Problem;
use crate::reparam::LayerId;
use crate::rtl::Run;

/// Each layer's output, or that of each layer listed: `expected/words/<layer>.hex`.
///
/// # Errors
/// `layout::layer` when a layer listed is none of the network, `layout::misfit` when a layout does not fit one.
pub fn words(run: &Run<'_>, description: &Description) -> Result<Vec<File>, Problem> {
    let graph = &run.schedule.graph;
    description.known(graph.layers.iter().map(|layer| layer.name.as_str()))?;
    let listed = |layer: &LayerId| {
        let name = &graph.layers[layer.0].name;
        let own = description
            .tensors
            .iter()
            .find(|tensor| tensor.layer == *name);
        own.map(|tensor| &tensor.layout)
    };
    let layouts: Vec<(LayerId, &Layout)> = if description.tensors.is_empty() {
        graph
            .ids()
            .map(|layer| (layer, &description.layout))
            .collect()
    } else {
        let own = graph
            .ids()
            .filter_map(|layer| Some((layer, listed(&layer)?)));
        own.collect()
    };
    let file = |(layer, layout): (LayerId, &Layout)| {
        let tensor = &run.tensors[layer.output().0];
        let range = run.schedule.numerics.activations[layer.output().0];
        let elements: Vec<i32> = tensor.iter().copied().collect();
        let text = hex(layout, tensor.dim(), range, &elements)
            .map_err(|error| description.misfit(&error, &graph.layers[layer.0].name))?;
        let name = format!("expected/words/{}.hex", stem(run, layer));
        Ok((name, text.into_bytes()))
    };
    layouts.into_iter().map(file).collect()
}
