//! Bounces and replies that nobody here wrote, read and classified; floors are what was reached.
//!
//! The corpus lies beside the package (`../shared/corpus`, or `TOCSIN_CORPUS`); without it the
//! tests say so and pass. What the servers of `tests/peers/bounces.rs` wrote is in
//! `fixtures/bounces`, byte for byte.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tocsin::{
    classify::{
        mail::{MailFinding, classify_mail},
        smtp_reply::{Phase, classify_text},
    },
    domain::BounceClass,
    proto::mime::read::read,
};

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("TOCSIN_CORPUS")
        .map_or(beside, PathBuf::from)
        .join("bounces");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "SKIPPED: no corpus at {}; bounce scores were NOT checked",
        folder.display()
    );
    None
}

/// Share of right answers, in percent.
#[derive(Default)]
struct Score {
    right: u32,
    all: u32,
}

impl Score {
    fn add(&mut self, right: bool) {
        self.right += u32::from(right);
        self.all += 1;
    }

    fn percent(&self) -> f64 {
        100.0 * f64::from(self.right) / f64::from(self.all.max(1))
    }
}

fn name_of(class: BounceClass) -> &'static str {
    match class {
        BounceClass::AutoReply => "autoreply",
        BounceClass::Delay => "soft",
        other => other.as_str(),
    }
}

fn kind_fits(expected: &str, class: &str) -> bool {
    let kind = match class {
        "hard" | "soft" => "bounce",
        "unknown" => "none",
        other => other,
    };
    match expected {
        "notbounce" => kind != "bounce" && kind != "complaint",
        "challenge" => matches!(kind, "none" | "autoreply" | "mdn"),
        "mdn" => matches!(kind, "mdn" | "none" | "autoreply" | "success"),
        other => kind == other,
    }
}

fn trusted(row: &Value, what: &str) -> bool {
    matches!(row["tier"][what].as_str(), Some("A" | "B"))
}

fn recipients_fit(row: &Value, finding: &MailFinding) -> bool {
    let found: Vec<&str> = finding
        .findings
        .iter()
        .map(|f| f.address.as_str())
        .collect();
    let expected: Vec<Vec<String>> = row["expect"]["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|address| {
            let equivalent = row["expect"]["recipient_equiv"][address.as_str().unwrap()]
                .as_array()
                .cloned()
                .unwrap_or_default();
            [address.clone()]
                .into_iter()
                .chain(equivalent)
                .map(|a| a.as_str().unwrap().to_lowercase())
                .collect()
        })
        .collect();
    expected
        .iter()
        .all(|any| any.iter().any(|a| found.contains(&a.as_str())))
        && found
            .iter()
            .all(|a| expected.iter().any(|any| any.iter().any(|x| x == a)))
}

#[test]
fn bounces_of_many_mail_systems() {
    let Some(folder) = corpus() else { return };
    let (mut kind, mut class, mut recipients) =
        (Score::default(), Score::default(), Score::default());
    for line in fs::read_to_string(folder.join("manifest.jsonl"))
        .unwrap()
        .lines()
    {
        let row: Value = serde_json::from_str(line).unwrap();
        let raw = fs::read(folder.join(row["file"].as_str().unwrap())).unwrap();
        let finding = read(&raw).map_or(MailFinding::of(BounceClass::None), |mail| {
            classify_mail(&mail)
        });
        let name = name_of(finding.class);
        if let Some(expected) = row["expect"]["kind"]
            .as_str()
            .filter(|_| trusted(&row, "kind"))
        {
            kind.add(kind_fits(expected, name));
        }
        if let Some(any) = row["expect"]["class_any"]
            .as_array()
            .filter(|a| !a.is_empty() && trusted(&row, "class"))
        {
            class.add(any.iter().any(|c| c == name));
        }
        if row["expect"]["recipients"]
            .as_array()
            .is_some_and(|a| !a.is_empty())
            && trusted(&row, "recipients")
        {
            recipients.add(recipients_fit(&row, &finding));
        }
    }
    eprintln!(
        "kind {:.1} % of {}, class {:.1} % of {}, recipients {:.1} % of {}",
        kind.percent(),
        kind.all,
        class.percent(),
        class.all,
        recipients.percent(),
        recipients.all
    );
    assert!(
        kind.all > 400 && kind.percent() >= 99.0,
        "kind fell to {:.1} %",
        kind.percent()
    );
    assert!(
        class.percent() >= 95.0,
        "class fell to {:.1} %",
        class.percent()
    );
    assert!(
        recipients.percent() >= 98.0,
        "recipients fell to {:.1} %",
        recipients.percent()
    );
}

#[test]
fn replies_of_many_mail_systems() {
    let Some(folder) = corpus() else { return };
    let table = fs::read_to_string(folder.join("replies.tsv")).unwrap();
    let mut lines = table.lines();
    let columns: HashMap<&str, usize> = lines
        .next()
        .unwrap()
        .split('\t')
        .enumerate()
        .map(|(i, name)| (name, i))
        .collect();
    let mut class = Score::default();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let expected = cells[columns["expected_class"]];
        if !expected.is_empty() {
            class.add(
                classify_text(cells[columns["reply"]], None, Phase::Unknown)
                    .class
                    .as_str()
                    == expected,
            );
        }
    }
    eprintln!("class of replies {:.1} % of {}", class.percent(), class.all);
    assert!(
        class.all > 300 && class.percent() >= 92.0,
        "class fell to {:.1} %",
        class.percent()
    );
}

/// What a bounce says, as a line of the table beside it.
fn told(folder: &Path, name: &str) -> String {
    let raw = fs::read(folder.join(name)).unwrap();
    let found = classify_mail(&read(&raw).unwrap());
    let [finding] = found.findings.as_slice() else {
        panic!("{name}: {found:?}")
    };
    let verdict = &finding.verdict;
    let code = verdict.status_code.map(|code| code.to_string());
    let judged = [
        found.class.as_str(),
        verdict.reason.as_str(),
        verdict.permanence.as_str(),
        verdict.fault.as_str(),
        code.as_deref().unwrap_or("none"),
    ];
    let (address, diagnostic) = (&finding.address, verdict.diagnostic.as_str());
    format!("{name} | {address} | {} | {diagnostic}\n", judged.join(" "))
}

/// `UPDATE=1 cargo test --test corpus_mail` writes the table.
#[test]
fn bounces_of_the_servers_that_are_peers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bounces");
    let names = fs::read_dir(&folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut mails: Vec<String> = names.filter(|name| name.ends_with(".eml")).collect();
    mails.sort();
    let table: String = mails.iter().map(|name| told(&folder, name)).collect();
    let path = folder.join("verdicts.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, table).unwrap();
        return;
    }
    assert_eq!(table, fs::read_to_string(path).unwrap());
}
