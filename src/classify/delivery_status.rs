//! Delivery status notifications (RFC 3464), and those that only nearly are.

use super::{
    free_text::{self, Story},
    mail::{FINDINGS_MAX, Finding, MailFinding},
    rules::{Rules, Said},
    smtp_reply::{classify_said, for_now},
};
use crate::{
    domain::{BounceClass, EnhancedStatus, Fault, Permanence, Reason, RuleName, Verdict},
    proto::mime::{
        header::{HeaderBlock, first_address},
        read::IncomingMail,
    },
};

/// `None` if the mail holds no recipient's status.
pub(super) fn classify(rules: &Rules, mail: &IncomingMail) -> Option<MailFinding> {
    let (in_text, parted): (Vec<HeaderBlock>, Vec<HeaderBlock>);
    let blocks = match &mail.delivery_status {
        Some(blocks) => {
            if blocks.iter().any(speaks_of_several) {
                parted = blocks.iter().flat_map(parts_of).collect();
                &parted
            } else {
                blocks
            }
        }
        None => {
            in_text = blocks_in_text(&mail.text)?;
            &in_text
        }
    };
    let about: Vec<&HeaderBlock> = blocks
        .iter()
        .filter(|b| recipient_of(b).is_some())
        .take(FINDINGS_MAX)
        .collect();
    let story = Story::of(rules, mail);
    let mut findings: Vec<Finding> = Vec::new();
    for block in about {
        let Some(address) = recipient_of(block) else {
            continue;
        };
        let verdict = verdict_of(block, &story);
        match findings.iter_mut().find(|f| f.address == address) {
            Some(known) if known.verdict.reason == Reason::Undefined => known.verdict = verdict,
            Some(_) => {}
            None => findings.push(Finding { address, verdict }),
        }
    }
    (!findings.is_empty()).then(|| MailFinding::from_findings(findings, BounceClass::Unknown))
}

fn speaks_of_several(block: &HeaderBlock) -> bool {
    block.get_all("Final-Recipient").nth(1).is_some()
}

/// A block for each recipient, also where the empty lines between them are missing.
fn parts_of(block: &HeaderBlock) -> Vec<HeaderBlock> {
    if !speaks_of_several(block) {
        return vec![block.clone()];
    }
    let mut parts = vec![HeaderBlock::default()];
    for (name, value) in block.iter() {
        let begins = name.eq_ignore_ascii_case("Final-Recipient");
        if begins && parts.last().is_some_and(|part| part.has("Final-Recipient")) {
            parts.push(HeaderBlock::default());
        }
        if let Some(part) = parts.last_mut() {
            part.push(name, value);
        }
    }
    parts
}

/// Status blocks that stand in the readable text of mailers that do not know MIME.
fn blocks_in_text(text: &str) -> Option<Vec<HeaderBlock>> {
    let lower = text.to_ascii_lowercase();
    let at = lower
        .find("\nfinal-recipient:")
        .or_else(|| lower.find("\noriginal-recipient:"))?;
    let start = lower[..at]
        .rfind("\n\n")
        .or_else(|| lower[..at].rfind("\n\r\n"))
        .map_or(0, |i| i + 2);
    let blocks = HeaderBlock::parse_all(&text[start..]);
    let about = blocks
        .into_iter()
        .filter(|b| recipient_of(b).is_some() && (b.has("Action") || b.has("Status")));
    Some(about.collect::<Vec<_>>()).filter(|blocks| !blocks.is_empty())
}

/// The address as we wrote it, else as the last server knew it.
fn recipient_of(block: &HeaderBlock) -> Option<String> {
    let field = |name| {
        block
            .get(name)
            .map(|value: &str| value.split_once(';').map_or(value, |(_, address)| address))
    };
    [
        "Original-Recipient",
        "Final-Recipient",
        "X-Actual-Recipient",
    ]
    .into_iter()
    .filter_map(field)
    .find_map(first_address)
}

fn verdict_of(block: &HeaderBlock, story: &Story<'_>) -> Verdict {
    let action = block
        .get("Action")
        .unwrap_or("failed")
        .trim()
        .to_lowercase();
    let status_field = block.get("Status").unwrap_or_default();
    let status = status_field
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ';' | ','))
        .find_map(EnhancedStatus::parse);
    let diagnostic = diagnostic_of(block);
    let class = match action.as_str() {
        "delivered" => return positive(status, diagnostic),
        // RFC 3464 section 2.3.3: handed to a system that will not report, or to a list. Nobody is
        // known to be reached by that.
        "relayed" | "expanded" => return passed_on(status, diagnostic),
        "delayed" | "delay" => Some(BounceClass::Delay),
        _ => None,
    };
    let mut verdict = judge(&diagnostic, status, status_field, story);
    if let Some(class) = class {
        if verdict.status_code.is_none_or(|status| status.detail == 0) && !by_words(&verdict) {
            // Nothing is said but that it takes long.
            verdict.reason = Reason::Expired;
            verdict.rule = RuleName::fixed("report: action delayed");
        }
        verdict.class = class;
        verdict.permanence = Permanence::Temporary;
    }
    verdict
}

/// Whether words decided, and not a code.
fn by_words(verdict: &Verdict) -> bool {
    !matches!(verdict.rule.name(), "" | "status" | "code")
}

/// The diagnostic as it was written, else what else the block says.
fn diagnostic_of(block: &HeaderBlock) -> String {
    let codes: Vec<&str> = block
        .get_all("Diagnostic-Code")
        .filter(|v| !v.trim().is_empty())
        .collect();
    if codes.is_empty() {
        block
            .get("Remote-MTA-Reply")
            .or_else(|| block.get("X-Notes"))
            .unwrap_or_default()
            .to_owned()
    } else {
        codes.join(" ")
    }
}

/// Whether this is the name of a type of diagnostic (RFC 3464, 2.1.2), and not the beginning of
/// words that hold a semicolon.
fn is_type(kind: &str) -> bool {
    let kind = kind.trim();
    kind.len() < 32 && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn judge(
    diagnostic: &str,
    status: Option<EnhancedStatus>,
    status_field: &str,
    story: &Story<'_>,
) -> Verdict {
    let told = diagnostic
        .split_once(';')
        .map_or(
            diagnostic,
            |(kind, rest)| if is_type(kind) { rest } else { diagnostic },
        );
    let words = story.rules.of_words(told);
    let silent = words.is_none();
    let is_plain = words
        .as_ref()
        .is_some_and(|said| said.reason != Reason::Mailer);
    let mut verdict = if !is_plain
        && diagnostic
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("x-unix")
    {
        Verdict::failure(
            Reason::Mailer,
            status
                .and_then(EnhancedStatus::permanence)
                .unwrap_or(Permanence::Permanent),
        )
        .with_status(status)
        .by(RuleName::fixed("report: x-unix"))
    } else {
        classify_said(story.rules, told, words, status, story.phase)
    };
    // The words of the block are worth more than the story around it, but a block that says
    // nothing of its own leaves the story to be read.
    let in_status = || story.rules.of_words(status_field);
    if silent && let Some(said) = in_status().or_else(|| better_told(verdict.reason, story)) {
        let permanence = verdict.permanence;
        let reason = for_now(said.reason, permanence, true);
        verdict = Verdict::failure(reason, permanence)
            .with_status(verdict.status_code)
            .by(said.rule);
    }
    // The comment beside X.2.1 may say that the mailbox is switched off, of a user who is unknown.
    let is_unknown = matches!(verdict.reason, Reason::UserUnknown | Reason::Filtered);
    if is_unknown && let Some(said) = in_status().filter(|said| said.reason == Reason::Suspended) {
        verdict = Verdict::failure(said.reason, verdict.permanence)
            .with_status(verdict.status_code)
            .by(said.rule);
    }
    if verdict.status_code.is_none() {
        verdict.status_code = story.verdict.status_code;
    }
    let written = if diagnostic.trim().is_empty() {
        free_text::first_statement(story.told)
    } else {
        diagnostic.trim()
    };
    verdict.with_diagnostic(written)
}

/// What the readable part adds where the status code is silent or says too little.
fn better_told(reason: Reason, story: &Story<'_>) -> Option<Said> {
    let vague = matches!(
        reason,
        Reason::Undefined
            | Reason::Filtered
            | Reason::Network
            | Reason::Policy
            | Reason::System
            | Reason::Syntax
            | Reason::Content
    );
    if !vague {
        return None;
    }
    let found = story.said.clone()?;
    let worth = !matches!(
        found.reason,
        Reason::Policy | Reason::System | Reason::Content | Reason::Syntax
    ) || reason == Reason::Undefined;
    worth.then_some(found)
}

fn passed_on(status: Option<EnhancedStatus>, diagnostic: String) -> Verdict {
    Verdict {
        class: BounceClass::Unknown,
        reason: Reason::Accepted,
        permanence: Permanence::Temporary,
        ..positive(status, diagnostic)
    }
}

fn positive(status: Option<EnhancedStatus>, diagnostic: String) -> Verdict {
    Verdict {
        class: BounceClass::Success,
        reason: Reason::Delivered,
        permanence: Permanence::Permanent,
        fault: Fault::Unknown,
        status_code: status,
        diagnostic: crate::domain::Diagnostic::new(diagnostic),
        rule: RuleName::fixed("report: action"),
    }
}
