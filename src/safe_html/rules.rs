//! The allow list, kept by ammonia: it parses as a browser does, and writes out only what is
//! named here.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use ammonia::{Builder, UrlRelative};

use super::balance::known_elements;
use super::pictures::{PICTURES_MAX, PICTURES_SIZE_MAX_BYTES, data_of, is_picture_data};
use super::{MailPicture, css};

/// Where links may lead.
const LINK_SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];
/// Most columns or rows that one cell may span.
const SPAN_MAX: u32 = 100;
/// Largest width or height, in pixels.
const SIDE_MAX_PIXELS: u32 = 4000;

/// Attributes by their elements; the rest of what any element may have is in [`GENERIC`].
const BY_ELEMENT: &[(&str, &[&str])] = &[
    ("a", &["href"]),
    ("font", &["color", "face", "size"]),
    ("img", &["src", "alt", "width", "height", "align"]),
    ("ol", &["start"]),
    (
        "table",
        &[
            "align",
            "bgcolor",
            "border",
            "cellpadding",
            "cellspacing",
            "width",
        ],
    ),
    ("td", CELL),
    ("th", CELL),
    ("tr", &["align", "bgcolor", "valign"]),
    ("div", &["align"]),
    ("p", &["align"]),
];
const CELL: &[&str] = &[
    "align", "bgcolor", "colspan", "height", "rowspan", "valign", "width",
];
const GENERIC: [&str; 4] = ["dir", "lang", "style", "title"];

static BY_ELEMENT_MAP: LazyLock<HashMap<&'static str, HashSet<&'static str>>> =
    LazyLock::new(|| {
        BY_ELEMENT
            .iter()
            .map(|(element, names)| (*element, names.iter().copied().collect()))
            .collect()
    });

/// Keeps what is allowed.
pub(super) fn allow(html: &str, pictures: &[MailPicture]) -> String {
    let data: Vec<Option<String>> = pictures.iter().take(PICTURES_MAX).map(data_of).collect();
    let room = AtomicUsize::new(PICTURES_SIZE_MAX_BYTES);
    let mut builder = Builder::empty();
    builder
        .tags(known_elements().chain(["img"]).collect())
        .clean_content_tags(HashSet::from([
            "script", "style", "svg", "math", "template",
        ]))
        .tag_attributes(BY_ELEMENT_MAP.clone())
        .generic_attributes(GENERIC.into())
        .url_schemes(LINK_SCHEMES.into_iter().chain(["cid", "data"]).collect())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .strip_comments(true)
        .filter_style_properties(css::PROPERTIES.into())
        .attribute_filter(move |element, name, value| filter(element, name, value, &data, &room));
    builder.clean(html).to_string()
}

/// The value that is kept of an attribute.
fn filter<'v>(
    element: &str,
    name: &str,
    value: &'v str,
    data: &[Option<String>],
    room: &AtomicUsize,
) -> Option<Cow<'v, str>> {
    match name {
        "href" => is_link(value).then_some(Cow::Borrowed(value)),
        "src" if element == "img" => picture(value, data, room),
        "style" => Some(css::clean(value))
            .filter(|style| !style.is_empty())
            .map(Cow::Owned),
        "width" | "height" => is_side(value).then_some(Cow::Borrowed(value)),
        "colspan" | "rowspan" => value
            .parse::<u32>()
            .is_ok_and(|span| span <= SPAN_MAX)
            .then_some(Cow::Borrowed(value)),
        _ => Some(Cow::Borrowed(value)),
    }
}

fn is_link(value: &str) -> bool {
    let Some((scheme, _)) = value.trim().split_once(':') else {
        return false;
    };
    LINK_SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

/// A number of pixels, or a share.
fn is_side(value: &str) -> bool {
    let number = value.trim_end_matches('%').trim_end_matches("px");
    number
        .parse::<u32>()
        .is_ok_and(|side| side <= SIDE_MAX_PIXELS)
}

/// The address of a picture, as long as there is room; nothing is copied before that is known.
fn picture<'v>(
    value: &'v str,
    data: &[Option<String>],
    room: &AtomicUsize,
) -> Option<Cow<'v, str>> {
    match value.split_once(':')? {
        ("cid", at) => {
            let kept = data.get(at.parse::<usize>().ok()?)?.as_ref()?;
            takes(room, kept.len()).then(|| Cow::Owned(kept.clone()))
        }
        ("data", rest) if is_picture_data(rest) => {
            takes(room, value.len()).then_some(Cow::Borrowed(value))
        }
        _ => None,
    }
}

fn takes(room: &AtomicUsize, size: usize) -> bool {
    let take = |left: usize| left.checked_sub(size);
    let taken = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
    taken.is_ok()
}
