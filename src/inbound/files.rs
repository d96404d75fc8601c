//! Files of mails that came in: they lie in the mail as it came, and are read out one by one.

use crate::domain::inbox::FILES_MAX;
use crate::proto::mime::read::{attachment_bytes, read};

/// The bytes of one file of a mail, by its place among those that the message names. None when
/// there is no such file, or the mail is beyond what is read. Decodes the whole mail: not for a
/// thread that answers requests.
#[must_use]
pub fn file_of_mail(raw: &[u8], index: usize) -> Option<Vec<u8>> {
    if index >= FILES_MAX {
        return None;
    }
    let mail = read(raw).ok()?;
    let file = mail.attachments.get(index)?;
    attachment_bytes(raw, file.part).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: ada@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--b\r\nContent-Type: application/pdf; name=plan.pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b\r\nContent-Disposition: attachment; filename=two.txt\r\n\r\ntwo\r\n--b--\r\n";

    #[test]
    fn files_are_found_by_the_place_that_the_message_names() {
        let named = read(MAIL).map(|mail| mail.attachments.len());
        assert_eq!(named, Ok(2));
        assert_eq!(file_of_mail(MAIL, 0).as_deref(), Some(&b"hello"[..]));
        assert_eq!(file_of_mail(MAIL, 1).as_deref(), Some(&b"two"[..]));
        assert_eq!(file_of_mail(MAIL, 2), None);
        assert_eq!(file_of_mail(MAIL, usize::MAX), None);
        assert_eq!(file_of_mail(b"", 0), None);
        for end in 0..MAIL.len() {
            // Cut off anywhere, it is read or it is not; nothing breaks.
            let _ = file_of_mail(&MAIL[..end], 1);
        }
    }
}
