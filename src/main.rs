//! The command `repchip`.

fn main() -> std::process::ExitCode {
    repchip::cli::main()
}
