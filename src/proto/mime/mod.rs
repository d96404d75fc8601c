//! Building messages and reading what comes back. Sans-IO; time and names are handed in.

pub mod build;
pub mod dkim;
pub mod header;
pub mod html;
pub mod lines;
pub mod read;
pub mod submitted;
