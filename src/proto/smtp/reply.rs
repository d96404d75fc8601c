//! Replies: code, enhanced status code (RFC 3463) and text, always safe to put on the wire.

use std::fmt;

/// Longest text of one reply line; with code, enhanced code and CRLF it stays under 512 octets
/// (RFC 5321 section 4.5.3.1.5).
const TEXT_MAX_BYTES: usize = 480;

/// An enhanced status code such as 5.1.1. The class always follows the reply code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enhanced(
    /// Class: 2, 4 or 5.
    pub u8,
    /// Subject.
    pub u16,
    /// Detail.
    pub u16,
);

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// One reply of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<Enhanced>,
    text: String,
}

impl Reply {
    /// A reply with an enhanced code. A code outside 200..=599 becomes 451, the class is taken from
    /// the code, and the text is cut and stripped of control characters, so that no caller can
    /// inject a line.
    pub fn new(code: u16, enhanced: Enhanced, text: impl AsRef<str>) -> Self {
        let code = if (200..600).contains(&code) {
            code
        } else {
            451
        };
        let class = match code / 100 {
            2 => 2,
            5 => 5,
            _ => 4,
        };
        Reply {
            code,
            enhanced: Some(Enhanced(class, enhanced.1.min(999), enhanced.2.min(999))),
            text: clean(text.as_ref()),
        }
    }

    /// A reply that carries no enhanced code: greeting, 354, 334 (RFC 2034 section 4).
    pub(super) fn plain(code: u16, text: impl AsRef<str>) -> Self {
        Reply {
            code,
            enhanced: None,
            text: clean(text.as_ref()),
        }
    }

    /// The three-digit code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Whether the reply is a 2xx.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Appends the line with its CRLF.
    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() || self.enhanced.is_none() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len().min(TEXT_MAX_BYTES));
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if cleaned.len() + c.len_utf8() > TEXT_MAX_BYTES {
            break;
        }
        cleaned.push(c);
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_break_out_of_its_line() {
        let reply = Reply::new(550, Enhanced(2, 1, 1), "no\r\n250 such user\0");
        assert_eq!(reply.to_string(), "550 5.1.1 no  250 such user ");
        let long = Reply::new(451, Enhanced(4, 3, 0), "é".repeat(900));
        assert!(long.to_string().len() <= 510);
        assert_eq!(Reply::new(99, Enhanced(5, 0, 0), "x").code(), 451);
    }
}
