//! The legal ways to cut one layer, ranked by the estimate.
//!
//! A choice is a strip height, a loop order and a weight mode; ring rows follow from them. Rings hold two
//! neighbouring strips where that fits, so that transfers hide behind computation, else one.

use super::Halo;
use super::engine::Engine;
use super::estimate::{Cost, Moves};
use super::facts::{Facts, OPERANDS, Operand, Reach};
use crate::reparam::{LayerId, LayerOp};
use crate::schedule::{LoopOrder, WeightMode};
use crate::units::count;

/// How one layer is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Output rows of a strip.
    pub(super) strip_rows: usize,
    pub(super) order: LoopOrder,
    pub(super) weights: WeightMode,
    /// Whether the images stand inside the row groups.
    pub(super) inside: bool,
    /// Ring rows of each operand, 0 where it stays in SRAM.
    pub(super) rings: [usize; OPERANDS],
    /// Rows of the output's buffer, 0 where it stays in SRAM.
    pub(super) out_rows: usize,
    /// The operand in whose storage the output of a sum lies until it is stored.
    pub(super) shares: Option<usize>,
    /// Images that those buffers hold.
    pub(super) images: usize,
    /// Bytes a lane and bank that those buffers take.
    pub(super) units: u64,
    pub(super) cost: Cost,
}

/// Where the tensors of a layer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Places {
    /// Whether each operand stays in SRAM.
    pub(super) operands: [bool; OPERANDS],
    /// Whether the output stays in SRAM.
    pub(super) output: bool,
}

/// The best choices of a layer, best first, and how many were ranked.
pub(super) struct Ranked {
    pub(super) best: Vec<Choice>,
    pub(super) ranked: usize,
}

/// A strip height, an order and a mode, before ring rows.
#[derive(Clone, Copy)]
struct Cut {
    lines: usize,
    order: LoopOrder,
    weights: WeightMode,
    inside: bool,
}

/// Numbers of strips worth a look; with the two ends at most ten heights, two orders and three modes.
const STRIPS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];

const MODES: [WeightMode; 3] = [WeightMode::Resident, WeightMode::Held, WeightMode::Streamed];

impl Facts<'_> {
    /// The at most `breadth` best choices of `layer` whose buffers fit into `free` units.
    pub(super) fn rank(&self, layer: LayerId, places: Places, free: u64, breadth: usize) -> Ranked {
        if matches!(self.layers[layer.0].engine, Engine::Host) {
            return Ranked {
                best: vec![self.on_host(layer, places)],
                ranked: 1,
            };
        }
        let mut ranked = Ranked {
            best: Vec::with_capacity(breadth + 1),
            ranked: 0,
        };
        if self.images_inside(layer) {
            self.rank_cuts(layer, places, free, breadth, true, &mut ranked);
        }
        if ranked.best.is_empty() {
            self.rank_cuts(layer, places, free, breadth, false, &mut ranked);
        }
        ranked
    }

    fn rank_cuts(
        &self,
        layer: LayerId,
        places: Places,
        free: u64,
        breadth: usize,
        inside: bool,
        ranked: &mut Ranked,
    ) {
        let (heights, count) = self.heights(layer, places, inside);
        for &lines in &heights[..count] {
            for order in [LoopOrder::StripOuter, LoopOrder::RowGroupOuter] {
                for weights in MODES {
                    let cut = Cut {
                        lines,
                        order,
                        weights,
                        inside,
                    };
                    if !self.legal(layer, cut) {
                        continue;
                    }
                    ranked.ranked += 1;
                    if let Some(choice) = self.fit(layer, places, cut, free) {
                        let at = ranked.best.partition_point(|c| c.cost <= choice.cost);
                        ranked.best.insert(at, choice);
                        ranked.best.truncate(breadth);
                    }
                }
            }
        }
    }

    /// Strip heights in tile rows, tallest first.
    fn heights(&self, layer: LayerId, places: Places, inside: bool) -> ([usize; 10], usize) {
        let facts = &self.layers[layer.0];
        let lines = facts.cost.lines;
        let (mut heights, mut found) = ([0; 10], 0);
        let mut add = |height: usize| {
            if found == 0 || heights[found - 1] > height {
                heights[found] = height;
                found += 1;
            }
        };
        let whole = facts.operands.iter().any(|o| o.reach == Reach::Whole);
        let stay = (0..facts.operands.len()).all(|i| places.operands[i]) && places.output;
        if whole || stay || inside {
            add(lines);
        } else if let Some(forced) = self.settings.forced.strip_tiles {
            add(forced.clamp(1, lines));
        } else {
            for strips in STRIPS {
                add(lines.div_ceil(strips));
            }
            add(2.min(lines));
            add(1);
        }
        (heights, found)
    }

    fn strips(&self, layer: LayerId, lines: usize) -> usize {
        self.layers[layer.0].cost.lines.div_ceil(lines)
    }

    /// Whether slots, operator and settings allow a cut; the same cut under two names counts once.
    fn legal(&self, layer: LayerId, cut: Cut) -> bool {
        let base = &self.layers[layer.0].cost;
        let forced = &self.settings.forced;
        let on_array = matches!(self.layers[layer.0].engine, Engine::Array(_));
        if !on_array {
            let plain = cut.order == LoopOrder::StripOuter && cut.weights == WeightMode::Resident;
            return plain && !cut.inside;
        }
        let single = self.strips(layer, cut.lines) == 1;
        let alone = single && self.images_swept(layer) == 1;
        let order = match (cut.inside, forced.order) {
            (true, _) => cut.order == LoopOrder::RowGroupOuter,
            (false, Some(order)) => cut.order == order,
            (false, None) => !single || cut.order == LoopOrder::StripOuter,
        };
        let fits = match (cut.weights, cut.order) {
            (WeightMode::Resident, LoopOrder::RowGroupOuter)
                if cut.inside || self.images_swept(layer) == 1 =>
            {
                base.passes <= self.slots
            }
            (WeightMode::Resident, _) => base.passes * base.row_groups <= self.slots,
            (WeightMode::Held, _) => base.passes <= self.slots,
            (WeightMode::Streamed, _) => true,
        };
        let mode = match forced.weights {
            Some(weights) => cut.weights == weights,
            // One Sweep for each row group: the first two modes are the same.
            None => !(alone && cut.weights == WeightMode::Resident),
        };
        order && fits && mode
    }

    /// The choice with the deepest rings that fit.
    fn fit(&self, layer: LayerId, places: Places, cut: Cut, free: u64) -> Option<Choice> {
        [(true, true), (true, false), (false, true), (false, false)]
            .into_iter()
            .map(|(loads, stores)| self.choice(layer, places, cut, loads, stores))
            .find(|choice| choice.units <= free)
    }

    fn choice(
        &self,
        layer: LayerId,
        places: Places,
        cut: Cut,
        deep_loads: bool,
        deep_stores: bool,
    ) -> Choice {
        let facts = &self.layers[layer.0];
        let base = &facts.cost;
        let strips = self.strips(layer, cut.lines);
        let rows = cut.lines * facts.grain;
        let batch = cut.inside || self.takes_batch(layer);
        let images = if batch { self.settings.batch } else { 1 };
        let maps = count(self.settings.batch);
        let mut moves = Moves {
            weights: self.weight_bytes(layer, cut.weights, strips),
            turns: strips * self.images_swept(layer),
            ..Moves::default()
        };
        let again = match cut.order {
            LoopOrder::StripOuter => 1,
            LoopOrder::RowGroupOuter => base.row_groups,
        };
        if moves.turns > 1 {
            moves.turns *= again;
        }
        let (mut rings, mut units) = ([0; OPERANDS], 0);
        for (place, operand) in facts.operands.iter().enumerate() {
            if places.operands[place] {
                continue;
            }
            let size = &self.sizes[operand.tensor.0];
            let ring = self.ring(*operand, rows, strips, deep_loads);
            rings[place] = ring;
            units += self.units(operand.tensor, ring, images);
            let strip = reach_rows(operand.reach, rows, size.height);
            let keeps = self.keeps(*operand);
            let once = if keeps { size.height } else { strip * strips };
            let rounds = if ring >= size.height && (batch || maps == 1) {
                1
            } else {
                again
            };
            let bytes = maps * count(once * rounds) * size.row_bytes;
            moves.activations += bytes;
            let hidden = deep_loads && strips > 1 && keeps;
            if hidden {
                moves.exposed += count(strip) * size.row_bytes;
                moves.transfers += 1;
            } else {
                moves.exposed += bytes;
                moves.transfers += maps * count(strips * rounds);
            }
        }
        let output = layer.output();
        let size = &self.sizes[output.0];
        let mut out_rows = 0;
        let shares = self.shared(layer, places);
        if !places.output {
            let whole = cut.order == LoopOrder::RowGroupOuter || strips == 1 || self.gathers(layer);
            let depth = if deep_stores { 2 } else { 1 };
            out_rows = match shares {
                Some(place) if rings[place] > 0 => rings[place],
                Some(_) => size.height,
                None if whole => size.height,
                None => self.ring_rows(rows * depth, size.height),
            };
            if shares.is_none() {
                units += self.units(output, out_rows, images);
            }
            let bytes = maps * count(size.height) * size.row_bytes;
            moves.activations += bytes;
            if deep_stores && strips > 1 && again == 1 {
                moves.exposed += count(rows.min(size.height)) * size.row_bytes;
                moves.transfers += 1;
            } else {
                moves.exposed += bytes;
                moves.transfers += maps * count(strips);
            }
        }
        Choice {
            strip_rows: rows,
            order: cut.order,
            weights: cut.weights,
            inside: cut.inside,
            rings,
            out_rows,
            shares,
            images,
            units,
            cost: self.cost(layer, &moves, units),
        }
    }

    /// The operand in whose storage a sum that leaves may lie: one that is loaded for it, else one that dies here.
    fn shared(&self, layer: LayerId, places: Places) -> Option<usize> {
        let facts = &self.layers[layer.0];
        let adds = matches!(self.graph.layers[layer.0].op, LayerOp::Add { .. });
        let [a, b] = facts.operands[..] else {
            return None;
        };
        if places.output || !adds || a.tensor == b.tensor {
            return None;
        }
        let loaded = |place: &usize| {
            let tensor = facts.operands[*place].tensor;
            !places.operands[*place] && self.same_storage(tensor, layer.output())
        };
        let dies = |place: &usize| Some(facts.operands[*place].tensor) == facts.in_place;
        (0..2)
            .rev()
            .find(loaded)
            .or_else(|| (0..2).find(|place| places.operands[*place] && dies(place)))
    }

    /// Ring rows of an operand that is loaded: one strip's rows, or also the next strip's new rows.
    fn ring(&self, operand: Operand, rows: usize, strips: usize, deep: bool) -> usize {
        let height = self.sizes[operand.tensor.0].height;
        if strips == 1 {
            return height;
        }
        let deep = deep && self.keeps(operand);
        let out_rows = if deep { 2 * rows } else { rows };
        self.ring_rows(reach_rows(operand.reach, out_rows, height), height)
    }

    /// Whether rows that two strips share stay in the ring; without such rows there is nothing to load again.
    pub(super) fn keeps(&self, operand: Operand) -> bool {
        let shares = match operand.reach {
            Reach::Same | Reach::Whole | Reach::Pixel => false,
            Reach::Resize { .. } => true,
            Reach::Window { span, stride, .. } => span > stride,
        };
        self.settings.halo == Halo::Keep || !shares
    }

    fn ring_rows(&self, rows: usize, height: usize) -> usize {
        rows.next_multiple_of(self.chip.activation_sram.bank_rows)
            .min(height)
    }

    /// A layer of the host: operands that stay are stored, an output that stays is loaded.
    fn on_host(&self, layer: LayerId, places: Places) -> Choice {
        let facts = &self.layers[layer.0];
        let bytes = |tensor: usize| {
            let size = &self.sizes[tensor];
            count(self.settings.batch * size.height) * size.row_bytes
        };
        let mut moves = Moves::default();
        for (place, operand) in facts.operands.iter().enumerate() {
            if places.operands[place] {
                moves.activations += bytes(operand.tensor.0);
                moves.transfers += 1;
            }
        }
        if places.output {
            moves.activations += bytes(layer.output().0);
            moves.transfers += 1;
        }
        moves.exposed = moves.activations;
        Choice {
            strip_rows: self.sizes[layer.output().0].height,
            order: LoopOrder::StripOuter,
            weights: WeightMode::Resident,
            inside: false,
            rings: [0; OPERANDS],
            out_rows: 0,
            shares: None,
            images: self.settings.batch,
            units: 0,
            cost: self.cost(layer, &moves, 0),
        }
    }

    /// The choice with the smallest buffers with which `layer` runs when nothing stays.
    pub(super) fn smallest(&self, layer: LayerId) -> Option<Choice> {
        let places = Places {
            operands: [false; OPERANDS],
            output: false,
        };
        let (heights, found) = self.heights(layer, places, false);
        let mut smallest: Option<Choice> = None;
        for &lines in &heights[..found] {
            for order in [LoopOrder::StripOuter, LoopOrder::RowGroupOuter] {
                for weights in MODES {
                    let cut = Cut {
                        lines,
                        order,
                        weights,
                        inside: false,
                    };
                    if self.legal(layer, cut) {
                        let choice = self.choice(layer, places, cut, false, false);
                        smallest = smallest
                            .filter(|other| other.units <= choice.units)
                            .or(Some(choice));
                    }
                }
            }
        }
        smallest
    }
}

/// Most input rows under `rows` neighbouring output rows.
fn reach_rows(reach: Reach, rows: usize, height: usize) -> usize {
    match reach {
        Reach::Same => rows.min(height),
        Reach::Whole | Reach::Pixel => height,
        Reach::Resize { resize, .. } => {
            let last = resize.height.saturating_sub(rows);
            let band = |first: usize| first..(first + rows).min(resize.height);
            let under = |first| resize.rows(&band(first), height).len();
            (0..=last).map(under).max().unwrap_or(height)
        }
        Reach::Window { span, stride, .. } => ((rows - 1) * stride + span).min(height),
    }
}
