//! `repchip list`: the networks that are built in, the chips of a folder.

use super::Failure;
use super::run::width;
use crate::chip::{Chip, Dram};
use crate::network::builtin;
use crate::problem::{Problem, Problems};
use crate::reparam::{Branches, fold_graph};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  repchip list networks
  repchip list chips
  repchip list chips my-chips --json";

/// What to list.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    #[command(subcommand)]
    what: What,
}

const NETWORKS: &str = "\
Examples:
  repchip list networks
  repchip list networks --json";

const CHIPS: &str = "\
Examples:
  repchip list chips
  repchip list chips my-chips --json";

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List the built-in networks: input, parameters, MACs of an image
    #[command(after_help = NETWORKS, after_long_help = super::help::long(NETWORKS))]
    Networks {
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// List the chips of a folder: peak rates, memories, figures without a source
    #[command(after_help = CHIPS, after_long_help = super::help::long(CHIPS))]
    Chips {
        /// Folder of chip files, each a TOML file
        #[arg(value_name = "DIR", default_value = "configs/chips")]
        folder: PathBuf,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
}

/// The list asked for.
pub(super) fn list(options: &Options) -> Result<String, Failure> {
    match &options.what {
        What::Networks { json } => Ok(networks(*json)?),
        What::Chips { folder, json } => chips(folder, *json),
    }
}

/// The built-in networks, one a row.
fn networks(json: bool) -> Result<String, Problems> {
    let head = ["network", "input", "parameters, fused", "MACs an image"];
    let mut table = table(&head, 2);
    let mut list = Vec::new();
    for name in builtin::names() {
        let input = builtin::default_input(name).map_err(Problem::from)?;
        let graph = builtin::graph(name, input).map_err(Problem::from)?;
        let fused = fold_graph(&graph, Branches::Fuse).map_err(Problem::from)?;
        table.add_row([
            name.to_owned(),
            input.to_string(),
            fused.parameters().to_string(),
            fused.macs().to_string(),
        ]);
        list.push(json!({
            "name": name,
            "input_height": input.height,
            "input_width": input.width,
            "input_channels": input.channels,
            "fused_parameters": fused.parameters(),
            "macs_per_image": fused.macs().0,
        }));
    }
    Ok(shown(&table, list, json))
}

/// The chips of a folder, one a row; those that cannot be read are told after the table.
fn chips(folder: &Path, json: bool) -> Result<String, Failure> {
    let head = [
        "chip",
        "MAC/cycle",
        "TOPS",
        "activation KiB",
        "weight KiB",
        "DRAM GB/s",
        "assumed figures",
        "description",
    ];
    let mut table = table(&head, 1);
    let mut list = Vec::new();
    let mut broken = Vec::new();
    for path in files(folder)? {
        match Chip::read(&path) {
            Ok(chip) => {
                let facts = Facts::of(&chip);
                table.add_row(facts.row());
                list.push(facts.json(&path));
            }
            Err(problems) => broken.extend(problems.0),
        }
    }
    let text = shown(&table, list, json);
    if broken.is_empty() {
        Ok(text)
    } else {
        Err(Failure::Partly(text, Problems(broken)))
    }
}

/// What the list says of a chip.
struct Facts<'c> {
    chip: &'c Chip,
    tops: f64,
    gigabytes_per_second: f64,
}

impl<'c> Facts<'c> {
    fn of(chip: &'c Chip) -> Self {
        let Dram::Flat(dram) = chip.dram;
        let clock = real(chip.clock.0.get());
        let rate = real(dram.bandwidth.numerator.get()) / real(dram.bandwidth.denominator.get());
        Self {
            chip,
            tops: 2.0 * real(chip.array.peak_macs_per_cycle()) * clock / 1e12,
            gigabytes_per_second: rate * clock / 1e9,
        }
    }

    fn row(&self) -> [String; 8] {
        let chip = self.chip;
        [
            chip.name.clone(),
            chip.array.peak_macs_per_cycle().to_string(),
            format!("{:.3}", self.tops),
            (chip.activation_sram.capacity.0 / 1024).to_string(),
            (chip.weight_sram.capacity.0 / 1024).to_string(),
            format!("{:.1}", self.gigabytes_per_second),
            chip.assumed().len().to_string(),
            chip.description.clone().unwrap_or_default(),
        ]
    }

    fn json(&self, path: &Path) -> Value {
        let chip = self.chip;
        json!({
            "name": chip.name,
            "file": path.display().to_string(),
            "description": chip.description,
            "peak_macs_per_cycle": chip.array.peak_macs_per_cycle(),
            "peak_tops": self.tops,
            "activation_sram_bytes": chip.activation_sram.capacity.0,
            "weight_sram_bytes": chip.weight_sram.capacity.0,
            "dram_gigabytes_per_second": self.gigabytes_per_second,
            "assumed_figures": chip.assumed().len(),
        })
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a quotient of a few digits is shown"
)]
fn real(count: u64) -> f64 {
    count as f64
}

/// The TOML files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Problems> {
    let shown = folder.display();
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read the folder `{shown}`: {error}");
        let help = "name a folder of chip files, or start where `configs/chips` is";
        Problem::new("list::folder", message, help)
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
    if files.is_empty() {
        let message = format!("the folder `{shown}` holds no TOML file");
        let help = "name a folder of chip files, such as `configs/chips`";
        return Err(Problem::new("list::no_chip", message, help).into());
    }
    Ok(files)
}

/// An empty table: `words` columns on the left, then figures, right-aligned; a description stays on the left.
pub(super) fn table(head: &[&str], words: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.force_no_tty();
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width());
    table.set_header(head);
    for (index, name) in head.iter().enumerate().skip(words) {
        if let Some(column) = table.column_mut(index).filter(|_| *name != "description") {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn shown(table: &Table, list: Vec<Value>, json: bool) -> String {
    if json {
        format!("{:#}", Value::Array(list))
    } else {
        table.to_string()
    }
}
