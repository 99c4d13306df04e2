//! `repchip diff`: two runs side by side.

use super::paths::distinct;
use super::run::{failed, width};
use super::{Failure, print};
use crate::problem::{Problem, Problems};
use crate::report::diff::verdict::{self, Limit};
use crate::report::diff::{self, Diff, machine, terminal};
use crate::report::json::read::Run;
use crate::report::{Borders, write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  repchip diff before.json after.json
  repchip diff before.json after.json --out difference --png
  repchip diff before.json after.json --layers --json difference.json
  repchip diff before.json after.json --fail-over 2.5";

/// Which runs to compare, and where the difference goes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The first run, JSON that `repchip run` wrote
    a: PathBuf,
    /// The second run
    b: PathBuf,
    /// Folder for diff.md, diff.csv and a waterfall of each network
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write the waterfalls as PNG
    #[arg(long, requires = "out")]
    png: bool,
    /// Also write the difference as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Exit with 1 when an image of a network of both runs takes longer by more than PCT percent
    #[arg(long, value_name = "PCT", allow_hyphen_values = true)]
    fail_over: Option<String>,
    /// Show every layer that differs, not only the ten of each network that move most cycles
    #[arg(long)]
    layers: bool,
}

/// Reads two runs, tells and writes their difference.
pub(super) fn diff(options: &Options) -> Result<String, Failure> {
    let limit = options.fail_over.as_deref().map(Limit::parse).transpose()?;
    let [a, b] = both(options)?;
    let found = Diff::of(&a, &b)?;
    let mut files =
        (options.out.as_deref()).map_or_else(Vec::new, |out| diff::files(out, &found, options.png));
    if let Some(file) = &options.json {
        files.push((file.clone(), machine::text(&found).into_bytes()));
    }
    let outputs: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    distinct(&outputs, &[options.a.clone(), options.b.clone()])?;
    write::all(&files).map_err(|error| failed(&error))?;
    let mut text = terminal::terminal(&found, options.layers, width(), Borders::Utf8);
    if let Some(out) = &options.out {
        text += &format!("\ndifference: {}\n", out.join("diff.md").display());
    }
    let text = text.trim_end().to_owned();
    let slower = limit.map_or_else(Vec::new, |limit| verdict::slower(&found, limit));
    if slower.is_empty() {
        return Ok(text);
    }
    // The figures behind a failed check belong to the results; the check's exit code stands.
    let _ = print(&text);
    Err(Failure::Check(Problems(slower)))
}

/// Both runs, or what is wrong with either.
fn both(options: &Options) -> Result<[Run; 2], Problems> {
    match [&options.a, &options.b].map(|path| Run::read(path)) {
        [Ok(a), Ok(b)] => Ok([a, b]),
        sides => {
            let problems: Vec<Problem> = sides.into_iter().filter_map(Result::err).collect();
            Err(Problems(problems))
        }
    }
}
