//! What is modelled: the chip's parts and what each connection carries at most, from its configuration.

use super::font;
use super::palette::Ink;
use super::parts::{Area, both, one, part};
use super::scene::{Anchor, Scene};
use crate::chip::{Chip, Dram, Pointwise, Reuse};
use crate::report::ChipFacts;
use crate::report::figures::real;
use crate::report::human::{clock, grouped, memory, short};
use crate::units::{Bytes, count};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 446.0;

const DRAM: Area = [16.0, 196.0, 132.0, 300.0];
const HOST: Area = [16.0, 346.0, 132.0, 430.0];
const CHIP: Area = [226.0, 66.0, 884.0, 430.0];
const DMA: Area = [240.0, 196.0, 340.0, 300.0];
const VECTOR: Area = [240.0, 82.0, 356.0, 166.0];
const ACTIVATIONS: Area = [446.0, 82.0, 590.0, 250.0];
const WEIGHTS: Area = [446.0, 278.0, 590.0, 360.0];
const ARRAY: Area = [706.0, 204.0, 870.0, 360.0];
const REQUANTISE: Area = [706.0, 82.0, 870.0, 152.0];

/// Lays the chart out.
pub(super) fn scene(facts: &ChipFacts) -> Scene {
    let chip = &facts.design;
    let mut scene = Scene::new(WIDTH, HEIGHT);
    scene.title(
        &format!("Block diagram of {}", facts.name),
        &format!(
            "{}, peak {} MAC/cycle = {} TOPS (two operations a MAC); {} MAC for each DRAM byte; \
             every figure is a peak",
            clock(facts.clock),
            short(facts.roofs.peak_macs_per_cycle, 1),
            tops(facts),
            short(
                facts.roofs.peak_macs_per_cycle / facts.roofs.dram_bytes_per_cycle,
                3
            ),
        ),
    );
    let [left, top, right, bottom] = CHIP;
    let corners = [
        [left, top],
        [right, top],
        [right, bottom],
        [left, bottom],
        [left, top],
    ];
    scene.line(corners.to_vec(), Ink::Muted, 1.5);
    let words = font::fit(&format!("on the chip: {}", facts.name), 11.0, 500.0);
    scene.text(
        [left + 14.0, bottom - 14.0],
        Anchor::Start,
        11.0,
        Ink::Muted,
        words,
    );
    boxes(&mut scene, facts, chip);
    edges(&mut scene, facts, chip);
    scene
}

fn tops(facts: &ChipFacts) -> String {
    let operations = 2.0 * facts.roofs.peak_macs_per_cycle * real(facts.clock.0.get());
    short(operations / 1e12, 3)
}

fn boxes(scene: &mut Scene, facts: &ChipFacts, chip: &Chip) {
    let Dram::Flat(dram) = chip.dram;
    let lines = [
        format!("latency {} cycles", grouped(dram.latency.0)),
        format!("bursts of {} B", dram.burst.0),
        format!("{} in flight", dram.in_flight),
    ];
    part(scene, DRAM, "DRAM", &lines);
    part(
        scene,
        DMA,
        "DMA",
        &["in order, loads,".into(), "stores, weights".into()],
    );
    part(
        scene,
        ACTIVATIONS,
        "activation SRAM",
        &activation_lines(facts, chip),
    );
    let array = &chip.array;
    let lines = [
        memory(chip.weight_sram.capacity),
        format!(
            "slots of {} weights",
            grouped(count(9 * array.rows * array.pe.lanes))
        ),
    ];
    part(scene, WEIGHTS, "weight SRAM", &lines);
    part(scene, ARRAY, "PE array", &array_lines(facts, chip));
    let lines = [
        format!("{} units", chip.requantise.units),
        format!(
            "{} bits to {} B",
            array.pe.accumulator.bits, facts.activation.0
        ),
    ];
    part(scene, REQUANTISE, "requantisers", &lines);
    if let Some(vector) = &chip.vector {
        let lines = [
            format!("{} lanes", vector.lanes),
            format!("add {} cycles", vector.add_cycles),
            format!(
                "max {}, mean {}",
                vector.max_pool_cycles, vector.avg_pool_cycles
            ),
        ];
        part(scene, VECTOR, "vector unit", &lines);
    }
    if let Some(host) = &chip.host {
        let lines = [
            format!("{} MAC/cycle", host.macs_per_cycle),
            format!("{} elements/cycle", host.elements_per_cycle),
            format!("call {} cycles", grouped(host.call_cycles.0)),
        ];
        part(scene, HOST, "host", &lines);
    }
}

fn activation_lines(facts: &ChipFacts, chip: &Chip) -> Vec<String> {
    let sram = &chip.activation_sram;
    let reuse = match sram.reuse {
        Reuse::Window => "windows reuse pixels",
        Reuse::None => "windows read anew",
    };
    vec![
        memory(sram.capacity),
        format!("{} x {} banks (y, x)", sram.bank_rows, sram.bank_cols),
        match sram.bank_channels {
            1 => "1 word a bank and cycle".to_owned(),
            words => format!("{words} words a bank, cycle"),
        },
        format!("word {} B", word(facts, chip).0),
        reuse.to_owned(),
    ]
}

fn array_lines(facts: &ChipFacts, chip: &Chip) -> Vec<String> {
    let array = &chip.array;
    let pe = &array.pe;
    let pointwise = match array.pointwise {
        Pointwise::Naive => "1x1: centre tap only",
        Pointwise::Packed => "1x1: packed 9 deep",
    };
    vec![
        format!(
            "{} rows x {} x {} tile",
            array.rows, array.tile_h, array.tile_w
        ),
        format!("x {} lanes x 9 multipliers", pe.lanes),
        format!("= {} MAC/cycle", grouped(array.peak_macs_per_cycle())),
        format!("{} TOPS at {}", tops(facts), clock(facts.clock)),
        format!("{} accumulators a PE,", pe.accumulators),
        format!("{} bits each", pe.accumulator.bits),
        pointwise.to_owned(),
    ]
}

/// Bytes of an activation word: `lanes` channels of a pixel.
fn word(facts: &ChipFacts, chip: &Chip) -> Bytes {
    Bytes(count(chip.array.pe.lanes) * facts.activation.0)
}

fn edges(scene: &mut Scene, facts: &ChipFacts, chip: &Chip) {
    let rate = facts.roofs.dram_bytes_per_cycle;
    let hertz = real(facts.clock.0.get());
    let per_second = |bytes: f64| format!("{} GB/s", short(bytes * hertz / 1e9, 4));
    let dram = [format!("{} B/cycle", short(rate, 4)), per_second(rate)];
    both(
        scene,
        [DRAM[2], 248.0],
        [DMA[0], 248.0],
        [179.0, 236.0],
        &dram,
    );
    let shared = [dram[0].clone(), "at DRAM rate".to_owned()];
    both(
        scene,
        [DMA[2], 222.0],
        [ACTIVATIONS[0], 222.0],
        [393.0, 210.0],
        &shared,
    );
    one(
        scene,
        [DMA[2], 290.0],
        [WEIGHTS[0], 290.0],
        [393.0, 278.0],
        &shared,
    );
    let (word, sram) = (word(facts, chip).0, &chip.activation_sram);
    let words = count(sram.bank_rows * sram.bank_cols * sram.bank_channels);
    let read = [
        format!("{} B/cycle", words * word),
        format!("{words} x {word} B"),
    ];
    one(
        scene,
        [ACTIVATIONS[2], 228.0],
        [ARRAY[0], 228.0],
        [648.0, 216.0],
        &read,
    );
    let port = chip.weight_sram.port.0;
    let kernel = [format!("{port} B/cycle"), "one port".to_owned()];
    one(
        scene,
        [WEIGHTS[2], 320.0],
        [ARRAY[0], 320.0],
        [648.0, 308.0],
        &kernel,
    );
    let units = chip.requantise.units;
    let bits = chip.array.pe.accumulator.bits;
    let sums = [
        format!("{units} sums/cycle"),
        format!("{units} x {bits} bits"),
    ];
    one(
        scene,
        [788.0, ARRAY[1]],
        [788.0, REQUANTISE[3]],
        [834.0, 184.0],
        &sums,
    );
    let written = count(chip.requantise.write_words_per_cycle);
    let write = [
        format!("{} B/cycle", written * word),
        format!("{written} x {word} B"),
    ];
    one(
        scene,
        [REQUANTISE[0], 118.0],
        [ACTIVATIONS[2], 118.0],
        [648.0, 106.0],
        &write,
    );
    if let Some(vector) = &chip.vector {
        let lanes = [format!("{} lanes", vector.lanes), "of elements".to_owned()];
        both(
            scene,
            [VECTOR[2], 124.0],
            [ACTIVATIONS[0], 124.0],
            [401.0, 112.0],
            &lanes,
        );
    }
    if let Some(host) = &chip.host {
        let bytes = host.bytes_per_cycle.0.get();
        let port = [format!("{bytes} B/cycle"), per_second(real(bytes))];
        both(
            scene,
            [74.0, DRAM[3]],
            [74.0, HOST[1]],
            [120.0, 330.0],
            &port,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn words(facts: &ChipFacts) -> String {
        let scene = scene(facts);
        let words: Vec<&str> = scene.text_boxes().map(|(text, _)| text).collect();
        words.join(" | ")
    }

    #[test]
    fn every_figure_comes_from_the_chip() {
        let mut facts = sample::report(2).chips[0].chip.clone();
        insta::assert_snapshot!(words(&facts).replace(" | ", "\n"), @r"
Block diagram of edge
200 MHz, peak 576 MAC/cycle = 0.23 TOPS (two operations a MAC); 72 MAC for each DRAM byte; every figure is a peak
on the chip: edge
DRAM
latency 100 cycles
bursts of 64 B
32 in flight
DMA
in order, loads,
stores, weights
activation SRAM
1 MiB
4 x 1 banks (y, x)
1 word a bank and cycle
word 8 B
windows reuse pixels
weight SRAM
128 KiB
slots of 576 weights
PE array
8 rows x 1 x 1 tile
x 8 lanes x 9 multipliers
= 576 MAC/cycle
0.23 TOPS at 200 MHz
16 accumulators a PE,
32 bits each
1x1: centre tap only
requantisers
8 units
32 bits to 1 B
host
8 MAC/cycle
4 elements/cycle
call 2,000 cycles
8 B/cycle
1.6 GB/s
8 B/cycle
at DRAM rate
8 B/cycle
at DRAM rate
32 B/cycle
4 x 8 B
104 B/cycle
one port
8 sums/cycle
8 x 32 bits
8 B/cycle
1 x 8 B
8 B/cycle
1.6 GB/s
");
        facts.design.host = None;
        assert!(!words(&facts).contains("host"));
        assert!(!words(&facts).contains("vector unit"));
    }
}
