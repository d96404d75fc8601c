//! Reports written for people: qmail, Exim, old Sendmail and Exchange, gateways, freemailers.
//!
//! What they have in common: they come from the mail system, say so in the subject, name the
//! address at the start of a line or in brackets, and quote the original below.

use super::{
    mail::{Finding, MailFinding},
    phrases::{FAILURES, MAILERS, ORIGINALS, SUBJECTS},
    rules::{Rules, Said},
    smtp_reply::{Phase, classify_said, classify_text_by, codes_in},
    text::normalise,
};
use crate::{
    domain::{BounceClass, Permanence, Reason, Verdict},
    proto::mime::{
        header::{HeaderBlock, first_address, split_line},
        read::IncomingMail,
    },
};

/// Most addresses taken from one text.
const ADDRESSES_MAX: usize = 100;
/// Longest part of a text that is looked through, in bytes.
const NARRATIVE_SIZE_MAX_BYTES: usize = 16_384;
/// Longest statement about one address, in bytes.
const STATEMENT_SIZE_MAX_BYTES: usize = 1_500;

/// `None` if the mail is no report of a failure.
pub(super) fn classify(rules: &Rules, mail: &IncomingMail) -> Option<MailFinding> {
    if !looks_like_failure(mail) {
        return None;
    }
    let story = Story::of(rules, mail);
    let told = story.told;
    let mut addresses = failed_header(&mail.header);
    let in_text = addresses_in(told, mail);
    if addresses.is_empty() {
        addresses = in_text;
    }
    if addresses.is_empty() {
        addresses.extend(quoted_recipient(mail));
    }
    addresses.truncate(ADDRESSES_MAX);
    let delayed = is_delay(mail, told);
    let findings: Vec<Finding> = addresses
        .into_iter()
        .map(|address| {
            let verdict = verdict_about(&address, &story, delayed);
            Finding { address, verdict }
        })
        .collect();
    if findings.is_empty() && !is_from_mailer(mail) {
        return None;
    }
    let whole = verdict_about("", &story, delayed);
    let class = if findings.is_empty() && whole.reason == Reason::Undefined {
        BounceClass::Unknown
    } else {
        whole.class
    };
    Some(MailFinding {
        whole: Some(whole),
        ..MailFinding::from_findings(findings, class)
    })
}

/// True if the mail system is the author.
pub(super) fn is_from_mailer(mail: &IncomingMail) -> bool {
    let from = mail.header.get("From").unwrap_or_default().to_lowercase();
    MAILERS.iter().any(|name| from.contains(name))
}

/// True for a report of a failure or delay, whatever its form.
pub(super) fn looks_like_failure(mail: &IncomingMail) -> bool {
    let subject = normalise(&mail.subject);
    let is_answer = ["re:", "aw:", "fwd:", "fw:"]
        .iter()
        .any(|start| subject.starts_with(start));
    let by_subject = !is_answer && SUBJECTS.iter().any(|s| subject.contains(s));
    let null_sender = mail
        .header
        .get("Return-Path")
        .is_some_and(|v| v.trim() == "<>");
    let told = normalise(narrative(&mail.text));
    let by_text = FAILURES.stand_in(&told);
    let report = mail.content_type == "multipart/report"
        && !mail
            .header
            .get("Content-Type")
            .unwrap_or_default()
            .contains("disposition");
    let signs = [
        is_from_mailer(mail),
        by_subject,
        null_sender,
        by_text,
        report,
        mail.header.has("X-Failed-Recipients"),
    ];
    signs.iter().filter(|sign| **sign).count() >= 2
}

/// The text above the quoted original.
fn narrative(text: &str) -> &str {
    let text = bounded(text, NARRATIVE_SIZE_MAX_BYTES);
    let mut at = 0;
    let mut lines_seen = 0;
    while at < text.len() {
        let (line, rest) = split_line(&text[at..]);
        let next = text.len() - rest.len();
        let lower = line.trim().to_ascii_lowercase();
        let starts_original = ORIGINALS.iter().any(|mark| lower.contains(mark))
            || (lines_seen > 2 && is_original_header(line));
        if starts_original {
            return &text[..at];
        }
        lines_seen += 1;
        at = next;
    }
    text
}

/// What the readable part says, worked out once for all recipients of a report.
pub(super) struct Story<'a> {
    /// The readable part, see [`narrative`].
    pub(super) told: &'a str,
    /// The verdict on all of it.
    pub(super) verdict: Verdict,
    /// What its words mean.
    pub(super) said: Option<Said>,
    /// By which they are read.
    pub(super) rules: &'a Rules,
    /// Where in the dialogue the refusal came, by its transcript.
    pub(super) phase: Phase,
}

impl<'a> Story<'a> {
    pub(super) fn of(rules: &'a Rules, mail: &'a IncomingMail) -> Self {
        let told = narrative(&mail.text);
        let normal = normalise(told);
        let phase = match phase_in_transcript(told) {
            Phase::Unknown => phase_or(rules, &normal, Phase::Untold),
            phase => phase,
        };
        let said = rules.of_normal(&normal);
        Self {
            told,
            verdict: classify_said(rules, (told, &normal), said.clone(), None, phase),
            said,
            rules,
            phase,
        }
    }
}

/// The phase that the normalised words of a report name, else this one.
fn phase_or(rules: &Rules, normal: &str, other: Phase) -> Phase {
    match rules.phase_in(normal) {
        Phase::Unknown => other,
        phase => phase,
    }
}

/// The first line that carries a reply code, else the first line about an address; with the line
/// below it where it holds nothing else, as Exim writes it.
pub(super) fn first_statement(narrative: &str) -> &str {
    let lines = || narrative.lines().map(str::trim).filter(|l| !l.is_empty());
    if let Some(line) = lines().find(|l| codes_in(l).0.is_some()) {
        return line;
    }
    let mut at = 0;
    while at < narrative.len() {
        let (line, rest) = split_line(&narrative[at..]);
        if line.contains('@') {
            let is_bare = !line.trim().contains(char::is_whitespace);
            let below = split_line(rest).0;
            let end = narrative.len() - rest.len();
            let end = if is_bare { end + below.len() } else { end };
            return narrative[at..end].trim();
        }
        at = narrative.len() - rest.len();
    }
    ""
}

/// The phase of the refusal in a transcript, as Sendmail writes it: the last `>>>` line before
/// the first `<<<` line with a refusal.
fn phase_in_transcript(told: &str) -> Phase {
    let mut phase = Phase::Unknown;
    for line in told.lines().map(str::trim) {
        if let Some(command) = line.strip_prefix(">>> ") {
            phase = match command
                .get(..4)
                .unwrap_or(command)
                .to_ascii_uppercase()
                .as_str()
            {
                "MAIL" => Phase::Sender,
                "RCPT" => Phase::Recipient,
                "DATA" | "." | "BDAT" => Phase::Message,
                _ => Phase::Unknown,
            };
        } else if line
            .strip_prefix("<<< ")
            .is_some_and(|reply| reply.starts_with(['4', '5']))
        {
            return phase;
        }
    }
    Phase::Unknown
}

fn is_original_header(line: &str) -> bool {
    [
        "Received: ",
        "Return-Path: ",
        "Return-path: ",
        "Message-ID: ",
        "Message-Id: ",
        "X-Received: ",
        "DKIM-Signature: ",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// `X-Failed-Recipients`, as Exim and Gmail write it.
fn failed_header(header: &HeaderBlock) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in header.get_all("X-Failed-Recipients") {
        for address in value.split(',').filter_map(first_address) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found
}

/// Addresses that a line is about; failing that, any in brackets; failing that, any at all.
fn addresses_in(told: &str, mail: &IncomingMail) -> Vec<String> {
    let not_it = bystanders(mail);
    for reader in [
        leading_address,
        labelled_address,
        bracketed_address,
        first_address,
    ] {
        let mut found: Vec<String> = Vec::new();
        for address in told.lines().filter_map(reader) {
            if !not_it.contains(&address)
                && !found.contains(&address)
                && !is_mailer_address(&address)
            {
                found.push(address);
            }
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// `<a@b>:`, `a@b`, `  a@b ... reason` at the start of a line.
fn leading_address(line: &str) -> Option<String> {
    let line = line.trim_start_matches([' ', '\t', '*', '-', '"', '\'', '>', '(']);
    let word = line.split_whitespace().next()?;
    let bare = word.trim_start_matches(['<', '"', '\'', '[']);
    let address = first_address(word)?;
    bare.to_lowercase().starts_with(&address).then_some(address)
}

/// `To: a@b`, `Recipient: <a@b>`, `The following address failed: a@b`.
fn labelled_address(line: &str) -> Option<String> {
    let (label, value) = line.split_once(':')?;
    let label = label.trim().to_lowercase();
    let names = [
        "to",
        "recipient",
        "address",
        "mailbox",
        "user",
        "rcpt",
        "e-mail",
        "email",
        "recipients",
        "failed",
    ];
    let fits = label.len() < 60
        && names.iter().any(|name| {
            label
                .split(|c: char| !c.is_alphanumeric() && c != '-')
                .any(|word| word.starts_with(name))
        });
    if fits { first_address(value) } else { None }
}

fn bracketed_address(line: &str) -> Option<String> {
    let open = line.find('<')?;
    let inner = &line[open + 1..];
    let close = inner.find('>')?;
    first_address(&inner[..close])
}

/// Addresses that stand in every such report without being the one that failed.
fn bystanders(mail: &IncomingMail) -> Vec<String> {
    let names = [
        "From",
        "To",
        "Return-Path",
        "Delivered-To",
        "X-Original-To",
        "Reply-To",
        "Errors-To",
        "Message-ID",
    ];
    let mut found: Vec<String> = names
        .iter()
        .flat_map(|name| mail.header.get_all(name))
        .filter_map(first_address)
        .collect();
    if let Some(original) = &mail.original {
        found.extend(
            ["From", "Sender", "Return-Path", "Message-ID", "Reply-To"]
                .iter()
                .filter_map(|name| original.address(name)),
        );
    }
    found
}

fn is_mailer_address(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    matches!(
        local,
        "mailer-daemon"
            | "postmaster"
            | "mail-daemon"
            | "abuse"
            | "support"
            | "helpdesk"
            | "webmaster"
            | "noreply"
            | "no-reply"
    )
}

/// The quoted original's recipient, where there is exactly one.
fn quoted_recipient(mail: &IncomingMail) -> Option<String> {
    let in_part = mail
        .original
        .as_ref()
        .and_then(|original| original.get("To"))
        .map(str::to_owned);
    let to = in_part.or_else(|| {
        let below = mail.text.get(narrative(&mail.text).len()..)?;
        below
            .lines()
            .find_map(|line| line.strip_prefix("To:"))
            .map(str::to_owned)
    })?;
    if to.matches('@').count() == 1 {
        first_address(&to)
    } else {
        None
    }
}

fn is_delay(mail: &IncomingMail, told: &str) -> bool {
    let subject = normalise(&mail.subject);
    let told = normalise(told);
    let ours = [
        "warning only",
        "do not need to resend",
        "don't need to resend",
        "no action is required",
        "will be retried",
        "will continue to",
        "still trying",
        "attempts will continue",
        "will keep trying",
    ];
    let given_up = [
        "giving up",
        "could not be delivered for",
        "permanent",
        "will not be retried",
        "has failed",
    ];
    let says_delay = ours.iter().any(|phrase| told.contains(phrase))
        && !given_up.iter().any(|phrase| told.contains(phrase));
    says_delay
        || subject.contains("(delay)")
        || subject.contains("delayed")
        || subject.starts_with("warning: ")
}

fn verdict_about(address: &str, story: &Story<'_>, delayed: bool) -> Verdict {
    let about = around(address, story.told);
    let mut verdict = story.verdict.clone();
    if about.len() < story.told.len() {
        let phase = phase_or(story.rules, &normalise(about), story.phase);
        let own = classify_text_by(story.rules, about, None, phase);
        // That it was tried for so long says less than why it failed.
        let says_less = own.reason == Reason::Expired && verdict.reason != Reason::Undefined;
        if own.reason != Reason::Undefined && !says_less {
            verdict = own;
        }
    }
    if delayed {
        verdict.class = BounceClass::Delay;
        verdict.permanence = Permanence::Temporary;
    } else if codes_in(about) == (None, None) {
        // Without a code that says otherwise, a mail that comes back is not tried again.
        verdict = Verdict {
            fault: verdict.fault,
            ..Verdict::failure(verdict.reason, Permanence::Permanent).by(verdict.rule)
        };
    }
    let written = if address.is_empty() {
        first_statement(story.told)
    } else {
        about.trim()
    };
    verdict.with_diagnostic(written)
}

/// The lines from the one that names the address to the next that names another or is the
/// second empty one.
fn around<'a>(address: &str, told: &'a str) -> &'a str {
    let lower = told.to_ascii_lowercase();
    let Some(found) = (!address.is_empty()).then(|| lower.find(address)).flatten() else {
        return bounded(told, NARRATIVE_SIZE_MAX_BYTES);
    };
    let told_at = told[..found].rfind('\n').map_or(0, |i| i + 1);
    let start = begin_of_transcript(told, told_at);
    let mut at = start;
    let mut empty = 0;
    while at < told.len() && empty < 2 && at - start < STATEMENT_SIZE_MAX_BYTES {
        let (line, rest) = split_line(&told[at..]);
        if at > told_at && leading_address(line).is_some_and(|other| other != address) {
            break;
        }
        empty = if line.trim().is_empty() {
            empty + 1
        } else {
            empty
        };
        at = told.len() - rest.len();
    }
    &told[start..at]
}

/// Where the lines of a dialogue begin (`>>>`, `<<<`) that stand right above this line.
fn begin_of_transcript(told: &str, line: usize) -> usize {
    let mut start = line;
    while start > 0 && line - start < STATEMENT_SIZE_MAX_BYTES {
        let above = told[..start - 1].rfind('\n').map_or(0, |i| i + 1);
        if !told[above..].starts_with(">>> ") && !told[above..].starts_with("<<< ") {
            break;
        }
        start = above;
    }
    start
}

fn bounded(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
