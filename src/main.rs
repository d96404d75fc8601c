//! The `tocsin` command: arguments in, exit code out.

use std::process::ExitCode;

/// Many small pieces of many sizes live and die in the index: glibc's own allocator spends a
/// third more time on them, and keeps more of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tocsin::cli::run()
}
