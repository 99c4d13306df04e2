//! What the hardware counted beside what the model says.

use super::dumps::text;
use crate::problem::Problem;
use crate::rtl::{Counters, LayerCounters};
use std::path::Path;

/// One figure of a layer, or of the whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Which layer; `None`: the whole run.
    pub layer: Option<usize>,
    /// As in `counters.hex`: `start`, `weights_wait`.
    pub name: &'static str,
    /// `cycles`, or what else it counts.
    pub unit: &'static str,
    /// The model's.
    pub model: u64,
    /// The hardware's.
    pub hardware: u64,
}

impl Figure {
    /// Hardware less model.
    #[must_use]
    pub fn difference(&self) -> i128 {
        i128::from(self.hardware) - i128::from(self.model)
    }
}

/// All figures of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycles {
    /// Whether a difference is a mismatch.
    pub checked: bool,
    /// Cycles that a figure in cycles may be off.
    pub tolerance: u64,
    /// In the order of the file.
    pub figures: Vec<Figure>,
}

impl Cycles {
    /// Reads `counters.hex` in `folder`, beside the figures of `model`.
    ///
    /// # Errors
    /// `verify::no_counters`, and when the file is none of this run.
    pub fn read(
        folder: &Path,
        model: &Counters,
        checked: bool,
        tolerance: u64,
    ) -> Result<Self, Problem> {
        let path = folder.join("counters.hex");
        if !path.is_file() {
            let message = format!("there is no `{}` to take cycles from", path.display());
            let help = "give the folder of a whole run as `--dump`, or leave `--cycles` out";
            return Err(Problem::new("verify::no_counters", message, help));
        }
        let hardware = Counters::parse(&text(&path)?, model.layers.len())?;
        let pairs = model.figures().into_iter().zip(hardware.figures());
        let figures = pairs.map(|((layer, name, model), (_, _, hardware))| Figure {
            layer: layer.and_then(|layer| usize::try_from(layer).ok()),
            name,
            unit: unit(name),
            model,
            hardware,
        });
        Ok(Self {
            checked,
            tolerance,
            figures: figures.collect(),
        })
    }

    /// Figures that are off by more than they may be: cycles by the tolerance, counts not at all.
    pub fn off(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| {
            let may = if figure.unit == "cycles" {
                self.tolerance
            } else {
                0
            };
            figure.model.abs_diff(figure.hardware) > may
        })
    }
}

fn unit(name: &str) -> &'static str {
    let cause = LayerCounters::CAUSES
        .iter()
        .any(|cause| cause.key() == name);
    match name {
        "total" | "start" | "end" => "cycles",
        _ if cause => "cycles",
        "steps" => "steps",
        "weight_port_bytes" => "bytes",
        "requantised" => "outputs",
        _ => "words",
    }
}
