//! Standard output. When nobody reads it any more (`tocsin verify | head`), a command ends without
//! a word, as programs do that a signal would end.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::process::exit;

/// What shells say of a program that SIGPIPE ended: 128 and its number.
const UNREAD: i32 = 141;

/// Standard output; the process ends when nobody reads it.
pub(super) struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        read(io::stdout().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        read(io::stdout().lock().flush())
    }
}

fn read<T>(done: io::Result<T>) -> io::Result<T> {
    if matches!(&done, Err(error) if error.kind() == ErrorKind::BrokenPipe) {
        exit(UNREAD);
    }
    done
}

/// Says something; where that fails nothing else can be done.
pub(super) fn say(text: Arguments<'_>) {
    if let Err(error) = Out.write_fmt(text) {
        eprintln!("tocsin: cannot write to standard output: {error}");
        exit(1);
    }
}
