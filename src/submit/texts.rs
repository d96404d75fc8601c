//! What texts take and cost by the carriers that they go by: counted with what cuts them when
//! they are sent.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::audience::resolve;
use super::confirming::by_language;
use super::{DraftInput, SubmitError, Submitter};
use crate::domain::{Access, AreaId, Audience, Channel, ConfirmLine, Method};
use crate::proto::smpp::encoding::{
    Encoding, Estimate, Odd, SegmentOptions, estimate, odd_characters, parts, replaced,
};

/// Most people whose texts are counted as somebody writes; the review counts all.
const PEOPLE_COUNTED_MAX: usize = 2_000;
/// Most people whom the parts of an audience hold, those left out and those in several of them
/// included, that are looked through for that.
const PEOPLE_READ_MAX: u64 = 10_000;
/// Digits that are always shown behind the point of an amount.
const CENTS: usize = 2;
const MILLION: u64 = 1_000_000;

/// An amount of money, exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Millionths of the currency.
    pub millionths: u64,
    /// Three letters (ISO 4217).
    pub currency: String,
}

impl Amount {
    /// So many times as much.
    #[must_use]
    pub fn times(&self, times: u64) -> Self {
        Self {
            millionths: self.millionths.saturating_mul(times),
            currency: self.currency.clone(),
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.millionths / MILLION, self.millionths % MILLION);
        let rest = format!("{rest:06}");
        let shown = rest.trim_end_matches('0').len().max(CENTS);
        let rest = rest.get(..shown).unwrap_or_default();
        write!(f, "{whole}.{rest} {}", self.currency)
    }
}

/// A carrier of texts.
#[derive(Clone, Debug)]
pub struct TextCarrier {
    /// Its name in the settings.
    pub name: String,
    /// What numbers that go this way begin with; none: all.
    pub prefixes: Vec<String>,
    /// How texts are cut and written.
    pub options: SegmentOptions,
    /// What a segment costs, where that is known.
    pub price: Option<Amount>,
}

/// What the texts of a draft come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextsOf {
    /// How many.
    pub texts: u64,
    /// Segments of all of them.
    pub segments: u64,
    /// What they cost, by currency; empty where no price is known.
    pub cost: Vec<Amount>,
}

/// The carriers that texts go out by, in the order of the settings. Where there are none, texts
/// are counted as most carriers take them.
#[derive(Clone, Debug, Default)]
pub struct TextCarriers(Vec<TextCarrier>);

/// A text as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Characters, as a person counts code points.
    pub characters: usize,
    /// Septets, octets or UTF-16 units, whatever the encoding counts.
    pub units: usize,
    /// Segments; 0 for an empty text.
    pub segments: usize,
    /// Units that still fit into the last segment.
    pub units_left: usize,
    /// Units of a segment of this text.
    pub units_max: usize,
    /// How the characters are carried.
    pub encoding: Encoding,
}

impl TextCarriers {
    /// These.
    #[must_use]
    pub const fn new(carriers: Vec<TextCarrier>) -> Self {
        Self(carriers)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[TextCarrier] {
        &self.0
    }

    /// The one that a number goes by when all are there: the longest prefix that fits, the first
    /// of equals.
    #[must_use]
    pub fn of(&self, number: &str) -> Option<&TextCarrier> {
        let fits = self.0.iter().filter_map(|carrier| {
            if carrier.prefixes.is_empty() {
                return Some((0, carrier));
            }
            let prefixes = carrier.prefixes.iter();
            let fitting = prefixes.filter(|one| number.starts_with(one.as_str()));
            fitting.map(String::len).max().map(|fit| (fit, carrier))
        });
        // Of equals the last one looked at is taken.
        let best = fits.rev().max_by_key(|(fit, _)| *fit);
        best.map(|(_, carrier)| carrier)
    }

    fn options(&self) -> SegmentOptions {
        self.0.first().map(|one| one.options).unwrap_or_default()
    }

    /// What a text takes by the first carrier.
    #[must_use]
    pub fn count(&self, text: &str) -> Counted {
        counted(text, self.options())
    }

    /// The parts in which it arrives, in order; none for an empty text.
    #[must_use]
    pub fn parts(&self, text: &str) -> Vec<String> {
        if text.is_empty() {
            return Vec::new();
        }
        let parts = parts(text, self.options());
        parts.into_iter().map(str::to_owned).collect()
    }

    /// The segments by the carrier by which it takes most; 0 for an empty text.
    #[must_use]
    pub fn segments_max(&self, text: &str) -> usize {
        let others = self.0.iter().skip(1);
        let others = others.map(|one| counted(text, one.options).segments);
        others.fold(self.count(text).segments, usize::max)
    }

    /// The carriers by which it takes another number of segments than by the first.
    #[must_use]
    pub fn otherwise(&self, text: &str) -> Vec<(String, usize)> {
        let first = self.count(text).segments;
        let others = self.0.iter().skip(1);
        let others = others.map(|one| (one.name.clone(), counted(text, one.options).segments));
        others.filter(|(_, segments)| *segments != first).collect()
    }

    /// What makes a text UCS-2 by the first carrier; where nothing does, by the first of the others
    /// by which it takes more segments.
    #[must_use]
    pub fn odd(&self, text: &str) -> Vec<Odd> {
        odd_characters(text, self.dearest(text))
    }

    /// The text with what does that replaced, if that is possible: an offer.
    #[must_use]
    pub fn replaced(&self, text: &str) -> Option<String> {
        replaced(text, self.dearest(text))
    }

    fn dearest(&self, text: &str) -> SegmentOptions {
        let first = self.options();
        let counted_first = estimate(text, first);
        if counted_first.encoding == Encoding::Ucs2 {
            return first;
        }
        let dearer = |options: &SegmentOptions| {
            let found = estimate(text, *options);
            found.encoding == Encoding::Ucs2 && found.segments > counted_first.segments
        };
        let mut others = self.0.iter().skip(1).map(|one| one.options);
        others.find(dearer).unwrap_or(first)
    }
}

fn counted(text: &str, options: SegmentOptions) -> Counted {
    let Estimate {
        characters,
        units,
        segments,
        units_left,
        units_max,
        encoding,
        ..
    } = estimate(text, options);
    Counted {
        characters,
        units,
        segments: if text.is_empty() { 0 } else { segments },
        units_left,
        units_max,
        encoding,
    }
}

impl Submitter {
    /// The carriers that texts go out by.
    #[must_use]
    pub fn text_carriers(&self) -> TextCarriers {
        self.settings().carriers.clone()
    }

    /// The most segments that a text of this category takes, with what is put beneath it in any
    /// language.
    #[must_use]
    pub fn segments_most(&self, category: &str, text: &str) -> usize {
        let line = self.confirm_line(category);
        most(&self.settings().carriers, line.as_ref(), text)
    }

    /// What the texts of a draft come to for those whom it goes to now and somebody sees; none
    /// where counting them takes long: of saved filters, of more than 2,000 people, and of parts
    /// that hold more than 10,000. Not for a thread that answers requests.
    ///
    /// # Errors
    /// When the store fails.
    pub fn texts_of(
        &self,
        draft: &DraftInput,
        access: &Access,
    ) -> Result<Option<TextsOf>, SubmitError> {
        if !draft.audience.filters.is_empty() || !self.is_soon_read(&draft.audience)? {
            return Ok(None);
        }
        let ids = resolve(&self.repo, &draft.audience)?.ids;
        if ids.len() > PEOPLE_COUNTED_MAX {
            return Ok(None);
        }
        let mut cost = self.text_cost(&draft.category, &draft.content.sms_text);
        let mut all = TextsOf::default();
        for id in ids {
            let Some(contact) = self.repo.contact(id)? else {
                continue;
            };
            let allowed = contact.wishes.allow(Channel::Text, &draft.category);
            if !allowed || !access.sees_contact(&contact) {
                continue;
            }
            let mut methods = contact.methods_for(Channel::Text);
            methods.retain(|method| draft.audience.method.is_none_or(|only| method.id == only));
            for method in methods {
                all.texts += 1;
                all.segments += cost.add(&contact.language, method);
            }
        }
        all.cost = cost.spent();
        Ok(Some(all))
    }

    /// Whether the parts of an audience are small enough to be looked through as somebody writes.
    fn is_soon_read(&self, audience: &Audience) -> Result<bool, SubmitError> {
        let tree = self.repo.areas()?;
        let areas = audience.areas.iter().chain(&audience.except_areas);
        let areas: HashSet<AreaId> = areas.flat_map(|area| tree.subtree(*area)).collect();
        let mut people = u64::from(audience.list_people);
        for area in areas {
            people = people.saturating_add(self.repo.contact_count(area)?);
        }
        for group in audience.groups.iter().chain(&audience.except_groups) {
            people = people.saturating_add(self.repo.group_count(*group)?);
        }
        Ok(people <= PEOPLE_READ_MAX)
    }

    /// What texts of this category cost.
    pub(super) fn text_cost(&self, category: &str, text: &str) -> TextCost {
        TextCost {
            carriers: self.text_carriers(),
            line: self.confirm_line(category),
            text: text.to_owned(),
            known: HashMap::new(),
            spent: BTreeMap::new(),
        }
    }
}

/// The most segments of a text with its line, in any language and by any carrier.
pub(super) fn most(carriers: &TextCarriers, line: Option<&ConfirmLine>, text: &str) -> usize {
    match line {
        Some(line) => {
            let each = line.under_each(text);
            each.map(|one| carriers.segments_max(&one))
                .max()
                .unwrap_or(0)
        }
        None => carriers.segments_max(text),
    }
}

/// The segments of a text by the language of whoever gets it and by carrier, and what was spent.
pub(super) struct TextCost {
    carriers: TextCarriers,
    line: Option<ConfirmLine>,
    text: String,
    known: HashMap<(String, String), u64>,
    spent: BTreeMap<String, u64>,
}

impl TextCost {
    /// Counts one text to this method, and returns its segments.
    pub(super) fn add(&mut self, language: &str, to: &Method) -> u64 {
        let carrier = self.carriers.of(to.destination.reveal());
        let name = carrier.map(|one| one.name.clone()).unwrap_or_default();
        // What is asked depends on the language itself, not on its region.
        let key = (by_language(language).to_owned(), name);
        let options = carrier.map_or_else(|| self.carriers.options(), |one| one.options);
        let segments = match self.known.get(&key) {
            Some(known) => *known,
            None => {
                let count = match &self.line {
                    Some(line) => counted(&line.under_text(&self.text, &key.0), options),
                    None => counted(&self.text, options),
                };
                self.known.insert(key, count.segments as u64);
                count.segments as u64
            }
        };
        if let Some(price) = carrier.and_then(|one| one.price.as_ref()) {
            let spent = self.spent.entry(price.currency.clone()).or_default();
            *spent = spent.saturating_add(price.times(segments).millionths);
        }
        segments
    }

    /// What all of them cost, by currency; nothing where no price is known.
    pub(super) fn spent(&self) -> Vec<Amount> {
        let spent = self.spent.iter().map(|(currency, millionths)| Amount {
            millionths: *millionths,
            currency: currency.clone(),
        });
        spent.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::smpp::encoding::{National, NationalTables};

    fn carrier(name: &str, prefixes: &[&str]) -> TextCarrier {
        TextCarrier {
            name: name.to_owned(),
            prefixes: prefixes.iter().map(|one| (*one).to_owned()).collect(),
            options: SegmentOptions::default(),
            price: None,
        }
    }

    #[test]
    fn amounts_are_exact_and_readable() {
        let euros = |millionths| Amount {
            millionths,
            currency: "EUR".to_owned(),
        };
        for (millionths, shown) in [
            (0, "0.00 EUR"),
            (45_000, "0.045 EUR"),
            (270_000, "0.27 EUR"),
            (12_500_001, "12.500001 EUR"),
        ] {
            assert_eq!(euros(millionths).to_string(), shown);
        }
        assert_eq!(euros(45_000).times(6), euros(270_000));
    }

    #[test]
    fn a_number_goes_by_the_longest_prefix_and_the_first_of_equals() {
        let carriers = TextCarriers::new(vec![
            carrier("all", &[]),
            carrier("britain", &["+44", "+49"]),
            carrier("second", &["+44"]),
            carrier("mobile", &["+4477"]),
        ]);
        let name = |number| carriers.of(number).map(|one| one.name.as_str());
        assert_eq!(name("+447700900001"), Some("mobile"));
        assert_eq!(name("+441632960000"), Some("britain"));
        assert_eq!(name("+33123456789"), Some("all"));
        let none = TextCarriers::new(vec![carrier("britain", &["+44"])]);
        assert!(none.of("+33123456789").is_none());
    }

    #[test]
    fn carriers_differ_in_what_a_text_takes() {
        let turkish = TextCarrier {
            options: SegmentOptions {
                national: NationalTables::of([National::Turkish]),
                ..SegmentOptions::default()
            },
            ..carrier("turkish", &["+90"])
        };
        let text = "ı".repeat(71);
        let carriers = TextCarriers::new(vec![turkish, carrier("main", &[])]);
        assert_eq!(carriers.count(&text).segments, 1);
        assert_eq!(carriers.segments_max(&text), 2);
        assert_eq!(carriers.otherwise(&text), [("main".to_owned(), 2)]);
        let odd = carriers.odd(&text).first().map(|odd| odd.character);
        assert_eq!(odd, Some('ı'), "because of the other");
        assert_eq!(carriers.replaced(&text), Some("i".repeat(71)));
        let short = "ı".repeat(70);
        assert!(carriers.odd(&short).is_empty() && carriers.replaced(&short).is_none());
        assert_eq!(carriers.segments_max(""), 0);
        assert!(carriers.parts("").is_empty());
        let none = TextCarriers::default();
        assert_eq!(none.count(&text).segments, 2);
        assert_eq!(none.parts(&text).concat(), text);
    }
}
