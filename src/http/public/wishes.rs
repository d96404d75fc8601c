//! What somebody wants: categories by channels, the channel to try first, quiet hours.

use std::sync::Arc;

use axum::extract::State;

use super::super::fields::Fields;
use super::super::times::{clock, minute};
use super::frame::{Asked, Frame};
use super::me::{Rejected, view};
use super::sign_up::Choosable;
use super::visit::VisitorForm;
use super::{Answer, Site, see};
use crate::domain::{
    Actor, Channel, Consent, Contact, ContactChange, LogEvent, ProofKind, QuietHours, Redacted,
    Timestamp, Wishes,
};

/// A category, and whether it is wanted by each channel.
pub(super) struct CategoryView {
    pub(super) title: String,
    pub(super) boxes: Vec<BoxView>,
}

/// One box to tick.
pub(super) struct BoxView {
    pub(super) name: String,
    pub(super) channel: String,
    pub(super) ticked: bool,
}

/// The whole form.
pub(super) struct WishesView {
    pub(super) channels: Vec<String>,
    pub(super) categories: Vec<CategoryView>,
    pub(super) preferred: Vec<Choosable>,
    pub(super) quiet_from: String,
    pub(super) quiet_to: String,
}

/// The name of a box: the category by its place, so that no name of a category is trusted.
fn box_name(index: usize, channel: Channel) -> String {
    format!("want-{index}-{}", channel.as_str())
}

/// The form as it stands, or as it was entered.
pub(super) fn of(site: &Site, c: &Frame, contact: &Contact, fields: Option<&Fields>) -> WishesView {
    let fields = fields.filter(|fields| fields.has("quiet_from"));
    let titles = &site.settings().category_titles;
    let wishes = &contact.wishes;
    let categories = site.site.submit.categories();
    let views = categories.iter().enumerate().map(|(index, category)| {
        let boxes = Channel::ALL.into_iter().map(|channel| {
            let name = box_name(index, channel);
            BoxView {
                ticked: fields.map_or_else(
                    || wishes.allow(channel, &category.name),
                    |fields| fields.has(&name),
                ),
                channel: c.words.label(channel.as_str()),
                name,
            }
        });
        CategoryView {
            title: titles.get(&category.name).unwrap_or(&category.name).clone(),
            boxes: boxes.collect(),
        }
    });
    let preferred = fields.map_or_else(
        || wishes.preferred.map_or("", Channel::as_str).to_owned(),
        |fields| fields.get("preferred").to_owned(),
    );
    let quiet = |name: &str, minute: Option<u16>| {
        fields.map_or_else(
            || minute.map(clock).unwrap_or_default(),
            |fields| fields.get(name).to_owned(),
        )
    };
    let hours = wishes.quiet_hours;
    WishesView {
        channels: Channel::ALL
            .into_iter()
            .map(|channel| c.words.label(channel.as_str()))
            .collect(),
        categories: views.collect(),
        preferred: Channel::ALL
            .into_iter()
            .map(|channel| Choosable {
                value: channel.as_str().to_owned(),
                name: c.words.label(channel.as_str()),
                chosen: channel.as_str() == preferred,
            })
            .collect(),
        quiet_from: quiet("quiet_from", hours.map(QuietHours::from_minute)),
        quiet_to: quiet("quiet_to", hours.map(QuietHours::to_minute)),
    }
}

/// Quiet hours as entered; the inner none for none, the outer for what is no pair of hours.
fn quiet(fields: &Fields) -> Option<Option<QuietHours>> {
    let (from, to) = (
        fields.get("quiet_from").trim(),
        fields.get("quiet_to").trim(),
    );
    if from.is_empty() && to.is_empty() {
        return Some(None);
    }
    QuietHours::new(minute(from)?, minute(to)?).map(Some)
}

/// `POST /me/wishes`
pub(super) async fn change(
    State(site): State<Arc<Site>>,
    asked: Asked,
    form: VisitorForm,
) -> Answer {
    let Some(hours) = quiet(&form.fields) else {
        let rejected = Rejected {
            fields: Some(&form.fields),
            problems: vec![("quiet_from", "self.problem.hours")],
            method: None,
        };
        return view(&site, &asked, &form.visitor, &rejected);
    };
    let preferred = form.fields.get("preferred");
    let preferred = Channel::ALL
        .into_iter()
        .find(|channel| channel.as_str() == preferred);
    let wanted = wanted(&site, &form.fields);
    let now = site.now();
    let changing = site
        .site
        .tracker
        .change_contact(form.visitor.contact.id, |contact| {
            let mut log = decide(&mut contact.wishes, &wanted, now);
            if contact.wishes.quiet_hours != hours || contact.wishes.preferred != preferred {
                contact.wishes.quiet_hours = hours;
                contact.wishes.preferred = preferred;
                let changed = LogEvent::changed(ContactChange::WishesChanged, None, Actor::Person);
                log.push(changed);
            }
            Some(log)
        });
    changing.await?;
    Ok(see("/me?done=saved"))
}

/// What is wanted.
enum Wanted {
    /// All, or nothing at all.
    Everything(bool),
    /// Each category by each channel, in the order of [`Channel::ALL`].
    Each(Vec<(String, [bool; 3])>),
}

fn wanted(site: &Site, fields: &Fields) -> Wanted {
    match fields.get("all") {
        "everything" => Wanted::Everything(true),
        "nothing" => Wanted::Everything(false),
        _ => Wanted::Each(
            site.site
                .submit
                .categories()
                .into_iter()
                .enumerate()
                .map(|(index, category)| {
                    let ticked = Channel::ALL.map(|channel| fields.has(&box_name(index, channel)));
                    (category.name, ticked)
                })
                .collect(),
        ),
    }
}

fn consent(
    channel: Option<Channel>,
    category: Option<&str>,
    given: bool,
    at: Timestamp,
) -> Consent {
    Consent {
        channel,
        category: category.map(str::to_owned),
        given,
        at,
        proof: ProofKind::SelfService,
        note: Redacted::new(String::new()),
    }
}

/// Writes what changes, and no more: a decision that stays keeps its own proof.
fn decide(wishes: &mut Wishes, wanted: &Wanted, now: Timestamp) -> Vec<LogEvent> {
    let said = |given: bool, detail: &str| LogEvent::Changed {
        change: if given {
            ContactChange::ConsentGiven
        } else {
            ContactChange::ConsentWithdrawn
        },
        method: None,
        kind: None,
        detail: detail.to_owned(),
        by: Actor::Person,
    };
    match wanted {
        Wanted::Everything(given) => {
            wishes.consents.clear();
            wishes.decide(consent(None, None, *given, now));
            vec![said(*given, "")]
        }
        Wanted::Each(categories) => {
            let mut log = Vec::new();
            for (category, ticked) in categories {
                let before = Channel::ALL.map(|channel| wishes.allow(channel, category));
                if before == *ticked {
                    continue;
                }
                let most = ticked.iter().filter(|one| **one).count() >= 2;
                wishes
                    .consents
                    .retain(|known| known.category.as_ref() != Some(category));
                wishes.decide(consent(None, Some(category), most, now));
                for (channel, given) in Channel::ALL.into_iter().zip(ticked) {
                    if *given != most {
                        wishes.decide(consent(Some(channel), Some(category), *given, now));
                    }
                }
                log.push(said(ticked.contains(&true), category));
            }
            log
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_was_ticked_is_what_is_allowed_whatever_was_said_before() {
        for start in [None, Some(true), Some(false)] {
            for bits in 0..8_u8 {
                let mut wishes = Wishes::default();
                if let Some(given) = start {
                    wishes.decide(consent(None, None, given, at(1)));
                    wishes.decide(consent(Some(Channel::Text), Some("News"), !given, at(1)));
                }
                let ticked = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
                let wanted = Wanted::Each(vec![("News".to_owned(), ticked)]);
                decide(&mut wishes, &wanted, at(2));
                let allowed = Channel::ALL.map(|channel| wishes.allow(channel, "News"));
                assert_eq!(allowed, ticked, "{start:?}");
                // Saving the same again says nothing new.
                let before = wishes.clone();
                assert!(decide(&mut wishes, &wanted, at(3)).is_empty());
                assert_eq!(wishes, before);
            }
        }
    }

    #[test]
    fn nothing_is_nothing_and_everything_everything() {
        let mut wishes = Wishes::default();
        wishes.decide(consent(Some(Channel::Call), Some("News"), true, at(1)));
        decide(&mut wishes, &Wanted::Everything(false), at(2));
        assert!(!wishes.allow(Channel::Call, "News") && !wishes.allow(Channel::Email, "Other"));
        decide(&mut wishes, &Wanted::Everything(true), at(3));
        assert!(wishes.allow(Channel::Call, "News") && wishes.allow(Channel::Email, "Other"));
        assert_eq!(wishes.consents.len(), 1);
    }
}
