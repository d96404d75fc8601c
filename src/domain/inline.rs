//! Pictures within the HTML of an email: files that go with it, named where they stand by `cid:`
//! and the name of the file (RFC 2392).

use std::ops::Range;

use super::communication::Attachment;

/// Media types of pictures that mail programs show within HTML; SVG is a program.
pub const PICTURE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Most wrong names of one HTML that are told.
pub const WRONG_TOLD_MAX: usize = 5;

/// Longest name that is told, in characters.
const NAME_TOLD_MAX: usize = 100;

/// A file that goes with an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedFile<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its media type, in lower case.
    pub media_type: &'a str,
}

impl<'a> From<&'a Attachment> for NamedFile<'a> {
    fn from(file: &'a Attachment) -> Self {
        Self {
            name: &file.name,
            media_type: &file.media_type,
        }
    }
}

impl NamedFile<'_> {
    fn is_picture(&self) -> bool {
        PICTURE_TYPES.contains(&self.media_type)
    }
}

/// Why what HTML names would not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrongPicture {
    /// No file has this name.
    Missing(String),
    /// The file of this name is none of [`PICTURE_TYPES`].
    NoPicture(String),
}

/// HTML that names its pictures by the ids that they have in one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// The HTML.
    pub html: String,
    /// The id of each file, in their order; none for those that it does not show.
    pub ids: Vec<Option<String>>,
}

/// Names the pictures of HTML by what `id_of` says for the place of a file, from 0. An id holds
/// nothing that an address would have to encode.
#[must_use]
pub fn embed(html: &str, files: &[NamedFile<'_>], id_of: impl Fn(usize) -> String) -> Embedded {
    let mut ids: Vec<Option<String>> = vec![None; files.len()];
    let mut written = String::with_capacity(html.len());
    let mut done = 0;
    for named in names_in(html) {
        let Some(index) = named.place(html, files) else {
            continue;
        };
        if !files[index].is_picture() {
            continue;
        }
        written.push_str(&html[done..named.at.start]);
        written.push_str(ids[index].get_or_insert_with(|| id_of(index)));
        done = named.at.end;
    }
    written.push_str(&html[done..]);
    Embedded { html: written, ids }
}

/// What HTML names and would not be seen, each once, the first [`WRONG_TOLD_MAX`].
#[must_use]
pub fn wrong_pictures(html: &str, files: &[NamedFile<'_>]) -> Vec<WrongPicture> {
    let mut wrong = Vec::new();
    for named in names_in(html) {
        let one = match named.place(html, files) {
            None => WrongPicture::Missing(told(&named.name)),
            Some(index) if files[index].is_picture() => continue,
            Some(_) => WrongPicture::NoPicture(told(&named.name)),
        };
        if wrong.len() < WRONG_TOLD_MAX && !wrong.contains(&one) {
            wrong.push(one);
        }
    }
    wrong
}

/// A name as people are told of it.
fn told(name: &str) -> String {
    let visible = name.chars().filter(|c| !c.is_control());
    visible.take(NAME_TOLD_MAX).collect()
}

/// A name behind `cid:`.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    /// Where it stands.
    at: Range<usize>,
    /// What it says, decoded.
    name: String,
}

impl Named {
    /// The place of the file that it means: of the name that it decodes to, else of the name as
    /// it stands there.
    fn place(&self, html: &str, files: &[NamedFile<'_>]) -> Option<usize> {
        let of = |name: &str| files.iter().position(|file| file.name == name);
        of(&self.name).or_else(|| of(&html[self.at.clone()]))
    }
}

/// The names behind `cid:` in HTML, wherever they are the value of an attribute: also within
/// comments, where some mail programs look.
fn names_in(html: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = html[at..].find('<') {
        at += open + 1;
        if html[at..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            at = read_tag(html, at, &mut found);
        }
    }
    found
}

/// Reads the attributes of a tag from within it; returns where it ends.
fn read_tag(html: &str, mut at: usize, found: &mut Vec<Named>) -> usize {
    while let Some(next) = html[at..].find(['=', '>']) {
        at += next + 1;
        if html[..at].ends_with('>') {
            return at;
        }
        let value = value_at(html, at);
        if shows_something(&html[..at - 1]) {
            found.extend(named_in(html, value.clone()));
        }
        at = value.end;
    }
    html.len()
}

/// Whether the attribute at the end of this names what is shown, and is no text that may well begin
/// with "cid:".
fn shows_something(html: &str) -> bool {
    let name = html.trim_end();
    let mut names = name.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != ':');
    let name = names.next().unwrap_or_default();
    let shown = ["src", "background", "href", "poster", "data"];
    shown.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Where the value of an attribute stands that begins behind its `=`, without quotes.
fn value_at(html: &str, after: usize) -> Range<usize> {
    let rest = html[after..].trim_start();
    let start = html.len() - rest.len();
    let (start, end) = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => (start + 1, rest[1..].find(quote)),
        _ => (
            start,
            rest.find(|c: char| c.is_ascii_whitespace() || c == '>'),
        ),
    };
    start..end.map_or(html.len(), |length| start + length)
}

fn named_in(html: &str, value: Range<usize>) -> Option<Named> {
    let text = &html[value.clone()];
    let rest = text.trim_start();
    let (scheme, _) = rest.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("cid") {
        return None;
    }
    let start = value.end - rest.len() + scheme.len() + 1;
    let at = start..start + html[start..value.end].trim_end().len();
    let name = decoded(&html[at.clone()].replace("&amp;", "&"));
    Some(Named { at, name })
}

/// Without the percent encoding of addresses (RFC 3986, 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.first_chunk().filter(|_| *first == b'%');
        match code.and_then(byte_of) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn byte_of(digits: &[u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (high, low) = (value(digits[0])?, value(digits[1])?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [NamedFile<'static>; 4] = [
        NamedFile {
            name: "map.png",
            media_type: "image/png",
        },
        NamedFile {
            name: "plan.pdf",
            media_type: "application/pdf",
        },
        NamedFile {
            name: "the quay & more.jpg",
            media_type: "image/jpeg",
        },
        NamedFile {
            name: "50%25.gif",
            media_type: "image/gif",
        },
    ];

    fn embedded(html: &str) -> Embedded {
        embed(html, &FILES, |index| format!("{index}@x"))
    }

    #[test]
    fn pictures_are_found_however_they_are_written() {
        for (html, becomes) in [
            ("<img src=\"cid:map.png\">", "<img src=\"cid:0@x\">"),
            ("<IMG alt=a SRC=CID:map.png>", "<IMG alt=a SRC=CID:0@x>"),
            ("<img src = ' cid:map.png '/>", "<img src = ' cid:0@x '/>"),
            (
                "<td background='cid:map.png'>é</td>",
                "<td background='cid:0@x'>é</td>",
            ),
            (
                "<!--[if mso]><v:fill src=\"cid:map.png\"/><![endif]-->",
                "<!--[if mso]><v:fill src=\"cid:0@x\"/><![endif]-->",
            ),
            (
                "<img src=\"cid:the%20quay%20&amp;%20more.jpg\">",
                "<img src=\"cid:2@x\">",
            ),
            ("<img src='cid:50%25.gif'>", "<img src='cid:3@x'>"),
            (
                "<img title=\"a>b\" alt='x=\"' src=\"cid:map.png\">",
                "<img title=\"a>b\" alt='x=\"' src=\"cid:0@x\">",
            ),
        ] {
            assert_eq!(embedded(html).html, becomes);
            assert_eq!(wrong_pictures(html, &FILES), []);
        }
        let twice = embedded("<img src=cid:map.png><p>and</p><img src=cid:map.png>");
        assert_eq!(twice.html, "<img src=cid:0@x><p>and</p><img src=cid:0@x>");
        assert_eq!(twice.ids, [Some("0@x".to_owned()), None, None, None]);
    }

    #[test]
    fn what_is_no_picture_within_stays_as_it_is() {
        for html in [
            "",
            "write cid:map.png here",
            "a < b src=cid:map.png",
            "<p title='see cid:map.png'>cid:map.png</p>",
            "<img src=\"https://x.example/cid:map.png\">",
            "<img src=\"cid:plan.pdf\">",
            "<img src=\"cid:other.png\">",
            "<img src=\"cid:",
            "<img src=",
            "<img",
        ] {
            let kept = embedded(html);
            assert_eq!(kept.html, html);
            assert!(kept.ids.iter().all(Option::is_none), "{html}");
        }
        let whole = "<é a=\"é\"><img alt='é' src=\"cid:map.png\" é=é>é";
        for (end, _) in whole.char_indices() {
            let _ = embedded(&whole[..end]);
        }
    }

    #[test]
    fn what_would_not_be_seen_is_told() {
        let html = "<img src=cid:no.png><img src=cid:no.png><img src='cid:plan.pdf'>";
        assert_eq!(
            wrong_pictures(html, &FILES),
            [
                WrongPicture::Missing("no.png".to_owned()),
                WrongPicture::NoPicture("plan.pdf".to_owned()),
            ]
        );
        let many: String = (0..20).map(|n| format!("<img src=cid:{n}>")).collect();
        assert_eq!(wrong_pictures(&many, &FILES).len(), WRONG_TOLD_MAX);
        assert_eq!(decoded("%e9%zz%4"), "\u{fffd}%zz%4");
    }
}
