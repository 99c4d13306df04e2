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
