//! The records of campaigns and templates, for fixtures and laws.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::arbitrary::{text, time, user_id};
use super::samples::at;
use crate::domain::template::{
    TemplateCategory, TemplateState, TemplateText, Variable, VariableKind,
};
use crate::domain::{Campaign, CampaignId, Channel, PastTemplate, Template, TemplateId, UserId};

pub(crate) fn template() -> Template {
    let variable = |name: &str, kind: VariableKind| Variable {
        name: name.to_owned(),
        kind,
        label: "Reply by".to_owned(),
        required: true,
        example: "2026-12-22".to_owned(),
    };
    Template {
        id: TemplateId::from_bytes([31; 16]),
        category: TemplateCategory::Section78,
        name: "Section 78: chase".to_owned(),
        version: 2,
        state: TemplateState::Retired,
        variables: vec![
            variable("reply_by", VariableKind::Date),
            variable("section", VariableKind::Choice(vec!["78".to_owned()])),
        ],
        texts: vec![TemplateText {
            channel: Channel::Email,
            language: "en".to_owned(),
            subject: "Reminder".to_owned(),
            text: "Reply by {{ reply_by }}.".to_owned(),
            html: "<p>Reply</p>".to_owned(),
        }],
        files: vec!["Letter of authority".to_owned()],
        ready_made: Some("section-78-chase".to_owned()),
        created_by: None,
        created_at: at(0),
        changed_by: Some(UserId::from_bytes([8; 16])),
        changed_at: at(5),
    }
}

pub(crate) fn campaign() -> Campaign {
    Campaign {
        id: CampaignId::from_bytes([22; 16]),
        name: "Winter burglaries".to_owned(),
        by: UserId::from_bytes([8; 16]),
        created_at: at(0),
        modified_at: at(5),
    }
}

pub(crate) fn past_template() -> PastTemplate {
    PastTemplate(template())
}

pub(crate) fn any_template() -> impl Strategy<Value = Template> {
    let kind = select(vec![
        VariableKind::Text,
        VariableKind::MultiLine,
        VariableKind::Date,
        VariableKind::Amount,
        VariableKind::Number,
        VariableKind::Email,
        VariableKind::Phone,
        VariableKind::Choice(vec!["77".to_owned(), "78".to_owned()]),
    ]);
    let variable = (text(), kind, text(), any::<bool>(), text()).prop_map(
        |(name, kind, label, required, example)| Variable {
            name,
            kind,
            label,
            required,
            example,
        },
    );
    let said = (
        select(Channel::ALL.to_vec()),
        text(),
        text(),
        text(),
        text(),
    )
        .prop_map(|(channel, language, subject, text, html)| TemplateText {
            channel,
            language,
            subject,
            text,
            html,
        });
    let state = select(vec![TemplateState::Active, TemplateState::Retired]);
    let what = (
        select(TemplateCategory::ALL.to_vec()),
        text(),
        1..9_u32,
        state,
    );
    let parts = (vec(variable, 0..3), vec(said, 0..3), vec(text(), 0..3));
    let who = (
        option::of(text()),
        option::of(user_id()),
        option::of(user_id()),
    );
    let more = (any::<[u8; 16]>(), time(), time());
    (what, parts, who, more).prop_map(|(what, parts, who, more)| Template {
        id: TemplateId::from_bytes(more.0),
        category: what.0,
        name: what.1,
        version: what.2,
        state: what.3,
        variables: parts.0,
        texts: parts.1,
        files: parts.2,
        ready_made: who.0,
        created_by: who.1,
        created_at: more.1,
        changed_by: who.2,
        changed_at: more.2,
    })
}
