//! The table of what the product must do (`tests/rows.txt`): every row is there, and names
//! tests that exist.

use std::collections::BTreeSet;

use crate::rules::Finding;

/// Rows of each document, by the name under which the table knows it.
const DOCUMENTS: &[(&str, u8)] = &[("S1", 27), ("S3", 42)];
const TABLE: &str = "tests/rows.txt";

fn finding(line: usize, message: String) -> Finding {
    Finding {
        path: TABLE.to_owned(),
        line,
        message,
    }
}

/// What is wrong with the table. `tests` are the names of all test functions, `steps` the texts
/// of the browser's scripts.
pub(crate) fn check(table: &str, tests: &BTreeSet<String>, steps: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut rows: BTreeSet<&str> = BTreeSet::new();
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (index, line) in table.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [row, _, test] = parts.as_slice() else {
            findings.push(finding(
                index + 1,
                format!("not \"row | what | test\": {line}"),
            ));
            continue;
        };
        rows.insert(row);
        if !seen.insert((row, test)) {
            findings.push(finding(index + 1, format!("{row} names {test} twice")));
        }
        let is_there = match test.strip_prefix("browser: ") {
            Some(step) => !step.is_empty() && steps.contains(step),
            None => test
                .rsplit("::")
                .next()
                .is_some_and(|name| tests.contains(name)),
        };
        if !is_there {
            findings.push(finding(index + 1, format!("there is no test {test}")));
        }
    }
    for (document, count) in DOCUMENTS {
        for number in 1..=*count {
            let row = format!("{document}-{number:02}");
            if !rows.contains(row.as_str()) {
                findings.push(finding(0, format!("{row} has no test")));
            }
        }
    }
    findings
}

/// Names of the functions that are tests.
pub(crate) fn test_names<'a>(sources: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        let mut is_test = false;
        for line in source.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if is_test && let Some(at) = line.find("fn ") {
                let name = line[at + 3..].split(['(', '<']).next().unwrap_or("");
                names.insert(name.to_owned());
                is_test = false;
            }
        }
    }
    names
}

#[test]
fn a_gap_and_a_wrong_name_are_found() {
    let tests = BTreeSet::from(["a_test".to_owned()]);
    let mut table: String = DOCUMENTS
        .iter()
        .flat_map(|(document, count)| {
            (1..=*count).map(move |n| format!("{document}-{n:02} | it | room::a_test\n"))
        })
        .collect();
    assert!(check(&table, &tests, "").is_empty());
    table = table.replace("S1-07 | it | room::a_test\n", "");
    table.push_str("S1-08 | it | room::no_test\nS3-01 | it | browser: a step\n");
    table.push_str("S1-09 | once more | room::a_test\n");
    let found = check(&table, &tests, "sees a step");
    let said: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "there is no test room::no_test",
            "S1-09 names room::a_test twice",
            "S1-07 has no test"
        ]
    );
}
