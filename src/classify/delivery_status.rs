//! Delivery status notifications (RFC 3464), and those that only nearly are.

use super::{
    free_text::{self, Story},
    mail::{FINDINGS_MAX, Finding, MailFinding},
    smtp_reply::{classify_text, reason_of_words},
};
use crate::{
    domain::{BounceClass, EnhancedStatus, Fault, Permanence, Reason, Verdict},
    proto::mime::{
        header::{HeaderBlock, first_address},
        read::IncomingMail,
    },
};

/// `None` if the mail holds no recipient's status.
pub(super) fn classify(mail: &IncomingMail) -> Option<MailFinding> {
    let in_text;
    let blocks = match &mail.delivery_status {
        Some(blocks) => blocks,
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
    let story = Story::of(mail);
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
        verdict.class = class;
        verdict.permanence = Permanence::Temporary;
    }
    verdict
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
            |(kind, rest)| if kind.len() < 12 { rest } else { diagnostic },
        );
    let mut verdict = if diagnostic
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
    } else {
        classify_text(told, status, story.phase)
    };
    // The words of the block are worth more than the story around it, but a block that says
    // nothing of its own leaves the story to be read.
    let silent = reason_of_words(told).is_none();
    if silent
        && let Some(reason) =
            reason_of_words(status_field).or_else(|| better_told(verdict.reason, story))
    {
        let permanence = verdict.permanence;
        verdict = Verdict::failure(reason, permanence).with_status(verdict.status_code);
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
fn better_told(reason: Reason, story: &Story<'_>) -> Option<Reason> {
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
    let found = story.reason?;
    let worth = !matches!(
        found,
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
    }
}
