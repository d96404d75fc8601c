//! What DKIM signs of a mail (RFC 6376, RFC 8463), in its relaxed form. Hashing and signing are
//! for whoever has the key.

use super::lines::lines;

/// Fields that are signed where they stand; of the first ones also that there is no more of them,
/// so that none can be added on the way (RFC 6376 section 8.15).
const SIGNED: [&str; 18] = [
    "From",
    "Subject",
    "Date",
    "To",
    "Cc",
    "Reply-To",
    "Message-ID",
    "Content-Type",
    "MIME-Version",
    "Content-Transfer-Encoding",
    "Sender",
    "In-Reply-To",
    "References",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-ID",
    "Auto-Submitted",
    "Feedback-ID",
];
/// How many of [`SIGNED`] may not be added to.
const CLOSED: usize = 8;
/// Occurrences of one of the others that are signed.
const SAME_MAX: usize = 10;
/// Octets, fields, and lines of one field that a header may have to be signed.
const HEADER_SIZE_MAX: usize = 1024 * 1024;
const FIELDS_MAX: usize = 2_000;
const FIELD_LINES_MAX: usize = 10_000;
/// Octets of base64 in a line of a field.
const LINE_SIZE: usize = 68;

/// Who signs, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signer<'a> {
    /// `d=`: the domain that answers for the mail.
    pub domain: &'a str,
    /// `s=`: which of its keys.
    pub selector: &'a str,
    /// `a=`, such as `rsa-sha256`.
    pub algorithm: &'a str,
    /// `t=`: now, in seconds since 1970.
    pub signed_at: u64,
}

/// A signature that wants signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    field: String,
    /// What is signed.
    pub input: Vec<u8>,
}

/// Hands the body in its relaxed form (RFC 6376 section 3.4.4) to `take`, piece by piece.
pub fn body(raw: &[u8], mut take: impl FnMut(&[u8])) {
    let mut empty = 0_usize;
    let mut relaxed = Vec::new();
    for line in lines(raw).skip_while(|line| !line.is_empty()).skip(1) {
        relaxed.clear();
        push_relaxed(&mut relaxed, line);
        if relaxed.is_empty() {
            // Empty lines count only if something follows.
            empty += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty) {
            take(b"\r\n");
        }
        relaxed.extend_from_slice(b"\r\n");
        take(&relaxed);
    }
}

/// Why a mail has no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSigned {
    /// Its header has more fields or octets than are signed.
    TooLarge,
    /// The key did not do it.
    Failed,
}

/// The header of a mail that is to be signed.
#[derive(Debug)]
pub struct Header<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> Header<'a> {
    /// Of this mail.
    ///
    /// # Errors
    /// [`NotSigned::TooLarge`].
    pub fn of(raw: &'a [u8]) -> Result<Self, NotSigned> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut size = 0;
        for line in lines(raw).take_while(|line| !line.is_empty()) {
            size += line.len();
            let goes_on = line.starts_with(b" ") || line.starts_with(b"\t");
            match fields.last_mut().filter(|_| goes_on) {
                Some(field) => field.lines.push(line),
                None => fields.push(Field { lines: vec![line] }),
            }
            let lines = fields.last().map_or(0, |field| field.lines.len());
            if size > HEADER_SIZE_MAX || fields.len() > FIELDS_MAX || lines > FIELD_LINES_MAX {
                return Err(NotSigned::TooLarge);
            }
        }
        Ok(Self { fields })
    }

    /// The signature of a mail with this header and this hash of its body (`bh=`, base64).
    #[must_use]
    pub fn unsigned(&self, signer: &Signer<'_>, body_hash: &str) -> Unsigned {
        unsigned(&self.fields, signer, body_hash)
    }
}

fn unsigned(fields: &[Field<'_>], signer: &Signer<'_>, body_hash: &str) -> Unsigned {
    let mut names: Vec<&str> = Vec::new();
    let mut input = Vec::new();
    for (place, name) in SIGNED.iter().enumerate() {
        // The last one first (RFC 6376 section 5.4.2).
        let same = fields.iter().rev().filter(|field| field.is(name));
        let is_closed = place < CLOSED;
        for field in same.take(if is_closed { usize::MAX } else { SAME_MAX }) {
            names.push(name);
            field.push_to(&mut input);
            input.extend_from_slice(b"\r\n");
        }
        if is_closed {
            names.push(name);
        }
    }
    let Signer {
        domain,
        selector,
        algorithm,
        signed_at,
    } = signer;
    let mut field = format!(
        "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={domain};\r\n\ts={selector}; t={signed_at};\r\n\th="
    );
    push_names(&mut field, &names);
    field.push_str(&format!(";\r\n\tbh={body_hash};\r\n\tb="));
    let own: Vec<&[u8]> = lines(field.as_bytes()).collect();
    Field { lines: own }.push_to(&mut input);
    Unsigned { field, input }
}

impl Unsigned {
    /// The whole field with its line end, to stand in front of the mail. `signature` is base64.
    #[must_use]
    pub fn signed(self, signature: &str) -> String {
        let mut field = self.field;
        for (number, piece) in signature.as_bytes().chunks(LINE_SIZE).enumerate() {
            if number > 0 {
                field.push_str("\r\n\t ");
            }
            field.push_str(&String::from_utf8_lossy(piece));
        }
        field.push_str("\r\n");
        field
    }
}

/// Names in lines that are not too long.
fn push_names(field: &mut String, names: &[&str]) {
    let mut size = 0;
    for (number, name) in names.iter().enumerate() {
        if number > 0 {
            field.push(':');
        }
        if size > 0 && size + name.len() > LINE_SIZE {
            field.push_str("\r\n\t ");
            size = 0;
        }
        field.push_str(name);
        size += name.len() + 1;
    }
}

/// A field with its continuation lines.
#[derive(Debug)]
struct Field<'a> {
    lines: Vec<&'a [u8]>,
}

impl Field<'_> {
    fn name(&self) -> &[u8] {
        let first = self.lines.first().copied().unwrap_or_default();
        let end = first.iter().position(|byte| *byte == b':');
        first[..end.unwrap_or(0)].trim_ascii_end()
    }

    fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// In its relaxed form (RFC 6376 section 3.4.2), without a line end.
    fn push_to(&self, out: &mut Vec<u8>) {
        out.extend(self.name().to_ascii_lowercase());
        out.push(b':');
        let whole = self.lines.concat();
        let begin = whole.iter().position(|byte| *byte == b':');
        let value = begin.and_then(|begin| whole.get(begin + 1..));
        let value = value.unwrap_or_default();
        let begin = value.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
        push_relaxed(out, &value[begin.unwrap_or(value.len())..]);
    }
}

/// Every run of blanks as one space, none at the end.
fn push_relaxed(out: &mut Vec<u8>, text: &[u8]) {
    let mut blank = false;
    for byte in text {
        if matches!(byte, b' ' | b'\t') {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push(b' ');
        }
        out.push(*byte);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn relaxed_body(raw: &str) -> String {
        let mut out = Vec::new();
        body(raw.as_bytes(), |piece| out.extend_from_slice(piece));
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn the_example_of_the_standard_is_relaxed_as_it_says() {
        // RFC 6376 section 3.4.5.
        let raw = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(relaxed_body(raw), " C\r\nD E\r\n");
        let mut header = Vec::new();
        for field in Header::of(raw.as_bytes()).unwrap().fields {
            field.push_to(&mut header);
            header.extend_from_slice(b"\r\n");
        }
        assert_eq!(header, b"a:X\r\nb:Y Z\r\n");
    }

    #[test]
    fn bodies_without_words_are_empty() {
        for raw in ["A: b\r\n", "A: b\r\n\r\n", "A: b\r\n\r\n\r\n \t\r\n", ""] {
            assert_eq!(relaxed_body(raw), "", "{raw:?}");
        }
        assert_eq!(relaxed_body("A: b\n\nc\n\n.d"), "c\r\n\r\n.d\r\n");
    }

    #[test]
    fn what_could_be_added_is_signed_as_missing() {
        let signer = Signer {
            domain: "gw.example",
            selector: "s1",
            algorithm: "rsa-sha256",
            signed_at: 7,
        };
        let raw = b"Received: x\r\nFrom: a@gw.example\r\nTo:  b@c\r\nTo: d@e\r\nSubject: x\r\n\ty\r\n\r\nz";
        let unsigned = Header::of(raw).unwrap().unsigned(&signer, "aGFzaA==");
        let input = String::from_utf8_lossy(&unsigned.input).into_owned();
        assert!(
            input.starts_with(
                "from:a@gw.example\r\nsubject:x y\r\nto:d@e\r\nto:b@c\r\ndkim-signature:v=1; "
            ),
            "{input}"
        );
        assert!(input.ends_with("bh=aGFzaA==; b="), "{input}");
        let field = unsigned.signed(&"s".repeat(100));
        assert!(
            field.contains("h=From:From:Subject:Subject:Date:To:To:To:Cc:"),
            "{field}"
        );
        assert!(field.lines().all(|line| line.len() < 100), "{field}");
        assert!(field.ends_with("ss\r\n"));
    }
}
