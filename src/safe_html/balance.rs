//! HTML written anew: known elements only, each closed inside the one that holds it, never deeper
//! than [`DEPTH_MAX`] and never more than [`TAGS_MAX`]. The parser behind it then never has to
//! mend anything, which is what takes it long.

use super::lexer::{Lexer, Tag, Token};
use super::pictures::{self, Source};
use super::{MailPicture, push_escaped};

/// Deepest nesting that is kept; deeper elements lose their tags, not their text.
pub const DEPTH_MAX: usize = 128;
/// Most elements that are kept; what follows is cut off.
pub const TAGS_MAX: usize = 20_000;
/// Deepest nesting of letters' forms (bold in italic in …), which a parser copies on.
const FORMS_MAX: usize = 12;
/// Most character references in one piece of text.
const REFERENCES_TOGETHER_MAX: usize = 32;
/// Most character references that are kept; what follows is cut off.
const REFERENCES_MAX: usize = 50_000;
/// Longest value of an attribute, in bytes; a longer one is dropped.
const VALUE_SIZE_MAX_BYTES: usize = 4096;
/// A picture of this size or less shows nothing, in pixels: it only tells that a mail was read.
const TRACKER_PIXELS_MAX: u32 = 2;

/// How an element stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Has no content.
    Void,
    /// The form of letters, and links.
    Form,
    /// Part of a line.
    Inline,
    /// A block: ends a paragraph.
    Block,
    /// An entry of a list: ends the entry before it.
    Item,
    /// Part of a table.
    Table,
}

/// Elements that are kept.
const KNOWN: &[(&str, Kind)] = &[
    ("a", Kind::Form),
    ("abbr", Kind::Inline),
    ("address", Kind::Block),
    ("article", Kind::Block),
    ("aside", Kind::Block),
    ("b", Kind::Form),
    ("bdi", Kind::Inline),
    ("bdo", Kind::Inline),
    ("big", Kind::Form),
    ("blockquote", Kind::Block),
    ("br", Kind::Void),
    ("caption", Kind::Table),
    ("center", Kind::Block),
    ("cite", Kind::Inline),
    ("code", Kind::Form),
    ("dd", Kind::Item),
    ("del", Kind::Inline),
    ("dfn", Kind::Inline),
    ("div", Kind::Block),
    ("dl", Kind::Block),
    ("dt", Kind::Item),
    ("em", Kind::Form),
    ("figcaption", Kind::Block),
    ("figure", Kind::Block),
    ("font", Kind::Form),
    ("footer", Kind::Block),
    ("h1", Kind::Block),
    ("h2", Kind::Block),
    ("h3", Kind::Block),
    ("h4", Kind::Block),
    ("h5", Kind::Block),
    ("h6", Kind::Block),
    ("header", Kind::Block),
    ("hr", Kind::Void),
    ("i", Kind::Form),
    ("ins", Kind::Inline),
    ("kbd", Kind::Inline),
    ("li", Kind::Item),
    ("main", Kind::Block),
    ("mark", Kind::Inline),
    ("ol", Kind::Block),
    ("p", Kind::Block),
    ("pre", Kind::Block),
    ("q", Kind::Inline),
    ("s", Kind::Form),
    ("samp", Kind::Inline),
    ("section", Kind::Block),
    ("small", Kind::Form),
    ("span", Kind::Inline),
    ("strike", Kind::Form),
    ("strong", Kind::Form),
    ("sub", Kind::Inline),
    ("sup", Kind::Inline),
    ("table", Kind::Table),
    ("tbody", Kind::Table),
    ("td", Kind::Table),
    ("tfoot", Kind::Table),
    ("th", Kind::Table),
    ("thead", Kind::Table),
    ("time", Kind::Inline),
    ("tr", Kind::Table),
    ("tt", Kind::Form),
    ("u", Kind::Form),
    ("ul", Kind::Block),
    ("var", Kind::Inline),
    ("wbr", Kind::Void),
];

/// Elements whose content is no HTML, and is dropped with them.
const RAW: [&str; 8] = [
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes",
];
/// Elements that are dropped with the elements in them.
const FOREIGN: [&str; 4] = ["svg", "math", "template", "select"];
/// Attributes that are handed on to the allow list.
const ATTRIBUTES: [&str; 19] = [
    "align",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "color",
    "colspan",
    "dir",
    "face",
    "height",
    "href",
    "lang",
    "rowspan",
    "size",
    "start",
    "style",
    "title",
    "valign",
    "width",
];

/// What was written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) html: String,
    pub(super) remote_pictures: usize,
    pub(super) cut: bool,
}

/// Writes HTML anew.
pub(super) fn rewrite(html: &str, pictures: &[MailPicture]) -> Written {
    let mut lexer = Lexer::new(html);
    let mut writer = Writer {
        out: String::with_capacity(html.len()),
        pictures,
        ..Writer::default()
    };
    while let Some(token) = lexer.next() {
        match token {
            Token::Text(_) if writer.references > REFERENCES_MAX => {
                writer.cut = true;
                break;
            }
            Token::Text(text) => writer.text(text),
            Token::Close(name) => writer.close(&name),
            Token::Open(tag) if RAW.contains(&tag.name.as_str()) => lexer.skip_to_end_of(&tag.name),
            Token::Open(tag) if FOREIGN.contains(&tag.name.as_str()) => {
                writer.cut |= !tag.is_closed && !skip_foreign(&mut lexer, &tag.name);
            }
            Token::Open(tag) if tag.name == "plaintext" => break,
            Token::Open(tag) if writer.tags >= TAGS_MAX => {
                writer.cut |= known(&tag.name).is_some();
                if writer.cut {
                    break;
                }
            }
            Token::Open(tag) => writer.open(&tag),
        }
    }
    writer.close_down_to(0);
    Written {
        html: writer.out,
        remote_pictures: writer.remote_pictures,
        cut: writer.cut,
    }
}

/// Skips an element with others like it in it. Whether its end was there.
fn skip_foreign(lexer: &mut Lexer<'_>, name: &str) -> bool {
    let mut depth = 1_u32;
    for token in lexer {
        match token {
            Token::Open(tag) if tag.name == name && !tag.is_closed => depth += 1,
            Token::Close(closed) if closed == name => depth -= 1,
            Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
        }
        if depth == 0 {
            return true;
        }
    }
    false
}

fn known(name: &str) -> Option<(&'static str, Kind)> {
    let at = KNOWN.binary_search_by_key(&name, |(known, _)| known).ok()?;
    KNOWN.get(at).copied()
}

#[derive(Default)]
struct Writer<'a> {
    out: String,
    open: Vec<(&'static str, Kind)>,
    tags: usize,
    references: usize,
    remote_pictures: usize,
    pictures: &'a [MailPicture],
    cut: bool,
}

impl Writer<'_> {
    /// Text as it came; a "<" that begins no tag stays one. Comments, which go later, part what
    /// has many references: a parser puts each of them behind all the text before it.
    fn text(&mut self, text: &str) {
        if !text.trim_ascii().is_empty() {
            self.make_cell();
        }
        if text == "<" {
            self.reference();
            self.out.push_str("&lt;");
            return;
        }
        let mut written = 0;
        for (at, _) in text.match_indices(['&', '\0', '\r']) {
            if self.references > REFERENCES_MAX {
                self.out.push_str(&text[written..at]);
                return;
            }
            self.out.push_str(&text[written..at]);
            self.reference();
            written = at;
        }
        self.out.push_str(&text[written..]);
    }

    fn reference(&mut self) {
        self.references += 1;
        if self.references.is_multiple_of(REFERENCES_TOGETHER_MAX) {
            self.out.push_str("<!---->");
        }
    }

    /// What stands in a table and in none of its cells gets a cell of its own; a parser would
    /// move it in front of the table, one by one.
    fn make_cell(&mut self) {
        let innermost = self.open.last().copied();
        let in_cell = matches!(innermost, Some(("td" | "th" | "caption", _)));
        if matches!(innermost, Some((_, Kind::Table))) && !in_cell {
            self.out.push_str("<td>");
            self.open.push(("td", Kind::Table));
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        if tag.name == "img" {
            self.tags += 1;
            self.make_cell();
            self.picture(tag);
            return;
        }
        let Some((name, kind)) = known(&tag.name) else {
            return;
        };
        if !self.make_room(name, kind) || self.open.len() >= DEPTH_MAX {
            return;
        }
        self.tags += 1;
        if kind != Kind::Table {
            self.make_cell();
        }
        self.out.push('<');
        self.out.push_str(name);
        for wanted in ATTRIBUTES {
            let value = tag.get(wanted);
            if !value.is_empty() && value.len() <= VALUE_SIZE_MAX_BYTES {
                push_attribute(&mut self.out, wanted, value);
            }
        }
        self.out.push('>');
        if kind != Kind::Void {
            self.open.push((name, kind));
        }
    }

    /// Closes what may not hold this element. Whether it may stand there at all.
    fn make_room(&mut self, name: &str, kind: Kind) -> bool {
        match kind {
            Kind::Void if name != "hr" => true,
            Kind::Inline => true,
            Kind::Form => {
                if name == "a" {
                    self.close("a");
                }
                let forms = self.open.iter().filter(|(_, kind)| *kind == Kind::Form);
                forms.count() < FORMS_MAX
            }
            Kind::Void | Kind::Block => {
                self.close("p");
                if name.len() == 2 && name.starts_with('h') {
                    self.close_one_of(&["h1", "h2", "h3", "h4", "h5", "h6"], &[]);
                }
                true
            }
            Kind::Item => {
                let (ended, list): (&[&str], &[&str]) = if name == "li" {
                    (&["li"], &["ul", "ol"])
                } else {
                    (&["dd", "dt"], &["dl"])
                };
                self.close_one_of(ended, list);
                self.close("p");
                true
            }
            Kind::Table => self.make_room_in_table(name),
        }
    }

    fn make_room_in_table(&mut self, name: &str) -> bool {
        if name == "table" {
            self.close("p");
            let holder = self.nearest(&["table", "td", "th", "caption"]);
            if let Some(at) = holder.filter(|at| self.open[*at].0 == "table") {
                self.close_down_to(at);
            }
            return true;
        }
        let holders: &[&str] = match name {
            "td" | "th" => &["tr", "table"],
            "tr" => &["tbody", "thead", "tfoot", "table"],
            _ => &["table"],
        };
        let Some(at) = self.nearest(holders) else {
            return false;
        };
        self.close_down_to(at + 1);
        true
    }

    /// The place of the innermost of these.
    fn nearest(&self, names: &[&str]) -> Option<usize> {
        self.open.iter().rposition(|(open, _)| names.contains(open))
    }

    fn close(&mut self, name: &str) {
        self.close_one_of(&[name], &[]);
    }

    /// Closes the innermost of these with all in it, unless it lies beyond `bounds` or the cell
    /// of a table.
    fn close_one_of(&mut self, names: &[&str], bounds: &[&str]) {
        let of_table = names
            .iter()
            .any(|name| known(name).is_some_and(|(_, kind)| kind == Kind::Table));
        for at in (0..self.open.len()).rev() {
            let (open, _) = self.open[at];
            if names.contains(&open) {
                self.close_down_to(at);
                return;
            }
            let is_cell = matches!(open, "td" | "th" | "caption");
            if bounds.contains(&open) || open == "table" || is_cell && !of_table {
                return;
            }
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            if let Some((name, _)) = self.open.pop() {
                self.out.push_str("</");
                self.out.push_str(name);
                self.out.push('>');
            }
        }
    }

    fn picture(&mut self, tag: &Tag<'_>) {
        match pictures::source(tag.get("src"), self.pictures) {
            Source::Kept(source) => {
                self.out.push_str("<img");
                push_attribute(&mut self.out, "src", &source);
                for wanted in ["alt", "width", "height", "align", "style", "title"] {
                    let value = tag.get(wanted);
                    if wanted == "alt" || !value.is_empty() && value.len() <= VALUE_SIZE_MAX_BYTES {
                        push_attribute(&mut self.out, wanted, value);
                    }
                }
                self.out.push('>');
            }
            source @ (Source::Remote | Source::Refused) => {
                self.remote_pictures += usize::from(matches!(source, Source::Remote));
                if !is_tracker(tag) {
                    self.placeholder(tag.get("alt").trim());
                }
            }
        }
    }

    fn placeholder(&mut self, alt: &str) {
        self.out.push_str("<span>[image");
        if !alt.is_empty() && alt.len() <= VALUE_SIZE_MAX_BYTES {
            self.out.push_str(": ");
            // The references in it are the author's; only what could begin a tag is not.
            self.out.push_str(&alt.replace('<', "&lt;"));
        }
        self.out.push_str("]</span>");
    }
}

/// A picture too small to be seen.
fn is_tracker(tag: &Tag<'_>) -> bool {
    ["width", "height"].into_iter().any(|side| {
        let pixels = tag.get(side).trim().trim_end_matches("px");
        pixels
            .parse::<u32>()
            .is_ok_and(|pixels| pixels <= TRACKER_PIXELS_MAX)
    })
}

/// ` name="value"`. The references in the value are the author's and stay.
fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    let parts = value.split('&');
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push('&');
        }
        push_escaped(out, part);
    }
    out.push('"');
}

/// The names of all elements that are kept, pictures aside.
pub(super) fn known_elements() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|(name, _)| *name)
}
