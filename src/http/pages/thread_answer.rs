//! What is done in a thread: answered, read, given to somebody, done; and what is put right with
//! the person beside it.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::compose::see;
use super::contact_steps::corrected;
use super::problems::Problems;
use super::thread::{Left, view};
use super::{Answer as Page, apart, id};
use crate::domain::communication::SUBJECT_MAX;
use crate::domain::{
    Channel, CommunicationId, Contact, MethodId, Thread, ThreadId, ThreadState, UserId,
};
use crate::store::Loaded;
use crate::submit::{Answer, SubmitError};

/// One way to answer.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

/// The form below a thread.
pub(super) struct AnswerForm {
    pub(super) id: CommunicationId,
    pub(super) ways: Vec<Way>,
    pub(super) by_email: bool,
    pub(super) subject: String,
    pub(super) text: String,
}

impl AnswerForm {
    /// An empty one: by the channel and to the address that the last message came from.
    pub(super) fn fresh(app: &App, c: &Chrome, thread: &Thread, contact: Option<&Contact>) -> Self {
        let id = CommunicationId::new(app.console.random.uuid_v7(app.now()));
        Self::with(c, id, thread, contact)
    }

    fn with(c: &Chrome, id: CommunicationId, thread: &Thread, contact: Option<&Contact>) -> Self {
        let mut ways = ways(c, thread, contact);
        let channel = match thread.channel {
            Channel::Call => Channel::Text,
            Channel::Email | Channel::Text => thread.channel,
        };
        let prefix = format!("{}:", channel.as_str());
        let by_address = |way: &&mut Way| way.label.ends_with(thread.address.reveal().as_str());
        let by_channel = |way: &&mut Way| way.value.starts_with(&prefix);
        if let Some(way) = ways
            .iter_mut()
            .filter(by_channel)
            .max_by_key(|way| by_address(way))
        {
            way.chosen = true;
        } else if let Some(way) = ways.first_mut() {
            way.chosen = true;
        }
        let subject = thread.subject.reveal();
        let answered = subject.to_lowercase().starts_with("re:") || subject.is_empty();
        let prefix = if answered { "" } else { "Re: " };
        Self {
            id,
            by_email: ways.iter().any(|way| way.value.starts_with("email:")),
            ways,
            subject: format!("{prefix}{subject}")
                .chars()
                .take(SUBJECT_MAX)
                .collect(),
            text: String::new(),
        }
    }

    /// As it was sent in.
    fn kept(mut self, fields: &Fields) -> Self {
        for way in &mut self.ways {
            way.chosen = way.value == fields.get("by");
        }
        self.subject = fields.get("subject").to_owned();
        self.text = fields.text("text");
        self
    }
}

/// The usable methods, by channel; for somebody unknown the address that they wrote from.
fn ways(c: &Chrome, thread: &Thread, contact: Option<&Contact>) -> Vec<Way> {
    let way = |channel: Channel, method: &str, to: &str| Way {
        value: format!("{}:{method}", channel.as_str()),
        label: c.f2("inbox.way", c.channel(&channel), to),
        chosen: false,
    };
    let Some(contact) = contact else {
        let address = thread.address.reveal();
        let channel = if address.contains('@') {
            Channel::Email
        } else {
            Channel::Text
        };
        // Short codes and names cannot be written to.
        let can = channel == Channel::Email || address.starts_with('+');
        return can.then(|| way(channel, "", address)).into_iter().collect();
    };
    [Channel::Email, Channel::Text]
        .into_iter()
        .flat_map(|channel| {
            contact
                .methods_for(channel)
                .into_iter()
                .map(move |method| (channel, method))
        })
        .map(|(channel, method)| way(channel, &method.id.to_string(), method.destination.reveal()))
        .collect()
}

/// The thread as it is, with what a form that was refused leaves to show.
pub(super) async fn refused(
    app: Arc<App>,
    signed: Signed,
    thread: Loaded<Thread>,
    query: Fields,
    left: Left,
) -> Page {
    apart(move || view(&app, &signed, &thread, thread.unread, &query, left)).await
}

fn loaded(app: &App, text: &str) -> Result<Loaded<Thread>> {
    let id: ThreadId = id(text)?;
    app.repo().thread(id)?.ok_or(Fault::NotFound)
}

/// `POST /inbox/{thread}/answer`
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Page {
    let thread = loaded(&app, &text)?;
    let fields = &form.fields;
    let (channel, method) = fields.get("by").split_once(':').unwrap_or_default();
    let channel = Channel::ALL.into_iter().find(|one| one.as_str() == channel);
    let id: CommunicationId = fields.get("id").parse().map_err(|_| Fault::BadRequest)?;
    let answer = Answer {
        id,
        thread: thread.id,
        channel: channel.unwrap_or(Channel::Call),
        method: method.parse().ok(),
        subject: fields.get("subject").to_owned(),
        text: fields.text("text"),
        by: form.signed.user.id,
    };
    match app.console.submit.answer(&answer).await {
        Ok(()) => {
            // Whoever answers has read what the page showed, and nothing that came since.
            let seen = seen(&form).saturating_add(1);
            app.console
                .tracker
                .mark_thread(thread.id, false, seen)
                .await?;
            Ok(see(&format!("/inbox/{}?done=answered", thread.id)))
        }
        Err(SubmitError::Invalid(errors)) => {
            let contact = thread
                .contact
                .map(|id| app.repo().current_contact(id))
                .transpose()?;
            let contact = contact.flatten().map(|contact| contact.value);
            let c = Chrome::bare(&app, form.signed.words, "");
            let kept = AnswerForm::with(&c, id, &thread, contact.as_ref()).kept(fields);
            let left = Left {
                answer: Some((kept, Problems::new(&errors, c.words))),
                ..Left::default()
            };
            refused(app, form.signed, thread, Fields::default(), left).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /inbox/{thread}/read`: `unread=1` marks it as unread again.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Page {
    let id: ThreadId = id(&text)?;
    let unread = form.fields.has("unread");
    app.console
        .tracker
        .mark_thread(id, unread, seen(&form))
        .await?;
    Ok(see(&if unread {
        "/inbox?done=unread".to_owned()
    } else {
        format!("/inbox/{id}?done=read")
    }))
}

/// `POST /inbox/{thread}/assign`: to a user who logs in, or to nobody.
pub(super) async fn assign(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Page {
    let id: ThreadId = id(&text)?;
    let to = if form.fields.has("me") {
        Some(form.signed.user.id)
    } else {
        let to = form.fields.get("to");
        match to.parse::<UserId>() {
            Ok(to) => Some(to),
            Err(_) if to.is_empty() => None,
            Err(_) => return Err(Fault::BadRequest),
        }
    };
    if let Some(user) = to
        && !app.may_keep(id, user).await?
    {
        return Err(Fault::BadRequest);
    }
    app.console.tracker.assign_thread(id, to).await?;
    Ok(see(&format!("/inbox/{id}?done=assigned")))
}

/// `POST /inbox/{thread}/finish`: done, or with `open=1` open again.
pub(super) async fn finish(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Page {
    let id: ThreadId = id(&text)?;
    let (state, to) = if form.fields.has("open") {
        (ThreadState::Open, format!("/inbox/{id}?done=reopened"))
    } else {
        (ThreadState::Done, "/inbox?done=finished".to_owned())
    };
    let tracker = &app.console.tracker;
    tracker.finish_thread(id, state, seen(&form)).await?;
    let thread = app.repo().thread(id)?.ok_or(Fault::NotFound)?;
    if thread.state != state {
        // Something came meanwhile: whoever was about to finish it sees that first.
        return Ok(see(&format!("/inbox/{id}?done=more")));
    }
    Ok(see(&to))
}

/// How many messages the page showed.
fn seen(form: &SignedForm) -> u32 {
    form.fields.get("seen").parse().unwrap_or(0)
}

/// A thread, with whom it is now, and the method named beside it.
fn beside(
    app: &App,
    thread: &str,
    method: &str,
) -> Result<(Loaded<Thread>, Loaded<Contact>, MethodId)> {
    let thread = loaded(app, thread)?;
    let contact = thread.contact.ok_or(Fault::NotFound)?;
    let contact = app.repo().current_contact(contact)?;
    Ok((thread, contact.ok_or(Fault::NotFound)?, id(method)?))
}

/// `POST /inbox/{thread}/methods/{method}/reinstate`
pub(super) async fn reinstate(
    State(app): State<Arc<App>>,
    Path((text, method)): Path<(String, String)>,
    form: SignedForm,
) -> Page {
    let (thread, contact, method) = beside(&app, &text, &method)?;
    let by = form.signed.user.id;
    let tracker = &app.console.tracker;
    tracker.reinstate(contact.id, method, by).await?;
    Ok(see(&format!("/inbox/{}?done=reinstated", thread.id)))
}

/// `POST /inbox/{thread}/methods/{method}/correct`
pub(super) async fn correct(
    State(app): State<Arc<App>>,
    Path((text, method)): Path<(String, String)>,
    form: SignedForm,
) -> Page {
    let (thread, contact, method) = beside(&app, &text, &method)?;
    let kind = contact.method(method).ok_or(Fault::NotFound)?.kind;
    let SignedForm { signed, fields } = form;
    match corrected(&app, signed.words, method, kind, &fields) {
        Ok(destination) => {
            let by = signed.user.id;
            let submit = &app.console.submit;
            submit.correct(contact.id, method, destination, by).await?;
            Ok(see(&format!("/inbox/{}?done=corrected", thread.id)))
        }
        Err(rejected) => {
            let left = Left {
                rejected: Some(rejected),
                ..Left::default()
            };
            refused(app, signed, thread, Fields::default(), left).await
        }
    }
}
