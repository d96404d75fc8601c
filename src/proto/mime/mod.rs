//! Building messages and reading what comes back. Sans-IO; time and names are handed in.

pub mod build;
pub mod header;
pub mod html;
pub mod read;
pub mod submitted;
