//! The `tocsin` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    tocsin::cli::run()
}
