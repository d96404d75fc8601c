//! The rules of the house.

use crate::source::{Source, block_end};

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// A room: a folder or file of `src/`.
struct Room {
    name: &'static str,
    /// Rooms whose paths it may name; `room::child` means that child alone, and so on once more.
    may: &'static [&'static str],
}

/// Who may import whom. A room's own children always; `config`, `clock` and
/// `observe` are leaves that the IO rooms may use.
const ROOMS: &[Room] = &[
    Room {
        name: "domain",
        may: &[],
    },
    Room {
        name: "proto",
        may: &[],
    },
    Room {
        name: "contacts_file",
        may: &["domain"],
    },
    Room {
        name: "pdf",
        may: &[],
    },
    Room {
        name: "safe_html",
        may: &[],
    },
    Room {
        name: "templates",
        may: &["domain"],
    },
    Room {
        name: "evidence",
        may: &["domain", "store::records"],
    },
    Room {
        name: "classify",
        may: &["domain", "proto"],
    },
    Room {
        name: "net",
        may: &["proto", "config", "clock", "observe"],
    },
    Room {
        name: "store",
        may: &["domain", "config", "clock", "observe"],
    },
    Room {
        name: "tracker",
        may: &[
            "domain",
            "contacts_file",
            "store",
            "config",
            "clock",
            "observe",
        ],
    },
    Room {
        name: "submit",
        may: &[
            "domain",
            "proto::smpp::encoding",
            "templates",
            "store",
            "tracker",
            "config",
            "clock",
            "observe",
        ],
    },
    Room {
        name: "channel",
        may: &[
            "domain", "classify", "proto", "net", "config", "clock", "observe",
        ],
    },
    Room {
        name: "queue",
        may: &[
            "domain",
            "safe_html",
            "store",
            "tracker",
            "channel",
            "config",
            "clock",
            "observe",
        ],
    },
    Room {
        name: "inbound",
        may: &[
            "domain",
            "classify",
            "proto",
            "safe_html",
            "tracker",
            "store",
            "config",
            "clock",
            "observe",
        ],
    },
    Room {
        name: "listener",
        may: &[
            "proto::smtp",
            "net",
            "submit",
            "inbound",
            "config",
            "clock",
            "observe",
        ],
    },
    Room {
        name: "search",
        may: &["domain", "proto", "store", "clock"],
    },
    Room {
        name: "webhooks",
        may: &["domain", "net", "store", "clock", "observe"],
    },
    Room {
        name: "http",
        may: &[
            "domain",
            "proto::cap",
            "proto::smpp::encoding",
            "contacts_file",
            "evidence",
            "pdf",
            "search",
            "safe_html",
            "templates",
            "submit",
            "tracker",
            "store",
            "config",
            "clock",
            "observe",
        ],
    },
    Room {
        name: "config",
        may: &["domain::scram"],
    },
    Room {
        name: "clock",
        may: &["domain::Timestamp"],
    },
    Room {
        name: "observe",
        may: &[],
    },
    Room {
        name: "sim",
        may: &["proto", "net", "clock", "observe"],
    },
    Room {
        name: "daemon",
        may: EVERYTHING,
    },
    Room {
        name: "cli",
        may: EVERYTHING,
    },
];

const EVERYTHING: &[&str] = &["*"];

/// Children that nobody outside may name: the channels behind the `Channel` trait
/// are known to the composition root alone.
const PRIVATE: &[&str] = &["channel::email", "channel::sms", "channel::voice"];

/// Code without IO, clocks and chance of its own.
const PURE: &[&str] = &[
    "src/domain",
    "src/contacts_file",
    "src/evidence",
    "src/pdf",
    "src/safe_html",
    "src/templates",
    "src/classify",
    "src/proto",
    "src/queue/schedule",
];

/// What does not belong there.
const IMPURE_WORDS: &[&[&str]] = &[
    &["tokio"],
    &["async"],
    &["Instant", "::", "now"],
    &["SystemTime", "::", "now"],
    &["Timestamp", "::", "now"],
    &["Zoned", "::", "now"],
    &["Uuid", "::", "now_v7"],
    &["Uuid", "::", "new_v4"],
    &["rand", "::"],
    &["getrandom"],
    &["OsRng"],
    &["ThreadRng"],
    &["std", "::", "fs"],
    &["std", "::", "env"],
    &["std", "::", "thread"],
    &["std", "::", "process"],
    &["TcpStream"],
    &["UdpSocket"],
    &["TcpListener"],
];

/// Test code may read its fixtures, and take any instant to count from.
const TESTS_MAY: &[&[&str]] = &[
    &["std", "::", "fs"],
    &["std", "::", "env"],
    &["Instant", "::", "now"],
];

/// Where serialisation by serde belongs.
const SERDE_ROOMS: &[&str] = &[
    "config", "store", "http", "cli", "evidence", "webhooks", "classify",
];

pub(crate) const FUNCTION_LINES_MAX: usize = 70;
pub(crate) const FILE_LINES_MAX: usize = 500;

/// Longer files (`path`) and functions (`path#name`), each with its reason. One
/// that is no longer too long has to go.
pub(crate) const LONG: &[(&str, &str)] = &[(
    "src/store/keys.rs",
    "the map of the store: a tag and a function for each kind of key",
)];

/// Every `crate::` and `super::` path goes where the table lets it go.
pub(crate) fn imports(source: &Source) -> Vec<Finding> {
    let modules = source.modules();
    let Some(own) = modules.first().copied() else {
        return Vec::new();
    };
    if !source.path.starts_with("src/") {
        return Vec::new();
    }
    let Some(room) = ROOMS.iter().find(|room| room.name == own) else {
        let message = format!("{own} is not in the table of rooms");
        return vec![Finding {
            path: source.path.clone(),
            line: 1,
            message,
        }];
    };
    let mut findings = Vec::new();
    for (path, line, test) in crate_paths(source, modules.len()) {
        let Some(message) = breach(room, &path, test) else {
            continue;
        };
        let finding = Finding {
            path: source.path.clone(),
            line,
            message,
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Why `room` may not name the path `crate::a::b`.
fn breach(room: &Room, path: &[String], test: bool) -> Option<String> {
    let first = path.first()?.as_str();
    if first == room.name || first == "*" && room.may == EVERYTHING {
        return None;
    }
    let two = path
        .get(1)
        .map_or_else(|| first.to_owned(), |second| format!("{first}::{second}"));
    if first == "*" || !ROOMS.iter().any(|known| known.name == first) {
        return Some(format!("crate::{first} is not a room"));
    }
    // Tests of what comes back begin with what was sent, those of the way in end in the queue,
    // those of news with what is told, and those of ready-made words count their segments.
    let for_test = matches!(
        (room.name, first),
        (_, "sim")
            | ("inbound", "submit")
            | ("submit", "queue")
            | ("webhooks", "tracker")
            | ("domain" | "templates", "proto")
    );
    if room.may == EVERYTHING || test && for_test {
        return None;
    }
    if PRIVATE.contains(&two.as_str()) {
        return Some(format!("{} may not look into {two}", room.name));
    }
    let three = path.get(2).map(|third| format!("{two}::{third}"));
    let is_allowed = |may: &&str| *may == first || *may == two || three.as_deref() == Some(*may);
    let allowed = room.may.iter().any(is_allowed);
    (!allowed).then(|| format!("{} may not import {two}", room.name))
}

/// Paths from the crate's root that the file names, groups taken apart.
fn crate_paths(source: &Source, depth: usize) -> Vec<(Vec<String>, usize, bool)> {
    let mut paths = Vec::new();
    let mut inline_modules: Vec<usize> = Vec::new();
    let mut i = 0;
    while i < source.words.len() {
        inline_modules.retain(|end| i < *end);
        let word = &source.words[i];
        if word.text == "mod" && source.word(i + 2) == "{" {
            inline_modules.push(block_end(&source.words, i + 2));
        }
        let mut supers = 0;
        while source.reads(i + 2 * supers, &["super", "::"]) {
            supers += 1;
        }
        let from_root = if source.reads(i, &["crate", "::"]) {
            Some(i + 2)
        } else {
            (supers > 0 && supers >= depth + inline_modules.len()).then_some(i + 2 * supers)
        };
        if let Some(start) = from_root {
            let mut found = Vec::new();
            tree(source, start, &mut Vec::new(), &mut found);
            paths.extend(
                found
                    .into_iter()
                    .map(|(path, line)| (path, line, word.test)),
            );
        }
        i += (2 * supers).max(1);
    }
    paths
}

/// Reads a path or a group of paths at `i`; returns the word behind it.
fn tree(
    source: &Source,
    mut i: usize,
    before: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let known = before.len();
    let line = source.words.get(i).map_or(0, |word| word.line);
    loop {
        if source.word(i) == "{" {
            let end = block_end(&source.words, i);
            i += 1;
            while i + 1 < end {
                i = tree(source, i, before, found).max(i + 1);
                while i + 1 < end && source.word(i) != "," {
                    i += 1;
                }
                i += 1;
            }
            before.truncate(known);
            return end;
        }
        before.push(source.word(i).to_owned());
        i += 1;
        let goes_on = source.word(i) == "::" && source.word(i + 1) != "<";
        if !goes_on {
            found.push((before.clone(), line));
            before.truncate(known);
            return i;
        }
        i += 1;
    }
}

/// The cores have no IO, no clocks and no chance of their own.
pub(crate) fn purity(source: &Source) -> Vec<Finding> {
    let pure = PURE.iter().any(|place| {
        source
            .path
            .strip_prefix(place)
            .is_some_and(|rest| rest.starts_with(['/', '.']))
    });
    if !pure {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (i, word) in source.words.iter().enumerate() {
        let impure = IMPURE_WORDS
            .iter()
            .find(|words| source.reads(i, words) && !(word.test && TESTS_MAY.contains(words)));
        if let Some(words) = impure {
            findings.push(finding(
                source,
                word.line,
                &format!("{} in a pure room", words.concat()),
            ));
        }
    }
    findings
}

/// serde stays where things are read from and written to text.
pub(crate) fn serde_rooms(source: &Source) -> Vec<Finding> {
    let room = source
        .modules()
        .first()
        .copied()
        .unwrap_or_default()
        .to_owned();
    if !source.path.starts_with("src/") || SERDE_ROOMS.contains(&room.as_str()) {
        return Vec::new();
    }
    let of_serde = |text: &str| text == "serde" || text == "serde_json" || text == "serde_spanned";
    source
        .words
        .iter()
        .filter(|word| of_serde(&word.text) && !word.test)
        .map(|word| {
            finding(
                source,
                word.line,
                &format!("{} outside of config, store, http, cli", word.text),
            )
        })
        .collect()
}

/// Nothing unfinished.
pub(crate) fn unfinished(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, word) in source.words.iter().enumerate() {
        let name = word.text.as_str();
        if matches!(name, "todo" | "unimplemented" | "dbg") && source.word(i + 1) == "!" {
            findings.push(finding(source, word.line, &format!("{name}! is left")));
        }
    }
    findings
}

/// No file names a place outside the package, but the tests that look for the corpus.
pub(crate) fn outside_places(path: &str, text: &str) -> Vec<Finding> {
    let places = [
        concat!("..", "/shared"),
        concat!("/work", "/"),
        concat!("shared", "/corpus"),
    ];
    if path.contains("corpus") {
        return Vec::new();
    }
    text.lines()
        .enumerate()
        .flat_map(|(n, line)| {
            let found = places.iter().find(|place| line.contains(**place));
            found.map(|place| Finding {
                path: path.to_owned(),
                line: n + 1,
                message: format!("names {place}, which is not part of the package"),
            })
        })
        .collect()
}

/// Files and functions of product code that are too long, as (name, line, lines).
pub(crate) fn long_things(source: &Source) -> Vec<(String, usize, usize)> {
    let mut long = Vec::new();
    if !source.path.starts_with("src/") || source.test_file {
        return long;
    }
    let test_start = source
        .words
        .iter()
        .find(|word| word.test)
        .map(|word| word.line);
    let all_lines = source.text.lines().count();
    let lines = if test_to_the_end(source) {
        test_start.map_or(0, |line| line - 1)
    } else {
        all_lines
    };
    if lines > FILE_LINES_MAX {
        long.push((source.path.clone(), 1, lines));
    }
    for (i, word) in source.words.iter().enumerate() {
        let named = source
            .word(i + 1)
            .starts_with(|c: char| c.is_alphabetic() || c == '_');
        if word.text != "fn" || word.test || !named {
            continue;
        }
        let Some(open) = body_start(source, i + 1) else {
            continue;
        };
        let end = block_end(&source.words, open);
        let last_line = source.words.get(end - 1).map_or(word.line, |w| w.line);
        let lines = last_line - word.line + 1;
        if lines > FUNCTION_LINES_MAX {
            long.push((
                format!("{}#{}", source.path, source.word(i + 1)),
                word.line,
                lines,
            ));
        }
    }
    long
}

/// Whether everything behind the first word of test code is test code.
fn test_to_the_end(source: &Source) -> bool {
    let first = source.words.iter().position(|word| word.test);
    first.is_some_and(|first| source.words[first..].iter().all(|word| word.test))
}

/// The `{` of a function whose name stands at `i`; none if it has no body.
fn body_start(source: &Source, mut i: usize) -> Option<usize> {
    while i < source.words.len() {
        match source.word(i) {
            "{" => return Some(i),
            ";" => return None,
            "(" | "[" => i = block_end(&source.words, i),
            _ => i += 1,
        }
    }
    None
}

/// What is too long and not on the list, and what is on the list for nothing.
pub(crate) fn lengths(sources: &[Source], allowed: &[(&str, &str)]) -> Vec<Finding> {
    let long: Vec<(String, usize, usize)> = sources.iter().flat_map(long_things).collect();
    let mut findings = Vec::new();
    for (name, line, lines) in &long {
        if !allowed.iter().any(|(listed, _)| listed == name) {
            let path = name.split('#').next().unwrap_or_default().to_owned();
            let message = format!("{name} has {lines} lines");
            findings.push(Finding {
                path,
                line: *line,
                message,
            });
        }
    }
    for (listed, reason) in allowed {
        let path = (*listed).to_owned();
        if !long.iter().any(|(name, _, _)| name == listed) {
            let message = "is on the list of long things and is not one".to_owned();
            findings.push(Finding {
                path: path.clone(),
                line: 1,
                message,
            });
        }
        if reason.len() < 20 {
            findings.push(Finding {
                path,
                line: 1,
                message: "is long without a reason".to_owned(),
            });
        }
    }
    findings
}

fn finding(source: &Source, line: usize, message: &str) -> Finding {
    Finding {
        path: source.path.clone(),
        line,
        message: message.to_owned(),
    }
}
