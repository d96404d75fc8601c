//! `[webhooks]`

use serde::Serialize;

use super::reader::Section;
use super::value::network;

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
