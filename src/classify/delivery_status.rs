//! Delivery status notifications (RFC 3464), and those that only nearly are.

use std::borrow::Cow;

use super::{
    free_text::{self, Story},
    mail::{FINDINGS_MAX, Finding, MailFinding},
    rules::{Rules, Said},
    smtp_reply::classify_said,
    text::normalise,
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
    let blocks = match &mail.delivery_status {
        Some(blocks) => Cow::Borrowed(blocks),
        None => Cow::Owned(blocks_in_text(&mail.text)?),
    };
    let parts = blocks.iter().flat_map(parts_of);
    let about = parts.filter_map(|block| Some((recipient_of(&block)?, block)));
    let story = Story::of(rules, mail);
    let mut findings: Vec<Finding> = Vec::new();
    for (address, block) in about.take(FINDINGS_MAX) {
        let verdict = verdict_of(&block, &story);
        match findings.iter_mut().find(|f| f.address == address) {
            Some(known) if known.verdict.reason == Reason::Undefined => known.verdict = verdict,
            Some(_) => {}
            None => findings.push(Finding { address, verdict }),
        }
    }
    (!findings.is_empty()).then(|| MailFinding::from_findings(findings, BounceClass::Unknown))
}

/// A block for each recipient, also where the empty lines between them are missing.
fn parts_of(block: &HeaderBlock) -> Vec<Cow<'_, HeaderBlock>> {
    if block.get_all("Final-Recipient").nth(1).is_none() {
        return vec![Cow::Borrowed(block)];
    }
    let mut parts = Vec::new();
    let mut part = HeaderBlock::default();
    // RFC 3464 has the address as it was written in front of the address as it was known last;
    // Postfix has them the other way round.
    let names = ["Original-Recipient", "Final-Recipient"];
    let is_one = |name: &str| names.iter().any(|one| one.eq_ignore_ascii_case(name));
    let first = block.iter().map(|(name, _)| name).find(|name| is_one(name));
    for (name, value) in block.iter() {
        let leads = first.is_some_and(|first| first.eq_ignore_ascii_case(name));
        let has_any = names.iter().any(|one| part.has(one));
        if is_one(name) && (part.has(name) || leads && has_any) {
            parts.push(Cow::Owned(std::mem::take(&mut part)));
        }
        part.push(name, value);
    }
    parts.push(Cow::Owned(part));
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
        let value = block.get(name)?;
        let (kind, address) = value.split_once(';').unwrap_or(("", value));
        // An address beyond ASCII may be written in ASCII (RFC 6533, 3).
        let is_coded = kind.trim().eq_ignore_ascii_case("utf-8");
        Some(if is_coded {
            without_escapes(address)
        } else {
            address.to_owned()
        })
    };
    [
        "Original-Recipient",
        "Final-Recipient",
        "X-Actual-Recipient",
    ]
    .into_iter()
    .filter_map(field)
    .find_map(|address| first_address(&address))
}

/// An address in `utf-8-addr-xtext` or `utf-8-addr-unitext` (RFC 6533 section 3): characters may
/// stand there as `\\x{20AC}`.
fn without_escapes(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    let mut rest = address;
    while let Some((before, coded)) = rest.split_once("\\x{") {
        out.push_str(before);
        let character = coded.split_once('}').and_then(|(digits, behind)| {
            let character = u32::from_str_radix(digits, 16)
                .ok()
                .and_then(char::from_u32)?;
            Some((character, behind))
        });
        match character {
            Some((character, behind)) => {
                out.push(character);
                rest = behind;
            }
            None => {
                out.push_str("\\x{");
                rest = coded;
            }
        }
    }
    out + rest
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
        "delayed" | "delay" if !is_given_up(block, story) => Some(BounceClass::Delay),
        _ => None,
    };
    let mut verdict = judge(&diagnostic, status, status_field, story);
    if class.is_none() && action.starts_with("delay") {
        verdict.permanence = Permanence::Permanent;
    }
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

/// Whether a report of a delay is the last one: OpenSMTPD up to 6.8 says so of what it has given up,
/// too (`bounce_record`, with `Envelope expired`).
fn is_given_up(block: &HeaderBlock, story: &Story<'_>) -> bool {
    let Some(recipient) = block.get("Final-Recipient").and_then(first_address) else {
        return false;
    };
    let mut lines = story.told.lines().map(str::to_ascii_lowercase);
    lines.any(|line| line.trim_end() == format!("{recipient}: envelope expired"))
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
    let normal = normalise(told);
    let words = story.rules.of_normal(&normal);
    let silent = words.is_none();
    // What a delivery program says of itself is said of every trouble that it has.
    let is_plain = words
        .as_ref()
        .is_some_and(|said| !matches!(said.reason, Reason::Mailer | Reason::System));
    let mut verdict = if !is_plain
        && diagnostic
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("x-unix")
    {
        let exit = told.trim().parse();
        Verdict::failure(
            exit.map_or(Reason::Mailer, |exit| story.rules.of_exit(exit)),
            status
                .and_then(EnhancedStatus::permanence)
                .unwrap_or(Permanence::Permanent),
        )
        .with_status(status)
        .by(RuleName::fixed("report: x-unix"))
    } else {
        classify_said(story.rules, (told, &normal), words, status, story.phase)
    };
    // The words of the block are worth more than the story around it, but a block that says
    // nothing of its own leaves the story to be read.
    let in_status = || story.rules.of_words(status_field);
    let in_story = || put_off(verdict.reason, story).or_else(|| better_told(verdict.reason, story));
    if silent && let Some(said) = in_status().or_else(in_story) {
        let permanence = verdict.permanence;
        let reason = said.reason.for_now(permanence, true);
        verdict = Said { reason, ..said }
            .failure(permanence)
            .with_status(verdict.status_code);
    }
    // The comment beside X.2.1 may say that the mailbox is switched off, of a user who is unknown.
    let is_unknown = matches!(verdict.reason, Reason::UserUnknown | Reason::Filtered);
    if is_unknown && let Some(said) = in_status().filter(|said| said.reason == Reason::Suspended) {
        verdict = said
            .failure(verdict.permanence)
            .with_status(verdict.status_code);
    }
    if verdict.status_code.is_none() {
        verdict.status_code = story.verdict.status_code;
    }
    if diagnostic.trim().is_empty() {
        let words = free_text::first_statement(story.told).split_whitespace();
        return verdict.with_diagnostic(words.collect::<Vec<_>>().join(" "));
    }
    verdict.with_diagnostic(diagnostic.trim())
}

/// Why a queue that gave up had put the message off, as Sendmail writes it in its transcript:
/// `<a@b.example>... Deferred: reason`.
fn put_off(reason: Reason, story: &Story<'_>) -> Option<Said> {
    let (_, why) = story.told.split_once("... Deferred: ")?;
    let said = story.rules.of_words(why.lines().next()?);
    said.filter(|said| reason == Reason::Expired && said.reason == Reason::Network)
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
