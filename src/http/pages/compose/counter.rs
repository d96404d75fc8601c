//! What the text message takes and costs, told beneath its field: counted by what cuts it when it
//! is sent, with what stands beneath it, for the carriers that there are.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;

use super::super::super::App;
use super::super::super::data::Result;
use super::super::super::fields::Fields;
use super::super::super::session::{Signed, SignedForm};
use super::super::super::view::Chrome;
use super::super::{Answer, apart, id};
use super::preview::size;
use super::{form, merge};
use crate::domain::communication::SMS_TEXT_MAX;
use crate::domain::{CommunicationId, Sentence};
use crate::proto::smpp::encoding::{Encoding, Odd};
use crate::submit::{Amount, Counted, DraftInput, TextCarriers};

/// A character that the 7-bit alphabet lacks, and what could stand in its place.
pub(super) struct OddView {
    /// "“–” (U+2013)".
    pub(super) name: String,
    pub(super) instead: String,
}

/// What is told.
#[derive(Default)]
pub(super) struct Counter {
    pub(super) said: String,
    /// What is read out to whoever does not see it, each time that it becomes another.
    pub(super) told: String,
    /// What it takes by other carriers and in other languages.
    pub(super) others: Vec<String>,
    pub(super) odd: Vec<OddView>,
    /// All of them can be replaced.
    pub(super) replaceable: bool,
    pub(super) cost: String,
}

#[derive(Template)]
#[template(path = "compose_count.html")]
struct CountPart<'a> {
    c: &'a Chrome,
    n: Counter,
}

impl Counter {
    /// Of a draft. With `whole`, the audience is all there and is counted, too: not for a thread
    /// that answers requests.
    pub(super) fn of(
        app: &App,
        signed: &Signed,
        c: &Chrome,
        draft: &DraftInput,
        whole: bool,
    ) -> Result<Self> {
        let submit = &app.console.submit;
        let carriers = submit.text_carriers();
        let written = &draft.content.sms_text;
        if !is_countable(written) {
            return Ok(Self::too_long(c));
        }
        let text = submit.as_sent(&draft.category, &draft.content).sms_text;
        let found = carriers.count(&text);
        let odd = carriers.odd(&text);
        let otherwise = carriers.otherwise(&text);
        let by_others = otherwise.iter().map(|(_, segments)| *segments);
        let shown_most = by_others.fold(found.segments, usize::max);
        let most = submit.segments_most(&draft.category, written);
        let others = otherwise
            .iter()
            .map(|(name, segments)| c.f2("sms.otherwise", name, segments));
        let others = others.chain((most > shown_most).then(|| c.f1("sms.most", most)));
        Ok(Self {
            said: said(c, &found),
            told: told(c, &found, odd.first()),
            others: others.collect(),
            odd: odd.iter().map(|odd| shown(c, odd)).collect(),
            replaceable: carriers.replaced(written).is_some(),
            cost: cost(app, signed, c, draft, &carriers, whole)?,
        })
    }

    fn too_long(c: &Chrome) -> Self {
        let problem = "This is too long: at most {0} characters.";
        let said = c.words.tell(&Sentence::with(problem, &[&SMS_TEXT_MAX]));
        Self {
            told: said.clone(),
            said,
            ..Self::default()
        }
    }
}

/// Whether a text is short enough to be kept: what is longer is not cut to see what it would take.
pub(super) fn is_countable(text: &str) -> bool {
    text.chars().nth(SMS_TEXT_MAX).is_none()
}

/// "4 characters, 1 segment. They count as 7. Room for 148 more of 155 in the last segment."
fn said(c: &Chrome, found: &Counted) -> String {
    let mut said = size(c, found);
    if found.units != found.characters {
        said.push_str(". ");
        said.push_str(&c.f1("sms.weigh", found.units));
    }
    if found.segments > 0 {
        said.push_str(". ");
        said.push_str(&c.f2("sms.left", found.units_left, found.units_max));
    }
    said
}

/// The segments, and what makes them small.
fn told(c: &Chrome, found: &Counted, odd: Option<&Odd>) -> String {
    let segments = found.segments as u64;
    if segments == 0 {
        return String::new();
    }
    let mut told = c.n("sms.told_one", "sms.told_many", &segments);
    if found.encoding == Encoding::Ucs2 {
        told.push(' ');
        told.push_str(c.t("sms.wide"));
    }
    if let Some(odd) = odd {
        told.push(' ');
        told.push_str(&shown(c, odd).name);
    }
    told
}

fn shown(c: &Chrome, odd: &Odd) -> OddView {
    let code = format!("U+{:04X}", u32::from(odd.character));
    let character = visible(odd);
    let instead = match odd.replacement {
        None => c.t("sms.odd_stays").to_owned(),
        Some("") => c.t("sms.odd_goes").to_owned(),
        Some(" ") => c.t("sms.odd_space").to_owned(),
        Some(text) => c.f1("sms.odd_instead", text),
    };
    OddView {
        name: c.f2("sms.odd_name", character, code).trim().to_owned(),
        instead,
    }
}

/// The character itself, if it can be seen: a mark of direction would turn the words behind it.
pub(in super::super) fn visible(odd: &Odd) -> String {
    match odd.character {
        one if one.is_whitespace() || one.is_control() => String::new(),
        _ if odd.replacement == Some("") => String::new(),
        one => one.to_string(),
    }
}

/// What all texts come to where everybody is known, else what one does.
fn cost(
    app: &App,
    signed: &Signed,
    c: &Chrome,
    draft: &DraftInput,
    carriers: &TextCarriers,
    whole: bool,
) -> Result<String> {
    let submit = &app.console.submit;
    if !draft.channels.text || draft.content.sms_text.trim().is_empty() {
        return Ok(String::new());
    }
    let all = if whole {
        submit.texts_of(draft, &signed.access)?
    } else {
        None
    };
    if let Some(all) = all.filter(|all| all.texts > 0) {
        let (texts, segments) = (c.number(all.texts), c.number(all.segments));
        if all.cost.is_empty() {
            return Ok(c.f2("sms.sum", texts, segments));
        }
        let paid = amounts(c, &all.cost);
        return Ok(c.words.fill("sms.cost", &[&texts, &segments, &paid]));
    }
    let price = carriers.all().first().and_then(|one| one.price.as_ref());
    let text = submit.as_sent(&draft.category, &draft.content).sms_text;
    let segments = carriers.count(&text).segments as u64;
    let each = price.map(|price| amounts(c, &[price.times(segments)]));
    Ok(each.map_or_else(String::new, |each| c.f1("sms.cost_each", each)))
}

/// "0.27 EUR + 1.50 GBP".
pub(in super::super) fn amounts(c: &Chrome, of: &[Amount]) -> String {
    let shown = of.iter().map(ToString::to_string);
    let shown: Vec<String> = shown.collect();
    shown.join(" + ").replace('.', c.t("number.decimal"))
}

/// `POST /communications/count`: what the text of a form takes; nothing is kept.
pub(in super::super) async fn new(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    answer(app, None, form).await
}

/// `POST /communications/{id}/count`
pub(in super::super) async fn kept(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    answer(app, Some(id(&text)?), form).await
}

async fn answer(
    app: Arc<App>,
    id: Option<CommunicationId>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    apart(move || {
        let c = Chrome::of(&app, &signed, "", "communications")?;
        let mut draft = form::read(&fields, c.zone()).draft;
        if let Some(id) = id {
            merge(&app, id, &fields, &mut draft)?;
        }
        let n = Counter::of(&app, &signed, &c, &draft, is_whole(&fields))?;
        let told = n.told.clone();
        let count = CountPart { c: &c, n }.render()?;
        Ok(Json(serde_json::json!({ "count": count, "told": told })).into_response())
    })
    .await
}

/// Whether the form itself says who gets it: a list that is only ticked is taken over when it is
/// kept.
pub(super) fn is_whole(fields: &Fields) -> bool {
    fields.get("list") != "mine"
}
