//! A Rust file as words: comments and literals gone, each word with its line,
//! the test code marked.

/// One word of code: an identifier, a number, `::`, or one punctuation mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Part of an item under `#[cfg(test)]`.
    pub(crate) test: bool,
}

/// One file.
pub(crate) struct Source {
    /// From the package's folder, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) words: Vec<Word>,
    /// The whole file is test code.
    pub(crate) test_file: bool,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let mut words = words(text);
        mark_tests(&mut words);
        let name = path.rsplit('/').next().unwrap_or_default();
        let named = name == "tests.rs" || name.ends_with("_tests.rs");
        let test_file = named || path.starts_with("tests/") || path.contains("/tests/");
        if test_file {
            words.iter_mut().for_each(|word| word.test = true);
        }
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            words,
            test_file,
        }
    }

    /// Names of the modules from the crate's root to this file: `["net", "dns"]`.
    pub(crate) fn modules(&self) -> Vec<&str> {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inside = inside.strip_suffix(".rs").unwrap_or(inside);
        let mut names: Vec<&str> = inside.split('/').collect();
        if matches!(names.last(), Some(&"mod" | &"lib" | &"main")) {
            names.pop();
        }
        names
    }

    pub(crate) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| word.text.as_str())
    }

    /// Whether the words from `index` on are these.
    pub(crate) fn reads(&self, index: usize, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(n, word)| self.word(index + n) == *word)
    }
}

/// Marks the files behind `#[cfg(test)] mod name;`, and what lies below them.
pub(crate) fn mark_test_files(sources: &mut [Source]) {
    let mut places: Vec<String> = Vec::new();
    for source in sources.iter() {
        let folder = source.modules().join("/");
        let folder = if folder.is_empty() {
            "src".to_owned()
        } else {
            format!("src/{folder}")
        };
        for (i, word) in source.words.iter().enumerate() {
            if word.test && word.text == "mod" && source.word(i + 2) == ";" {
                places.push(format!("{folder}/{}", source.word(i + 1)));
            }
        }
    }
    for source in sources {
        let behind = |place: &String| {
            source
                .path
                .strip_prefix(place)
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        if places.iter().any(behind) {
            source.test_file = true;
            source.words.iter_mut().for_each(|word| word.test = true);
        }
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn words(text: &str) -> Vec<Word> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let skipped = skip(&chars, i);
        if skipped > i {
            line += chars[i..skipped].iter().filter(|c| **c == '\n').count();
            i = skipped;
            continue;
        }
        let end = if is_word_char(chars[i]) {
            (i..chars.len())
                .find(|&n| !is_word_char(chars[n]))
                .unwrap_or(chars.len())
        } else if chars[i] == ':' && chars.get(i + 1) == Some(&':') {
            i + 2
        } else {
            i + 1
        };
        words.push(Word {
            text: chars[i..end].iter().collect(),
            line,
            test: false,
        });
        i = end;
    }
    words
}

/// Where the space, comment or literal at `i` ends; `i` if there is none.
fn skip(chars: &[char], i: usize) -> usize {
    let next = |n: usize| chars.get(i + n).copied().unwrap_or('\0');
    match chars[i] {
        c if c.is_whitespace() => i + 1,
        '/' if next(1) == '/' => (i..chars.len())
            .find(|&n| chars[n] == '\n')
            .unwrap_or(chars.len()),
        '/' if next(1) == '*' => skip_block_comment(chars, i),
        '"' => skip_string(chars, i),
        '\'' => skip_char(chars, i),
        'b' | 'c' | 'r' if i == 0 || !is_word_char(chars[i - 1]) => skip_prefixed(chars, i),
        _ => i,
    }
}

fn skip_block_comment(chars: &[char], start: usize) -> usize {
    let (mut i, mut depth) = (start, 0);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                i += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    i
}

fn skip_string(chars: &[char], quote: usize) -> usize {
    let mut i = quote + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// A character literal; a lifetime is left to be a mark and a word.
fn skip_char(chars: &[char], quote: usize) -> usize {
    if chars.get(quote + 1) == Some(&'\\') {
        let end = (quote + 3..chars.len()).find(|&n| chars[n] == '\'');
        return end.map_or(chars.len(), |end| end + 1);
    }
    if chars.get(quote + 2) == Some(&'\'') {
        quote + 3
    } else {
        quote
    }
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `b'…'`.
fn skip_prefixed(chars: &[char], start: usize) -> usize {
    let mut i = start;
    while i < chars.len() && "bcr".contains(chars[i]) && i - start < 2 {
        i += 1;
    }
    let raw = chars[start..i].contains(&'r');
    let hashes = chars[i..].iter().take_while(|c| raw && **c == '#').count();
    match chars.get(i + hashes) {
        Some('"') if raw => {
            let body = i + hashes + 1;
            let closes = |n: usize| {
                chars[n] == '"'
                    && chars[n + 1..]
                        .iter()
                        .take(hashes)
                        .filter(|c| **c == '#')
                        .count()
                        == hashes
            };
            (body..chars.len())
                .find(|&n| closes(n))
                .map_or(chars.len(), |n| n + 1 + hashes)
        }
        Some('"') => skip_string(chars, i),
        Some('\'') if chars[start] == 'b' && i == start + 1 => match skip_char(chars, i) {
            end if end > i => end,
            _ => start,
        },
        _ => start,
    }
}

/// Marks the items that stand under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn mark_tests(words: &mut [Word]) {
    let reads = |words: &[Word], at: usize, these: &[&str]| {
        these
            .iter()
            .enumerate()
            .all(|(n, w)| words.get(at + n).is_some_and(|word| word.text == *w))
    };
    let mut i = 0;
    while i < words.len() {
        let plain = reads(words, i, &["#", "[", "cfg", "(", "test", ")"]);
        let all = reads(words, i, &["#", "[", "cfg", "(", "all", "(", "test", ","]);
        if !plain && !all {
            i += 1;
            continue;
        }
        let attribute_end = block_end(words, i + 1);
        let end = item_end(words, attribute_end);
        words[i..end].iter_mut().for_each(|word| word.test = true);
        i = end.max(i + 1);
    }
}

/// Where the item that begins at `start` ends: behind its block, or behind a `;` before any.
fn item_end(words: &[Word], start: usize) -> usize {
    let mut i = start;
    while i < words.len() {
        match words[i].text.as_str() {
            ";" => return i + 1,
            "{" => return block_end(words, i),
            "(" | "[" => i = block_end(words, i),
            _ => i += 1,
        }
    }
    i
}

/// Behind the bracket that closes the one at `open`.
pub(crate) fn block_end(words: &[Word], open: usize) -> usize {
    let mut depth = 0usize;
    for (i, word) in words.iter().enumerate().skip(open) {
        match word.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
    }
    words.len()
}
