//! The rules of the house as a test: who may import whom, what stays out of the
//! pure rooms, how long things may be. The rules are in `tidy/rules.rs`.
#![allow(clippy::unwrap_used)]

#[path = "tidy/rows.rs"]
mod rows;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::path::Path;

use rules::Finding;
use source::Source;

/// Folders that are looked through for places outside the package.
const TEXT_FOLDERS: &[&str] = &["src", "tests", "benches", "config", "tls", "systemd", ".ci"];
const TEXT_ENDINGS: &[&str] = &[
    "rs", "toml", "md", "sh", "html", "css", "js", "service", "py",
];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under `folder` (from the package's own), as (path, text).
fn files(folder: &str, wanted: &dyn Fn(&Path) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![package().join(folder)];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if wanted(&path) {
                let inside = path
                    .strip_prefix(package())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((inside, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn rust_files(folder: &str) -> Vec<Source> {
    let is_rust = |path: &Path| path.extension().is_some_and(|e| e == "rs");
    let mut sources: Vec<Source> = files(folder, &is_rust)
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    source::mark_test_files(&mut sources);
    sources
}

fn report(findings: &[Finding]) {
    let lines: Vec<String> = findings
        .iter()
        .map(|f| format!("{}:{}: {}", f.path, f.line, f.message))
        .collect();
    assert!(findings.is_empty(), "\n{}\n", lines.join("\n"));
}

fn each(sources: &[Source], rule: fn(&Source) -> Vec<Finding>) -> Vec<Finding> {
    assert!(sources.len() > 10, "the sources were not found");
    sources.iter().flat_map(rule).collect()
}

#[test]
fn rooms_import_what_they_may() {
    report(&each(&rust_files("src"), rules::imports));
}

#[test]
fn pure_rooms_are_pure() {
    report(&each(&rust_files("src"), rules::purity));
}

#[test]
fn serde_stays_at_the_edge() {
    report(&each(&rust_files("src"), rules::serde_rooms));
}

#[test]
fn every_row_names_a_test() {
    let table = std::fs::read_to_string(package().join("tests/rows.txt")).unwrap();
    let mut sources = rust_files("src");
    sources.extend(rust_files("tests"));
    let tests = rows::test_names(sources.iter().map(|source| source.text.as_str()));
    let is_script = |path: &Path| {
        path.extension().is_some_and(|e| e == "mjs")
            && !path.to_string_lossy().contains("node_modules")
    };
    let steps: String = files("tests/peers/browser", &is_script)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    report(&rows::check(&table, &tests, &steps));
}

#[test]
fn nothing_is_unfinished() {
    let mut sources = rust_files("src");
    sources.extend(rust_files("tests"));
    report(&each(&sources, rules::unfinished));
}

#[test]
fn files_and_functions_are_short() {
    report(&rules::lengths(&rust_files("src"), rules::LONG));
}

#[test]
fn nothing_outside_the_package_is_named() {
    let is_text = |path: &Path| {
        path.extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| TEXT_ENDINGS.contains(&e))
    };
    let mut texts: Vec<(String, String)> = TEXT_FOLDERS
        .iter()
        .flat_map(|folder| files(folder, &is_text))
        .collect();
    for entry in std::fs::read_dir(package()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() && (is_text(&path) || name == "Dockerfile") {
            texts.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(texts.len() > 10);
    let findings: Vec<Finding> = texts
        .iter()
        .flat_map(|(path, text)| rules::outside_places(path, text))
        .collect();
    report(&findings);
}

/// Each rule fails where it should and only there.
mod the_rules_themselves {
    use super::*;

    fn check(
        rule: fn(&Source) -> Vec<Finding>,
        path: &str,
        text: &str,
        expected: &[(usize, &str)],
    ) {
        let found: Vec<(usize, String)> = rule(&Source::new(path, text))
            .into_iter()
            .map(|f| (f.line, f.message))
            .collect();
        let expected: Vec<(usize, String)> = expected
            .iter()
            .map(|(line, message)| (*line, (*message).to_owned()))
            .collect();
        assert_eq!(found, expected, "{path}:\n{text}");
    }

    #[test]
    fn imports_are_checked() {
        let case =
            |path, text, expected: &[(usize, &str)]| check(rules::imports, path, text, expected);
        let not = "domain may not import store";
        case("src/domain/a.rs", "use crate::store;", &[(1, not)]);
        case(
            "src/domain/a.rs",
            "use crate::domain::b;\nuse crate::store as s;",
            &[(2, not)],
        );
        case(
            "src/domain/a.rs",
            "fn f() { crate::store::get(); }",
            &[(1, "domain may not import store::get")],
        );
        case("src/domain.rs", "use crate::store;", &[(1, not)]);
        case(
            "src/tracker/mod.rs",
            "use crate::{domain::{A, b::C}, store::d};",
            &[],
        );
        case(
            "src/store/a/b.rs",
            "use crate::{\n    domain::{A, b},\n    tracker::{c::D, self},\n    http,\n};",
            &[
                (3, "store may not import tracker::c"),
                (3, "store may not import tracker::self"),
                (4, "store may not import http"),
            ],
        );
        case("src/net/dns.rs", "use crate::proto::smtp::A;", &[]);
        case(
            "src/net/dns.rs",
            "use crate::colours::A;",
            &[(1, "crate::colours is not a room")],
        );
        case(
            "src/net/dns.rs",
            "use crate::*;",
            &[(1, "crate::* is not a room")],
        );
        case(
            "src/cellar/a.rs",
            "",
            &[(1, "cellar is not in the table of rooms")],
        );
        case(
            "src/daemon.rs",
            "use crate::channel::sms::A; use crate::http;",
            &[],
        );
        case("src/lib.rs", "pub use crate::store::A;", &[]);
        case("src/domain/a.rs", "crate::store::<A>();", &[(1, not)]);
    }

    #[test]
    fn parts_of_rooms_are_checked() {
        let case =
            |path, text, expected: &[(usize, &str)]| check(rules::imports, path, text, expected);
        case("src/listener/mx.rs", "use crate::proto::smtp::A;", &[]);
        case(
            "src/listener/mx.rs",
            "use crate::proto::smpp::A;",
            &[(1, "listener may not import proto::smpp")],
        );
        case("src/queue/runner.rs", "use crate::channel::Channel;", &[]);
        case(
            "src/queue/runner.rs",
            "use crate::channel::sms::A;",
            &[(1, "queue may not look into channel::sms")],
        );
        case(
            "src/queue/runner.rs",
            "use crate::proto::smpp;",
            &[(1, "queue may not import proto::smpp")],
        );
        case(
            "src/channel/sms/a.rs",
            "use crate::store::A;",
            &[(1, "channel may not import store::A")],
        );
    }

    #[test]
    fn ways_around_are_checked() {
        let case =
            |path, text, expected: &[(usize, &str)]| check(rules::imports, path, text, expected);
        let not = "domain may not import store::A";
        case("src/domain/mod.rs", "use super::store::A;", &[(1, not)]);
        case(
            "src/domain/a.rs",
            "use super::super::store::A;",
            &[(1, not)],
        );
        case("src/domain/a.rs", "use super::store::A;", &[]);
        case(
            "src/domain/a.rs",
            "mod m { use super::super::b::A; }\nuse super::super::store::A;",
            &[(2, not)],
        );
        case(
            "src/domain/a.rs",
            "mod m { use super::super::super::store::A; }",
            &[(1, not)],
        );
        case("src/domain/mod.rs", "mod m { use super::store::A; }", &[]);
    }

    #[test]
    fn tests_may_use_the_simulators() {
        let case =
            |path, text, expected: &[(usize, &str)]| check(rules::imports, path, text, expected);
        case(
            "src/channel/a.rs",
            "#[cfg(test)]\nmod tests { use crate::sim::A; }",
            &[],
        );
        case("src/channel/tests.rs", "use crate::sim::A;", &[]);
        case("src/inbound/tests.rs", "use crate::submit::A;", &[]);
        case(
            "src/inbound/a.rs",
            "use crate::submit::A;",
            &[(1, "inbound may not import submit::A")],
        );
        case(
            "src/channel/tests.rs",
            "use crate::submit::A;",
            &[(1, "channel may not import submit::A")],
        );
        let not = "channel may not import sim::A";
        case(
            "src/channel/a.rs",
            "#[cfg(test)]\nmod tests { }\nuse crate::sim::A;",
            &[(3, not)],
        );
        case(
            "src/channel/a.rs",
            "#[cfg(test)]\nuse crate::sim::B;\nuse crate::sim::A;",
            &[(3, not)],
        );
        case(
            "src/channel/a.rs",
            "#[cfg(not(test))]\nuse crate::sim::A;",
            &[(2, not)],
        );
    }

    #[test]
    fn files_of_test_code_are_known() {
        let mut sources = [
            Source::new("src/net/mod.rs", "#[cfg(test)]\nmod world;\nmod dns;"),
            Source::new("src/net/world.rs", "mod below;"),
            Source::new("src/net/world/below.rs", ""),
            Source::new("src/net/worldly.rs", ""),
            Source::new("src/net/dns.rs", "#[cfg(test)]\nmod zone;"),
            Source::new("src/net/dns/zone.rs", ""),
            Source::new("src/net/zone.rs", ""),
            Source::new("src/lib.rs", "#[cfg(test)] mod law;"),
            Source::new("src/law/mod.rs", ""),
        ];
        source::mark_test_files(&mut sources);
        let found: Vec<&str> = sources
            .iter()
            .filter(|s| s.test_file)
            .map(|s| s.path.as_str())
            .collect();
        let expected = [
            "src/net/world.rs",
            "src/net/world/below.rs",
            "src/net/dns/zone.rs",
            "src/law/mod.rs",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = r###"
            // use crate::store;
            /* use crate::store; /* nested */ use crate::store; */
            /// [`crate::store`]
            const A: &str = "use crate::store; \" use crate::store;";
            const B: &str = r#"use crate::store; " use crate::store;"#;
            const C: &[u8] = br"use crate::store;\";
            const D: (char, char, u8) = ('"', '\'', b'"');
            fn e<'a>(f: &'a str) {}
            use crate::http;
        "###;
        check(
            rules::imports,
            "src/domain/a.rs",
            text,
            &[(10, "domain may not import http")],
        );
    }

    #[test]
    fn purity_is_checked() {
        let case =
            |path, text, expected: &[(usize, &str)]| check(rules::purity, path, text, expected);
        case(
            "src/proto/smtp/a.rs",
            "use tokio::net;",
            &[(1, "tokio in a pure room")],
        );
        case(
            "src/domain/a.rs",
            "\nlet a = std::time::Instant::now();",
            &[(2, "Instant::now in a pure room")],
        );
        case(
            "src/classify/a.rs",
            "SystemTime::now()",
            &[(1, "SystemTime::now in a pure room")],
        );
        case(
            "src/queue/schedule.rs",
            "rand::rng()",
            &[(1, "rand:: in a pure room")],
        );
        case(
            "src/queue/schedule/a.rs",
            "rand::rng()",
            &[(1, "rand:: in a pure room")],
        );
        case("src/queue/scheduler.rs", "rand::rng()", &[]);
        case(
            "src/queue/runner.rs",
            "use tokio::time; Instant::now()",
            &[],
        );
        case(
            "src/domain/a.rs",
            "fn at(now: Instant) { /* Instant::now() */ }",
            &[],
        );
        case(
            "src/domain/a.rs",
            "fn f() { std::fs::read(p) }",
            &[(1, "std::fs in a pure room")],
        );
        case(
            "src/domain/a.rs",
            "#[cfg(test)] mod t { fn f() { std::fs::read(p) } }",
            &[],
        );
        case(
            "src/domain/a.rs",
            "#[cfg(test)] mod t { fn f() { Instant::now() } }",
            &[],
        );
        case(
            "src/domain/a.rs",
            "#[cfg(test)] mod t { use tokio::a; }",
            &[(1, "tokio in a pure room")],
        );
    }

    #[test]
    fn serde_is_checked() {
        let case = |path, text, expected: &[(usize, &str)]| {
            check(rules::serde_rooms, path, text, expected)
        };
        let message = "serde outside of config, store, http, cli";
        case(
            "src/domain/a.rs",
            "#[derive(serde::Serialize)]\nstruct A;",
            &[(1, message)],
        );
        case("src/config/mod.rs", "use serde::Serialize;", &[]);
        case("src/http/api.rs", "use serde_json::json;", &[]);
        case(
            "src/observe/a.rs",
            "#[cfg(test)] mod t { use serde_json::json; }",
            &[],
        );
    }

    #[test]
    fn unfinished_work_is_noticed() {
        check(
            rules::unfinished,
            "src/net/a.rs",
            "fn f() {\n todo!() }",
            &[(2, "todo! is left")],
        );
        check(
            rules::unfinished,
            "src/net/a.rs",
            "dbg!(x)",
            &[(1, "dbg! is left")],
        );
        check(
            rules::unfinished,
            "src/net/a.rs",
            "// todo!()\nlet todo = \"todo!()\";",
            &[],
        );
    }

    #[test]
    fn outside_places_are_noticed() {
        let text = concat!("a\nsee ..", "/shared/design.md\n");
        assert_eq!(rules::outside_places("README.md", text)[0].line, 2);
        assert!(rules::outside_places("tests/corpus.rs", text).is_empty());
        assert!(rules::outside_places("README.md", "a shared/ folder, network/\n").is_empty());
    }

    #[test]
    fn length_is_checked() {
        let body = "    let a = 1;\n";
        let short = format!("fn short() {{\n{}}}\n", body.repeat(68));
        let long = format!(
            "fn long(a: [u8; 3]) -> A\nwhere A: B,\n{{\n{}}}\n",
            body.repeat(67)
        );
        let test = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        let named = |text: &str| -> Vec<String> {
            let source = Source::new("src/net/a.rs", text);
            rules::long_things(&source)
                .into_iter()
                .map(|(name, _, _)| name)
                .collect()
        };
        assert_eq!(
            named(&format!("{short}{long}{short}{test}")),
            ["src/net/a.rs#long"]
        );
        assert_eq!(
            named(&format!("{}{test}", "// a line\n".repeat(500))),
            [""; 0]
        );
        assert_eq!(
            named(&format!("{}{test}", "// a line\n".repeat(501))),
            ["src/net/a.rs"]
        );
        assert_eq!(named(&"trait A { fn f(); }\n".repeat(100)), [""; 0]);
        assert_eq!(named(&format!("type A = fn(u8);\n{short}")), [""; 0]);
    }

    #[test]
    fn the_list_of_long_things_cannot_rot() {
        let sources = [Source::new("src/net/a.rs", &"// a line\n".repeat(501))];
        let reason = "a table that reads best in one piece";
        let count = |allowed: &[(&str, &str)]| rules::lengths(&sources, allowed).len();
        assert_eq!(count(&[]), 1);
        assert_eq!(count(&[("src/net/a.rs", reason)]), 0);
        assert_eq!(count(&[("src/net/a.rs", "long")]), 1);
        assert_eq!(
            count(&[("src/net/a.rs", reason), ("src/net/b.rs", reason)]),
            1
        );
    }
}
