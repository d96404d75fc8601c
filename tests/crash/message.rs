//! Message `n`: the same bytes every time, unlike all others.

/// Addresses that messages go to; few, so that messages meet at the same people.
const PEOPLE: u64 = 40;

/// The header line that names a message.
pub(crate) const MARK: &str = "X-Ledger: ";

/// The domain of the sender, which is the daemon's own.
pub(crate) const DOMAIN: &str = "gateway.example";

pub(crate) fn sender() -> String {
    format!("app@{DOMAIN}")
}

/// One to three recipients.
pub(crate) fn recipients(number: u64) -> Vec<String> {
    let first = number * 7;
    (0..=number % 3)
        .map(|n| format!("person{}@people.example", (first + n) % PEOPLE))
        .collect()
}

/// Each message with each of its recipients.
pub(crate) fn deliveries(number: u64) -> Vec<(u64, String)> {
    let recipients = recipients(number).into_iter();
    recipients.map(|recipient| (number, recipient)).collect()
}

/// The whole message, CRLF, not yet dot-stuffed; 1 to 30 KiB.
pub(crate) fn message(number: u64) -> String {
    let mut text = format!(
        "From: {}\r\nTo: people@people.example\r\nSubject: Ledger {number}\r\n\
         Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <{number}@{DOMAIN}>\r\n\
         {MARK}{number}\r\nContent-Type: text/plain\r\n\r\n",
        sender()
    );
    for line in 0..number * 37 % 500 + 16 {
        let dots = if line % 11 == 0 { ".." } else { "" };
        text.push_str(&format!(
            "{dots}line {line} of message {number}, some words\r\n"
        ));
    }
    text.push_str(".\r\n");
    text
}

/// The number in a message's header, if it has one.
pub(crate) fn number_of(message: &[u8]) -> Option<u64> {
    let at = message
        .windows(MARK.len())
        .position(|window| window == MARK.as_bytes())?;
    let digits = message[at + MARK.len()..].iter();
    let digits: Vec<u8> = digits.copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok()
}
