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
use super::{form, merge, sms_count};
use crate::domain::CommunicationId;
use crate::submit::{Amount, DraftInput, TextCarriers};

/// A character that the 7-bit alphabet lacks, and what could stand in its place.
pub(super) struct OddView {
    /// "“–” (U+2013)".
    pub(super) name: String,
    pub(super) instead: String,
}

/// What is told.
pub(super) struct Counter {
    pub(super) said: String,
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
        let text = submit.as_sent(&draft.category, &draft.content).sms_text;
        let found = carriers.count(&text);
        let mut said = sms_count(app, c, &text);
        if found.segments > 0 {
            said.push_str(". ");
            said.push_str(&c.f2("sms.left", found.units_left, found.units_max));
        }
        let otherwise = carriers.otherwise(&text);
        let told = otherwise.iter().map(|(_, segments)| *segments);
        let told = told.fold(found.segments, usize::max);
        let most = submit.segments_most(&draft.category, written);
        let others = otherwise
            .iter()
            .map(|(name, segments)| c.f2("sms.otherwise", name, segments));
        let others = others.chain((most > told).then(|| c.f1("sms.most", most)));
        Ok(Self {
            said,
            others: others.collect(),
            odd: carriers
                .odd(&text)
                .iter()
                .map(|odd| shown(c, odd))
                .collect(),
            replaceable: carriers.replaced(written).is_some(),
            cost: cost(app, signed, c, draft, &carriers, whole)?,
        })
    }
}

fn shown(c: &Chrome, odd: &crate::proto::smpp::encoding::Odd) -> OddView {
    let code = format!("U+{:04X}", u32::from(odd.character));
    let character = match odd.character {
        one if one.is_whitespace() || one.is_control() => String::new(),
        one => one.to_string(),
    };
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
        let count = CountPart { c: &c, n }.render()?;
        Ok(Json(serde_json::json!({ "count": count })).into_response())
    })
    .await
}

/// Whether the form itself says who gets it: a list that is only ticked is taken over when it is
/// kept.
pub(super) fn is_whole(fields: &Fields) -> bool {
    fields.get("list") != "mine"
}
