#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::template::{TemplateCategory, TemplateState};
use crate::domain::{TemplateId, Timestamp};
use crate::proto::smpp::encoding::estimate;

fn template(text: &str, variables: &[(&str, VariableKind, bool)]) -> Template {
    let variable = |(name, kind, required): &(&str, VariableKind, bool)| Variable {
        name: (*name).to_owned(),
        kind: kind.clone(),
        label: (*name).to_owned(),
        required: *required,
        example: String::new(),
    };
    Template {
        id: TemplateId::from_bytes([1; 16]),
        category: TemplateCategory::General,
        name: "Letter".into(),
        version: 1,
        state: TemplateState::Active,
        variables: variables.iter().map(variable).collect(),
        texts: vec![TemplateText {
            channel: Channel::Email,
            language: "en".into(),
            subject: "About {{ client.full_name }}".into(),
            text: text.into(),
            html: format!("<p>{text}</p>"),
        }],
        files: Vec::new(),
        ready_made: None,
        created_by: None,
        created_at: Timestamp::from_millis(1),
        changed_by: None,
        changed_at: Timestamp::from_millis(1),
    }
}

fn values(pairs: &[(&str, &str)]) -> Values {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(pair).collect()
}

fn rendered(
    of: &Template,
    known: &[(&str, &str)],
    entered: &[(&str, &str)],
) -> Result<Rendered, RenderError> {
    render(of, &of.texts[0], &values(known), &values(entered))
}

const ADA: (&str, &str) = ("client.full_name", "Ada <Bell>");

#[test]
fn values_stand_in_their_gaps_escaped_in_html_alone() {
    let kinds = [
        ("day", VariableKind::Date, true),
        ("sum", VariableKind::Amount, true),
        ("note", VariableKind::MultiLine, false),
    ];
    let letter = template(
        "{{ day }} {{ sum }} {% if note %}{{ note }}{% else %}-{% endif %}",
        &kinds,
    );
    assert_eq!(problems(&letter), []);
    let entered = [
        ("day", "2026-12-01"),
        ("sum", "1234.5"),
        ("note", "a & b\n<c>"),
    ];
    let out = rendered(&letter, &[ADA], &entered).unwrap();
    assert_eq!(out.subject, "About Ada <Bell>");
    assert_eq!(out.text, "1 December 2026 £1,234.50 a & b\n<c>");
    assert_eq!(
        out.html,
        "<p>1 December 2026 £1,234.50 a &amp; b<br>\n&lt;c&gt;</p>"
    );
    let without = rendered(&letter, &[ADA], &entered[..2]).unwrap();
    assert!(without.text.ends_with(" -"), "{}", without.text);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let kinds = [
        ("day", VariableKind::Date, true),
        ("sum", VariableKind::Amount, true),
    ];
    let letter = template("{{ day }} {{ sum }} {{ chase.number }}", &kinds);
    let missing = ["chase.number", "client.full_name", "day", "sum"].map(str::to_owned);
    assert_eq!(
        rendered(&letter, &[], &[]),
        Err(RenderError::Missing(missing.to_vec()))
    );
    let Err(RenderError::Wrong(wrong)) =
        rendered(&letter, &[], &[("day", "soon"), ("sum", "1,00")])
    else {
        panic!("nonsense was taken");
    };
    assert_eq!(wrong.len(), 2);
}

#[test]
fn a_value_brings_no_syntax_and_no_line_of_a_header() {
    let letter = template("{{ line }}", &[("line", VariableKind::Text, true)]);
    let out = rendered(
        &letter,
        &[("client.full_name", "A\r\nBcc: x@example.org")],
        &[("line", "{{ user.name }}{% if %}")],
    );
    let out = out.unwrap();
    assert_eq!(out.text, "{{ user.name }}{% if %}");
    assert!(!out.subject.contains(['\r', '\n']), "{}", out.subject);
    assert!(matches!(
        rendered(&letter, &[ADA], &[("line", "a\nb")]),
        Err(RenderError::Wrong(_))
    ));
}

#[test]
fn what_is_no_template_is_refused_with_its_line() {
    let sentence = |text: &str| syntax::check(text, &[]).unwrap_err().to_string();
    for (text, start) in [
        ("a\n{{ client.nick }}", "Line 2: there is no variable"),
        ("\n\n{{ today", "Line 3: “{{” is never closed"),
        ("{% if today %}", "Line 1: this “if” has no “endif”"),
        (
            "{% for a in today %}{% endfor %}",
            "Line 1: “for a in today”",
        ),
        ("{% include 'x' %}", "Line 1: “include"),
        ("{% macro x() %}{% endmacro %}", "Line 1: “macro"),
        ("{% set a = 1 %}", "Line 1: “set"),
        ("{{ today * 9 }}", "Line 1: write the name"),
        ("{{ 'a' * 99999999 }}", "Line 1: write the name"),
        ("{{ today | upper }}", "Line 1: write the name"),
        ("{{ x.__class__ }}", "Line 1: write the name"),
        ("{{ range(9) }}", "Line 1: write the name"),
        ("{{ }}", "Line 1: write the name"),
        ("{{--today}}", "Line 1: write the name"),
        ("{{ today --}}", "Line 1: write the name"),
        ("{%--if today %}{% endif %}", "Line 1: “-if"),
        ("{{ none }}", "Line 1: write the name"),
        ("{% else %}", "Line 1: “else”"),
        (
            "{% if today %}{% else %}{% else %}{% endif %}",
            "Line 1: “else”",
        ),
        ("{% endif %}", "Line 1: “endif”"),
    ] {
        let said = sentence(text);
        assert!(said.starts_with(start), "{text:?}: {said}");
    }
    assert!(sentence(&"{% if today %}".repeat(1000)).starts_with("Line 1"));
    let gaps = syntax::check(
        "{% if not today %}{{ user.name }}{% elif case.title %}{# } #}{% endif %}",
        &[],
    );
    assert_eq!(gaps.unwrap().asked.len(), 2);
}

#[test]
fn no_text_makes_the_reader_of_templates_panic() {
    let hostile = "a{{ today }}é{% if today %}b{%- else -%}{# c #}{% endif %}{{{% %}}}";
    for start in (0..hostile.len()).filter(|at| hostile.is_char_boundary(*at)) {
        for end in (start..=hostile.len()).filter(|at| hostile.is_char_boundary(*at)) {
            if syntax::check(&hostile[start..end], &[]).is_ok() {
                let letter = template(&hostile[start..end], &[]);
                let _ = rendered(&letter, &[ADA, ("today", "now")], &[]);
            }
        }
    }
}

#[test]
fn kinds_are_checked_and_written_as_their_language_does() {
    let form = |kind: VariableKind, text: &str, language| form_value(&kind, text, language).ok();
    assert_eq!(
        form(VariableKind::Date, "2026-12-01", "fr").as_deref(),
        Some("1er décembre 2026")
    );
    assert_eq!(form(VariableKind::Amount, "€ 1 250,5", "fr"), None);
    assert_eq!(
        form(VariableKind::Amount, "€1250.5", "fr").as_deref(),
        Some("1\u{202f}250,50\u{a0}€")
    );
    assert_eq!(form(VariableKind::Amount, "12.345", "en"), None);
    assert_eq!(
        form(VariableKind::Number, "1234567.89", "en").as_deref(),
        Some("1,234,567.89")
    );
    assert_eq!(form(VariableKind::Number, "-1", "en"), None);
    assert_eq!(
        form(VariableKind::Email, "a@example.org", "en").as_deref(),
        Some("a@example.org")
    );
    assert_eq!(form(VariableKind::Email, "nobody", "en"), None);
    assert_eq!(
        form(VariableKind::Phone, "020 7946 0000", "en").as_deref(),
        Some("020 7946 0000")
    );
    assert_eq!(form(VariableKind::Phone, "call me", "en"), None);
    let choice = VariableKind::Choice(vec!["77".into(), "78".into()]);
    assert_eq!(form(choice.clone(), "78", "en").as_deref(), Some("78"));
    assert_eq!(form(choice, "80", "en"), None);
    assert_eq!(form(VariableKind::Text, &"x".repeat(501), "en"), None);
}

/// What is known in a matter that everything is known of.
fn everything() -> Values {
    KNOWN
        .iter()
        .map(|name| ((*name).to_owned(), (*name).to_owned()))
        .collect()
}

#[test]
fn the_ready_made_set_is_whole_and_can_be_sent() {
    let all = builtin::all(Timestamp::from_millis(1));
    assert_eq!(all.len(), builtin::COUNT, "a file is no template");
    for one in &all {
        assert_eq!(problems(one), [], "{}", one.name);
        let examples: Values = one
            .variables
            .iter()
            .map(|v| (v.name.clone(), v.example.clone()))
            .collect();
        for text in &one.texts {
            let out = render(one, text, &everything(), &examples).unwrap();
            assert!(
                !out.text.contains("{{") && !out.text.contains("\n\n\n"),
                "{}\n{}",
                one.name,
                out.text
            );
            assert_eq!(
                out.subject.is_empty(),
                text.channel == Channel::Text,
                "{}",
                one.name
            );
            if text.channel == Channel::Text {
                let needed = estimate(&out.text, Default::default()).segments;
                assert!(needed <= 2, "{}: {}", one.name, out.text);
            }
        }
    }
    let names = |category| -> Vec<&str> {
        let of = all.iter().filter(|one| one.category == category);
        of.map(|one| one.name.as_str()).collect()
    };
    assert_eq!(
        names(TemplateCategory::Dsar),
        [
            "DSAR: initial request",
            "DSAR: chase 1",
            "DSAR: chase 2",
            "DSAR: chase 3"
        ]
    );
    assert_eq!(names(TemplateCategory::Section78).len(), 2);
    assert_eq!(names(TemplateCategory::Loc).len(), 3);
    assert_eq!(names(TemplateCategory::Settlement).len(), 3);
    assert_eq!(names(TemplateCategory::General).len(), 5);
}

#[test]
fn texts_for_reminders_notices_and_links_are_ready_made() {
    let all = builtin::all(Timestamp::from_millis(1));
    for key in [
        "appointment-reminder",
        "payment-reminder",
        "urgent-notice",
        "portal-link",
    ] {
        let one = all
            .iter()
            .find(|one| one.ready_made.as_deref() == Some(key))
            .unwrap();
        for language in ["en", "fr"] {
            let text = one.text(Channel::Text, language, "").unwrap();
            assert_eq!(
                (text.channel, text.language.as_str()),
                (Channel::Text, language)
            );
            assert!(
                text.html.is_empty() && text.subject.is_empty(),
                "{key} is not plain"
            );
        }
    }
}

/// Words that minijinja reads as something else than a name are no names of variables.
#[test]
fn every_name_of_a_variable_can_be_filled() {
    let words = "and or not in is if elif else endif true false none loop self for block raw set \
        macro call do with import from include filter super caller recursive as ignore missing \
        range dict namespace debug today_is x";
    let groups = "client case creditor user organisation chase original";
    for name in words.split_whitespace().chain(groups.split(' ')) {
        let asks = format!("{{{{-{name}-}}}} {{{{ client.reference }}}}");
        let letter = template(&asks, &[(name, VariableKind::Text, true)]);
        let refused = problems(&letter);
        if groups.split(' ').any(|group| group == name)
            || ["none", "loop", "self", "and", "true"].contains(&name)
        {
            assert!(refused.iter().any(|one| one.field == "variables"), "{name}");
        }
        if refused.is_empty() {
            let out = rendered(
                &letter,
                &[ADA, ("client.reference", "R1")],
                &[(name, "value")],
            );
            assert_eq!(out.map(|out| out.text).as_deref(), Ok("valueR1"), "{name}");
        }
    }
}
