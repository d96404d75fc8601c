//! What was filled in, as a draft.

use std::collections::HashSet;
use std::hash::Hash;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::super::super::fields::Fields;
use super::super::super::times::zoned;
use super::problem;
use crate::domain::{
    Audience, Channel, Channels, Content, EscalationStep, SendingPlan, Timestamp, Tracking,
};
use crate::submit::{DraftInput, FieldError};

/// Most steps read of one form; the draft says how many are too many.
const STEPS_READ_MAX: usize = 32;
/// Longest number of minutes looked at, in characters.
const MINUTES_SIZE_MAX: usize = 6;
const MINUTE_SECS: u64 = 60;

/// What was filled in, and what could not be understood of it.
pub(super) struct Read {
    pub(super) draft: DraftInput,
    pub(super) errors: Vec<FieldError>,
}

pub(super) fn read(fields: &Fields, zone: &TimeZone) -> Read {
    let mut errors = Vec::new();
    let draft = DraftInput {
        content: Content {
            subject: fields.get("subject").trim().to_owned(),
            text: fields.text("text"),
            html: fields.text("html"),
            sms_text: fields.text("sms_text"),
            voice_script: fields.text("voice_script"),
            attachments: Vec::new(),
        },
        category: fields.get("category").to_owned(),
        channels: Channels {
            email: fields.has("by_email"),
            text: fields.has("by_text"),
            call: fields.has("by_call"),
        },
        audience: audience_of(fields),
        campaign: fields.get("campaign").parse().ok(),
        related: None,
        plan: SendingPlan {
            emergency: fields.has("emergency"),
            scheduled_at: read_time(fields.get("scheduled_at"), zone).unwrap_or_else(|what| {
                errors.push(problem("scheduled_at", what));
                None
            }),
            escalation: steps(fields, &mut errors),
            until: None,
            tracking: Tracking {
                opens: fields.has("track_opens"),
                clicks: fields.has("track_clicks"),
            },
        },
        matter: None,
        template: None,
    };
    Read { draft, errors }
}

/// The audience of a form or of an address.
pub(super) fn audience_of(fields: &Fields) -> Audience {
    Audience {
        areas: once(fields, "area"),
        contacts: once(fields, "contact"),
        groups: once(fields, "group"),
        filters: once(fields, "filter"),
        list: None,
        list_people: 0,
        except_areas: once(fields, "x_area"),
        except_groups: once(fields, "x_group"),
        except_contacts: once(fields, "x_contact"),
        method: None,
    }
}

fn once<T: Copy + Eq + Hash + FromStr>(fields: &Fields, name: &str) -> Vec<T> {
    let mut seen = HashSet::new();
    let ids = fields.all(name).filter_map(|id| id.parse().ok());
    ids.filter(|id| seen.insert(*id)).collect()
}

fn steps(fields: &Fields, errors: &mut Vec<FieldError>) -> Vec<EscalationStep> {
    let rows = fields.all("step_channel").zip(fields.all("step_after"));
    let mut steps = Vec::new();
    for (channel, after) in rows.take(STEPS_READ_MAX) {
        let Some(channel) = Channel::ALL
            .into_iter()
            .find(|known| known.as_str() == channel)
        else {
            continue;
        };
        let after = after.trim();
        let minutes = if after.is_empty() { "0" } else { after };
        match minutes.parse::<u64>() {
            Ok(minutes) if after.len() <= MINUTES_SIZE_MAX => steps.push(EscalationStep {
                channel,
                after: Duration::from_secs(minutes * MINUTE_SECS),
            }),
            Ok(_) | Err(_) => {
                errors.push(problem("escalation", "Give the minutes as a whole number."))
            }
        }
    }
    steps
}

/// A time as a browser's field gives it, in the reader's zone. Where clocks are put back, the
/// first of two is meant; a time that clocks jump over is none.
pub(in super::super) fn read_time(
    text: &str,
    zone: &TimeZone,
) -> Result<Option<Timestamp>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = "This is not a date and time.";
    if text.len() > 32 {
        return Err(wrong);
    }
    let time: DateTime = text.parse().map_err(|_| wrong)?;
    let ambiguous = zone.to_ambiguous_timestamp(time);
    if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return Err(
            "Clocks are put forward over this time: it does not exist on that day. Choose another.",
        );
    }
    let at = ambiguous.compatible().map_err(|_| wrong)?;
    let millis = u64::try_from(at.as_millisecond()).map_err(|_| wrong)?;
    Ok(Some(Timestamp::from_millis(millis)))
}

/// A time for a browser's field, and whether clocks show it twice.
pub(in super::super) fn time_field(at: Timestamp, zone: &TimeZone) -> (String, bool) {
    let at = zoned(at, zone);
    let civil = at.datetime();
    let twice = matches!(
        zone.to_ambiguous_timestamp(civil).offset(),
        AmbiguousOffset::Fold { .. }
    );
    (civil.strftime("%Y-%m-%dT%H:%M").to_string(), twice)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_readers_and_mind_the_nights_when_clocks_change() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let read = |text| read_time(text, &zone);
        let at = read("2026-07-01T00:30").unwrap().unwrap();
        assert_eq!(at.as_secs(), 1_782_862_200, "summer time");
        assert_eq!(time_field(at, &zone), ("2026-07-01T00:30".into(), false));
        assert!(read("2026-03-29T01:30").unwrap_err().contains("forward"));
        let first = read("2026-10-25T01:30").unwrap().unwrap();
        assert_eq!(first.as_secs(), 1_792_888_200, "the first of two");
        assert_eq!(time_field(first, &zone), ("2026-10-25T01:30".into(), true));
        assert_eq!(read(" ").unwrap(), None);
        for wrong in ["tomorrow", "2026-13-01T00:00", &"9".repeat(40)] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
