//! `repchip completions` and `repchip man`: what a shell and a pager know of the command.

use super::Failure;
use super::run::write_out;
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::PathBuf;

const COMPLETIONS: &str = "\
Examples:
  repchip completions bash
  repchip completions zsh";

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS, after_long_help = super::help::long(COMPLETIONS))]
pub(super) struct Completions {
    /// The shell that is to complete the arguments of the command
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The script that a shell reads to complete arguments.
pub(super) fn completions(options: &Completions, mut command: Command) -> String {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, name, &mut script);
    String::from_utf8(script).expect("a script is made of the command's own words")
}

const MAN: &str = "\
Examples:
  repchip man
  repchip man --out man/man1";

/// Where the pages go.
#[derive(Debug, clap::Args)]
#[command(after_help = MAN, after_long_help = super::help::long(MAN))]
pub(super) struct Pages {
    /// Folder for one page a sub-command; default: the page of the command on standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The page of the command in roff, or the names of the files of all pages.
pub(super) fn man(options: &Pages, command: Command) -> Result<String, Failure> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let Some(folder) = &options.out else {
        return Ok(page(&command).1);
    };
    let mut pages = Vec::new();
    gather(&command, &mut pages);
    let files: Vec<(PathBuf, String)> = (pages.into_iter())
        .map(|(name, text)| (folder.join(name), text))
        .collect();
    write_out(&files)
}

fn gather(command: &Command, pages: &mut Vec<(String, String)>) {
    pages.push(page(command));
    for inner in command.get_subcommands() {
        gather(inner, pages);
    }
}

/// File name and text of a command's page.
fn page(command: &Command) -> (String, String) {
    let man = Man::new(command.clone());
    let name = man.get_filename();
    let mut roff = Vec::new();
    man.render(&mut roff)
        .expect("a vector takes any number of bytes");
    let text = String::from_utf8(roff).expect("a page is made of the command's own words");
    (name, text)
}
