//! Files of mails that came in: they lie in the mail as it came, and are read out one by one.

use crate::domain::inbox::FILES_MAX;
use crate::proto::mime::read::{RelatedPart, attachment_at, html_and_related};
use crate::safe_html::{MailHtml, MailPicture, PICTURE_SIZE_MAX_BYTES, PICTURES_MAX};

/// The bytes of one file of a mail, by its place among those that the message names. None when
/// there is no such file, or the mail is beyond what is read. Decodes the whole mail: not for a
/// thread that answers requests.
#[must_use]
pub fn file_of_mail(raw: &[u8], index: usize) -> Option<Vec<u8>> {
    if index >= FILES_MAX {
        return None;
    }
    attachment_at(raw, index).ok()?
}

/// The HTML of a mail as it came, with the parts that it may show. None when the mail is beyond
/// what is read. Decodes the whole mail: not for a thread that answers requests.
#[must_use]
pub fn html_of_mail(raw: &[u8]) -> Option<MailHtml> {
    let read = html_and_related(raw, PICTURES_MAX, PICTURE_SIZE_MAX_BYTES);
    let (html, parts) = read.ok()?;
    let pictures = parts.into_iter().map(|part: RelatedPart| MailPicture {
        content_id: part.content_id,
        bytes: part.bytes,
        file: part.attachment,
    });
    Some(MailHtml {
        html,
        pictures: pictures.collect(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::proto::mime::read::read;

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

    #[test]
    fn html_comes_with_the_pictures_it_may_show() {
        let mail = b"From: ada@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hello <img src=cid:logo@x></p>\r\n--b\r\nContent-Type: image/gif\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlh\r\n--b--\r\n";
        let shown = html_of_mail(mail).unwrap();
        assert!(shown.html.unwrap().contains("<p>Hello"));
        assert_eq!(shown.pictures.len(), 1);
        assert_eq!(shown.pictures[0].content_id, "logo@x");
        assert_eq!(shown.pictures[0].bytes, b"GIF89a");
        assert_eq!(shown.pictures[0].file, Some(0), "a file like others");
        assert!(html_of_mail(MAIL).is_some_and(|mail| mail.html.is_none()));
        for end in 0..mail.len() {
            let _ = html_of_mail(&mail[..end]);
        }
    }
}
