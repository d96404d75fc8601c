//! HTML cut into tags and text, in one pass. Follows the tokenizer of the HTML standard
//! (section 13.2.5) where a difference could hide text; what it reads differently is harmless,
//! because it is written anew.

/// Most attributes of one tag that are looked at.
const ATTRIBUTES_MAX: usize = 32;

/// One piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text as it stands, character references included.
    Text(&'a str),
    /// A start tag.
    Open(Tag<'a>),
    /// An end tag, by its name in lower case.
    Close(String),
}

/// A start tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// Its name in lower case.
    pub(super) name: String,
    /// Names in lower case, and values as they stand; the first of a name comes first.
    pub(super) attributes: Vec<(String, &'a str)>,
    /// It ends in "/>".
    pub(super) is_closed: bool,
}

impl<'a> Tag<'a> {
    /// The value of an attribute; empty if it is not there.
    pub(super) fn get(&self, name: &str) -> &'a str {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map_or("", |(_, value)| value)
    }
}

/// Cuts HTML into tokens.
pub(super) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { rest: html }
    }

    /// Skips to the end tag of an element whose content is not HTML; all that follows if there is
    /// none.
    pub(super) fn skip_to_end_of(&mut self, name: &str) {
        let bytes = self.rest.as_bytes();
        let mut from = 0;
        while let Some(at) = self.rest[from..].find("</") {
            let start = from + at + 2;
            let found = bytes.get(start..start + name.len());
            if found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
                self.rest = &self.rest[from + at..];
                return;
            }
            from = start;
        }
        self.rest = "";
    }

    /// After "<!", "<?" or "</" and no letter: what is no tag and no text.
    fn skip_declaration(&mut self, after: &'a str) {
        let Some(comment) = after.strip_prefix("!--") else {
            self.rest = after.find('>').map_or("", |end| &after[end + 1..]);
            return;
        };
        for short in [">", "->"] {
            if let Some(rest) = comment.strip_prefix(short) {
                self.rest = rest;
                return;
            }
        }
        self.rest = behind_comment(comment);
    }

    /// Reads name and attributes behind "<" or "</"; none where the tag never ends.
    fn tag(&mut self, after: &'a str) -> Option<Tag<'a>> {
        let ends = |c: char| c.is_ascii_whitespace() || c == '/' || c == '>';
        let name_end = after.find(ends).unwrap_or(after.len());
        let mut tag = Tag {
            name: after[..name_end].to_ascii_lowercase(),
            attributes: Vec::new(),
            is_closed: false,
        };
        let mut rest = &after[name_end..];
        loop {
            let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if let Some(behind) = trimmed.strip_prefix('>') {
                tag.is_closed = rest[..rest.len() - trimmed.len()].ends_with('/');
                self.rest = behind;
                return Some(tag);
            }
            if trimmed.is_empty() {
                self.rest = "";
                return None;
            }
            let (name, value, behind) = attribute(trimmed)?;
            if tag.attributes.len() < ATTRIBUTES_MAX {
                tag.attributes.push((name.to_ascii_lowercase(), value));
            }
            rest = behind;
        }
    }
}

/// What follows the first "-->" or "--!>", found in one pass.
fn behind_comment(comment: &str) -> &str {
    let mut rest = comment;
    while let Some(at) = rest.find("--") {
        let behind = &rest[at + 2..];
        let ended = behind.strip_prefix('>').or(behind.strip_prefix("!>"));
        if let Some(ended) = ended {
            return ended;
        }
        rest = &rest[at + 1..];
    }
    ""
}

/// Name, value and what follows; none where a quoted value never ends.
fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=');
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text[first..].find(ends).map_or(text.len(), |at| at + first);
    let (name, rest) = text.split_at(end);
    let Some(value) = rest.trim_ascii_start().strip_prefix('=') else {
        return Some((name, "", rest));
    };
    let value = value.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted
                .split_once(quote)
                .map(|(value, rest)| (name, value, rest));
        }
    }
    let end = value
        .find(|c: char| c.is_ascii_whitespace() || c == '>')
        .unwrap_or(value.len());
    Some((name, &value[..end], &value[end..]))
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let at = self.rest.find('<').unwrap_or(self.rest.len());
            if at > 0 {
                let (text, rest) = self.rest.split_at(at);
                self.rest = rest;
                return Some(Token::Text(text));
            }
            let after = self.rest.strip_prefix('<')?;
            let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
            let closing = after.strip_prefix('/');
            if is_name(after) {
                let tag = self.tag(after);
                if tag.is_none() {
                    self.rest = "";
                }
                return tag.map(Token::Open);
            } else if let Some(closing) = closing.filter(|closing| is_name(closing)) {
                let tag = self.tag(closing);
                if tag.is_none() {
                    self.rest = "";
                }
                return tag.map(|tag| Token::Close(tag.name));
            } else if closing.is_some() || after.starts_with(['!', '?']) {
                self.skip_declaration(after);
            } else {
                let (text, rest) = self.rest.split_at(1);
                self.rest = rest;
                return Some(Token::Text(text));
            }
        }
    }
}
