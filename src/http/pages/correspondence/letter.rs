//! Beginning a letter: to whom, by which address, from which template. What follows is the
//! ordinary way of a communication: written, looked at, sent.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::super::super::App;
use super::super::super::data::Result;
use super::super::super::entries::{Reader, access_of};
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::session::{Signed, SignedForm};
use super::super::super::view::Chrome;
use super::super::compose::see;
use super::super::{Answer, id, show_as};
use super::contact_for;
use super::entry::letter_of;
use super::list::Choosable;
use crate::domain::template::TemplateState;
use crate::domain::{
    Access, Audience, CaseId, Channel, Channels, Contact, ContactId, Content, EntryId, Matter,
    MethodId, Related, Relation, Template as LetterTemplate, TemplateId,
};
use crate::store::Loaded;
use crate::submit::DraftInput;

/// Name of the category that letters belong to.
pub(crate) const LETTER_CATEGORY: &str = "Letter";

#[derive(Template)]
#[template(path = "letter.html")]
struct Page {
    c: Chrome,
    client: String,
    case: String,
    again: String,
    correct: String,
    lead: String,
    back: String,
    to: Vec<Choosable>,
    /// Who would get it if an address of theirs worked: contact and name.
    unreachable: Vec<(ContactId, String)>,
    templates: Vec<Choosable>,
    problem: String,
}

/// What a letter begins from.
#[derive(Clone, Copy)]
pub(crate) enum LetterOf {
    /// To a client, about no case.
    Client(ContactId),
    /// To a party of a case.
    Case(CaseId),
    /// An entry, composed again or corrected.
    Entry(EntryId, Relation),
}

impl LetterOf {
    fn of(fields: &Fields) -> Result<Self> {
        let entry = |name| fields.get(name).parse::<EntryId>().ok();
        if let Some(entry) = entry("again") {
            return Ok(Self::Entry(entry, Relation::Again));
        }
        if let Some(entry) = entry("correct") {
            return Ok(Self::Entry(entry, Relation::Correction));
        }
        match fields.get("case").parse() {
            Ok(case) => Ok(Self::Case(case)),
            Err(_) => Ok(Self::Client(id(fields.get("client"))?)),
        }
    }
}

/// What a letter is about, and who can get it.
pub(crate) struct About {
    matter: Matter,
    /// Who can get it.
    people: Vec<Contact>,
    related: Option<Related>,
    content: Content,
    channel: Option<Channel>,
    lead: String,
    back: String,
}

/// What a letter is about, when it is whoever asks' to see.
pub(crate) fn about(app: &App, access: &Access, of: LetterOf) -> Result<About> {
    let id = match of {
        LetterOf::Entry(entry, relation) => return follow(app, access, entry, relation),
        LetterOf::Case(case) => return about_case(app, access, case),
        LetterOf::Client(id) => id,
    };
    let client = contact_for(app, access, id)?;
    if client.kind != crate::domain::ContactKind::Client {
        return Err(Fault::NotFound);
    }
    Ok(About {
        matter: Matter {
            client: client.id,
            case: None,
        },
        lead: client.full_name(),
        back: format!("/contacts/{}/correspondence", client.id),
        people: vec![client.value],
        related: None,
        content: Content::default(),
        channel: None,
    })
}

fn about_case(app: &App, access: &Access, id: CaseId) -> Result<About> {
    let case = super::super::cases::case_for(app, access, id)?;
    let mut people = Vec::new();
    let creditors = case.creditors.iter().map(|one| one.contact);
    for party in creditors.chain([case.client]) {
        people.extend(app.repo().current_contact(party)?.map(|one| one.value));
    }
    Ok(About {
        matter: Matter {
            client: case.client,
            case: Some(case.id),
        },
        people,
        related: None,
        content: Content::default(),
        channel: None,
        lead: case.reference.clone(),
        back: format!("/cases/{}", case.id),
    })
}

/// A letter composed again, or a correction: to the same person, about the same.
fn follow(app: &App, access: &Access, entry: EntryId, relation: Relation) -> Result<About> {
    let line = Reader::new(app, access).entry(entry)?;
    let line = line.ok_or(Fault::NotFound)?;
    let letter = letter_of(app, &line)?.ok_or(Fault::NotFound)?;
    let contact = line.contact.clone().ok_or(Fault::NotFound)?;
    let client = line.entry.client.unwrap_or(contact.id);
    Ok(About {
        matter: Matter {
            client,
            case: line.entry.case,
        },
        lead: line.entry.title.reveal().clone(),
        back: format!("/correspondence/{entry}"),
        people: vec![contact],
        related: Some(Related {
            to: letter.id,
            relation,
        }),
        content: app.repo().content(letter.content)?,
        channel: line.delivery.map(|delivery| delivery.channel),
    })
}

/// Every address that a letter can go to, of everybody who can get it.
fn ways(people: &[Contact]) -> Vec<(ContactId, MethodId, Channel, String)> {
    let mut ways = Vec::new();
    for contact in people {
        for channel in [Channel::Email, Channel::Text] {
            for method in contact.methods_for(channel) {
                let label = format!("{} · {}", contact.full_name(), method.destination.reveal());
                ways.push((contact.id, method.id, channel, label));
            }
        }
    }
    ways
}

fn way_text(contact: ContactId, method: MethodId, channel: Channel) -> String {
    format!("{contact}.{method}.{}", channel.as_str())
}

/// `GET /letters/new`: to a client (`client`), in a case (`case`), composed again (`again`) or
/// correcting (`correct`) an entry.
pub(in super::super) async fn new(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    form(&app, &signed, &Fields::of_query(&uri), None)
}

/// `GET /correspondence/{id}/again`: the shorter address of composing something again.
pub(in super::super) async fn again(
    axum::extract::Path(text): axum::extract::Path<String>,
    _signed: Signed,
) -> Answer {
    let id: EntryId = id(&text)?;
    Ok(see(&format!("/letters/new?again={id}")))
}

fn form(app: &App, signed: &Signed, fields: &Fields, problem: Option<&'static str>) -> Answer {
    let access = access_of(signed);
    let about = about(app, &access, LetterOf::of(fields)?)?;
    let c = Chrome::of(
        app,
        signed,
        signed.words.t("letter.title"),
        "correspondence",
    )?;
    let mut ways = ways(&about.people);
    ways.retain(|way| about.channel.is_none_or(|channel| channel == way.2));
    let mut cut_off = about.people;
    cut_off.retain(|person| !ways.iter().any(|way| way.0 == person.id));
    let names = cut_off.iter().map(|one| (one.id, one.full_name()));
    let to = ways
        .into_iter()
        .map(|(contact, method, channel, label)| Choosable {
            value: way_text(contact, method, channel),
            chosen: false,
            label: format!("{label} ({})", c.channel(&channel)),
        });
    let page = Page {
        client: fields.get("client").to_owned(),
        case: fields.get("case").to_owned(),
        again: fields.get("again").to_owned(),
        correct: fields.get("correct").to_owned(),
        lead: about.lead,
        back: about.back,
        to: to.collect(),
        unreachable: names.collect(),
        templates: templates(app, &c, fields.get("template"))?,
        problem: problem.map_or("", |key| c.t(key)).to_owned(),
        c,
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    show_as(status, &page)
}

/// The templates that may be chosen, by category.
fn templates(app: &App, c: &Chrome, chosen: &str) -> Result<Vec<Choosable>> {
    let mut all = app.repo().templates()?;
    all.retain(|one| one.state == TemplateState::Active);
    all.sort_by_cached_key(|one| (one.category, one.name.to_lowercase()));
    let choice = |one: &Loaded<LetterTemplate>| {
        let value = one.id.to_string();
        Choosable {
            chosen: value == chosen,
            label: format!("{} · {}", c.words.say(one.category.title()), one.name),
            value,
        }
    };
    Ok(all.iter().map(choice).collect())
}

impl About {
    /// The draft of the letter to one of its people by one of their methods; none when it cannot
    /// go that way.
    pub(crate) fn draft(
        self,
        takes: impl Fn(ContactId, MethodId, Channel) -> bool,
    ) -> Option<DraftInput> {
        let mut ways = ways(&self.people).into_iter();
        let fits = |channel| self.channel.is_none_or(|one| one == channel);
        let way = ways.find(|way| fits(way.2) && takes(way.0, way.1, way.2));
        let (contact, method, channel, _) = way?;
        Some(DraftInput {
            content: self.content,
            category: LETTER_CATEGORY.to_owned(),
            channels: Channels::only(channel),
            audience: Audience {
                contacts: vec![contact],
                method: Some(method),
                ..Audience::default()
            },
            related: self.related,
            matter: Some(self.matter),
            ..DraftInput::default()
        })
    }
}

/// `POST /letters`: a draft from here on.
pub(in super::super) async fn begin(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let access = access_of(&signed);
    let about = about(&app, &access, LetterOf::of(&fields)?)?;
    let wanted = fields.get("to");
    let takes = |contact, method, channel| way_text(contact, method, channel) == wanted;
    let Some(draft) = about.draft(takes) else {
        return form(&app, &signed, &fields, Some("letter.no_way"));
    };
    let submit = &app.console.submit;
    let id = submit.save_draft(None, &draft, signed.user.id).await?;
    Ok(match fields.get("template").parse::<TemplateId>() {
        Ok(template) => see(&format!(
            "/communications/{id}/template?template={template}"
        )),
        Err(_) => see(&format!("/communications/{id}/edit?done=begun")),
    })
}
