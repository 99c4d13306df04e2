//! What every help text ends in.

/// What the exit codes of every command mean.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  all is good
  1  a check failed
  2  the arguments or a file cannot be used
  3  a result could not be written";

/// Examples, then the exit codes.
pub(super) fn long(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_CODES}")
}

#[cfg(test)]
mod tests {
    use crate::cli::Arguments;
    use clap::{Command, CommandFactory};

    /// Every command but the root and the generated `help`, with what stands before its arguments.
    fn commands(command: &Command, found: &mut Vec<Command>) {
        for inner in command.get_subcommands() {
            if inner.get_name() != "help" {
                found.push(inner.clone());
                commands(inner, found);
            }
        }
    }

    fn all() -> Vec<Command> {
        let root = Arguments::command();
        let mut found = vec![root.clone()];
        commands(&root, &mut found);
        found
    }

    /// The invocations in a help text; a backslash at the end of a line joins it with the next.
    fn examples(help: &str) -> Vec<Vec<String>> {
        help.replace("\\\n", " ")
            .lines()
            .filter(|line| line.starts_with("  repchip "))
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn every_option_and_argument_has_help() {
        for command in all() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                let id = argument.get_id();
                let help = argument.get_help().map(ToString::to_string);
                assert!(help.is_some_and(|help| help.len() > 9), "{name} {id}");
            }
        }
    }

    #[test]
    fn every_command_has_examples_that_parse_and_tells_its_exit_codes() {
        for command in all() {
            let name = command.get_name();
            let short = command.get_after_help().map(ToString::to_string);
            let short = short.unwrap_or_default();
            let examples = examples(&short);
            assert!(examples.len() >= 2, "{name} has no examples: {short}");
            for example in examples {
                let parsed = Arguments::command().try_get_matches_from(&example);
                assert!(parsed.is_ok(), "{example:?}: {}", parsed.unwrap_err());
            }
            let long = command.get_after_long_help().map(ToString::to_string);
            let long = long.unwrap_or_default();
            assert!(
                long.starts_with(&short) && long.ends_with(super::EXIT_CODES),
                "{name}"
            );
        }
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
