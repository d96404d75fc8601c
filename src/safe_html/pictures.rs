//! Pictures in HTML: those that came with it are shown, all others are not fetched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MailPicture;

/// Most pictures of a mail that are looked at.
pub const PICTURES_MAX: usize = 100;
/// Largest picture that is shown, in bytes.
pub const PICTURE_SIZE_MAX_BYTES: usize = 2 * 1024 * 1024;
/// Most of all pictures of a page together, in bytes: each showing counts.
pub const PICTURES_SIZE_MAX_BYTES: usize = 12 * 1024 * 1024;

/// Starts of the files that are pictures and nothing else; SVG is a program.
const KINDS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// Where a picture comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// From the mail itself: the address to write for it.
    Kept(String),
    /// From elsewhere.
    Remote,
    /// From nowhere that can be shown.
    Refused,
}

/// What becomes of the address of a picture. One of the mail's own is written as `cid:` and its
/// place, to be filled in by [`data_of`] at the end.
pub(super) fn source(address: &str, pictures: &[MailPicture]) -> Source {
    let address = address.trim();
    let (scheme, rest) = address.split_once(':').unwrap_or(("", address));
    match scheme.to_ascii_lowercase().as_str() {
        "cid" => {
            let wanted = rest.trim();
            let is_it = |one: &MailPicture| one.content_id == wanted && kind_of(one).is_some();
            let mut some = pictures.iter().take(PICTURES_MAX);
            let found = some.position(|one| !wanted.is_empty() && is_it(one));
            found.map_or(Source::Refused, |at| Source::Kept(format!("cid:{at}")))
        }
        "data" if is_picture_data(rest) => Source::Kept(format!("data:{rest}")),
        "data" => Source::Refused,
        _ if address.is_empty() => Source::Refused,
        _ => Source::Remote,
    }
}

/// `image/png;base64,…` of a kind and size that are shown.
pub(super) fn is_picture_data(rest: &str) -> bool {
    let Some((kind, data)) = rest.split_once(";base64,") else {
        return false;
    };
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    KINDS.iter().any(|(_, known)| *known == kind)
        && data.len() / 4 * 3 <= PICTURE_SIZE_MAX_BYTES
        && data.bytes().all(is_base64)
}

/// The `data:` address of one of the mail's own pictures; none if it is none, or too large.
pub(super) fn data_of(picture: &MailPicture) -> Option<String> {
    let kind = kind_of(picture)?;
    Some(format!(
        "data:{kind};base64,{}",
        STANDARD.encode(&picture.bytes)
    ))
}

/// The media type of a picture that is shown.
fn kind_of(picture: &MailPicture) -> Option<&'static str> {
    let bytes = &picture.bytes;
    let mut known = KINDS.iter().filter(|(start, _)| bytes.starts_with(start));
    let fits = bytes.len() <= PICTURE_SIZE_MAX_BYTES;
    known.next().filter(|_| fits).map(|(_, kind)| *kind)
}
