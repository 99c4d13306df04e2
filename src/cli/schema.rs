//! `repchip schema`: what an editor needs to know of a configuration file.

use crate::chip::Chip;
use crate::layout::Description;
use crate::study::Study;

/// Which file to describe.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The kind of file
    #[arg(value_name = "FILE")]
    file: File,
}

const EXAMPLES: &str = "\
Examples:
  repchip schema chip
  repchip schema layout
  repchip schema study";

/// A configuration file.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum File {
    /// A chip: `configs/chips/*.toml`
    Chip,
    /// A study: `configs/studies/*.toml`
    Study,
    /// A layout of dumps: `configs/layouts/*.toml`
    Layout,
}

/// The JSON Schema of a file.
pub(super) fn schema(options: &Options) -> String {
    match options.file {
        File::Chip => Chip::schema(),
        File::Study => Study::schema(),
        File::Layout => Description::schema(),
    }
}
