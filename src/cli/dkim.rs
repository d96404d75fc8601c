//! `tocsin dkim`

use std::process::ExitCode;

use anyhow::Context;

use super::ConfigArgument;
use crate::channel::email::DkimKeys;

/// Longest string of a TXT record, in octets (RFC 1035 section 3.3).
const STRING_SIZE_MAX: usize = 255;

/// Prints what the DNS has to say of the keys that sign our mail, as lines of a zone file.
pub(super) fn run(argument: &ConfigArgument) -> anyhow::Result<ExitCode> {
    let config = super::load_without_secrets(&argument.config)?;
    let keys = DkimKeys::read(&config.email.dkim).context("email.dkim cannot be used")?;
    if keys.is_empty() {
        eprintln!("{}: no [[email.dkim]]", argument.config.display());
        return Ok(ExitCode::FAILURE);
    }
    for (name, text) in keys.records() {
        println!("{name}. IN TXT ( {} )", strings(&text));
    }
    Ok(ExitCode::SUCCESS)
}

fn strings(text: &str) -> String {
    let pieces = text.as_bytes().chunks(STRING_SIZE_MAX);
    let quoted = pieces.map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)));
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_several_strings() {
        assert_eq!(strings("v=DKIM1"), "\"v=DKIM1\"");
        let long = strings(&"p".repeat(400));
        let sizes: Vec<usize> = long.split(' ').map(str::len).collect();
        assert_eq!(sizes, [257, 147]);
    }
}
