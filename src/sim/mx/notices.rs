//! What comes back: delivery status notifications (RFC 3464), complaints (RFC 5965), replies and
//! automatic replies (RFC 3834).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ReceivedMail;
use crate::proto::smtp::{Enhanced, ForwardPath, Notify, Recipient, Ret, ReversePath};

/// Something that is sent back about a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A failed delivery.
    Bounce {
        /// Status of RFC 3463.
        status: Enhanced,
        /// Text of `Diagnostic-Code`, such as `550 5.1.1 No such user`.
        diagnostic: String,
    },
    /// A delay: the server goes on trying.
    Delay {
        /// Text of `Diagnostic-Code`.
        diagnostic: String,
    },
    /// An abuse report from the recipient's provider.
    Complaint,
    /// A person's answer.
    Reply {
        /// What they write.
        text: String,
    },
    /// A vacation notice.
    AutoReply {
        /// What it says.
        text: String,
    },
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// Empty for the null return path.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) message: Vec<u8>,
}

/// Writes the notice, or `None` where none may be sent: to a null return path, or as a bounce to
/// somebody who asked for none.
pub(super) fn write(
    notice: &Notice,
    mail: &ReceivedMail,
    recipient: &Recipient,
    hostname: &str,
    wall_ms: u64,
) -> Option<Letter> {
    let ReversePath::Mailbox(sender) = &mail.envelope.from else {
        return None;
    };
    let about = About {
        mail,
        recipient,
        hostname,
        sender: sender.to_string(),
        address: match &recipient.path {
            ForwardPath::Postmaster => format!("postmaster@{hostname}"),
            ForwardPath::Mailbox(mailbox) => mailbox.to_string(),
        },
        date: date(wall_ms),
        id: format!("{}.{wall_ms}@{hostname}", mail.number),
    };
    match notice {
        Notice::Bounce { status, diagnostic } => {
            let wanted = !matches!(
                recipient.notify,
                Some(Notify::Never | Notify::On { failure: false, .. })
            );
            wanted.then(|| about.dsn("failed", &status.to_string(), diagnostic))
        }
        Notice::Delay { diagnostic } => Some(about.dsn("delayed", "4.4.1", diagnostic)),
        Notice::Complaint => Some(about.complaint()),
        Notice::Reply { text } => Some(about.reply(text)),
        Notice::AutoReply { text } => Some(about.auto_reply(text)),
    }
}

struct About<'a> {
    mail: &'a ReceivedMail,
    recipient: &'a Recipient,
    hostname: &'a str,
    sender: String,
    address: String,
    date: String,
    id: String,
}

impl About<'_> {
    fn dsn(&self, action: &str, status: &str, diagnostic: &str) -> Letter {
        let (subject, sentence) = match action {
            "failed" => (
                "Undelivered Mail Returned to Sender",
                "your message could not be delivered to one or more recipients",
            ),
            _ => (
                "Delayed Mail (still being retried)",
                "your message has not been delivered yet, it will be retried",
            ),
        };
        let mut fields = format!("Reporting-MTA: dns; {}\r\n", self.hostname);
        if let Some(envid) = &self.mail.envelope.params.envid {
            fields.push_str(&format!("Original-Envelope-Id: {envid}\r\n"));
        }
        fields.push_str(&format!("Arrival-Date: {}\r\n\r\n", self.date));
        fields.push_str(&format!("Final-Recipient: rfc822; {}\r\n", self.address));
        if let Some((kind, original)) = self
            .recipient
            .orcpt
            .as_deref()
            .and_then(|o| o.split_once(';'))
        {
            fields.push_str(&format!("Original-Recipient: {kind}; {original}\r\n"));
        }
        fields.push_str(&format!(
            "Action: {action}\r\nStatus: {status}\r\nRemote-MTA: dns; {}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n",
            self.hostname
        ));
        let text = format!(
            "This is the mail system at host {}.\r\n\r\nI'm sorry to have to inform you that {sentence}.\r\n\r\n\
             <{}>: {diagnostic}\r\n",
            self.hostname, self.address
        );
        let returned = match self.mail.envelope.params.ret {
            Some(Ret::Full) => ("message/rfc822", &self.mail.body[..]),
            Some(Ret::Headers) | None => ("text/rfc822-headers", header(&self.mail.body)),
        };
        let message = self.report(
            "delivery-status",
            &format!("Mail Delivery System <MAILER-DAEMON@{}>", self.hostname),
            subject,
            "Auto-Submitted: auto-replied\r\n",
            &[
                ("text/plain; charset=us-ascii", text.as_bytes()),
                ("message/delivery-status", fields.as_bytes()),
                returned,
            ],
        );
        self.to_sender("", message)
    }

    fn complaint(&self) -> Letter {
        let fields = format!(
            "Feedback-Type: abuse\r\nUser-Agent: SimulatedFeedback/1.0\r\nVersion: 1\r\n\
             Original-Mail-From: <{}>\r\nOriginal-Rcpt-To: <{}>\r\nArrival-Date: {}\r\nReporting-MTA: dns; {}\r\n",
            self.sender, self.address, self.date, self.hostname
        );
        let text = "This is an email abuse report for an email message received from you.\r\n";
        let from = format!("abuse@{}", self.hostname);
        let message = self.report(
            "feedback-report",
            &from,
            "FW: complaint about your message",
            "",
            &[
                ("text/plain; charset=us-ascii", text.as_bytes()),
                ("message/feedback-report", fields.as_bytes()),
                ("message/rfc822", &self.mail.body),
            ],
        );
        self.to_sender(&from, message)
    }

    fn reply(&self, text: &str) -> Letter {
        let answered =
            field(&self.mail.body, "reply-to").or_else(|| field(&self.mail.body, "from"));
        let to = answered
            .as_deref()
            .map_or(self.sender.as_str(), bare_address);
        let message = self.answer(to, "Re: ", "", text);
        Letter {
            from: self.address.clone(),
            to: to.to_owned(),
            message,
        }
    }

    fn auto_reply(&self, text: &str) -> Letter {
        let extra = "Auto-Submitted: auto-replied\r\nPrecedence: bulk\r\n";
        let message = self.answer(&self.sender, "Automatic reply: ", extra, text);
        self.to_sender("", message)
    }

    fn to_sender(&self, from: &str, message: Vec<u8>) -> Letter {
        Letter {
            from: from.to_owned(),
            to: self.sender.clone(),
            message,
        }
    }

    fn answer(&self, to: &str, prefix: &str, extra: &str, text: &str) -> Vec<u8> {
        let subject = field(&self.mail.body, "subject").unwrap_or_default();
        let threads = field(&self.mail.body, "message-id")
            .map(|id| format!("In-Reply-To: {id}\r\nReferences: {id}\r\n"))
            .unwrap_or_default();
        format!(
            "From: <{}>\r\nTo: <{to}>\r\nSubject: {prefix}{subject}\r\nDate: {}\r\nMessage-ID: <{}>\r\n{threads}{extra}\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n",
            self.address, self.date, self.id
        )
        .into_bytes()
    }

    fn report(
        &self,
        kind: &str,
        from: &str,
        subject: &str,
        extra: &str,
        parts: &[(&str, &[u8])],
    ) -> Vec<u8> {
        let boundary = format!("=_sim_{}", self.id.replace('@', "_"));
        let mut message = format!(
            "From: {from}\r\nTo: {}\r\nSubject: {subject}\r\nDate: {}\r\nMessage-ID: <{}>\r\n{extra}\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind};\r\n\tboundary=\"{boundary}\"\r\n\r\n\
             This is a MIME-encapsulated message.\r\n",
            self.sender, self.date, self.id
        )
        .into_bytes();
        for (content_type, content) in parts {
            let head = format!("\r\n--{boundary}\r\nContent-Type: {content_type}\r\n\r\n");
            message.extend_from_slice(head.as_bytes());
            message.extend_from_slice(content);
        }
        message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        message
    }
}

/// The header of a message with the line end of its last field.
fn header(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n");
    end.map_or(message, |end| &message[..end + 2])
}

/// The first field of that name, unfolded.
fn field(message: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(header(message));
    let mut lines = text.split("\r\n").peekable();
    while let Some(line) = lines.next() {
        let Some((found, value)) = line.split_once(':') else {
            continue;
        };
        if !found.eq_ignore_ascii_case(name) {
            continue;
        }
        let mut value = value.trim().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            value.push(' ');
            value.push_str(more.trim());
        }
        return Some(value);
    }
    None
}

/// What stands in the last angle brackets, or all of it.
fn bare_address(field: &str) -> &str {
    match (field.rfind('<'), field.rfind('>')) {
        (Some(open), Some(close)) if open < close => &field[open + 1..close],
        _ => field.trim(),
    }
}

fn date(wall_ms: u64) -> String {
    let at = i64::try_from(wall_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}
