//! Header fields as they stand in mail, reports and quoted originals: unfolded, not decoded.

use mail_parser::{HeaderValue, parsers::MessageStream};

use super::lines::lines;

/// Most fields kept of one block.
pub const HEADER_FIELDS_MAX: usize = 1_000;
/// Longest value kept of one field, in bytes.
pub const HEADER_VALUE_SIZE_MAX_BYTES: usize = 65_536;
/// Most blocks read of one report: a message's fields and one block for each recipient.
pub const HEADER_BLOCKS_MAX: usize = 2_001;

/// The fields of one header or report block, in their order.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct HeaderBlock {
    fields: Vec<(String, String)>,
}

impl HeaderBlock {
    /// Reads fields up to the first empty line; gives back the rest of the text as well.
    /// A line that is neither a field nor a continuation is taken as a continuation of the
    /// field before it, since mailers that do not know how to fold are many.
    pub fn parse(text: &str) -> (Self, &str) {
        let mut block = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            rest = after;
            if line.trim().is_empty() {
                break;
            }
            block.take_line(line);
        }
        (block, rest)
    }

    /// Reads blocks parted by empty lines; blocks without a field are left out.
    pub fn parse_all(text: &str) -> Vec<Self> {
        let mut blocks = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && blocks.len() < HEADER_BLOCKS_MAX {
            let (block, after) = Self::parse(rest);
            rest = after;
            if !block.is_empty() {
                blocks.push(block);
            }
        }
        blocks
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// The first value of a field; names are compared without case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// Every value of a field.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// True if the field stands there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// True if there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The lower-case address of the first mailbox in a field.
    pub fn address(&self, name: &str) -> Option<String> {
        self.get(name).and_then(first_address)
    }

    fn take_line(&mut self, line: &str) {
        let field = if line.starts_with([' ', '\t']) {
            None
        } else {
            split_field(line)
        };
        if let Some((name, value)) = field {
            if self.fields.len() < HEADER_FIELDS_MAX {
                self.fields.push((name.to_owned(), value.trim().to_owned()));
            }
            return;
        }
        if let Some((_, value)) = self.fields.last_mut()
            && value.len() < HEADER_VALUE_SIZE_MAX_BYTES
        {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(line.trim());
        }
    }
}

/// Headers hold addresses: debug output names the fields only.
impl std::fmt::Debug for HeaderBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.fields.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Every value of a field as the next server reads it, unfolded: the header ends at the first empty
/// line and nowhere else, and there are as many fields as there are.
pub fn values_on_wire(raw: &[u8], name: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut is_it = false;
    for line in lines(raw).take_while(|line| !line.is_empty()) {
        let line = String::from_utf8_lossy(line);
        if line.starts_with([' ', '\t']) {
            if let Some(value) = values.last_mut().filter(|_| is_it) {
                value.push_str(&line);
            }
            continue;
        }
        let field = line.split_once(':');
        is_it = field.is_some_and(|(known, _)| known.trim_end().eq_ignore_ascii_case(name));
        if let Some((_, value)) = field.filter(|_| is_it) {
            values.push(value.to_owned());
        }
    }
    values
}

/// The addresses that mail programs see in a field such as From (RFC 5322 section 3.4).
pub fn addresses_in(value: &str) -> Vec<String> {
    let value = format!("{value}\r\n");
    let HeaderValue::Address(found) = MessageStream::new(value.as_bytes()).parse_address() else {
        return Vec::new();
    };
    let found = found.iter().filter_map(|one| one.address());
    found.map(str::to_lowercase).collect()
}

/// A line without its end, and what follows.
pub fn split_line(text: &str) -> (&str, &str) {
    match text.split_once('\n') {
        Some((line, rest)) => (line.strip_suffix('\r').unwrap_or(line), rest),
        None => (text, ""),
    }
}

/// Name and value of a field line (RFC 5322 section 2.2); `None` if it is none.
pub fn split_field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let well_formed =
        !name.is_empty() && name.len() <= 76 && name.bytes().all(|b| b.is_ascii_graphic());
    (well_formed && !name.contains(['<', '>', '@', '"', '/'])).then_some((name, value))
}

/// The first `local@domain` in a text, without brackets, in lower case.
pub fn first_address(text: &str) -> Option<String> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find('@') {
        let at = from + found;
        let start = text[..at].rfind(|c: char| !is_local(c)).map_or(0, |i| {
            i + text[i..].chars().next().map_or(1, char::len_utf8)
        });
        let tail = text.get(at + 1..).unwrap_or_default();
        let end = tail.find(|c: char| !is_domain(c)).unwrap_or(tail.len());
        let local = text[start..at].trim_start_matches(['\'', '=', '*', '`']);
        let domain = tail[..end].trim_end_matches(['.', '-', '_']);
        if !local.is_empty() && !domain.is_empty() {
            return Some(format!("{local}@{domain}").to_lowercase());
        }
        from = at + 1;
    }
    None
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '.' | '!'
                | '#'
                | '$'
                | '%'
                | '&'
                | '\''
                | '*'
                | '+'
                | '-'
                | '/'
                | '='
                | '?'
                | '^'
                | '_'
                | '`'
                | '{'
                | '|'
                | '}'
                | '~'
        )
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_found_without_case() {
        let (block, rest) = HeaderBlock::parse("Subject: one\r\n two\r\nX-A:1\nX-a: 2\n\nbody");
        assert_eq!(block.get("subject"), Some("one two"));
        assert_eq!(block.get_all("X-A").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(rest, "body");
        assert!(!format!("{block:?}").contains("one"));
    }

    #[test]
    fn blocks_are_parted_by_empty_lines() {
        let blocks = HeaderBlock::parse_all(
            "Reporting-MTA: dns; a\n\n\nFinal-Recipient: rfc822; x@y\nnot folded\n\n",
        );
        assert_eq!(blocks.len(), 2);
        assert_eq!(
            blocks[1].get("final-recipient"),
            Some("rfc822; x@y not folded")
        );
        assert_eq!(blocks[1].address("Final-Recipient").as_deref(), Some("x@y"));
    }

    #[test]
    fn blocks_and_fields_are_bounded() {
        let many = "A: b\n\n".repeat(HEADER_BLOCKS_MAX + 10);
        assert_eq!(HeaderBlock::parse_all(&many).len(), HEADER_BLOCKS_MAX);
        let (block, _) = HeaderBlock::parse(&"A: b\n".repeat(HEADER_FIELDS_MAX + 10));
        assert_eq!(block.iter().count(), HEADER_FIELDS_MAX);
        let (block, _) = HeaderBlock::parse(&format!("A: b\n{}", " cccccccc\n".repeat(20_000)));
        assert!(block.get("a").unwrap().len() <= HEADER_VALUE_SIZE_MAX_BYTES + 100);
    }

    #[test]
    fn addresses_are_taken_out_of_what_stands_around_them() {
        for (text, want) in [
            ("<A.B@Example.org>:", "a.b@example.org"),
            ("rfc822;x@y.example", "x@y.example"),
            ("\"Q\" <q=1@z>", "q=1@z"),
            ("'e@f.example'.", "e@f.example"),
            ("@ then é@ü.example", "é@ü.example"),
        ] {
            assert_eq!(first_address(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(first_address("no @ here"), None);
    }
}
