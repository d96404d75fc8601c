//! `tocsin classify`

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, stdin};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use crate::classify::mail::{MailFinding, classify_mail_by};
use crate::classify::rules::Rules;
use crate::classify::smtp_reply::{Phase, classify_text_by};
use crate::domain::{BounceClass, Reason, Verdict};
use crate::proto::mime::read::{READ_SIZE_MAX_BYTES, read_beginning};

/// Longest line of a table of replies, in octets.
const LINE_SIZE_MAX_BYTES: u64 = 1024 * 1024;

/// What is classified.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Mails, each a file; or one on standard input, without a file or with "-".
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The files are tables of replies of mail servers instead: tab-separated, with a heading
    /// that names the columns "id" and "reply", or without one and an id and a reply a line.
    #[arg(long)]
    replies: bool,
    /// Rules to go by instead of the built-in ones, in their form.
    #[arg(long, value_name = "FILE.toml")]
    rules: Option<PathBuf>,
}

/// What a mail is, as a line of JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    file: &'a str,
    recipients: Vec<&'a str>,
    class: &'static str,
    reason: &'static str,
    status: String,
    permanence: &'static str,
    /// The rule that decided, and what it found.
    rule: &'a str,
    /// Where the words of the rule are laid down, or whose they are.
    source: &'a str,
}

pub(super) fn run(asked: &Arguments) -> anyhow::Result<ExitCode> {
    let own = asked.rules.as_deref().map(rules_of).transpose()?;
    let rules = own.as_ref().unwrap_or_else(|| Rules::built_in());
    let on_stdin = [PathBuf::from("-")];
    let files = if asked.files.is_empty() {
        &on_stdin
    } else {
        asked.files.as_slice()
    };
    let mut unread = false;
    for file in files {
        let done = if asked.replies {
            classify_replies(rules, file)
        } else {
            classify_file(rules, file)
        };
        if let Err(error) = done {
            unread = true;
            eprintln!("tocsin: {}: {error:#}", file.display());
        }
    }
    Ok(if unread {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn rules_of(path: &Path) -> anyhow::Result<Rules> {
    let named = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(named)?;
    Rules::read(&text).with_context(named)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(stdin()));
    }
    Ok(Box::new(File::open(path)?))
}

fn classify_file(rules: &Rules, path: &Path) -> anyhow::Result<()> {
    let mut raw = Vec::new();
    // One octet more tells a mail that is too large, of which the rest need not be read.
    let most = READ_SIZE_MAX_BYTES as u64 + 1;
    open(path)?.take(most).read_to_end(&mut raw)?;
    let found = catch_unwind(AssertUnwindSafe(|| match read_beginning(&raw) {
        Ok(mail) => classify_mail_by(rules, &mail),
        Err(_) => MailFinding::of(BounceClass::None),
    }));
    let found = found.map_err(|_| anyhow::anyhow!("it could not be classified"))?;
    let line = line(rules, &path.to_string_lossy(), &found)?;
    println!("{line}");
    Ok(())
}

fn line(rules: &Rules, file: &str, found: &MailFinding) -> anyhow::Result<String> {
    let verdict = found.verdict();
    let recipients = found.findings.iter().map(|one| one.address.as_str());
    let status = verdict.and_then(|verdict| verdict.status_code);
    let of_trouble = verdict.filter(|_| found.class.is_trouble());
    let line = Line {
        file,
        recipients: recipients.filter(|address| !address.is_empty()).collect(),
        class: class(found.class),
        reason: reason(found.class, verdict),
        status: status.map_or_else(String::new, |status| status.to_string()),
        permanence: of_trouble.map_or("", |verdict| verdict.permanence.as_str()),
        rule: verdict.map_or("", |verdict| verdict.rule.as_str()),
        source: verdict.map_or("", |verdict| rules.source_of(&verdict.rule)),
    };
    Ok(serde_json::to_string(&line)?)
}

/// Of the classes of deliverability practice: what is delayed has failed this time.
const fn class(class: BounceClass) -> &'static str {
    match class {
        BounceClass::AutoReply => "autoreply",
        BounceClass::Delay => "soft",
        class => class.as_str(),
    }
}

fn reason(class: BounceClass, verdict: Option<&Verdict>) -> &'static str {
    match (class, verdict) {
        (BounceClass::AutoReply, _) => Reason::Vacation.as_str(),
        (BounceClass::Complaint, _) => Reason::Feedback.as_str(),
        (BounceClass::Mdn | BounceClass::None, _) | (_, None) => "",
        (_, Some(verdict)) => match verdict.reason {
            Reason::SenderRejected => "rejected",
            reason => reason.as_str(),
        },
    }
}

fn classify_replies(rules: &Rules, path: &Path) -> anyhow::Result<()> {
    let mut lines = BufReader::new(open(path)?);
    let (mut id, mut reply) = (0, 1);
    let mut is_first = true;
    let mut line = Vec::new();
    loop {
        line.clear();
        let size = (&mut lines)
            .take(LINE_SIZE_MAX_BYTES)
            .read_until(b'\n', &mut line)?;
        if size == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let columns: Vec<&str> = text.trim_end_matches(['\r', '\n']).split('\t').collect();
        let named = |name: &str| columns.iter().position(|column| *column == name);
        if is_first && let (Some(ids), Some(replies)) = (named("id"), named("reply")) {
            (id, reply) = (ids, replies);
        } else if let (Some(id), Some(reply)) = (columns.get(id), columns.get(reply)) {
            let verdict = classify_text_by(rules, reply, None, Phase::Unknown);
            let why = reason(verdict.class, Some(&verdict));
            println!("{id}\t{}\t{why}", class(verdict.class));
        }
        is_first = false;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(raw: &str) -> serde_json::Value {
        let mail = read_beginning(raw.replace('\n', "\r\n").as_bytes()).unwrap();
        let found = classify_mail_by(Rules::built_in(), &mail);
        serde_json::from_str(&line(Rules::built_in(), "a.eml", &found).unwrap()).unwrap()
    }

    #[test]
    fn a_bounce_is_a_line_with_its_rule() {
        let bounce = told(
            "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nHi. This is the qmail-send program.\n\n<ann@town.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n",
        );
        let wanted = serde_json::json!({
            "file": "a.eml", "recipients": ["ann@town.example"], "class": "hard",
            "reason": "user_unknown", "status": "5.1.1", "permanence": "permanent",
            "rule": "recipient-unknown-plainly: no mailbox here",
            "source": bounce["source"],
        });
        assert_eq!(bounce, wanted);
        assert!(bounce["source"].as_str().unwrap().contains("RFC 5321"));
    }

    #[test]
    fn letters_and_automatic_answers_have_no_permanence() {
        let letter = told("From: ann@town.example\nSubject: hello\n\nAll is well.\n");
        assert_eq!(
            (&letter["class"], &letter["reason"]),
            (&"none".into(), &"".into())
        );
        let away = told(
            "From: ann@town.example\nAuto-Submitted: auto-replied\nSubject: Re: flood\n\nBack on Monday.\n",
        );
        assert_eq!(away["class"], "autoreply");
        assert_eq!(
            (&away["reason"], &away["permanence"]),
            (&"vacation".into(), &"".into())
        );
    }

    #[test]
    fn rules_of_a_file_decide_and_mistakes_in_it_are_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let rule = "name=\"zebra\"\nreason=\"moved\"\nsource=\"test\"\nphrases=[\"zebra\"]";
        let text = format!("phase = []\n[status]\n[code]\n[[rule]]\n{rule}\n");
        fs::write(file.path(), &text).unwrap();
        let rules = rules_of(file.path()).unwrap();
        let verdict = classify_text_by(&rules, "550 zebra", None, Phase::Unknown);
        assert_eq!(verdict.reason, Reason::Moved);
        fs::write(file.path(), text.replace("moved", "nonsense")).unwrap();
        let error = format!("{:#}", rules_of(file.path()).unwrap_err());
        assert!(
            error.contains("nonsense") && error.contains("zebra"),
            "{error}"
        );
    }
}
