//! The command: its arguments, its talk, its exit code.
//!
//! In: arguments of the command line. Out: results on standard output, problems with their source lines on
//! standard error. This room computes nothing about chips or networks.
#![expect(
    clippy::print_stderr,
    reason = "the command line is where problems leave the program"
)]

mod execution;
mod infer;
mod list;
mod model;
pub mod problem;
mod quantise;
mod run;

use crate::execute::ExecuteError;
use crate::problem::{Problem, Problems};
use clap::{Parser, Subcommand, ValueEnum};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Simulates an inference chip of 3x3-conv-ReLU elements.
#[derive(Debug, Parser)]
#[command(name = "repchip", version, about)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Map the networks of a study onto its chips, execute, time and contrast them, write a report
    Run(run::Options),
    /// Execute one network of a study on images, to the bit
    Infer(infer::Options),
    /// Freeze the integers of one network of a study
    Quantise(quantise::Options),
    /// List what is built in
    List {
        /// What to list
        what: Listed,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Listed {
    /// Built-in networks, with parameters and MACs
    Networks,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
enum Failure {
    /// What the user gave cannot be used: exit code 2.
    Input(Problems),
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
        let (Self::Input(problems) | Self::Output(problems) | Self::Check(problems)) = self;
        eprint!("{}", draw(problems));
        match self {
            Self::Check(_) => ExitCode::from(1),
            Self::Input(_) => ExitCode::from(2),
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
        Command::Infer(options) => infer::infer(options),
        Command::Quantise(options) => quantise::quantise(options),
        Command::List {
            what: Listed::Networks,
        } => list::networks().map_err(Failure::from),
    };
    result.map_or_else(|failure| failure.tell(), |text| print(&text))
}

/// Results on standard output; a reader who has seen enough and closed the pipe is no failure.
fn print(text: &str) -> ExitCode {
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

fn draw(problems: &Problems) -> String {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = problem::render(problems, colour);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
