//! `[webhooks]`

use std::net::IpAddr;

use serde::Serialize;

use super::reader::Section;

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Webhooks {
    /// Networks inside the house that news may be sent to, over http, too. Default `[]`.
    pub allow_networks: Vec<String>,
}

impl Webhooks {
    pub(super) fn read(section: &Section<'_, '_>) -> Webhooks {
        Webhooks {
            allow_networks: section.list("allow_networks", Vec::new(), network),
        }
    }
}

fn network(text: &str) -> Result<String, String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return Err("is no network such as 10.0.0.0/8 or fd00::/8".into()),
    };
    if bits.parse::<u8>().is_ok_and(|bits| bits <= most) {
        Ok(text.to_owned())
    } else {
        Err(format!("wants a number from 0 to {most} behind the stroke"))
    }
}
