//! `probes/<layer>.csv`: accumulators step by step, and what becomes of them.
//!
//! A row is one accumulator after one step: cycle, operation, image, tile, pass, PE row, channel, row and column of the
//! output, and the accumulator, which begins with the bias. The row of the last pass also has the number after rounding
//! and zero point, and the output behind range and ReLU. Rows stand in the order of the steps.

use super::tensors::stem;
use super::{Set, csv};
use crate::diagnose::terms;
use crate::diagnose::{Case, Element, Layout, Plan, Tensors};
use crate::problem::Problem;
use crate::reparam::LayerId;
use crate::schedule::work::{ConvWork, Step};
use crate::schedule::{ArrayPlan, LayerPlan, OpId, OpKind};
use crate::time;
use crate::units::{Tick, count};
use std::collections::BTreeMap;
use std::ops::Range;

/// Rows that a probe may have.
pub const MOST_ROWS: u64 = 2_000_000;

/// Which accumulators to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Name of the layer.
    pub layer: String,
    /// Only of this tile: tile row and tile column of the output.
    pub tile: Option<[usize; 2]>,
    /// Only steps in these cycles.
    pub cycles: Option<Range<u64>>,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The file below the folder of the set.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its rows, the head left out.
    pub rows: u64,
}

/// A step, its Sweep and the cycle it is in.
struct At {
    op: OpId,
    image: usize,
    row_group: usize,
    step: Step,
    cycle: Tick,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl At {
    /// Accumulators that the step adds to.
    fn size(&self, work: &ConvWork) -> u64 {
        count(self.rows.len() * self.cols.len() * work.row_group(self.row_group).channels.len())
    }

    /// Their channels, rows and columns, array row by array row.
    fn places(&self, work: &ConvWork) -> impl Iterator<Item = (usize, usize, [usize; 2])> + '_ {
        let channels = work.row_group(self.row_group).channels;
        channels.enumerate().flat_map(move |(row, channel)| {
            let cols = self.cols.clone();
            self.rows
                .clone()
                .flat_map(move |y| cols.clone().map(move |x| (row, channel, [y, x])))
        })
    }
}

impl Probe {
    /// The file of this probe.
    ///
    /// # Errors
    /// `golden::probe_layer` when no such layer is on the array, `golden::probe_empty` when it has no step there,
    /// `golden::probe_rows` when there are more than [`MOST_ROWS`].
    pub fn of(&self, set: &Set<'_>) -> Result<Probed, Problem> {
        let (layer, plan) = self.plan(set)?;
        let steps = self.steps(set, layer, plan);
        let rows: u64 = steps.iter().map(|at| at.size(&plan.work)).sum();
        if rows == 0 {
            return Err(self.empty(plan));
        }
        if rows > MOST_ROWS {
            return Err(self.too_many(rows));
        }
        let case = case(set, layer).ok_or_else(|| self.no_layer(set))?;
        let bytes = table(plan, &steps, &case);
        let name = format!("probes/{}{}.csv", stem(&set.run, layer), self.part());
        Ok(Probed { name, bytes, rows })
    }

    /// What the file's name says of tile and cycles.
    fn part(&self) -> String {
        let tile = self.tile.map(|[row, col]| format!(".tile{row}-{col}"));
        let cycles = (self.cycles.as_ref()).map(|c| format!(".cycles{}-{}", c.start, c.end));
        tile.into_iter().chain(cycles).collect()
    }

    fn plan<'a>(&self, set: &Set<'a>) -> Result<(LayerId, &'a ArrayPlan), Problem> {
        let schedule = set.run.schedule;
        let named = |id: &LayerId| schedule.graph.layers[id.0].name == self.layer;
        let found = schedule.graph.ids().find(named);
        match found.map(|id| (id, &schedule.layers[id.0])) {
            Some((id, LayerPlan::Array(plan))) => Ok((id, plan)),
            Some((_, LayerPlan::Vector { .. } | LayerPlan::Host)) | None => Err(self.no_layer(set)),
        }
    }

    /// The steps asked for, in order.
    fn steps(&self, set: &Set<'_>, layer: LayerId, plan: &ArrayPlan) -> Vec<At> {
        let schedule = set.run.schedule;
        let mut found = Vec::new();
        for (op, cycles) in time::steps(schedule, set.run.chip, layer) {
            let OpKind::Sweep {
                row_group,
                strip,
                image,
            } = schedule.ops[op.0].kind
            else {
                continue;
            };
            let out_rows = &plan.strips[strip].out_rows;
            for (step, cycle) in plan.work.steps(row_group, out_rows).zip(cycles) {
                let col = plan.work.block(step.block).start + step.patch;
                let there = self.tile.is_none_or(|tile| tile == [step.tile_row, col]);
                let then = (self.cycles.as_ref()).is_none_or(|range| range.contains(&cycle.0));
                if there && then {
                    let valid = plan.work.valid_rows(step.tile_row);
                    let rows = valid.start..valid.end.min(out_rows.end);
                    let cols = plan.work.valid_cols(col);
                    found.push(At {
                        op,
                        image,
                        row_group,
                        step,
                        cycle,
                        rows,
                        cols,
                    });
                }
            }
        }
        found
    }

    fn no_layer(&self, set: &Set<'_>) -> Problem {
        let schedule = set.run.schedule;
        let on_array = schedule.graph.layers.iter().zip(&schedule.layers);
        let on_array = on_array.filter(|(_, plan)| matches!(plan, LayerPlan::Array(_)));
        let names: Vec<&str> = on_array.map(|(layer, _)| layer.name.as_str()).collect();
        let message = format!(
            "`{}` has no layer `{}` on the array",
            schedule.graph.name, self.layer
        );
        let help = format!("give `--probe` with one of: {}", names.join(", "));
        Problem::new("golden::probe_layer", message, help)
    }

    fn empty(&self, plan: &ArrayPlan) -> Problem {
        let work = &plan.work;
        let tiles = [
            work.output.height.div_ceil(work.array.tile_h),
            work.tile_cols(),
        ];
        let message = format!(
            "the probe of `{}` finds no step in that tile or those cycles",
            self.layer
        );
        let help = format!(
            "the layer has {} x {} tiles; `schedule.json` has the cycles of its Sweeps",
            tiles[0], tiles[1]
        );
        Problem::new("golden::probe_empty", message, help)
    }

    fn too_many(&self, rows: u64) -> Problem {
        let message = format!(
            "the probe of `{}` has {rows} rows, at most {MOST_ROWS} are written",
            self.layer
        );
        let help = format!(
            "narrow it: `--probe {}:tile=0,0` or `:cycles=A..B`",
            self.layer
        );
        Problem::new("golden::probe_rows", message, help)
    }
}

/// The layer with its tensors; the observed ones are the golden ones.
fn case(set: &Set<'_>, layer: LayerId) -> Option<Case> {
    let run = &set.run;
    let inputs = &run.schedule.graph.layers[layer.0].inputs;
    let golden = &run.tensors[layer.output().0];
    let plan = Plan::of(run.schedule, run.network, layer).ok()?;
    let tensors = Tensors {
        input: &run.tensors[inputs[0].0],
        shortcut: inputs.get(1).map(|id| &run.tensors[id.0]),
        golden,
        observed: &golden.map(|value| Some(*value)),
    };
    Case::new(plan, tensors, Layout::default()).ok()
}

const HEAD: [&str; 14] = [
    "cycle",
    "operation",
    "image",
    "tile_row",
    "tile_column",
    "pass",
    "pe_row",
    "channel",
    "row",
    "column",
    "addend",
    "accumulator",
    "rounded",
    "output",
];

/// What is told of an accumulator: its steps, the rounded number, the output.
struct Told {
    steps: Vec<terms::Step>,
    rounded: String,
    output: String,
}

impl Told {
    fn of(case: &Case, element: Element) -> Self {
        let terms = (case.terms(element)).expect("the element is one of the layer");
        Self {
            steps: terms.steps,
            rounded: terms.rounded,
            output: terms.output.to_string(),
        }
    }
}

fn table(plan: &ArrayPlan, steps: &[At], case: &Case) -> Vec<u8> {
    let work = &plan.work;
    let pixels = case.plan().images_are_pixels;
    let mut begun: BTreeMap<Element, Told> = BTreeMap::new();
    let rows = steps.iter().flat_map(|at| {
        let last = at.step.pass + 1 == work.pass_count(at.row_group);
        at.places(work)
            .map(|(pe_row, channel, [y, x])| {
                let [image, row, column] = if pixels { [x, 0, 0] } else { [at.image, y, x] };
                let element = Element {
                    image,
                    row,
                    column,
                    channel,
                };
                let found = begun.remove(&element);
                let told = found.unwrap_or_else(|| Told::of(case, element));
                let tile = [y / work.array.tile_h, x / work.array.tile_w];
                let record = record(at, element, tile, pe_row, (&told, last));
                if !last {
                    begun.insert(element, told);
                }
                record
            })
            .collect::<Vec<_>>()
    });
    csv(HEAD, rows)
}

fn record(
    at: &At,
    element: Element,
    tile: [usize; 2],
    pe_row: usize,
    (told, last): (&Told, bool),
) -> [String; 14] {
    let step = &told.steps[at.step.pass];
    let end = |text: &String| if last { text.clone() } else { String::new() };
    [
        at.cycle.to_string(),
        at.op.to_string(),
        element.image.to_string(),
        tile[0].to_string(),
        tile[1].to_string(),
        at.step.pass.to_string(),
        pe_row.to_string(),
        element.channel.to_string(),
        element.row.to_string(),
        element.column.to_string(),
        step.addend.to_string(),
        step.accumulator.to_string(),
        end(&told.rounded),
        end(&told.output),
    ]
}
