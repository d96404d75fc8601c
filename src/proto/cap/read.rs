//! From XML to an alert.

use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::{
    AREAS_MAX, AlertStatus, CAP_DEPTH_MAX, CAP_SIZE_MAX, CapAlert, CapArea, Geocode, INFOS_MAX,
    Info, MessageType, REFERENCES_MAX, Reference, SHAPES_MAX, Scope, Severity, TEXT_SIZE_MAX,
    Urgency,
};

/// Namespaces of version 1.2, and of 1.1, which lacks nothing that is read here.
const NAMESPACES: [&str; 2] = [
    "urn:oasis:names:tc:emergency:cap:1.2",
    "urn:oasis:names:tc:emergency:cap:1.1",
];

/// Stands for the name of an element of another namespace: nobody here asks for it.
const FOREIGN: &str = "";

/// Why a document is no alert.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapError {
    /// It is larger than [`CAP_SIZE_MAX`].
    #[error("the document is larger than {CAP_SIZE_MAX} bytes")]
    Size,
    /// It is not in UTF-8.
    #[error("the document is not in UTF-8")]
    Encoding,
    /// It is no well-formed XML, or brings a document type.
    #[error("the document is no plain XML: {0}")]
    Xml(String),
    /// Something goes beyond its limit.
    #[error("too many or too long: {0}")]
    TooMany(&'static str),
    /// It is XML, but no alert.
    #[error("the document is no CAP alert")]
    NoAlert,
    /// A mandatory element is missing or empty.
    #[error("<{0}> is missing")]
    Missing(&'static str),
    /// An element holds what it cannot hold.
    #[error("<{0}> has a value that it cannot have")]
    Value(&'static str),
}

/// Reads an alert.
///
/// # Errors
/// [`CapError`] when it is none.
pub fn read(bytes: &[u8]) -> Result<CapAlert, CapError> {
    if bytes.len() > CAP_SIZE_MAX {
        return Err(CapError::Size);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| CapError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    let mut being = Being::default();
    loop {
        let event = reader.read_resolved_event();
        let (space, event) = event.map_err(|error| CapError::Xml(error.to_string()))?;
        match event {
            Event::Start(tag) => being.open(&space, tag.local_name().as_ref())?,
            Event::Empty(tag) => {
                being.open(&space, tag.local_name().as_ref())?;
                being.close()?;
            }
            Event::End(_) => being.close()?,
            Event::Text(text) => being.say(&text.xml10_content())?,
            Event::CData(text) => being.say(&text.xml10_content())?,
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(letter)) => being.say(letter.encode_utf8(&mut [0; 4]))?,
                Ok(None) | Err(_) => {
                    let known = quick_xml::escape::resolve_predefined_entity(&name);
                    being
                        .say(known.ok_or_else(|| CapError::Xml("an unknown entity".to_owned()))?)?;
                }
            },
            Event::DocType(_) => return Err(CapError::Xml("a document type".to_owned())),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    being.finish()
}

/// An alert being read.
#[derive(Default)]
struct Being {
    /// Names of the elements that are open; those of other namespaces are [`FOREIGN`].
    path: Vec<String>,
    text: String,
    /// The namespace of the root: the alert's own elements are in it.
    namespace: &'static str,
    ended: bool,
    identifier: String,
    sender: String,
    sent: String,
    status: String,
    message_type: String,
    scope: String,
    note: String,
    references: String,
    infos: Vec<Info>,
    geocode: (String, String),
}

impl Being {
    fn open(&mut self, space: &ResolveResult<'_>, name: &str) -> Result<(), CapError> {
        if self.path.is_empty() {
            let known = NAMESPACES
                .iter()
                .find(|one| *space == ResolveResult::Bound(Namespace(one)));
            if name != "alert" || self.ended {
                return Err(CapError::NoAlert);
            }
            self.namespace = known.ok_or(CapError::NoAlert)?;
        }
        let own = *space == ResolveResult::Bound(Namespace(self.namespace));
        let name = if own { name } else { FOREIGN };
        if self.path.len() >= CAP_DEPTH_MAX {
            return Err(CapError::TooMany("nested elements"));
        }
        self.text.clear();
        self.path.push(name.to_owned());
        match self.at().as_slice() {
            ["alert", "info"] => {
                if self.infos.len() >= INFOS_MAX {
                    return Err(CapError::TooMany("info"));
                }
                self.infos.push(Info::default());
            }
            ["alert", "info", "area"] => {
                let areas = self.infos.last_mut().map(|info| &mut info.areas);
                let areas = areas.ok_or(CapError::NoAlert)?;
                if areas.len() >= AREAS_MAX {
                    return Err(CapError::TooMany("area"));
                }
                areas.push(CapArea::default());
            }
            _ => {}
        }
        Ok(())
    }

    fn at(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    fn say(&mut self, text: &str) -> Result<(), CapError> {
        if self.path.is_empty() {
            return if text.trim().is_empty() {
                Ok(())
            } else {
                Err(CapError::NoAlert)
            };
        }
        if self.text.len() + text.len() > TEXT_SIZE_MAX {
            return Err(CapError::TooMany("text"));
        }
        self.text.push_str(text);
        Ok(())
    }

    fn close(&mut self) -> Result<(), CapError> {
        let said = std::mem::take(&mut self.text).trim().to_owned();
        let path = self.path.clone();
        let at: Vec<&str> = path.iter().map(String::as_str).collect();
        match at.as_slice() {
            ["alert", field] => self.of_alert(field, said),
            ["alert", "info", field] => self.of_info(field, said)?,
            ["alert", "info", "area", field] => self.of_area(field, said)?,
            ["alert", "info", "area", "geocode", "valueName"] => self.geocode.0 = said,
            ["alert", "info", "area", "geocode", "value"] => self.geocode.1 = said,
            _ => {}
        }
        self.path.pop();
        self.ended |= self.path.is_empty();
        Ok(())
    }

    fn of_alert(&mut self, field: &str, said: String) {
        let place = match field {
            "identifier" => &mut self.identifier,
            "sender" => &mut self.sender,
            "sent" => &mut self.sent,
            "status" => &mut self.status,
            "msgType" => &mut self.message_type,
            "scope" => &mut self.scope,
            "note" => &mut self.note,
            "references" => &mut self.references,
            _ => return,
        };
        *place = said;
    }

    fn of_info(&mut self, field: &str, said: String) -> Result<(), CapError> {
        let info = self.infos.last_mut().ok_or(CapError::NoAlert)?;
        match field {
            "language" => info.language = said,
            "event" => info.event = said,
            "expires" => info.expires = said,
            "senderName" => info.sender_name = said,
            "headline" => info.headline = said,
            "description" => info.description = said,
            "instruction" => info.instruction = said,
            "web" => info.web = said,
            "contact" => info.contact = said,
            "urgency" => info.urgency = urgency(&said).ok_or(CapError::Value("urgency"))?,
            "severity" => info.severity = severity(&said).ok_or(CapError::Value("severity"))?,
            _ => {}
        }
        Ok(())
    }

    fn of_area(&mut self, field: &str, said: String) -> Result<(), CapError> {
        let area = self.infos.last_mut().and_then(|info| info.areas.last_mut());
        let area = area.ok_or(CapError::NoAlert)?;
        let full = |length: usize, what| {
            if length < SHAPES_MAX {
                Ok(())
            } else {
                Err(CapError::TooMany(what))
            }
        };
        match field {
            "areaDesc" => area.description = said,
            "polygon" => {
                full(area.polygons.len(), "polygon")?;
                area.polygons.push(said);
            }
            "circle" => {
                full(area.circles.len(), "circle")?;
                area.circles.push(said);
            }
            "geocode" => {
                full(area.geocodes.len(), "geocode")?;
                let (name, value) = std::mem::take(&mut self.geocode);
                area.geocodes.push(Geocode { name, value });
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<CapAlert, CapError> {
        if !self.ended {
            return Err(CapError::NoAlert);
        }
        let need = |text: &str, name| {
            if text.is_empty() {
                Err(CapError::Missing(name))
            } else {
                Ok(())
            }
        };
        need(&self.identifier, "identifier")?;
        need(&self.sender, "sender")?;
        need(&self.sent, "sent")?;
        need(&self.status, "status")?;
        need(&self.message_type, "msgType")?;
        need(&self.scope, "scope")?;
        // 3.2.1: neither may hold spaces, commas or restricted characters.
        for (text, name) in [(&self.identifier, "identifier"), (&self.sender, "sender")] {
            if text.contains([' ', ',', '<', '&']) || text.chars().any(char::is_control) {
                return Err(CapError::Value(name));
            }
        }
        let mut infos = self.infos;
        for info in &mut infos {
            need(&info.event, "event")?;
            if info.language.is_empty() {
                "en-US".clone_into(&mut info.language);
            }
        }
        Ok(CapAlert {
            status: status(&self.status).ok_or(CapError::Value("status"))?,
            message_type: message_type(&self.message_type).ok_or(CapError::Value("msgType"))?,
            scope: scope(&self.scope).ok_or(CapError::Value("scope"))?,
            references: references(&self.references)?,
            identifier: self.identifier,
            sender: self.sender,
            sent: self.sent,
            note: self.note,
            infos,
        })
    }
}

/// "sender,identifier,sent" of each, with white space between them.
fn references(text: &str) -> Result<Vec<Reference>, CapError> {
    let mut found = Vec::new();
    for one in text.split_whitespace() {
        if found.len() >= REFERENCES_MAX {
            return Err(CapError::TooMany("references"));
        }
        let mut parts = one.splitn(3, ',');
        let (Some(sender), Some(identifier), Some(sent)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(CapError::Value("references"));
        };
        found.push(Reference {
            sender: sender.to_owned(),
            identifier: identifier.to_owned(),
            sent: sent.to_owned(),
        });
    }
    Ok(found)
}

fn status(text: &str) -> Option<AlertStatus> {
    Some(match text {
        "Actual" => AlertStatus::Actual,
        "Exercise" => AlertStatus::Exercise,
        "System" => AlertStatus::System,
        "Test" => AlertStatus::Test,
        "Draft" => AlertStatus::Draft,
        _ => return None,
    })
}

fn message_type(text: &str) -> Option<MessageType> {
    Some(match text {
        "Alert" => MessageType::Alert,
        "Update" => MessageType::Update,
        "Cancel" => MessageType::Cancel,
        "Ack" => MessageType::Ack,
        "Error" => MessageType::Error,
        _ => return None,
    })
}

fn scope(text: &str) -> Option<Scope> {
    Some(match text {
        "Public" => Scope::Public,
        "Restricted" => Scope::Restricted,
        "Private" => Scope::Private,
        _ => return None,
    })
}

fn urgency(text: &str) -> Option<Urgency> {
    Some(match text {
        "Immediate" => Urgency::Immediate,
        "Expected" => Urgency::Expected,
        "Future" => Urgency::Future,
        "Past" => Urgency::Past,
        "Unknown" => Urgency::Unknown,
        _ => return None,
    })
}

fn severity(text: &str) -> Option<Severity> {
    Some(match text {
        "Extreme" => Severity::Extreme,
        "Severe" => Severity::Severe,
        "Moderate" => Severity::Moderate,
        "Minor" => Severity::Minor,
        "Unknown" => Severity::Unknown,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
