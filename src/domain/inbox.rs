//! The inbox: what people answered by email, text and telephone key, in threads.

use std::time::Duration;

use super::authentication::Authentication;
use super::ids::{BlobId, CommunicationId, ContactId, DeliveryId, MessageId, ThreadId, UserId};
use super::redacted::Redacted;
use super::status::Channel;
use super::timestamp::Timestamp;

/// Longest preview of a message in lists, in characters.
pub const PREVIEW_MAX: usize = 160;
/// Longest subject kept of a thread, in characters.
pub const THREAD_SUBJECT_MAX: usize = 200;
/// Longest address or number kept of a sender, in octets (RFC 5321, 4.5.3.1).
pub const SENDER_SIZE_MAX: usize = 320;
/// Longest `Message-ID` that is kept, in octets; longer ones are taken for none.
pub const MESSAGE_ID_SIZE_MAX: usize = 250;
/// Most files of a message that are named.
pub const FILES_MAX: usize = 20;
/// Longest file name kept, in characters.
pub const FILE_NAME_MAX: usize = 100;
/// Most messages of one thread; what comes then begins another.
pub const THREAD_MESSAGES_MAX: u32 = 500;
/// Most keys kept of one call.
pub const KEYS_MAX: usize = 16;
/// Longest name of a virus kept, in characters.
pub const VIRUS_NAME_MAX: usize = 100;
/// How long it is believed that nothing was found in a file: tomorrow's signatures may know more.
pub const SCAN_BELIEVED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Whether there is anything left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ThreadState {
    /// Somebody should look, answer or put something right.
    Open = 1,
    /// Dealt with. A further message opens it again.
    Done = 2,
}

/// What was said back and forth with one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// With whom; none for somebody whom we do not know.
    pub contact: Option<ContactId>,
    /// The address or number of the last message from the other side, in its lookup form.
    pub address: Redacted<String>,
    /// By which channel the last message went.
    pub channel: Channel,
    /// Subject of the first email in it; empty without one.
    pub subject: Redacted<String>,
    /// The start of the last message.
    pub preview: Redacted<String>,
    /// Whether there is anything left to do.
    pub state: ThreadState,
    /// Messages that nobody has read yet.
    pub unread: u32,
    /// Who looks after it.
    pub assigned: Option<UserId>,
    /// Messages in it.
    pub messages: u32,
    /// When it began.
    pub opened_at: Timestamp,
    /// When its last message came or went.
    pub changed_at: Timestamp,
}

impl Thread {
    /// A thread without messages.
    #[must_use]
    pub const fn new(id: ThreadId, contact: Option<ContactId>, at: Timestamp) -> Self {
        Self {
            id,
            contact,
            address: Redacted::new(String::new()),
            channel: Channel::Email,
            subject: Redacted::new(String::new()),
            preview: Redacted::new(String::new()),
            state: ThreadState::Open,
            unread: 0,
            assigned: None,
            messages: 0,
            opened_at: at,
            changed_at: at,
        }
    }

    /// Takes a message in: what a person says opens it and is unread; what a machine answered
    /// is only there.
    pub fn take(&mut self, message: &Message, subject: &str) {
        self.messages = self.messages.saturating_add(1);
        if message.kind == MessageKind::Automatic {
            return;
        }
        self.channel = message.channel;
        self.preview = message.preview.clone();
        self.changed_at = self.changed_at.max(message.at);
        if self.subject.reveal().is_empty() {
            self.subject = Redacted::new(subject.chars().take(THREAD_SUBJECT_MAX).collect());
        }
        match message.direction {
            Direction::In => {
                self.address = message.from.clone();
                self.unread = self.unread.saturating_add(1);
                self.state = ThreadState::Open;
            }
            // Whoever answers has not read what came meanwhile.
            Direction::Out => {}
        }
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the person to us.
    In,
    /// From us to the person.
    Out,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// Somebody wrote it.
    Written,
    /// A machine answered: away until Monday.
    Automatic,
    /// The person asked not to be written to any more.
    OptOut,
    /// The person took that back.
    OptIn,
    /// Keys that were pressed in a call; they are the preview.
    Keys,
    /// A mail server reports, and nothing proves of which delivery.
    Report,
}

/// A file that came with a message; it lies in the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFile {
    /// Its name, at most [`FILE_NAME_MAX`] characters.
    pub name: Redacted<String>,
    /// Its size when decoded, in octets.
    pub size_bytes: u64,
    /// What a virus scanner found in it last; none where none has looked through it yet.
    pub scan: Option<FileScan>,
}

impl MessageFile {
    /// The virus that was found in it: it is not handed out before somebody had it looked through
    /// anew and nothing was found.
    #[must_use]
    pub fn virus(&self) -> Option<&str> {
        match &self.scan.as_ref()?.found {
            ScanFound::Virus(name) => Some(name),
            ScanFound::Nothing | ScanFound::TooLarge => None,
        }
    }
}

/// What a virus scanner found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanFound {
    /// Nothing.
    Nothing,
    /// A virus of this name.
    Virus(String),
    /// It looks through nothing of this size, as it is set up.
    TooLarge,
}

/// When a file was looked through for viruses, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileScan {
    /// When.
    pub at: Timestamp,
    /// What.
    pub found: ScanFound,
}

impl FileScan {
    /// What a scanner says; of the name of a virus at most [`VIRUS_NAME_MAX`] characters.
    #[must_use]
    pub fn new(at: Timestamp, found: ScanFound) -> Self {
        let found = match found {
            ScanFound::Virus(name) => {
                let name = name.chars().filter(|c| !c.is_control());
                ScanFound::Virus(name.take(VIRUS_NAME_MAX).collect())
            }
            found @ (ScanFound::Nothing | ScanFound::TooLarge) => found,
        };
        Self { at, found }
    }

    /// Whether a file may be handed out for it at `now` without being looked through anew.
    #[must_use]
    pub fn vouches(&self, now: Timestamp) -> bool {
        self.found == ScanFound::Nothing && now.since(self.at) < SCAN_BELIEVED_FOR
    }
}

/// One message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id: that of the mail or text that came in, so that it is never there twice.
    pub id: MessageId,
    /// Its thread.
    pub thread: ThreadId,
    /// Which way it went.
    pub direction: Direction,
    /// What it is.
    pub kind: MessageKind,
    /// By which channel.
    pub channel: Channel,
    /// When it came or was written.
    pub at: Timestamp,
    /// The other side's address or number, in its lookup form.
    pub from: Redacted<String>,
    /// Its start, at most [`PREVIEW_MAX`] characters.
    pub preview: Redacted<String>,
    /// Its text; none where the preview is all of it.
    pub body: Option<BlobId>,
    /// The whole mail as it came.
    pub original: Option<BlobId>,
    /// Files that came with it.
    pub files: Vec<MessageFile>,
    /// Its own `Message-ID` without brackets, for a mail that came in; may be empty.
    pub message_id: Redacted<String>,
    /// The `Message-ID` that it answers, for a mail that goes out; may be empty.
    pub in_reply_to: Redacted<String>,
    /// The delivery that it answers; for one that went out, the delivery that took it.
    pub delivery: Option<DeliveryId>,
    /// The communication of that delivery.
    pub communication: Option<CommunicationId>,
    /// Who wrote it, of us.
    pub by: Option<UserId>,
    /// When administrators are to be told of it; none when they have been, or need not be.
    pub notify_at: Option<Timestamp>,
    /// What was found out about where a mail came from; none for what is no mail, or came before
    /// that was looked at.
    pub authentication: Option<Authentication>,
    /// Who wrote it is not certain: it is nobody's, whatever address it names.
    pub is_disowned: bool,
}

/// What one administrator has still to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyNotice {
    /// Whom.
    pub user: UserId,
    /// When the last mail went out.
    pub told_at: Option<Timestamp>,
    /// Messages that came since.
    pub waiting: u32,
    /// The thread of the last of them.
    pub thread: Option<ThreadId>,
    /// When the next mail is due; none when nothing waits.
    pub due: Option<Timestamp>,
}

/// The start of a text for lists: one line, no control characters.
#[must_use]
pub fn preview(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let room = PREVIEW_MAX.saturating_sub(length + 1);
        let size = word.chars().count();
        if size > room {
            line.extend(word.chars().take(if length == 0 { room } else { 0 }));
            line.push('…');
            return line;
        }
        if !line.is_empty() {
            line.push(' ');
            length += 1;
        }
        line.push_str(&word);
        length += size;
    }
    line
}

/// Prefixes that mail programs put before the subject of an answer, lower case.
const ANSWER_PREFIXES: [&str; 12] = [
    "re", "aw", "antw", "sv", "vs", "rép", "rep", "ref", "fwd", "fw", "tr", "wg",
];

/// A subject without "Re:" and the like, in lower case: equal for a mail and its answers.
#[must_use]
pub fn bare_subject(subject: &str) -> String {
    let lower = subject.to_lowercase();
    let mut rest = lower.trim();
    while let Some((before, after)) = rest.split_once(':') {
        let word = before.trim_end();
        let word = word.split_once(['[', '(']).map_or(word, |(word, _)| word);
        if !ANSWER_PREFIXES.contains(&word.trim_end()) {
            break;
        }
        rest = after.trim_start();
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(direction: Direction, kind: MessageKind, at: u64) -> Message {
        Message {
            id: MessageId::from_bytes([1; 16]),
            thread: ThreadId::from_bytes([2; 16]),
            direction,
            kind,
            channel: Channel::Text,
            at: Timestamp::from_millis(at),
            from: Redacted::new("+447700900100".to_owned()),
            preview: Redacted::new(format!("at {at}")),
            body: None,
            original: None,
            files: Vec::new(),
            message_id: Redacted::new(String::new()),
            in_reply_to: Redacted::new(String::new()),
            delivery: None,
            communication: None,
            by: None,
            notify_at: None,
            authentication: None,
            is_disowned: false,
        }
    }

    #[test]
    fn what_a_person_says_opens_a_thread_again_and_is_unread() {
        let start = Timestamp::from_millis(1);
        let mut thread = Thread::new(ThreadId::from_bytes([2; 16]), None, start);
        thread.take(&message(Direction::In, MessageKind::Written, 2), "Re: x");
        assert_eq!((thread.unread, thread.messages), (1, 1));
        thread.take(&message(Direction::Out, MessageKind::Written, 3), "");
        assert_eq!(
            (thread.unread, thread.preview.reveal().as_str()),
            (1, "at 3")
        );
        thread.state = ThreadState::Done;
        thread.take(&message(Direction::In, MessageKind::Automatic, 4), "");
        assert_eq!((thread.unread, thread.state), (1, ThreadState::Done));
        assert_eq!(thread.changed_at, Timestamp::from_millis(3));
        thread.take(&message(Direction::In, MessageKind::Keys, 5), "");
        assert_eq!((thread.unread, thread.state), (2, ThreadState::Open));
        assert_eq!(
            (thread.messages, thread.subject.reveal().as_str()),
            (4, "Re: x")
        );
    }

    #[test]
    fn a_file_is_vouched_for_by_a_fresh_look_that_found_nothing() {
        let at = Timestamp::from_millis(1_000_000);
        let day = at.plus(SCAN_BELIEVED_FOR);
        let clean = FileScan::new(at, ScanFound::Nothing);
        assert!(clean.vouches(at) && !clean.vouches(day));
        assert!(!FileScan::new(at, ScanFound::TooLarge).vouches(at));
        let virus = FileScan::new(at, ScanFound::Virus(format!("E\0{}", "x".repeat(200))));
        assert!(!virus.vouches(at));
        let file = MessageFile {
            name: Redacted::new(String::new()),
            size_bytes: 1,
            scan: Some(virus),
        };
        let name = format!("E{}", "x".repeat(VIRUS_NAME_MAX - 1));
        assert_eq!(file.virus(), Some(name.as_str()));
    }

    #[test]
    fn previews_are_one_short_line() {
        assert_eq!(preview(" a\r\n\tb\u{7}  c "), "a b c");
        assert_eq!(preview(""), "");
        let long = preview(&"word ".repeat(100));
        assert!(long.chars().count() <= PREVIEW_MAX && long.ends_with("word…"));
        let one = preview(&"é".repeat(1000));
        assert_eq!(one.chars().count(), PREVIEW_MAX);
    }

    #[test]
    fn subjects_of_answers_are_those_of_what_they_answer() {
        for subject in [
            "Flood: now",
            "Re: Flood: now",
            "RE : re: flood:  NOW",
            "AW[2]: Flood: now",
            "Rép : Flood: now",
        ] {
            assert_eq!(bare_subject(subject), "flood: now", "{subject}");
        }
        assert_eq!(bare_subject("Re:"), "");
        assert_eq!(bare_subject("Regards: x"), "regards: x");
    }
}
