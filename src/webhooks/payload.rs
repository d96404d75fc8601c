//! What is sent: a type, a time, and ids and statuses.

use serde_json::{Map, Value, json};

use crate::domain::{ClosedReason, News, Notification, Timestamp};

/// The JSON text of a piece of news. It follows from the row and what the webhook may hear of it,
/// so that every try says the same until somebody changes that.
pub(super) fn of(of: &Notification, told: &News) -> String {
    let text = json!({
        "type": told.event.as_str(),
        "timestamp": time(of.at),
        "data": data(of, told),
    });
    text.to_string()
}

fn data(of: &Notification, news: &News) -> Value {
    let ids = [
        ("webhook", Some(of.webhook.to_string())),
        ("communication", news.communication.map(|id| id.to_string())),
        ("contact", news.contact.map(|id| id.to_string())),
        ("delivery", news.delivery.map(|id| id.to_string())),
        ("method", news.method.map(|id| id.to_string())),
        ("thread", news.thread.map(|id| id.to_string())),
        ("message", news.message.map(|id| id.to_string())),
        (
            "channel",
            news.status
                .map(|status| status.channel().as_str().to_owned()),
        ),
        (
            "status",
            news.status.map(|status| status.as_str().to_owned()),
        ),
        ("closed", news.closed.map(|why| closed(why).to_owned())),
        ("by", news.confirmed_by.map(|by| by.as_str().to_owned())),
        (
            "address",
            news.address
                .as_ref()
                .map(|address| address.reveal().clone()),
        ),
    ];
    let mut data = Map::new();
    for (name, value) in ids {
        if let Some(value) = value {
            data.insert(name.to_owned(), Value::String(value));
        }
    }
    if let Some(people) = news.people {
        data.insert("people".to_owned(), people.into());
    }
    Value::Object(data)
}

const fn closed(why: ClosedReason) -> &'static str {
    match why {
        ClosedReason::ReachedOtherwise => "reached-otherwise",
        ClosedReason::MethodNotUsable => "method-not-usable",
        ClosedReason::NotWanted => "not-wanted",
        ClosedReason::CalledOff => "called-off",
    }
}

/// RFC 3339, in UTC.
fn time(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}
