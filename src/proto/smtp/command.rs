//! One command line in, one checked command out.
//!
//! `smtp-proto` reads verbs and parameter values; everything it is lenient or lossy about is
//! checked before it sees the line, and paths are replaced by placeholders.

use smtp_proto::{
    AUTH_LOGIN, AUTH_PLAIN, AUTH_SCRAM_SHA_256, MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME,
    MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8, RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE,
    RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, Request,
};

use super::config::{AUTH_LINE_MAX_BYTES, COMMAND_LINE_MAX_BYTES, ENVELOPE_LINE_MAX_BYTES};
use super::envelope::{BodyKind, MailParams, Notify, Recipient, Ret};
use super::event::AuthMechanism;
use super::path::{self, ReversePath};
use super::reply::{Enhanced, Reply};

/// Longest SIZE or BDAT number that is read as a number at all; `smtp-proto` wraps longer ones.
const NUMBER_MAX_DIGITS: usize = 18;
/// Longest ENVID (RFC 3461 section 4.4) and ORCPT (section 4.2), as sent.
const ENVID_MAX_BYTES: usize = 100;
const ORCPT_MAX_BYTES: usize = 500;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo(String),
    Helo(String),
    Mail {
        from: ReversePath,
        params: MailParams,
    },
    Rcpt(Recipient),
    Data,
    Bdat {
        size_bytes: u64,
        last: bool,
    },
    Auth {
        mechanism: Option<AuthMechanism>,
        initial: Option<String>,
    },
    StartTls,
    Rset,
    Noop,
    Help,
    Vrfy,
    Quit,
}

/// A line that is not a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadCommand {
    /// What to answer.
    pub(super) reply: Reply,
    /// Whether what follows can no longer be told apart from data.
    pub(super) desync: bool,
}

impl From<Reply> for BadCommand {
    fn from(reply: Reply) -> Self {
        BadCommand {
            reply,
            desync: false,
        }
    }
}

type Parsed<T> = Result<T, BadCommand>;

fn syntax(text: &str) -> Reply {
    Reply::new(501, Enhanced(5, 5, 4), text)
}

fn unreadable(text: &str) -> Reply {
    Reply::new(500, Enhanced(5, 5, 2), text)
}

/// Reads one line without its CRLF.
pub(super) fn parse(line: &[u8]) -> Parsed<Command> {
    let verb_end = line
        .iter()
        .position(|b| !b.is_ascii_alphanumeric())
        .unwrap_or(line.len());
    let verb = line[..verb_end].to_ascii_uppercase();
    parse_line(&verb, line).map_err(|bad| BadCommand {
        desync: verb == b"BDAT",
        ..bad
    })
}

fn parse_line(verb: &[u8], line: &[u8]) -> Parsed<Command> {
    let line_max = match verb {
        b"AUTH" => AUTH_LINE_MAX_BYTES,
        b"MAIL" | b"RCPT" => ENVELOPE_LINE_MAX_BYTES,
        _ => COMMAND_LINE_MAX_BYTES,
    };
    if line.len() + 2 > line_max {
        return Err(unreadable("Line too long").into());
    }
    if verb.is_empty() {
        return Err(Reply::new(500, Enhanced(5, 5, 1), "Unknown command").into());
    }
    let line = readable(verb, line)?;
    let arguments = &line[verb.len()..];
    match verb {
        b"MAIL" => mail(arguments),
        b"RCPT" => rcpt(arguments),
        b"BDAT" => bdat(arguments),
        b"DATA" | b"RSET" | b"QUIT" | b"STARTTLS" if !arguments.trim().is_empty() => {
            Err(syntax("This command takes no argument").into())
        }
        _ => other(line, arguments),
    }
}

/// Refuses what no command may hold: control characters and, outside of paths, 8-bit octets.
fn readable<'a>(verb: &[u8], line: &'a [u8]) -> Result<&'a str, Reply> {
    if let Some(control) = line.iter().find(|b| b.is_ascii_control()) {
        return Err(unreadable(match control {
            0 => "NUL octet in command",
            b'\r' => "Bare CR in command",
            _ => "Control character in command",
        }));
    }
    let text = std::str::from_utf8(line).map_err(|_| unreadable("Command is not valid UTF-8"))?;
    if !text.is_ascii() && !matches!(verb, b"MAIL" | b"RCPT" | b"VRFY") {
        return Err(unreadable("Command is not ASCII"));
    }
    Ok(text)
}

fn mail(arguments: &str) -> Parsed<Command> {
    const USAGE: &str = "Syntax: MAIL FROM:<address> [parameters]";
    let path = strip_keyword(arguments, "FROM:").ok_or_else(|| syntax(USAGE))?;
    let (from, rest) = path::reverse_path(path)
        .map_err(|e| Reply::new(501, Enhanced(5, 1, 7), format!("Bad sender: {e}")))?;
    let raw = parameters(
        rest,
        &["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"],
        USAGE,
    )?;
    if raw.value("SIZE").is_some_and(is_long_number) {
        return Err(Reply::new(552, Enhanced(5, 3, 4), "Message is too big").into());
    }
    let envid = raw.value("ENVID").map(str::to_owned);
    if envid
        .as_ref()
        .is_some_and(|id| id.len() > ENVID_MAX_BYTES || !is_xtext(id))
    {
        return Err(syntax("Bad ENVID").into());
    }
    let Request::Mail { from: parsed } = request(&format!("MAIL FROM:<>{rest}"))? else {
        return Err(syntax(USAGE).into());
    };
    if parsed.flags & MAIL_BODY_BINARYMIME != 0 {
        return Err(Reply::new(555, Enhanced(5, 5, 4), "BINARYMIME is not supported").into());
    }
    let params = MailParams {
        size_bytes: raw.value("SIZE").map(|_| parsed.size as u64),
        body: match parsed.flags & MAIL_BODY_8BITMIME {
            0 => BodyKind::SevenBit,
            _ => BodyKind::EightBitMime,
        },
        smtputf8: parsed.flags & MAIL_SMTPUTF8 != 0,
        ret: match parsed.flags & (MAIL_RET_FULL | MAIL_RET_HDRS) {
            0 => None,
            MAIL_RET_HDRS => Some(Ret::Headers),
            _ => Some(Ret::Full),
        },
        envid,
    };
    Ok(Command::Mail { from, params })
}

fn rcpt(arguments: &str) -> Parsed<Command> {
    const USAGE: &str = "Syntax: RCPT TO:<address> [parameters]";
    let path = strip_keyword(arguments, "TO:").ok_or_else(|| syntax(USAGE))?;
    let (path, rest) = path::forward_path(path)
        .map_err(|e| Reply::new(501, Enhanced(5, 1, 3), format!("Bad recipient: {e}")))?;
    let raw = parameters(rest, &["NOTIFY", "ORCPT"], USAGE)?;
    let orcpt = raw.value("ORCPT").map(str::to_owned);
    if orcpt.as_deref().is_some_and(|orcpt| !is_orcpt(orcpt)) {
        return Err(syntax("Bad ORCPT").into());
    }
    // ORCPT has been checked above; smtp-proto knows the type rfc822 only and decodes the xtext.
    let notify = raw
        .value("NOTIFY")
        .map(|v| format!(" NOTIFY={v}"))
        .unwrap_or_default();
    let Request::Rcpt { to } = request(&format!("RCPT TO:<postmaster>{notify}"))? else {
        return Err(syntax(USAGE).into());
    };
    let on = |flag| to.flags & flag != 0;
    let (success, failure, delay) = (
        on(RCPT_NOTIFY_SUCCESS),
        on(RCPT_NOTIFY_FAILURE),
        on(RCPT_NOTIFY_DELAY),
    );
    let notify = match on(RCPT_NOTIFY_NEVER) {
        true if success || failure || delay => {
            return Err(syntax("NOTIFY=NEVER stands alone").into());
        }
        true => Some(Notify::Never),
        false if notify.is_empty() => None,
        false => Some(Notify::On {
            success,
            failure,
            delay,
        }),
    };
    Ok(Command::Rcpt(Recipient {
        path,
        notify,
        orcpt,
    }))
}

fn bdat(arguments: &str) -> Parsed<Command> {
    const USAGE: &str = "Syntax: BDAT size [LAST]";
    let size = arguments.trim_start().split(' ').next().unwrap_or_default();
    if size.is_empty() || is_long_number(size) || !size.bytes().all(|b| b.is_ascii_digit()) {
        return Err(syntax(USAGE).into());
    }
    match request(&format!("BDAT{arguments}"))? {
        Request::Bdat {
            chunk_size,
            is_last,
        } => Ok(Command::Bdat {
            size_bytes: chunk_size as u64,
            last: is_last,
        }),
        _ => Err(syntax(USAGE).into()),
    }
}

fn other(line: &str, arguments: &str) -> Parsed<Command> {
    match request(line)? {
        Request::Ehlo { host } => Ok(Command::Ehlo(host)),
        Request::Helo { host } => Ok(Command::Helo(host)),
        Request::Data => Ok(Command::Data),
        Request::Auth {
            mechanism,
            initial_response,
        } => Ok(Command::Auth {
            mechanism: match mechanism {
                AUTH_PLAIN => Some(AuthMechanism::Plain),
                AUTH_LOGIN => Some(AuthMechanism::Login),
                AUTH_SCRAM_SHA_256 => Some(AuthMechanism::ScramSha256),
                _ => None,
            },
            initial: (arguments.split_whitespace().count() > 1).then_some(initial_response),
        }),
        Request::StartTls => Ok(Command::StartTls),
        Request::Rset => Ok(Command::Rset),
        Request::Noop { .. } => Ok(Command::Noop),
        Request::Help { .. } => Ok(Command::Help),
        Request::Vrfy { .. } => Ok(Command::Vrfy),
        Request::Quit => Ok(Command::Quit),
        Request::Lhlo { .. } => Err(Reply::new(500, Enhanced(5, 5, 1), "This is not LMTP").into()),
        Request::Mail { .. }
        | Request::Rcpt { .. }
        | Request::Bdat { .. }
        | Request::Expn { .. }
        | Request::Etrn { .. }
        | Request::Atrn { .. }
        | Request::Burl { .. } => {
            Err(Reply::new(502, Enhanced(5, 5, 1), "Command not implemented").into())
        }
    }
}

/// Hands a line that has been checked to `smtp-proto`.
fn request(line: &str) -> Result<Request<String>, Reply> {
    use smtp_proto::Error;
    let bytes = [line.as_bytes(), b"\r\n"].concat();
    match Request::parse(&mut bytes.iter()) {
        Ok(request) => Ok(request.into_owned()),
        Err(Error::UnknownCommand) => Err(Reply::new(500, Enhanced(5, 5, 1), "Unknown command")),
        Err(Error::SyntaxError { syntax: usage }) => Err(syntax(&format!("Syntax: {usage}"))),
        Err(Error::InvalidParameter { param }) => Err(syntax(&format!("Bad value of {param}"))),
        Err(Error::UnsupportedParameter { param }) => Err(unsupported(&param)),
        Err(
            Error::NeedsMoreData { .. }
            | Error::InvalidSenderAddress
            | Error::InvalidRecipientAddress
            | Error::ResponseTooLong
            | Error::InvalidResponse { .. },
        ) => Err(unreadable("Command not understood")),
    }
}

fn unsupported(name: &str) -> Reply {
    let shown: String = name
        .chars()
        .filter(char::is_ascii_graphic)
        .take(20)
        .collect();
    Reply::new(
        555,
        Enhanced(5, 5, 4),
        format!("Parameter {shown} is not supported"),
    )
}

/// ESMTP parameters as sent, each at most once and of a kind that was announced.
struct RawParameters<'a>(Vec<(String, &'a str)>);

impl<'a> RawParameters<'a> {
    fn value(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|&(_, value)| value)
    }
}

fn parameters<'a>(rest: &'a str, known: &[&str], usage: &str) -> Result<RawParameters<'a>, Reply> {
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(syntax(usage));
    }
    let mut found: Vec<(String, &str)> = Vec::new();
    for word in rest.split(' ').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let key = key.to_ascii_uppercase();
        if !known.contains(&key.as_str()) {
            return Err(unsupported(&key));
        }
        if found.iter().any(|(other, _)| *other == key) {
            return Err(syntax("Parameter given twice"));
        }
        found.push((key, value));
    }
    Ok(RawParameters(found))
}

/// Strips ` FROM:` or ` TO:`. Spaces around are a tolerance that most servers grant.
fn strip_keyword<'a>(arguments: &'a str, keyword: &str) -> Option<&'a str> {
    let text = arguments.strip_prefix(' ')?.trim_start_matches(' ');
    let head = text.get(..keyword.len())?;
    head.eq_ignore_ascii_case(keyword)
        .then(|| text[keyword.len()..].trim_start_matches(' '))
}

fn is_long_number(value: &str) -> bool {
    value.len() > NUMBER_MAX_DIGITS && value.bytes().all(|b| b.is_ascii_digit())
}

/// xtext whose decoded octets are printable ASCII too (RFC 3461 section 4).
fn is_xtext(value: &str) -> bool {
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'+' => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                matches!((digit(bytes.next()), digit(bytes.next())), (Some(h), Some(l)) if (0x20..0x7f).contains(&(h * 16 + l)))
            }
            b'=' => false,
            b => b.is_ascii_graphic(),
        };
        if !fine {
            return false;
        }
    }
    !value.is_empty()
}

fn is_orcpt(value: &str) -> bool {
    let Some((kind, address)) = value.split_once(';') else {
        return false;
    };
    let fits = value.len() <= ORCPT_MAX_BYTES && !address.is_empty();
    if kind.eq_ignore_ascii_case("utf-8") {
        return fits && !address.chars().any(|c| c.is_control() || c == ' ');
    }
    let is_atom = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits && is_atom && is_xtext(address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(line: &str, reply: &str) {
        let bad = parse(line.as_bytes()).unwrap_err();
        assert!(
            bad.reply.to_string().starts_with(reply),
            "{line:?} gave {}",
            bad.reply
        );
    }

    #[test]
    fn guards_against_what_the_parser_lets_through() {
        refused(
            "MAIL FROM:<a@b.example> SIZE=36893488147419103232",
            "552 5.3.4",
        );
        refused(
            "MAIL FROM:<a@b.example> SIZE=99999999999999999999999999999999",
            "552 5.3.4",
        );
        refused("MAIL FROM:<a@b.example> SIZE=", "501 5.5.4");
        refused("MAIL FROM:<a@b.example> SIZE=1 SIZE=2", "501 5.5.4");
        refused("MAIL FROM:<a@b.example> ENVID=a+0D+0Ab", "501 5.5.4");
        refused("MAIL FROM:<a@b.example> HOLDFOR=60", "555 5.5.4");
        refused("MAIL FROM:<a@b.example>SIZE=1", "501 5.5.4");
        refused("MAIL FROM:<postmaster>", "501 5.1.7");
        refused("RCPT TO:<>", "501 5.1.3");
        refused("RCPT TO:<a@b.example> ORCPT=rfc822;a+0Ab", "501 5.5.4");
        refused("RCPT TO:<a@b.example> NOTIFY=NEVER,SUCCESS", "501 5.5.4");
        refused("RCPT TO:a@b.example", "501 5.1.3");
        refused("  NOOP", "500 5.5");
        refused("NO\u{0}OP", "500 5.5.2");
        refused("NOOP\rRSET", "500 5.5.2");
        refused("STARTTLS now", "501 5.5.4");
        refused("MAILFROM:<a@b.example>", "500 5.5.1");
        refused("", "500 5.5");
    }

    #[test]
    fn an_unreadable_bdat_size_cannot_be_survived() {
        for line in [
            "BDAT",
            "BDAT x",
            "BDAT -1 LAST",
            "BDAT 99999999999999999999",
            "BDAT 5 FIRST",
            "BDAT 5\u{0}",
        ] {
            assert!(parse(line.as_bytes()).unwrap_err().desync, "{line:?}");
        }
        assert_eq!(
            parse(b"bdat 5 last"),
            Ok(Command::Bdat {
                size_bytes: 5,
                last: true
            })
        );
        assert_eq!(
            parse(b"BDAT 0"),
            Ok(Command::Bdat {
                size_bytes: 0,
                last: false
            })
        );
        assert!(!parse(b"NOOP\0").unwrap_err().desync);
    }

    #[test]
    fn parameters_are_kept_as_sent() {
        let Ok(Command::Mail { params, .. }) =
            parse(b"mail from: <a@b.example> size=42 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1 SMTPUTF8 AUTH=<>")
        else {
            panic!("refused");
        };
        assert_eq!(params.size_bytes, Some(42));
        assert_eq!(
            (params.body, params.ret),
            (BodyKind::EightBitMime, Some(Ret::Headers))
        );
        assert_eq!(params.envid.as_deref(), Some("QQ+2B1"));
        let Ok(Command::Rcpt(rcpt)) =
            parse(b"RCPT TO:<\"a b\"@[192.0.2.1]> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;x")
        else {
            panic!("refused");
        };
        assert_eq!(rcpt.path.to_string(), "\"a b\"@[192.0.2.1]");
        assert_eq!(
            rcpt.notify,
            Some(Notify::On {
                success: true,
                failure: false,
                delay: true
            })
        );
        assert_eq!(rcpt.orcpt.as_deref(), Some("utf-8;x"));
    }
}
