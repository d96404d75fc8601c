//! A person's own addresses and numbers: add, prove, correct, pause, remove.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::fault::Fault;
use super::frame::Asked;
use super::limits::level;
use super::me::{Rejected, view};
use super::visit::VisitorForm;
use super::{Answer, Site, guard, see, sign_up};
use crate::domain::contact::METHODS_MAX;
use crate::domain::{
    Actor, Channel, ContactChange, Destination, LogEvent, Method, MethodId, MethodKind, MethodState,
};
use crate::submit::VerificationSent;

/// The method of this visitor that an address names.
fn own(form: &VisitorForm, id: &str) -> Result<Method, Fault> {
    let id: MethodId = id.parse().map_err(|_| Fault::NotFound)?;
    let method = form.visitor.contact.method(id);
    let method = method.filter(|method| method.state != MethodState::Removed);
    method.cloned().ok_or(Fault::NotFound)
}

fn after(sent: VerificationSent) -> Answer {
    Ok(see(match sent {
        VerificationSent::Queued(_) => "/me?done=sent",
        VerificationSent::TooSoon | VerificationSent::TooMany => "/me?done=soon",
        VerificationSent::NotPossible | VerificationSent::Off => "/me?done=not",
    }))
}

/// What follows when something that is not theirs yet was to be proved. That a link went there
/// just now would tell that somebody is known by it.
fn after_asking(form: &VisitorForm, to: &str, sent: VerificationSent) -> Answer {
    let mut methods = form.visitor.contact.methods.iter();
    let own = methods.any(|method| method.destination.lookup_key() == to);
    match sent {
        VerificationSent::TooSoon | VerificationSent::TooMany if !own => Ok(see("/me?done=sent")),
        sent => after(sent),
    }
}

/// `POST /me/methods/add`
pub(super) async fn add(State(site): State<Arc<Site>>, asked: Asked, form: VisitorForm) -> Answer {
    let kind = form.fields.get("kind");
    let kind = MethodKind::ALL.into_iter().find(|one| one.as_str() == kind);
    let kind = kind.ok_or(Fault::BadRequest)?;
    let contact = &form.visitor.contact;
    let used = contact
        .methods
        .iter()
        .filter(|method| method.state != MethodState::Removed)
        .count();
    let read = if used >= METHODS_MAX {
        Err("self.problem.too_many")
    } else {
        sign_up::method(&site, kind, form.fields.get("added"))
            .and_then(|method| method.ok_or("self.problem.empty"))
    };
    match read {
        Ok(method) => {
            guard::costly(&site, &form.parts)?;
            let sent = level(site.site.submit.request_addition(contact.id, &method)).await?;
            after_asking(&form, &method.destination.lookup_key(), sent)
        }
        Err(problem) => {
            let rejected = Rejected {
                fields: Some(&form.fields),
                problems: vec![("added", problem)],
                method: None,
            };
            view(&site, &asked, &form.visitor, &rejected)
        }
    }
}

/// `POST /me/methods/{id}/verify`: sends a link or code again.
pub(super) async fn verify(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    form: VisitorForm,
) -> Answer {
    let method = own(&form, &id)?;
    guard::costly(&site, &form.parts)?;
    let channel = (form.fields.get("by") == "call" && method.kind == MethodKind::Mobile)
        .then_some(Channel::Call);
    let sent = site.site.submit.send_verification_by(
        form.visitor.contact.id,
        method.id,
        channel,
        Actor::Person,
    );
    after(sent.await?)
}

/// `POST /me/methods/{id}/replace`: the old address is used until the new one is proved. The same
/// one again proves one that has failed.
pub(super) async fn replace(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(id): Path<String>,
    form: VisitorForm,
) -> Answer {
    let method = own(&form, &id)?;
    let read = sign_up::method(&site, method.kind, form.fields.get("to"))
        .and_then(|read| read.ok_or("self.problem.empty"))
        .and_then(|read| free(&form, &method, read.destination));
    match read {
        Ok(destination) => {
            guard::costly(&site, &form.parts)?;
            let contact = form.visitor.contact.id;
            let to = destination.lookup_key();
            let submit = &site.site.submit;
            let sent = level(submit.request_replacement(contact, method.id, destination)).await?;
            after_asking(&form, &to, sent)
        }
        Err(problem) => {
            let rejected = Rejected {
                fields: Some(&form.fields),
                problems: vec![("to", problem)],
                method: Some(method.id),
            };
            view(&site, &asked, &form.visitor, &rejected)
        }
    }
}

/// None of the person's other methods has it.
fn free(
    form: &VisitorForm,
    method: &Method,
    destination: Destination,
) -> Result<Destination, &'static str> {
    let key = destination.lookup_key();
    let taken = form.visitor.contact.methods.iter().any(|other| {
        other.id != method.id
            && other.kind == method.kind
            && other.state != MethodState::Removed
            && other.destination.lookup_key() == key
    });
    if taken {
        Err("self.problem.taken")
    } else {
        Ok(destination)
    }
}

/// `POST /me/methods/{id}/pause`: no messages here until it is resumed.
pub(super) async fn pause(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    form: VisitorForm,
) -> Answer {
    let change = |method: &mut Method| {
        let usable = method.state.is_usable();
        usable.then(|| {
            method.state = MethodState::OptedOut;
            ContactChange::MethodOptedOut
        })
    };
    changed(&site, &form, &id, change).await?;
    Ok(see("/me?done=paused"))
}

/// `POST /me/methods/{id}/resume`
pub(super) async fn resume(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    form: VisitorForm,
) -> Answer {
    let change = |method: &mut Method| {
        (method.state == MethodState::OptedOut).then(|| {
            method.state = if method.verified_at.is_some() {
                MethodState::Active
            } else {
                MethodState::Unverified
            };
            ContactChange::MethodOptedIn
        })
    };
    changed(&site, &form, &id, change).await?;
    Ok(see("/me?done=resumed"))
}

/// `POST /me/methods/{id}/remove`
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(id): Path<String>,
    form: VisitorForm,
) -> Answer {
    let method = own(&form, &id)?;
    let others = form
        .visitor
        .contact
        .methods
        .iter()
        .any(|other| other.id != method.id && other.state != MethodState::Removed);
    if !others {
        // Without any method nobody could log in again: that is leaving.
        let rejected = Rejected {
            fields: None,
            problems: vec![("methods", "self.problem.last")],
            method: None,
        };
        return view(&site, &asked, &form.visitor, &rejected);
    }
    let change = |method: &mut Method| {
        method.state = MethodState::Removed;
        method.suspension = None;
        Some(ContactChange::MethodRemoved)
    };
    changed(&site, &form, &id, change).await?;
    Ok(see("/me?done=removed"))
}

async fn changed(
    site: &Site,
    form: &VisitorForm,
    id: &str,
    change: impl Fn(&mut Method) -> Option<ContactChange> + Send + Sync,
) -> Result<(), Fault> {
    let id = own(form, id)?.id;
    let changing = site
        .site
        .tracker
        .change_contact(form.visitor.contact.id, |contact| {
            let method = contact.method_mut(id)?;
            let done = change(method);
            Some(
                done.map(|done| LogEvent::changed(done, Some(method), Actor::Person))
                    .into_iter()
                    .collect(),
            )
        });
    changing.await?;
    Ok(())
}
