//! HTML that somebody sent us, made harmless: what is left shows text, tables, lists, links and
//! pictures that came with it, runs nothing and fetches nothing.
//!
//! Two walls stand behind one another. [`lexer`] and [`balance`] read what came in one pass and
//! write it anew with known elements only, closed where they must be, never deeper than
//! [`DEPTH_MAX`]: no later step can take long over it. Then ammonia parses that as a browser
//! would and keeps what its allow list names. The page's own policy ([`POLICY`]) is the third.
//!
//! [`links`] finds the links of HTML that is ours, for those that are counted; it cleans nothing.

mod balance;
mod css;
mod lexer;
pub mod links;
mod pictures;
mod rules;

#[cfg(test)]
mod tests;

pub use balance::{DEPTH_MAX, TAGS_MAX};
pub use pictures::{PICTURE_SIZE_MAX_BYTES, PICTURES_MAX, PICTURES_SIZE_MAX_BYTES};

/// Largest HTML that is shown, in bytes; what lies behind is cut off.
pub const HTML_SIZE_MAX_BYTES: usize = 1024 * 1024;

/// The policy of a page that shows cleaned HTML. Links open in a window of their own, which the
/// sandbox would otherwise keep from working.
pub const POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// The styles of the page around it: the reader's own letters, nothing wider than the page.
const STYLE: &str = "html{color-scheme:light;background:#fff;color:#16181d}body{margin:.75rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}img{max-width:100%;height:auto}table{max-width:100%}blockquote{margin-inline:.5rem;padding-inline-start:.75rem;border-inline-start:3px solid #ccd}.note{border:1px solid #ccd;background:#f4f5f9;padding:.5rem .75rem;font-size:.875rem}";

/// A part of a mail that its HTML may show.
#[derive(Clone, PartialEq, Eq)]
pub struct MailPicture {
    /// Its Content-ID without brackets.
    pub content_id: String,
    /// Its bytes, whatever they are.
    pub bytes: Vec<u8>,
    /// Its place among the files of the mail; none where it is not one of those that are named.
    pub file: Option<usize>,
}

/// What a mail says, as it came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MailHtml {
    /// The HTML; none when it has plain text only.
    pub html: Option<String>,
    /// The parts that the HTML may refer to.
    pub pictures: Vec<MailPicture>,
}

/// HTML that does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The elements of a body.
    pub html: String,
    /// Pictures from elsewhere that were left out.
    pub remote_pictures: usize,
    /// Something beyond a limit was left out.
    pub cut: bool,
}

/// Makes HTML harmless. Never fails, and takes time in proportion to its size.
#[must_use]
pub fn clean(html: &str, pictures: &[MailPicture]) -> Cleaned {
    let within = &html[..html.floor_char_boundary(HTML_SIZE_MAX_BYTES)];
    let written = balance::rewrite(within, pictures);
    Cleaned {
        html: rules::allow(&written.html, pictures),
        remote_pictures: written.remote_pictures,
        cut: written.cut || within.len() < html.len(),
    }
}

/// A whole page of cleaned HTML, with notes above it. `language` and `title` are the reader's.
#[must_use]
pub fn page(cleaned: &Cleaned, language: &str, title: &str, notes: &[&str]) -> String {
    let mut page = String::with_capacity(cleaned.html.len() + 1024);
    page.push_str("<!doctype html><html lang=\"");
    push_escaped(&mut page, language);
    page.push_str("\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>");
    push_escaped(&mut page, title);
    page.push_str("</title><style>");
    page.push_str(STYLE);
    page.push_str("</style></head><body>");
    for note in notes {
        page.push_str("<p class=\"note\">");
        push_escaped(&mut page, note);
        page.push_str("</p>");
    }
    page.push_str("<main>");
    page.push_str(&cleaned.html);
    page.push_str("</main></body></html>");
    page
}

fn push_escaped(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter => out.push(letter),
        }
    }
}
