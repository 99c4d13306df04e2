//! `layers.csv`: one row a layer of every network on every chip, units in the column names.

use super::figures::{layer_utilisation, payload, traffic_key};
use super::{ChipFacts, Report, RunResult, validated, work};
use crate::reparam::LayerOp;
use crate::schedule::Traffic;
use crate::time::{Cause, LayerTime};

/// The bytes of `layers.csv`: comma separated, quoted where needed, `\n` at the end of each row.
#[must_use]
pub fn layers(report: &Report) -> Vec<u8> {
    let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::new());
    let rows = report.chips.iter().flat_map(|run| {
        run.networks.iter().flat_map(move |network| {
            network
                .timeline
                .layers
                .iter()
                .map(move |time| row(&run.chip, network, time))
        })
    });
    for row in std::iter::once(header()).chain(rows) {
        writer
            .write_record(&row)
            .expect("memory takes every record, and all rows are as wide as the header");
    }
    writer
        .into_inner()
        .expect("memory takes the last record as well")
}

fn header() -> Vec<String> {
    let mut header: Vec<String> = [
        "chip",
        "id",
        "network",
        "form",
        "layer",
        "op",
        "input_height_px",
        "input_width_px",
        "input_channels",
        "output_height_px",
        "output_width_px",
        "output_channels",
        "kernel_px",
        "stride_px",
        "groups",
        "batch_images",
        "macs_per_image",
        "array_macs_of_batch",
        "total_cycles",
    ]
    .map(str::to_owned)
    .to_vec();
    header.extend(
        Cause::ALL
            .iter()
            .map(|cause| format!("{}_cycles", cause.key())),
    );
    header.extend(
        Traffic::ALL
            .iter()
            .map(|&kind| format!("dram_{}_bytes", traffic_key(kind))),
    );
    let last = ["dram_total_bytes", "utilisation_fraction", "rtl_validated"];
    header.extend(last.map(str::to_owned));
    header
}

/// Kernel, stride and groups; empty for an operator without a window.
fn window(op: &LayerOp) -> [String; 3] {
    let window = match op {
        LayerOp::Conv { conv, .. } => [conv.kernel, conv.stride, conv.groups],
        LayerOp::MaxPool(pool) | LayerOp::AvgPool(pool) => [pool.kernel, pool.stride, 1],
        LayerOp::FullyConnected { .. }
        | LayerOp::Lookup(_)
        | LayerOp::Add { .. }
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => return Default::default(),
    };
    window.map(|n| n.to_string())
}

fn row(chip: &ChipFacts, network: &RunResult, time: &LayerTime) -> Vec<String> {
    let graph = &network.schedule.graph;
    let layer = &graph.layers[time.layer.0];
    let input = graph.shape(layer.inputs[0]);
    let output = layer.output;
    let mut row = vec![
        chip.name.clone(),
        network.id.clone(),
        network.name.clone(),
        graph.form.to_string(),
        layer.name.clone(),
        work::op_key(&layer.op).to_owned(),
        input.height.to_string(),
        input.width.to_string(),
        input.channels.to_string(),
        output.height.to_string(),
        output.width.to_string(),
        output.channels.to_string(),
    ];
    row.extend(window(&layer.op));
    row.push(network.schedule.batch.to_string());
    row.push(work::layer_macs(graph, layer).0.to_string());
    row.push(time.macs.0.to_string());
    row.push(time.account.total().0.to_string());
    row.extend(
        Cause::ALL
            .iter()
            .map(|&c| time.account.get(c).0.to_string()),
    );
    row.extend(
        Traffic::ALL
            .iter()
            .map(|&kind| payload(&time.dram, kind).0.to_string()),
    );
    row.push(time.dram.payload().0.to_string());
    let utilisation = layer_utilisation(time, network.timeline.peak_macs_per_cycle);
    row.push(utilisation.map_or_else(String::new, |u| format!("{u:.6}")));
    row.push(validated::layer(chip, network, time.layer).to_string());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_row_is_as_wide_as_the_header_and_adds_up() {
        let report = sample::report(5);
        let bytes = layers(&report);
        let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|h| h == name).unwrap();
        let (total, first) = (column("total_cycles"), column("useful_cycles"));
        let mut rows = 0;
        for record in reader.records() {
            let record = record.unwrap();
            let cycles: u64 = (first..first + 17)
                .map(|i| record[i].parse::<u64>().unwrap())
                .sum();
            assert_eq!(cycles, record[total].parse::<u64>().unwrap());
            rows += 1;
        }
        let layers: usize = report
            .chips
            .iter()
            .flat_map(|run| &run.networks)
            .map(|network| network.timeline.layers.len())
            .sum();
        assert_eq!(rows, layers);
    }
}
