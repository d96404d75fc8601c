//! Pages under way: what is to be drawn on the one that is open, and the structure for readers
//! who do not see it.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    ArtifactType, ContentTag, Identifier, Node, SpanTag, TableHeaderScope, Tag, TagGroup, TagTree,
};

use super::font::{Fonts, Weight};

/// The shorter side of A4, in points (ISO 216).
const A4_SHORT: f32 = 595.28;
/// The longer one.
const A4_LONG: f32 = 841.89;
/// Free space at each side.
pub(super) const MARGIN: f32 = 48.0;
/// What the page's number takes below the text.
const FOOT: f32 = 14.0;
const TOP: f32 = MARGIN + 18.0;
/// Size of what stands above and below each page.
const FRAME_SIZE: f32 = 8.0;

/// Which way the paper lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// Upright: what is read from line to line.
    Portrait,
    /// On its long side: tables of many columns.
    Landscape,
}

impl Orientation {
    /// Width and height of the paper, in points.
    const fn paper(self) -> (f32, f32) {
        match self {
            Self::Portrait => (A4_SHORT, A4_LONG),
            Self::Landscape => (A4_LONG, A4_SHORT),
        }
    }
}

/// What a piece of text is for whoever has it read aloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Heading(NonZeroU16),
    Paragraph,
    Table,
    Row,
    Header,
    RowHeader,
    Cell,
}

/// A part of the structure, by its place in it.
pub(super) type Part = usize;

struct PartNode {
    role: Role,
    title: String,
    within: Option<Part>,
    pieces: Vec<Identifier>,
}

/// Something on the open page.
enum Mark {
    Text {
        x: f32,
        y: f32,
        size: f32,
        weight: Weight,
        text: String,
        /// None for what only repeats.
        part: Option<Part>,
    },
    /// A filled rectangle, grey from 0 (black) to 255.
    Fill {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        grey: u8,
    },
}

/// The document with its open page.
pub(super) struct Sheet {
    pub(super) fonts: Fonts,
    document: Document,
    title: String,
    orientation: Orientation,
    pages: u32,
    marks: Vec<Mark>,
    parts: Vec<PartNode>,
    /// Where the next line begins, from above.
    pub(super) y: f32,
}

impl Sheet {
    pub(super) fn new(title: &str, orientation: Orientation) -> Self {
        Self {
            fonts: Fonts::embedded(),
            document: Document::new(),
            title: title.to_owned(),
            orientation,
            pages: 0,
            marks: Vec::new(),
            parts: Vec::new(),
            y: TOP,
        }
    }

    /// A new part of the structure.
    pub(super) fn part(&mut self, role: Role, title: &str, within: Option<Part>) -> Part {
        self.parts.push(PartNode {
            role,
            title: title.to_owned(),
            within,
            pieces: Vec::new(),
        });
        self.parts.len() - 1
    }

    /// How many pages there are, the open one included.
    pub(super) const fn pages(&self) -> u32 {
        self.pages.saturating_add(1)
    }

    /// Width between the margins, in points.
    pub(super) fn usable(&self) -> f32 {
        self.orientation.paper().0 - 2.0 * MARGIN
    }

    fn bottom(&self) -> f32 {
        self.orientation.paper().1 - MARGIN - FOOT
    }

    /// Whether so much fits below what is there.
    pub(super) fn has_room(&self, height: f32) -> bool {
        self.y + height <= self.bottom()
    }

    /// Most that fits on a page of its own.
    pub(super) fn page_room(&self) -> f32 {
        self.bottom() - TOP
    }

    /// Begins another page if so much does not fit.
    pub(super) fn make_room(&mut self, height: f32) -> bool {
        let full = !self.has_room(height) && self.y > TOP;
        if full {
            self.end_page();
        }
        full
    }

    /// Puts a line of text at a place; `y` is its upper edge.
    pub(super) fn text(
        &mut self,
        (x, y): (f32, f32),
        (weight, size): (Weight, f32),
        text: &str,
        part: Option<Part>,
    ) {
        if text.trim().is_empty() {
            return;
        }
        self.marks.push(Mark::Text {
            x,
            y: y + size,
            size,
            weight,
            text: text.to_owned(),
            part,
        });
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), grey: u8) {
        let mark = Mark::Fill {
            x,
            y,
            width,
            height,
            grey,
        };
        self.marks.push(mark);
    }

    /// Draws the open page and begins the next.
    pub(super) fn end_page(&mut self) {
        self.pages = self.pages.saturating_add(1);
        let paper = self.orientation.paper();
        let Some(settings) = PageSettings::from_wh(paper.0, paper.1) else {
            unreachable!("A4 is a size");
        };
        let mut page = self.document.start_page_with(settings);
        let mut surface = page.surface();
        let number = self.pages.to_string();
        frame(&mut surface, &self.fonts, paper, [&self.title, &number]);
        for mark in self.marks.drain(..) {
            draw(&mut surface, &self.fonts, &mut self.parts, mark);
        }
        surface.finish();
        page.finish();
        self.y = TOP;
    }

    /// The whole document.
    pub(super) fn finish(mut self, metadata: krilla::metadata::Metadata, lang: &str) -> Vec<u8> {
        if !self.marks.is_empty() || self.pages == 0 {
            self.end_page();
        }
        self.document.set_metadata(metadata);
        self.document.set_tag_tree(tree(self.parts, lang));
        match self.document.finish() {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("every piece has its place in the structure: {error:?}"),
        }
    }
}

/// What stands above and below each page: the title, and the page's number.
fn frame(
    surface: &mut Surface<'_>,
    fonts: &Fonts,
    (width, height): (f32, f32),
    [title, number]: [&str; 2],
) {
    let font = fonts.of(Weight::Regular);
    let title = super::wrap::lines(title, font, FRAME_SIZE, width - 2.0 * MARGIN);
    let right = width - MARGIN - font.width(number, FRAME_SIZE);
    let above = title.first().map_or("", String::as_str);
    let pieces = [
        (above, MARGIN, MARGIN, ArtifactType::Header),
        (number, right, height - MARGIN, ArtifactType::Footer),
    ];
    for (text, x, y, kind) in pieces {
        if text.is_empty() {
            continue;
        }
        surface.start_tagged(ContentTag::Artifact(artifact(kind)));
        surface.set_fill(Some(grey(90)));
        let glyphs = font.glyphs(text);
        let at = Point::from_xy(x, y);
        surface.draw_glyphs(at, &glyphs, font.font.clone(), text, FRAME_SIZE, false);
        surface.end_tagged();
    }
}

fn artifact(kind: ArtifactType) -> krilla::tagging::Artifact {
    krilla::tagging::Artifact::with_kind(kind)
}

fn grey(lightness: u8) -> Fill {
    Fill {
        paint: luma::Color::new(lightness).into(),
        ..Fill::default()
    }
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, parts: &mut [PartNode], mark: Mark) {
    match mark {
        Mark::Text {
            x,
            y,
            size,
            weight,
            text,
            part,
        } => {
            let tag = match part {
                Some(_) => ContentTag::Span(SpanTag::empty()),
                None => ContentTag::Artifact(artifact(ArtifactType::PaginationOther)),
            };
            let piece = surface.start_tagged(tag);
            surface.set_fill(Some(grey(0)));
            let font = fonts.of(weight);
            let glyphs = font.glyphs(&text);
            let at = Point::from_xy(x, y);
            surface.draw_glyphs(at, &glyphs, font.font.clone(), &text, size, false);
            surface.end_tagged();
            if let Some(part) = part.and_then(|part| parts.get_mut(part)) {
                part.pieces.push(piece);
            }
        }
        Mark::Fill {
            x,
            y,
            width,
            height,
            grey: lightness,
        } => {
            let Some(rect) = Rect::from_xywh(x, y, width, height) else {
                return;
            };
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            let Some(path) = path.finish() else {
                return;
            };
            surface.start_tagged(ContentTag::Artifact(artifact(ArtifactType::Layout)));
            surface.set_fill(Some(grey(lightness)));
            surface.draw_path(&path);
            surface.end_tagged();
        }
    }
}

/// The structure, in the order in which its parts were begun.
fn tree(parts: Vec<PartNode>, lang: &str) -> TagTree {
    let mut below: Vec<Vec<Part>> = vec![Vec::new(); parts.len()];
    let mut roots = Vec::new();
    for (part, node) in parts.iter().enumerate() {
        match node.within {
            Some(within) => below[within].push(part),
            None => roots.push(part),
        }
    }
    let mut parts: Vec<Option<PartNode>> = parts.into_iter().map(Some).collect();
    let mut tree = TagTree::new().with_lang(Some(lang.to_owned()));
    for root in roots {
        if let Some(group) = group(root, &mut parts, &below) {
            tree.push(group);
        }
    }
    tree
}

fn group(part: Part, parts: &mut [Option<PartNode>], below: &[Vec<Part>]) -> Option<TagGroup> {
    let node = parts[part].take()?;
    let mut group = match node.role {
        Role::Heading(level) => TagGroup::new(Tag::Hn(level, Some(node.title))),
        Role::Paragraph => TagGroup::new(Tag::P),
        Role::Table => TagGroup::new(Tag::Table),
        Role::Row => TagGroup::new(Tag::TR),
        Role::Header => TagGroup::new(Tag::TH(TableHeaderScope::Column)),
        Role::RowHeader => TagGroup::new(Tag::TH(TableHeaderScope::Row)),
        Role::Cell => TagGroup::new(Tag::TD),
    };
    for piece in node.pieces {
        group.push(Node::Leaf(piece));
    }
    for one in &below[part] {
        if let Some(inner) = self::group(*one, parts, below) {
            group.push(inner);
        }
    }
    Some(group)
}
