//! DATA: dot-unstuffing, and the end of data, which is CRLF.CRLF and nothing that resembles it
//! (RFC 5321 sections 4.1.1.4 and 4.5.2).

use super::body::{BodyFault, BodyWriter};

/// Where the decoder stands within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    /// A dot at the start of a line, not yet known to be stuffing or the end.
    Dot,
    /// Dot and CR.
    DotCr,
    Text,
    TextCr,
}

/// What a push led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataProgress {
    /// All bytes were taken, the end has not come.
    More,
    /// CRLF.CRLF was read.
    End,
    /// The client sends without end.
    Flood,
}

/// Decodes one DATA transfer.
#[derive(Debug)]
pub(super) struct DataDecoder {
    body: BodyWriter,
    place: Place,
    seen_bytes: u64,
    seen_max_bytes: u64,
}

impl DataDecoder {
    pub(super) fn new(body: BodyWriter, seen_max_bytes: u64) -> Self {
        DataDecoder {
            body,
            place: Place::LineStart,
            seen_bytes: 0,
            seen_max_bytes,
        }
    }

    /// Takes bytes up to the end of data: how many, and whether that was the end.
    pub(super) fn push(&mut self, bytes: &[u8]) -> (usize, DataProgress) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.place {
                Place::LineStart if byte == b'.' => {
                    self.place = Place::Dot;
                    at += 1;
                }
                Place::LineStart => self.place = Place::Text,
                Place::Dot if byte == b'\r' => {
                    self.place = Place::DotCr;
                    at += 1;
                }
                Place::Dot => self.place = Place::Text,
                Place::DotCr if byte == b'\n' => {
                    return (at + 1, self.count(at + 1, DataProgress::End));
                }
                Place::DotCr => {
                    self.body.push(b"\r");
                    self.place = Place::TextCr;
                }
                Place::Text => at = self.push_text(bytes, at),
                Place::TextCr => {
                    self.place = match byte {
                        b'\n' | b'\r' => {
                            self.body.push(&bytes[at..=at]);
                            at += 1;
                            if byte == b'\n' {
                                Place::LineStart
                            } else {
                                Place::TextCr
                            }
                        }
                        _ => Place::Text,
                    }
                }
            }
        }
        (at, self.count(bytes.len(), DataProgress::More))
    }

    /// Marks the message as refused at its end.
    pub(super) fn fail(&mut self, fault: BodyFault) {
        self.body.fail(fault);
    }

    /// Octets held in memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.body.held_bytes()
    }

    /// The decoded body.
    pub(super) fn finish(self) -> Result<Vec<u8>, BodyFault> {
        self.body.finish()
    }

    fn count(&mut self, bytes: usize, progress: DataProgress) -> DataProgress {
        self.seen_bytes = self.seen_bytes.saturating_add(bytes as u64);
        if self.seen_bytes > self.seen_max_bytes {
            return DataProgress::Flood;
        }
        progress
    }

    fn push_text(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = &bytes[at..];
        match rest.iter().position(|&b| b == b'\r') {
            Some(cr) => {
                self.body.push(&rest[..=cr]);
                self.place = Place::TextCr;
                at + cr + 1
            }
            None => {
                self.body.push(rest);
                bytes.len()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body or its fault, and what is left of the input.
    type Decoded<B> = (Result<B, BodyFault>, B);

    fn decode(input: &[u8], step: usize) -> Option<Decoded<Vec<u8>>> {
        let mut decoder = DataDecoder::new(BodyWriter::new(4096, 1000), 1 << 20);
        let mut at = 0;
        while at < input.len() {
            let end = (at + step).min(input.len());
            let (used, progress) = decoder.push(&input[at..end]);
            at += used;
            if progress == DataProgress::End {
                return Some((decoder.finish(), input[at..].to_vec()));
            }
        }
        None
    }

    #[track_caller]
    fn check(input: &[u8], expected: Option<Decoded<&[u8]>>) {
        let expected = expected.map(|(body, rest)| (body.map(<[u8]>::to_vec), rest.to_vec()));
        for step in 1..=input.len() {
            assert_eq!(decode(input, step), expected, "in steps of {step}");
        }
    }

    #[test]
    fn dots_are_unstuffed_and_the_rest_belongs_to_the_next_command() {
        check(b".\r\nQUIT\r\n", Some((Ok(b""), b"QUIT\r\n")));
        check(b"a\r\n.\r\n", Some((Ok(b"a\r\n"), b"")));
        check(
            b"..a\r\n...\r\nb.\r\n.\r\n",
            Some((Ok(b".a\r\n..\r\nb.\r\n"), b"")),
        );
        check(b".x\r\n.\r\n", Some((Ok(b"x\r\n"), b"")));
    }

    #[test]
    fn nothing_but_crlf_dot_crlf_ends_the_data() {
        for false_end in [
            "\n.\n",
            "\r.\r",
            "\r\n.\n",
            "\n.\r\n",
            "\r\n.\r\r\n",
            "\r.\r\n",
            "\n.\r",
        ] {
            let mut input = format!("a{false_end}MAIL FROM:<x@evil>\r\n").into_bytes();
            check(&input, None);
            input.extend_from_slice(b".\r\nNOOP\r\n");
            let (body, rest) = decode(&input, input.len()).unwrap();
            assert!(
                matches!(body, Err(BodyFault::BareCr | BodyFault::BareLf)),
                "{false_end:?}"
            );
            assert_eq!(rest, b"NOOP\r\n");
            for step in 1..input.len() {
                assert_eq!(decode(&input, step), Some((body.clone(), rest.clone())));
            }
        }
    }

    #[test]
    fn size_line_length_and_nul_are_faults_of_the_message_only() {
        check(b"a\0b\r\n.\r\n", Some((Err(BodyFault::Nul), b"")));
        let long = [vec![b'a'; 999], b"\r\n.\r\nX".to_vec()].concat();
        assert_eq!(
            decode(&long, 100),
            Some((Err(BodyFault::LineTooLong), b"X".to_vec()))
        );
        let fits = [vec![b'a'; 998], b"\r\n.\r\n".to_vec()].concat();
        assert!(decode(&fits, 100).unwrap().0.is_ok());
        let big = [b"aaaaaaaa\r\n".repeat(410), b".\r\n".to_vec()].concat();
        assert_eq!(decode(&big, 7), Some((Err(BodyFault::TooBig), vec![])));
    }

    #[test]
    fn a_transfer_without_end_is_cut_off() {
        let mut decoder = DataDecoder::new(BodyWriter::new(100, 1000), 10_000);
        let mut floods = 0;
        for _ in 0..300 {
            floods += usize::from(decoder.push(&[b'x'; 50]).1 == DataProgress::Flood);
            assert!(decoder.held_bytes() <= 256);
        }
        assert!(floods > 0);
    }

    /// What RFC 5321 says, in other words: the first CRLF.CRLF, the line end before the data
    /// counted in; no CR and no LF alone in what comes before.
    fn model(input: &[u8]) -> Option<Decoded<Vec<u8>>> {
        let whole = [b"\r\n", input].concat();
        let end = whole.windows(5).position(|five| five == b"\r\n.\r\n")?;
        let text = whole[..end + 2].to_vec();
        let rest = whole[end + 5..].to_vec();
        let without_crlf = String::from_utf8(text).unwrap().replace("\r\n", "\u{1}");
        if let Some(bare) = without_crlf.find(['\r', '\n']) {
            let fault = match without_crlf.as_bytes()[bare] {
                b'\r' => BodyFault::BareCr,
                _ => BodyFault::BareLf,
            };
            return Some((Err(fault), rest));
        }
        let lines = without_crlf.split('\u{1}').skip(1);
        let unstuffed: Vec<&str> = lines.map(|l| l.strip_prefix('.').unwrap_or(l)).collect();
        Some((Ok(unstuffed.join("\r\n").into_bytes()), rest))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_end_is_where_the_standard_puts_it(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec!["\r", "\n", "\r\n", ".", "a", ".\r\n", "\r\n.\r\n"]),
                0..14,
            ),
            step in 1usize..8,
        ) {
            let input = pieces.concat().into_bytes();
            prop_assert_eq!(decode(&input, step), model(&input));
        }

        #[test]
        fn what_was_stuffed_comes_back(lines in proptest::collection::vec("[.a-z ]{0,12}", 0..12), step in 1usize..20) {
            let body: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let stuffed: String = lines
                .iter()
                .map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" }))
                .collect();
            let input = format!("{stuffed}.\r\nNOOP\r\n").into_bytes();
            // What follows the end is left alone whichever step it came in.
            let (decoded, _) = decode(&input, step).unwrap();
            prop_assert_eq!(decoded.unwrap(), body.into_bytes());
        }
    }
}
