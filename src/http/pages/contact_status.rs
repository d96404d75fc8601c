//! "Current communication status": what fails, since when, how often, and what to do about it.
//! Stands on the contact's page and in the editor.

use super::super::App;
use super::super::data::{Result, history};
use super::super::times::When;
use super::super::view::{Badge, Chrome, failing, kind_icon};
use crate::domain::template::TemplateCategory;
use crate::domain::{
    Channel, Contact, ContactId, ContactKind, Method, MethodId, MethodKind, MethodState,
};

/// From so many suspensions on somebody keeps bouncing.
const OFTEN: u16 = 2;

/// A method that fails, and the ways out.
pub(super) struct Failing {
    pub(super) id: MethodId,
    pub(super) kind: String,
    pub(super) to: String,
    pub(super) why: String,
    pub(super) reinstate: &'static str,
    pub(super) field: &'static str,
    pub(super) entered: String,
    pub(super) open: bool,
    pub(super) problem: String,
    /// It may be taken if whoever entered it is sure.
    pub(super) doubtful: bool,
}

/// Any method, and what can be done with it.
pub(super) struct Step {
    pub(super) id: MethodId,
    pub(super) icon: &'static str,
    pub(super) kind: String,
    pub(super) to: String,
    pub(super) state: Badge,
    pub(super) failing: bool,
    pub(super) opted_out: bool,
    /// "suspended 3 times", from the second time on.
    pub(super) often: String,
    /// When, latest first.
    pub(super) when: Vec<When>,
    /// What is sent to prove it, and by which channels, while nobody has proved it.
    pub(super) proofs: Vec<(Channel, &'static str)>,
    /// The letters that a creditor's address may be kept for; empty where that is not asked.
    pub(super) purposes: Vec<Purpose>,
    /// Those it is kept for, in a few words.
    pub(super) kept_for: String,
}

/// Letters of a kind.
pub(super) struct Purpose {
    pub(super) value: &'static str,
    pub(super) title: String,
    pub(super) chosen: bool,
}

/// How a contact stands.
pub(super) struct Standing {
    pub(super) contact: ContactId,
    pub(super) failing: Vec<Failing>,
    pub(super) steps: Vec<Step>,
}

/// An address that was entered and is none, or is doubtful.
pub(super) struct Rejected {
    pub(super) method: MethodId,
    pub(super) entered: String,
    pub(super) problem: String,
    pub(super) doubtful: bool,
}

/// How a contact stands, with the words for it.
pub(super) fn standing(
    app: &App,
    c: &Chrome,
    contact: &Contact,
    rejected: Option<&Rejected>,
) -> Result<Standing> {
    let mut methods: Vec<&Method> = contact
        .methods
        .iter()
        .filter(|method| method.state != MethodState::Removed)
        .collect();
    methods.sort_by_key(|method| method.kind);
    let mut steps = Vec::with_capacity(methods.len());
    for method in methods {
        let step = step(app, c, contact.id, method)?;
        steps.push(if contact.kind == ContactKind::Creditor {
            with_purposes(step, c, method)
        } else {
            step
        });
    }
    let failing = failing(contact);
    Ok(Standing {
        contact: contact.id,
        failing: failing
            .into_iter()
            .map(|method| failing_view(c, method, rejected))
            .collect(),
        steps,
    })
}

fn step(app: &App, c: &Chrome, contact: ContactId, method: &Method) -> Result<Step> {
    let often = method.suspensions >= OFTEN;
    let when = if often {
        history::suspensions(app.repo(), contact, method.id)?
    } else {
        Vec::new()
    };
    let proofs = match method.kind {
        _ if method.state != MethodState::Unverified => Vec::new(),
        MethodKind::Email => vec![(Channel::Email, "contact.prove_email")],
        MethodKind::Mobile => vec![
            (Channel::Text, "contact.prove_text"),
            (Channel::Call, "contact.prove_call"),
        ],
        MethodKind::Landline => vec![(Channel::Call, "contact.prove_call")],
    };
    debug_assert!(
        proofs
            .first()
            .is_none_or(|proof| proof.0 == method.kind.usual_channel()),
        "the usual proof comes first"
    );
    Ok(Step {
        id: method.id,
        icon: kind_icon(method.kind),
        kind: c.kind(&method.kind),
        to: method.destination.reveal().to_owned(),
        state: c.method_state(&method.state),
        failing: method.state == MethodState::Suspended,
        opted_out: method.state == MethodState::OptedOut,
        often: if often {
            c.f1("contact.often", method.suspensions)
        } else {
            String::new()
        },
        when: when.iter().map(|at| c.when(at)).collect(),
        proofs,
        purposes: Vec::new(),
        kept_for: String::new(),
    })
}

/// What letters go to an address.
fn with_purposes(step: Step, c: &Chrome, method: &Method) -> Step {
    let kept: Vec<String> = method
        .purposes
        .iter()
        .map(|one| c.words.say(one.title()).to_owned())
        .collect();
    Step {
        purposes: TemplateCategory::ALL
            .into_iter()
            .map(|one| Purpose {
                value: one.as_str(),
                title: c.words.say(one.title()).to_owned(),
                chosen: method.purposes.contains(&one),
            })
            .collect(),
        kept_for: if kept.is_empty() {
            c.t("purposes.all").to_owned()
        } else {
            kept.join(", ")
        },
        ..step
    }
}

/// Key of the label of a method's field.
pub(super) const fn field(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Email => "field.email",
        MethodKind::Mobile => "field.mobile",
        MethodKind::Landline => "field.landline",
    }
}

fn failing_view(c: &Chrome, method: &Method, rejected: Option<&Rejected>) -> Failing {
    let reinstate = match method.kind {
        MethodKind::Email => "contact.reinstate_email",
        MethodKind::Mobile => "contact.reinstate_mobile",
        MethodKind::Landline => "contact.reinstate_landline",
    };
    let why = method.suspension.as_ref().map(|suspension| {
        let since = c.when(&suspension.at).inside;
        let reason = c.words.say(suspension.verdict.reason.explain());
        let then = c.words.say(suspension.verdict.permanence.explain());
        format!("{} {reason} {then}", c.f1("contact.suspended", since))
    });
    let rejected = rejected.filter(|rejected| rejected.method == method.id);
    let to = method.destination.reveal().to_owned();
    Failing {
        id: method.id,
        kind: c.kind(&method.kind),
        why: why.unwrap_or_default(),
        reinstate: c.t(reinstate),
        field: c.t(field(method.kind)),
        entered: rejected.map_or_else(|| to.clone(), |rejected| rejected.entered.clone()),
        open: rejected.is_some(),
        problem: rejected
            .map(|rejected| rejected.problem.clone())
            .unwrap_or_default(),
        doubtful: rejected.is_some_and(|rejected| rejected.doubtful),
        to,
    }
}
