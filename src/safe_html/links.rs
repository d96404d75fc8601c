//! The links of HTML that we wrote: where they stand and where they lead, and the same HTML with
//! other targets in their places and every other byte as it was. Nothing is cleaned here.

use std::ops::Range;

use super::lexer::{Lexer, Tag, Token};

/// Longest target that is looked at, in octets.
pub const TARGET_SIZE_MAX: usize = 2048;

/// Elements whose content is text: a tag within is none.
const RAW: &[&str] = &[
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes",
];

/// A link over http or https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where the value of its `href` stands in the HTML, in octets, without quotes.
    at: Range<usize>,
    /// Where it leads, character references read: printable, without blanks.
    pub target: String,
}

/// The links of `a` and `area` that lead to another place over http or https, in the order in
/// which they stand there, at most so many. What stands in comments (those of Outlook, too), in
/// text or in other attributes is none, and what cannot be understood for certain is left out.
/// Takes time in proportion to the size.
#[must_use]
pub fn links(html: &str, max: usize) -> Vec<Link> {
    let mut found = Vec::new();
    let mut lexer = Lexer::new(html);
    while found.len() < max
        && let Some(token) = lexer.next()
    {
        let Token::Open(tag) = token else {
            continue;
        };
        if tag.name == "plaintext" {
            break;
        }
        if RAW.contains(&tag.name.as_str()) {
            lexer.skip_to_end_of(&tag.name);
        } else {
            found.extend(link_of(html, &tag));
        }
    }
    found
}

/// The HTML with other targets, by the number of the link, from 1 on, and its target; a link for
/// which there is none stays as it is. `links` are those of this HTML, in order. New targets are
/// addresses without characters that HTML minds.
#[must_use]
pub fn with_targets(
    html: &str,
    links: &[Link],
    mut other: impl FnMut(usize, &str) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(html.len() + links.len() * 96);
    let mut done = 0;
    for (number, link) in (1..).zip(links) {
        let Some(target) = other(number, &link.target) else {
            continue;
        };
        let Some(before) = html.get(done..link.at.start) else {
            continue;
        };
        out.push_str(before);
        out.push_str(&target);
        done = link.at.end;
    }
    out.push_str(html.get(done..).unwrap_or_default());
    out
}

fn link_of(html: &str, tag: &Tag<'_>) -> Option<Link> {
    if !matches!(tag.name.as_str(), "a" | "area") {
        return None;
    }
    let value = tag.get("href");
    let target = target(value)?;
    // The value is a piece of the HTML.
    let start = value.as_ptr().addr().checked_sub(html.as_ptr().addr())?;
    let at = start..start + value.len();
    (html.get(at.clone()) == Some(value)).then_some(Link { at, target })
}

/// Where a value leads, if that is another place over http or https.
fn target(value: &str) -> Option<String> {
    let read = unescaped(value)?;
    let target = read.trim_matches(|c: char| c <= ' ');
    let odd = |c: char| c.is_control() || c.is_whitespace();
    if target.len() > TARGET_SIZE_MAX || target.contains(odd) {
        return None;
    }
    let behind = ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, behind) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(behind)
    })?;
    let has_host = !behind.is_empty() && !behind.starts_with(['/', '\\', '?', '#']);
    has_host.then(|| target.to_owned())
}

/// A value with its character references read (HTML standard, 13.2.5.72 and on, as within an
/// attribute). None where one is not among those that addresses have: it could mean anything.
fn unescaped(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (character, behind) = reference(tail)?;
        out.push(character);
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

/// What stands behind a "&", and what follows it.
fn reference(tail: &str) -> Option<(char, &str)> {
    if let Some(number) = tail.strip_prefix('#') {
        let (digits, behind) = number.split_once(';')?;
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        let signed = digits.contains(['+', '-']);
        // The standard reads these, zero and what is no character as others.
        let odd = |code: &u32| matches!(code, 0 | 0x80..=0x9f);
        let code = code.ok().filter(|code| !odd(code) && !signed)?;
        return Some((char::from_u32(code)?, behind));
    }
    let end = tail.find(|c: char| !c.is_ascii_alphanumeric());
    let (name, behind) = tail.split_at(end.unwrap_or(tail.len()));
    if let Some(behind) = behind.strip_prefix(';') {
        let character = match name {
            "amp" | "AMP" => '&',
            "lt" | "LT" => '<',
            "gt" | "GT" => '>',
            "quot" | "QUOT" => '"',
            "apos" => '\'',
            _ => return None,
        };
        return Some((character, behind));
    }
    // Within an attribute "&name=" is as it stands, whatever the name; what ends otherwise may be a
    // reference that lacks its semicolon.
    behind.starts_with('=').then_some(('&', tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(html: &str) -> Vec<String> {
        links(html, 10)
            .into_iter()
            .map(|link| link.target)
            .collect()
    }

    fn rewritten(html: &str) -> String {
        with_targets(html, &links(html, 10), |number, target| {
            let theirs = !target.starts_with("https://ours.example/");
            theirs.then(|| format!("https://x/{number}"))
        })
    }

    #[test]
    fn links_get_other_targets_and_nothing_else_changes() {
        for (html, becomes) in [
            (
                "<p>ä <a href=\"https://a.example/\">A</a> ö</p>",
                "<p>ä <a href=\"https://x/1\">A</a> ö</p>",
            ),
            (
                "<A class=b HREF='http://a.example'>A",
                "<A class=b HREF='https://x/1'>A",
            ),
            (
                "<a href=https://a.example/>A</a>",
                "<a href=https://x/1>A</a>",
            ),
            (
                "<a\nhref = \" https://a.example \">A",
                "<a\nhref = \"https://x/1\">A",
            ),
            (
                "<area href=\"HTTPS://a.example\">",
                "<area href=\"https://x/1\">",
            ),
            // The first of two counts.
            (
                "<a href=\"https://a.example\" href=\"https://b.example\">",
                "<a href=\"https://x/1\" href=\"https://b.example\">",
            ),
            // Ours keep their place in the count.
            (
                "<a href=\"https://ours.example/c/1\">1</a><a href=\"https://a.example\">2</a>",
                "<a href=\"https://ours.example/c/1\">1</a><a href=\"https://x/2\">2</a>",
            ),
            (
                "<a title=\"<a href='https://no.example'>\" href=\"https://a.example\">",
                "<a title=\"<a href='https://no.example'>\" href=\"https://x/1\">",
            ),
        ] {
            assert_eq!(rewritten(html), becomes);
        }
    }

    #[test]
    fn what_is_no_link_to_another_place_stays() {
        for html in [
            "<a href=\"mailto:a@b.example\">",
            "<a href=\"tel:+441632960000\">",
            "<a href=\"#top\">",
            "<a href=\"/path\">",
            "<a href=\"//a.example\">",
            "<a href=\"javascript:location='https://a.example'\">",
            "<a href=\"https:\">",
            "<a href=\"https://\">",
            "<a href=\"https:///a.example\">",
            "<a href=\"https://a.example/a b\">",
            "<a href=\"https://a.example/&eacute;\">",
            "<a href=\"https://a.example/&#0;\">",
            "<a href=\"https://a.example/?a&copy\">",
            "<a data-href=\"https://a.example\" name=\"https://a.example\">",
            "<img src=\"https://a.example/a.png\">",
            "<form action=\"https://a.example\">",
            "<link href=\"https://a.example\">",
            "<base href=\"https://a.example\">",
            "<p>https://a.example</p>",
            "<!-- <a href=\"https://a.example\"> -->",
            "<!--[if mso]><a href=\"https://a.example\"><![endif]-->",
            "<style>/* <a href=\"https://a.example\"> */</style>",
            "<title><a href=\"https://a.example\"></title>",
            "<script>'<a href=\"https://a.example\">'</script>",
            "<textarea><a href=\"https://a.example\"></textarea>",
            "<plaintext><a href=\"https://a.example\">",
            "<a href=\"https://a.example",
            "<a href=\"https://a.example\"",
            "",
            "<",
        ] {
            assert_eq!(targets(html), Vec::<String>::new(), "{html}");
            assert_eq!(rewritten(html), html);
        }
        let long = format!(
            "<a href=\"https://a.example/{}\">",
            "a".repeat(TARGET_SIZE_MAX)
        );
        assert_eq!(rewritten(&long), long);
    }

    #[test]
    fn targets_are_read_as_browsers_do() {
        for (href, target) in [
            (
                "https://a.example/?a=1&amp;b=2",
                "https://a.example/?a=1&b=2",
            ),
            ("https://a.example/?a=1&b=2", "https://a.example/?a=1&b=2"),
            // No copyright sign within an attribute.
            (
                "https://a.example/?a=1&copy=2",
                "https://a.example/?a=1&copy=2",
            ),
            (
                "https://a.example/?q=&quot;a&quot;",
                "https://a.example/?q=\"a\"",
            ),
            (
                "https://a.example/&#38;&#x26;&#X26;",
                "https://a.example/&&&",
            ),
            ("https&#58;//a.example/ä", "https://a.example/ä"),
            ("&#32;https://a.example\n", "https://a.example"),
        ] {
            assert_eq!(targets(&format!("<a href=\"{href}\">")), [target]);
        }
    }

    #[test]
    fn there_are_as_many_as_are_asked_for() {
        let html = "<a href=\"https://a.example\">".repeat(300);
        let some = links(&html, 200);
        assert_eq!(some.len(), 200);
        let other = with_targets(&html, &some, |_, _| Some("https://x/".to_owned()));
        assert_eq!(other.matches("https://x/").count(), 200);
        assert_eq!(other.matches("https://a.example").count(), 100);
        assert!(other.ends_with("<a href=\"https://a.example\">"));
    }
}
