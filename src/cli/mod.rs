//! The command: its arguments, its talk, its exit code.
//!
//! In: arguments of the command line. Out: results on standard output, problems with their source lines on
//! standard error. This room computes nothing about chips or networks.

mod config;
mod diff;
mod emit;
mod execution;
mod fuse;
mod golden;
mod help;
mod images;
mod infer;
mod input;
mod layers;
mod list;
mod model;
mod paths;
mod precision;
mod probe;
pub mod problem;
mod quantise;
mod resample;
mod run;
mod schema;
mod shell;
mod source;
mod verify;

use crate::execute::ExecuteError;
use crate::problem::{Problem, Problems};
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  repchip run configs/studies/repvgg-vs-resnet.toml
  repchip list networks
  repchip list chips";

/// Simulates an inference chip of 3x3-conv-ReLU elements.
#[derive(Debug, Parser)]
#[command(name = "repchip", version, about)]
#[command(after_help = EXAMPLES, after_long_help = help::long(EXAMPLES))]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Map the networks of a study onto its chips, execute, time and contrast them, write a report
    Run(run::Options),
    /// Measure what integers cost each network of a study, and what repairs it
    Precision(precision::Options),
    /// Set two runs against each other: keys changed, cycles by cause and by layer
    Diff(diff::Options),
    /// Execute one network of a study on images, to the bit
    Infer(infer::Options),
    /// Write the files that the RTL runs, and the answers that the model expects
    Golden(golden::Options),
    /// Compare what hardware left with the model, to the bit: verdict, first difference, cycles
    Verify(verify::Options),
    /// Fuse the branches of a network into 3x3 convolutions, and tell the float error of each block
    Fuse(fuse::Options),
    /// Freeze the integers of one network of a study
    Quantise(quantise::Options),
    /// List the built-in networks, or the chips of a folder
    List(list::Options),
    /// Print the JSON Schema of a configuration file, for editors
    Schema(schema::Options),
    /// Print the script by which a shell completes arguments
    Completions(shell::Completions),
    /// Print or write the manual pages, in roff
    Man(shell::Pages),
}

/// Why a command did not do what was asked.
#[derive(Debug)]
enum Failure {
    /// What the user gave cannot be used: exit code 2.
    Input(Problems),
    /// A part of what was asked for could not be used: the rest is a result. Exit code 2.
    Partly(String, Problems),
    /// A result could not be written: exit code 3.
    Output(Problems),
    /// A check failed: an accumulator left its range. Exit code 1.
    Check(Problems),
}

impl<E: Into<Problems>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Input(error.into())
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        let trap = matches!(error, ExecuteError::Trap { .. });
        let problems = Problem::from(error).into();
        if trap {
            Self::Check(problems)
        } else {
            Self::Input(problems)
        }
    }
}

impl Failure {
    /// Draws the problems and gives the exit code.
    fn tell(&self) -> ExitCode {
        let (Self::Input(problems)
        | Self::Partly(_, problems)
        | Self::Output(problems)
        | Self::Check(problems)) = self;
        if let Self::Partly(text, _) = self {
            // The problems decide the exit code; a full disk is told beside them.
            let _ = print(text);
        }
        tell(&draw(problems));
        match self {
            Self::Check(_) => ExitCode::from(1),
            Self::Input(_) | Self::Partly(..) => ExitCode::from(2),
            Self::Output(_) => ExitCode::from(3),
        }
    }
}

/// Runs the command: 0 good, 1 a check failed, 2 bad input, 3 results could not be written.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Command::Run(options) => run::run(options),
        Command::Precision(options) => precision::precision(options),
        Command::Diff(options) => diff::diff(options),
        Command::Infer(options) => infer::infer(options),
        Command::Golden(options) => golden::golden(options),
        Command::Verify(options) => verify::verify(options),
        Command::Fuse(options) => fuse::fuse(options),
        Command::Quantise(options) => quantise::quantise(options),
        Command::List(options) => list::list(options),
        Command::Schema(options) => Ok(schema::schema(options)),
        Command::Completions(options) => Ok(shell::completions(options, Arguments::command())),
        Command::Man(options) => shell::man(options, Arguments::command()),
    };
    result.map_or_else(|failure| failure.tell(), |text| print(&text))
}

/// Results on standard output; a reader who has seen enough and closed the pipe is no failure.
fn print(text: &str) -> ExitCode {
    let text = text.strip_suffix('\n').unwrap_or(text);
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("cannot write to standard output: {error}");
            let help = "send it to a file on a disk with space, or to a terminal";
            Failure::Output(Problem::new("report::stdout", message, help).into()).tell()
        }
    }
}

/// Talk on standard error; where it cannot be written there is nobody to tell.
fn tell(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn draw(problems: &Problems) -> String {
    let no_color = std::env::var_os("NO_COLOR");
    let colour = std::io::stderr().is_terminal() && may_colour(no_color.as_deref());
    let mut text = problem::render(problems, colour);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Whether `NO_COLOR` allows colour: it is absent or empty.
fn may_colour(no_color: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_no_color_does_not_count() {
        for (value, colour) in [
            (None, true),
            (Some(""), true),
            (Some("1"), false),
            (Some("0"), false),
        ] {
            assert_eq!(may_colour(value.map(OsStr::new)), colour, "{value:?}");
        }
    }
}
