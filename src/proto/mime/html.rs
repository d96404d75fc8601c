//! HTML to plain text, in bounded time.

/// Largest HTML that is laid out, in bytes; more is stripped of its tags only.
pub const HTML_LAYOUT_SIZE_MAX_BYTES: usize = 262_144;
/// Deepest nesting that is laid out: nested tables cost html2text quadratic time and more.
pub const HTML_NESTING_MAX: usize = 60;
/// Width of a line of text, in columns; phones and speech want none, mail readers wrap themselves.
const TEXT_WIDTH_COLUMNS: usize = 400;

/// The text of an HTML document. Never fails: what cannot be laid out is stripped of its tags.
pub fn to_text(html: &str) -> String {
    if html.len() > HTML_LAYOUT_SIZE_MAX_BYTES || nesting(html) > HTML_NESTING_MAX {
        return strip_tags(html);
    }
    let config = html2text::config::plain_no_decorate()
        .no_table_borders()
        .no_link_wrapping()
        .link_footnotes(false);
    match config.string_from_read(html.as_bytes(), TEXT_WIDTH_COLUMNS) {
        Ok(text) => tidy(&text),
        Err(_) => strip_tags(html),
    }
}

/// How deep elements that hold others stand in one another; closing tags that are missing count.
fn nesting(html: &str) -> usize {
    let mut depth: usize = 0;
    let mut deepest = 0;
    for piece in html.split('<').skip(1) {
        let closing = piece.starts_with('/');
        let name = piece.trim_start_matches('/');
        if !holds_others(name) {
            continue;
        }
        depth = if closing {
            depth.saturating_sub(1)
        } else {
            depth + 1
        };
        deepest = deepest.max(depth);
    }
    deepest
}

fn holds_others(tag: &str) -> bool {
    const ALONE: [&str; 16] = [
        "!", "?", "br", "hr", "img", "meta", "link", "input", "p", "li", "td", "tr", "th", "col",
        "area", "option",
    ];
    let name_len = tag
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(tag.len());
    let name = tag[..name_len].to_ascii_lowercase();
    !name.is_empty() && !ALONE.contains(&name.as_str())
}

/// Drops tags, scripts and styles; knows the commonest entities. Linear.
pub fn strip_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        push_text(&mut out, &rest[..open]);
        let tag = &rest[open + 1..];
        let lower: String = tag.chars().take(8).collect::<String>().to_ascii_lowercase();
        let skip_to = if lower.starts_with("script") {
            Some("</script")
        } else if lower.starts_with("style") {
            Some("</style")
        } else if lower.starts_with("!--") {
            Some("-->")
        } else {
            None
        };
        let body = match skip_to {
            Some(end) => find_ascii(tag, end).map_or("", |at| &tag[at..]),
            None => tag,
        };
        if breaks_line(&lower) {
            out.push('\n');
        }
        rest = body.find('>').map_or("", |close| &body[close + 1..]);
    }
    push_text(&mut out, rest);
    tidy(&out)
}

fn breaks_line(tag: &str) -> bool {
    [
        "br", "p", "/p", "div", "/div", "tr", "/tr", "li", "h1", "h2", "h3", "/h", "table",
        "/table",
    ]
    .iter()
    .any(|name| {
        tag.strip_prefix(name)
            .is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphabetic()))
    })
}

fn find_ascii(text: &str, needle: &str) -> Option<usize> {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    (0..text.len().checked_sub(needle.len())? + 1)
        .find(|&i| text[i..i + needle.len()].eq_ignore_ascii_case(needle))
}

fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let known = [
            ("&amp;", "&"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&nbsp;", " "),
        ]
        .into_iter()
        .find(|(entity, _)| tail.starts_with(entity));
        let (text, len) = known.map_or(("&", 1), |(entity, text)| (text, entity.len()));
        out.push_str(text);
        rest = &tail[len..];
    }
    out.push_str(rest);
}

/// Lines without blanks around them, at most one empty line in a row.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 1;
    for line in text.lines() {
        let line = line.trim();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_out_ordinary_mail() {
        let text = to_text(
            "<html><head><style>p{}</style></head><body><p>Bad &amp; <b>good</b></p><table><tr><td>a</td></tr></table></body></html>",
        );
        assert_eq!(text, "Bad & good\n\na");
    }

    #[test]
    fn deep_nesting_is_stripped_and_quick() {
        let html = format!(
            "{}deep &lt;text&gt;{}",
            "<table><tr><td>".repeat(3_000),
            "</td></tr></table>".repeat(3_000)
        );
        assert!(nesting(&html) > HTML_NESTING_MAX);
        assert_eq!(to_text(&html), "deep <text>");
    }

    #[test]
    fn stripping_drops_what_is_not_text() {
        assert_eq!(
            strip_tags("a<!-- > b --> c<SCRIPT>if(a<b){}</Script>d<br/>e<unclosed"),
            "a cd\ne"
        );
        assert_eq!(strip_tags("é<style>é"), "é");
    }
}
