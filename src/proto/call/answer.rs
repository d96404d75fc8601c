//! A final answer of the telephone network and what it says about the call.

use super::CallEnd;

/// The longest reason text that is kept.
pub const REASON_TEXT_BYTES_MAX: usize = 256;

/// A final SIP answer (300 to 699).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipAnswer {
    /// Status code.
    pub code: u16,
    /// The reason phrase as sent, at most [`REASON_TEXT_BYTES_MAX`].
    pub text: String,
    /// The Q.850 cause of a `Reason` header (RFC 3326), if there was one.
    pub cause: Option<u8>,
}

impl SipAnswer {
    /// An answer with its reason phrase, cut to its limit.
    pub fn new(code: u16, text: &str, cause: Option<u8>) -> Self {
        let mut end = text.len().min(REASON_TEXT_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            code,
            text: text[..end].to_owned(),
            cause,
        }
    }

    /// How a call ends that is answered like this. The Q.850 cause, which comes from the
    /// telephone exchange itself, decides where the code leaves room (480, 5xx).
    pub fn end(&self) -> CallEnd {
        match (self.code, self.cause) {
            (486 | 600, _) => CallEnd::Busy,
            (480 | 500..=599, Some(17)) => CallEnd::Busy,
            (480 | 500..=599, Some(18..=20)) => CallEnd::NoAnswer,
            (480, Some(1 | 3 | 22 | 28)) => CallEnd::Failed,
            (408 | 480 | 487 | 603, _) => CallEnd::NoAnswer,
            _ => CallEnd::Failed,
        }
    }

    /// Reads the Q.850 cause out of the value of a `Reason` header (RFC 3326 section 2):
    /// `Q.850;cause=17;text="User busy"`, possibly one of several.
    pub fn cause_in_reason(value: &str) -> Option<u8> {
        value.split(',').find_map(|reason| {
            let mut parts = reason.split(';').map(str::trim);
            if !parts.next()?.eq_ignore_ascii_case("Q.850") {
                return None;
            }
            parts.find_map(|part| {
                let (name, number) = part.split_once('=')?;
                name.trim()
                    .eq_ignore_ascii_case("cause")
                    .then(|| number.trim().parse().ok())?
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_and_the_cause_refines() {
        for (code, cause, end) in [
            (486, None, CallEnd::Busy),
            (600, None, CallEnd::Busy),
            (480, Some(17), CallEnd::Busy),
            (503, Some(17), CallEnd::Busy),
            (480, None, CallEnd::NoAnswer),
            (480, Some(19), CallEnd::NoAnswer),
            (480, Some(1), CallEnd::Failed),
            (408, None, CallEnd::NoAnswer),
            (487, None, CallEnd::NoAnswer),
            (603, None, CallEnd::NoAnswer),
            (404, None, CallEnd::Failed),
            (503, None, CallEnd::Failed),
            (302, None, CallEnd::Failed),
        ] {
            assert_eq!(
                SipAnswer::new(code, "", cause).end(),
                end,
                "{code} {cause:?}"
            );
        }
    }

    #[test]
    fn the_cause_is_found_among_other_reasons() {
        for (value, cause) in [
            ("Q.850;cause=17;text=\"User busy\"", Some(17)),
            ("SIP;cause=486, q.850 ; text=x ; Cause = 19", Some(19)),
            ("SIP;cause=486", None),
            ("Q.850;cause=999", None),
            ("", None),
        ] {
            assert_eq!(SipAnswer::cause_in_reason(value), cause, "{value}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let answer = SipAnswer::new(404, &"é".repeat(300), None);
        assert_eq!(answer.text.len(), REASON_TEXT_BYTES_MAX);
    }
}
