//! Files that go with an email: what they may be called and what they may be.

use super::communication::ATTACHMENT_NAME_SIZE_MAX;
use super::sentence::Sentence;

/// Longest media type taken, in octets.
const MEDIA_TYPE_SIZE_MAX: usize = 100;
/// What stands for a media type that nobody told.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Endings of files that recipients' systems run; servers refuse mail that carries them.
const FORBIDDEN_ENDINGS: &[&str] = &[
    "ade", "adp", "apk", "appx", "bat", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg", "exe",
    "hta", "img", "ins", "iso", "isp", "jar", "js", "jse", "lib", "lnk", "mde", "msc", "msi",
    "msix", "msp", "mst", "nsh", "pif", "ps1", "reg", "scr", "sct", "shb", "sys", "url", "vb",
    "vbe", "vbs", "vhd", "vxd", "wsc", "wsf", "wsh",
];

/// Media types by ending, for browsers that tell none.
const TYPES: &[(&str, &str)] = &[
    ("csv", "text/csv"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("gif", "image/gif"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("zip", "application/zip"),
];

/// The name under which a file is sent: without any folder.
///
/// # Errors
/// When there is none, it is too long, it could deceive, or it is of a kind that is run.
pub fn file_name(told: &str) -> Result<String, Sentence> {
    let name = told.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() || name.chars().all(|character| character == '.') {
        return Err("The file has no name.".into());
    }
    if name.len() > ATTACHMENT_NAME_SIZE_MAX {
        return Err(Sentence::with(
            "The name of the file is too long: at most {0} bytes.",
            &[&ATTACHMENT_NAME_SIZE_MAX],
        ));
    }
    if name.chars().any(deceives) {
        return Err("The name of the file holds characters that hide what it is.".into());
    }
    // Some systems drop dots and spaces at the end before they look at the ending.
    let ending = ending(name.trim_end_matches(['.', ' ']));
    if FORBIDDEN_ENDINGS.contains(&ending.as_str()) {
        return Err(Sentence::with(
            "Files of the kind .{0} are refused by mail servers.",
            &[&ending],
        ));
    }
    Ok(name.to_owned())
}

/// Longest name under which a file that came in is kept, in characters.
const KEPT_NAME_MAX: usize = 100;

/// The name under which a file that came in can be kept: without any folder and without what
/// deceives; empty when nothing is left.
#[must_use]
pub fn kept_name(told: &str) -> String {
    let name = told.rsplit(['/', '\\']).next().unwrap_or_default();
    let reserved = |character: char| "<>:\"|?*".contains(character);
    let name: String = name
        .chars()
        .filter(|character| !deceives(*character))
        .map(|character| if reserved(character) { '_' } else { character })
        .take(KEPT_NAME_MAX)
        .collect();
    // A name that begins with a dot is hidden, one that ends with it loses it on some systems.
    name.trim().trim_matches('.').trim().to_owned()
}

/// Whether a file of this name is of a kind that systems run.
#[must_use]
pub fn can_run(name: &str) -> bool {
    FORBIDDEN_ENDINGS.contains(&ending(name.trim_end_matches(['.', ' '])).as_str())
}

/// Control characters, and those that turn the direction of writing: "gpj.exe" read backwards.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn ending(name: &str) -> String {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.to_lowercase()
}

/// The media type of a file: what was told if it is one (RFC 2045, 5.1), without parameters;
/// else what the ending says.
#[must_use]
pub fn media_type(told: &str, name: &str) -> String {
    let told = told.split(';').next().unwrap_or_default().trim();
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let is_type = told.len() <= MEDIA_TYPE_SIZE_MAX
        && told
            .split_once('/')
            .is_some_and(|(kind, of)| token(kind) && token(of));
    // A part that is a message or has parts of its own would be read as such, not as a file.
    let is_file = !told.starts_with("multipart/") && !told.starts_with("message/");
    if is_type && is_file && told != UNKNOWN_TYPE {
        return told.to_lowercase();
    }
    let ending = ending(name);
    let known = TYPES.iter().find(|(known, _)| *known == ending);
    known.map_or(UNKNOWN_TYPE, |(_, kind)| kind).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_folders_and_hide_nothing() {
        for (told, name) in [
            ("plan.pdf", "plan.pdf"),
            ("C:\\Users\\ada\\Map of the Vale.png", "Map of the Vale.png"),
            ("../../etc/passwd", "passwd"),
            (" é.txt ", "é.txt"),
        ] {
            assert_eq!(file_name(told).unwrap(), name);
        }
        for told in [
            "",
            "..",
            "folder/",
            "a\nb.pdf",
            "photo\u{202e}gpj.exe",
            "run.EXE",
            "run.exe.",
            "invoice.pdf.js",
        ] {
            assert!(file_name(told).is_err(), "{told:?}");
        }
        assert!(file_name(&"x".repeat(ATTACHMENT_NAME_SIZE_MAX + 1)).is_err());
    }

    #[test]
    fn media_types_cannot_break_out() {
        assert_eq!(media_type("Image/PNG; x=y", "a.png"), "image/png");
        assert_eq!(media_type("", "a.PDF"), "application/pdf");
        for told in [
            "a/b\r\nX: y",
            "text",
            "multipart/mixed",
            "message/rfc822",
            "/",
            "a/b/c",
        ] {
            assert_eq!(media_type(told, "a"), UNKNOWN_TYPE, "{told:?}");
        }
    }

    #[test]
    fn what_came_in_is_kept_under_a_name_that_harms_nobody() {
        for (told, kept) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\a:b?.txt", "a_b_.txt"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie_ x"),
            (".profile.", "profile"),
            ("...", ""),
            ("", ""),
            ("été 2026.pdf", "été 2026.pdf"),
        ] {
            assert_eq!(kept_name(told), kept, "{told:?}");
        }
        assert_eq!(kept_name(&"ä".repeat(1000)).chars().count(), KEPT_NAME_MAX);
        assert!(can_run("Invoice.pdf.EXE. ") && !can_run("invoice.pdf") && !can_run("exe"));
    }
}
