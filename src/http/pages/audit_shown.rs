//! Entries of the record in plain words: what was done, and what it was done to, by its present name.

use data_encoding::HEXLOWER;

use super::super::App;
use super::super::data::Result;
use super::super::view::Chrome;
use super::super::words::Words;
use crate::domain::audit::{Subject, SubjectKind};
use crate::domain::{
    Access, AreaId, CampaignId, CaseId, CommunicationId, ContactId, DeliveryId, FilterId, GroupId,
    ImportId, Permission, TemplateId, ThreadId, UserId,
};

/// What is said of each act.
const ACTS: [&str; 143] = [
    "act.access.refused",
    "act.alert.alertmanager",
    "act.alert.cap",
    "act.anonymous.left_out",
    "act.answer.forget",
    "act.answer.name",
    "act.answer.unname",
    "act.approval.ask",
    "act.approval.decide",
    "act.area.change",
    "act.area.create",
    "act.area.delete",
    "act.area.place",
    "act.campaign.change",
    "act.campaign.create",
    "act.case.change",
    "act.case.hold",
    "act.case.open",
    "act.case.status",
    "act.communication.attach",
    "act.communication.change",
    "act.communication.create",
    "act.communication.delete",
    "act.communication.detach",
    "act.communication.follow",
    "act.communication.recontact",
    "act.communication.send",
    "act.communication.send_scheduled",
    "act.communication.template",
    "act.communication.trial",
    "act.communication.withdraw",
    "act.contact.change",
    "act.contact.consent",
    "act.contact.create",
    "act.contact.erase",
    "act.contact.erased",
    "act.contact.erasing",
    "act.contact.erasure_begun",
    "act.contact.erasure_refused",
    "act.contact.merge",
    "act.delivery.status",
    "act.entry.file",
    "act.evidence.make",
    "act.export.audit",
    "act.export.contacts",
    "act.export.correspondence",
    "act.export.findings",
    "act.export.log",
    "act.export.search",
    "act.export.statistics",
    "act.filter.change",
    "act.filter.create",
    "act.filter.delete",
    "act.gateway.reload",
    "act.gateway.reload_refused",
    "act.gateway.start",
    "act.gateway.stop",
    "act.group.add_all",
    "act.group.change",
    "act.group.create",
    "act.group.delete",
    "act.group.members",
    "act.import.cancel",
    "act.import.check",
    "act.import.create",
    "act.import.discard",
    "act.import.run",
    "act.import.start",
    "act.import.undo",
    "act.letter.begin",
    "act.mail.submit",
    "act.message.receive",
    "act.method.correct",
    "act.method.opt_in",
    "act.method.opt_out",
    "act.method.purposes",
    "act.method.reinstate",
    "act.method.remove",
    "act.method.suspend",
    "act.method.verify",
    "act.note.add",
    "act.password.refused",
    "act.public.ask_link",
    "act.public.begin",
    "act.public.confirm",
    "act.public.details",
    "act.public.end",
    "act.public.leave",
    "act.public.methods",
    "act.public.prove",
    "act.public.sign_up",
    "act.public.take_data",
    "act.public.unsubscribe",
    "act.public.wishes",
    "act.recipients.add",
    "act.recipients.add_all",
    "act.recipients.clear",
    "act.recipients.remove",
    "act.retention.delete",
    "act.retention.deleted",
    "act.second_factor.begin",
    "act.second_factor.off",
    "act.second_factor.on",
    "act.second_factor.refused",
    "act.second_factor.reset",
    "act.session.begin",
    "act.session.end",
    "act.session.end_all",
    "act.session.end_others",
    "act.session.refused",
    "act.template.change",
    "act.template.create",
    "act.template.render",
    "act.template.state",
    "act.text.start",
    "act.text.stop",
    "act.text.yes",
    "act.thread.answer",
    "act.thread.assign",
    "act.thread.attach",
    "act.thread.finish",
    "act.thread.read",
    "act.thread.scan",
    "act.token.create",
    "act.token.refused",
    "act.token.revoke",
    "act.user.change",
    "act.user.create",
    "act.user.disable",
    "act.user.enable",
    "act.user.name",
    "act.user.password",
    "act.user.settings",
    "act.webhook.change",
    "act.webhook.create",
    "act.webhook.delete",
    "act.webhook.disable",
    "act.webhook.enable",
    "act.webhook.end_secret",
    "act.webhook.resend",
    "act.webhook.secret",
    "act.webhook.state",
    "act.webhook.test",
];

/// What an act is called; empty for one that is not known (any more).
pub(super) fn phrase(words: &Words, act: &str) -> &'static str {
    let mut acts = ACTS.into_iter();
    let found = acts.find(|key| key.strip_prefix("act.") == Some(act));
    found.map_or("", |key| words.t(key))
}

/// Something that an act is about.
pub(super) struct SubjectLink {
    /// Which kind of thing.
    pub(super) kind: &'static str,
    pub(super) id: String,
    /// What it is called now; empty where that is nobody's here to know, or it is gone.
    pub(super) name: String,
    /// Where it is shown; none where whoever looks would be refused.
    pub(super) href: Option<String>,
}

/// A subject as whoever looks may see it.
pub(super) fn link_of(
    app: &App,
    access: &Access,
    c: &Chrome,
    subject: &Subject,
) -> Result<SubjectLink> {
    let id = HEXLOWER.encode(&subject.id);
    let seen = seen(app, access, c, subject)?;
    let (folder, name) = seen.map_or((None, String::new()), |seen| (seen.folder, seen.name));
    Ok(SubjectLink {
        kind: c.t(kind(subject.kind)),
        href: folder.map(|folder| format!("/{folder}/{id}")),
        id,
        name,
    })
}

/// What a kind of thing is called.
const fn kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Contact => "audit.kind_contact",
        SubjectKind::Communication => "audit.kind_communication",
        SubjectKind::Delivery => "audit.kind_delivery",
        SubjectKind::Case => "audit.kind_case",
        SubjectKind::Template => "audit.kind_template",
        SubjectKind::User => "audit.kind_user",
        SubjectKind::Group => "audit.kind_group",
        SubjectKind::Area => "audit.kind_area",
        SubjectKind::Campaign => "audit.kind_campaign",
        SubjectKind::Filter => "audit.kind_filter",
        SubjectKind::Token => "audit.kind_token",
        SubjectKind::Session => "audit.kind_session",
        SubjectKind::Import => "audit.kind_import",
        SubjectKind::Thread => "audit.kind_thread",
        SubjectKind::Webhook => "audit.kind_webhook",
        SubjectKind::Entry => "audit.kind_entry",
        SubjectKind::Answer => "audit.kind_answer",
    }
}

/// What there is of a subject.
struct Seen {
    folder: Option<&'static str>,
    name: String,
}

fn at(folder: &'static str, name: impl Into<String>) -> Seen {
    let name = name.into();
    Seen {
        folder: Some(folder),
        name,
    }
}

/// A place of those who administer, and a name for everybody.
fn of_administration(c: &Chrome, folder: &'static str, name: &str) -> Seen {
    Seen {
        folder: c.may(Permission::Administer).then_some(folder),
        name: name.to_owned(),
    }
}

fn seen(app: &App, access: &Access, c: &Chrome, subject: &Subject) -> Result<Option<Seen>> {
    let (repo, id) = (app.repo(), subject.id);
    Ok(match subject.kind {
        SubjectKind::Contact => {
            let contact = app.contact_for(access, ContactId::from_bytes(id))?;
            contact.map(|contact| at("contacts", contact.full_name()))
        }
        SubjectKind::Communication => {
            let sent = repo.communication(CommunicationId::from_bytes(id))?;
            match sent {
                Some(sent) if app.sees_communication(access, &sent)? => {
                    Some(at("communications", sent.title.as_str()))
                }
                Some(_) | None => None,
            }
        }
        SubjectKind::Delivery => {
            let delivery = repo.delivery(DeliveryId::from_bytes(id))?;
            match delivery {
                Some(one) if app.sees_delivery(access, &one)? => {
                    Some(at("deliveries", c.words.label(one.channel.as_str())))
                }
                Some(_) | None => None,
            }
        }
        SubjectKind::Case => {
            let case = repo.case(CaseId::from_bytes(id))?;
            let case = case.filter(|case| access.sees_case(case));
            case.map(|case| at("cases", case.reference.as_str()))
        }
        SubjectKind::Thread => {
            let thread = repo.thread(ThreadId::from_bytes(id))?;
            match thread {
                Some(thread) if app.sees_thread(access, &thread)? => {
                    Some(at("inbox", thread.subject.reveal().as_str()))
                }
                Some(_) | None => None,
            }
        }
        _ => seen_by_all(app, c, subject)?,
    })
}

/// What has a name that everybody may know who may read the record.
fn seen_by_all(app: &App, c: &Chrome, subject: &Subject) -> Result<Option<Seen>> {
    let (repo, id) = (app.repo(), subject.id);
    Ok(match subject.kind {
        SubjectKind::Template => {
            let template = repo.template(TemplateId::from_bytes(id))?;
            template.map(|template| at("templates", template.name.as_str()))
        }
        SubjectKind::User => {
            let user = repo.user(UserId::from_bytes(id))?;
            user.map(|user| of_administration(c, "users", &user.name))
        }
        SubjectKind::Area => {
            let area = repo.area(AreaId::from_bytes(id))?;
            area.map(|area| of_administration(c, "areas", &area.name))
        }
        SubjectKind::Group => {
            let group = repo.group(GroupId::from_bytes(id))?;
            group.map(|group| at("groups", group.name.as_str()))
        }
        SubjectKind::Campaign => {
            let campaign = repo.campaign(CampaignId::from_bytes(id))?;
            campaign.map(|campaign| at("campaigns", campaign.name.as_str()))
        }
        SubjectKind::Filter => {
            let filter = repo.filter(FilterId::from_bytes(id))?;
            filter.map(|filter| Seen {
                folder: None,
                name: filter.name.clone(),
            })
        }
        SubjectKind::Import => {
            let import = repo.import(ImportId::from_bytes(id))?;
            import
                .filter(|_| c.may_import())
                .map(|_| at("contacts/imports", ""))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::access::all_acts;

    #[test]
    fn every_act_is_said_in_words() {
        let words = Words::of("en");
        for act in all_acts() {
            assert_ne!(phrase(words, act), "", "{act}");
        }
        assert_eq!(phrase(words, "session.end"), "Logged out");
        assert_eq!(phrase(Words::of("fr"), "session.begin"), "Connexion");
        assert_eq!(phrase(words, "nothing"), "");
    }
}
