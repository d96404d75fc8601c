//! Mails classified a second on one core, and how long the largest and oddest take.
//! `cargo bench --bench classify -- [folder of .eml files] [seconds]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use tocsin::classify::mail::classify_mail;
use tocsin::proto::mime::read::read_beginning;

/// Size of the largest mail that has to be borne, in octets.
const LARGE_SIZE: usize = 25 * 1024 * 1024;

/// What is classified when no folder is named.
const BOUNCE: &str = "Return-Path: <>\r\n\
    From: MAILER-DAEMON@mx.example (Mail Delivery System)\r\n\
    To: b-0123@town.example\r\n\
    Subject: Undelivered Mail Returned to Sender\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\
    \r\n\
    --b\r\n\
    Content-Type: text/plain; charset=us-ascii\r\n\
    \r\n\
    I'm sorry to have to inform you that your message could not\r\n\
    be delivered to one or more recipients. It's attached below.\r\n\
    \r\n\
    <ann@mx.example>: host mx.example[192.0.2.1] said: 550 5.1.1\r\n\
    \x20   <ann@mx.example>: user unknown (in reply to RCPT TO command)\r\n\
    \r\n\
    --b\r\n\
    Content-Type: message/delivery-status\r\n\
    \r\n\
    Reporting-MTA: dns; mx.example\r\n\
    \r\n\
    Final-Recipient: rfc822; ann@mx.example\r\n\
    Action: failed\r\n\
    Status: 5.1.1\r\n\
    Remote-MTA: dns; mx.example\r\n\
    Diagnostic-Code: smtp; 550 5.1.1 <ann@mx.example>: user unknown\r\n\
    \r\n\
    --b\r\n\
    Content-Type: text/rfc822-headers\r\n\
    \r\n\
    From: news@town.example\r\n\
    To: ann@mx.example\r\n\
    Subject: News of the town\r\n\
    Message-ID: <1@town.example>\r\n\
    \r\n\
    --b--\r\n";

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"));
    let mails = args
        .next()
        .map_or_else(|| vec![BOUNCE.into()], |folder| mails(&folder));
    let seconds = args.next().map_or(3, |seconds| seconds.parse().unwrap());
    let (span, began) = (Duration::from_secs(seconds), Instant::now());
    let mut count = 0_u64;
    while began.elapsed() < span {
        for mail in &mails {
            classify(mail);
            count += 1;
        }
    }
    let size: usize = mails.iter().map(Vec::len).sum();
    println!(
        "{} mails of {} bytes each: {:.0}/s",
        mails.len(),
        size / mails.len().max(1),
        count as f64 / began.elapsed().as_secs_f64()
    );
    for (what, raw) in large() {
        // Begins the count of the most memory anew (proc(5)).
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory_kib("VmRSS");
        let began = Instant::now();
        classify(&raw);
        let took = began.elapsed();
        let more = memory_kib("VmHWM").saturating_sub(before);
        println!(
            "{what}: {:.0} ms, {} MiB beside it",
            took.as_secs_f64() * 1e3,
            more / 1024
        );
    }
}

fn classify(raw: &[u8]) {
    if let Ok(mail) = read_beginning(raw) {
        std::hint::black_box(classify_mail(&mail));
    }
}

fn mails(folder: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let mails = files.filter(|file| file.extension().is_some_and(|end| end == "eml"));
    mails.map(|file| std::fs::read(file).unwrap()).collect()
}

/// Kinds of mails of [`LARGE_SIZE`], made one at a time.
fn large() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let text = "Content-Type: text/plain\r\n\r\n";
    let report = "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n";
    let file = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let page = "Content-Type: text/html\r\n\r\n";
    let recipient =
        "Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n";
    let kinds: [(_, _, &[u8]); 10] = [
        ("one line", text, b"user unknown "),
        (
            "text of addresses",
            text,
            b"<ann@town.example>: 550 5.1.1 user unknown\r\n",
        ),
        ("empty lines", text, b"\r\n"),
        ("one header", "", b" folded user unknown\r\n"),
        ("many headers", "", b"X-Y: user unknown\r\n"),
        ("recipients", report, recipient.as_bytes()),
        ("boundaries", report, b"--b\r\n"),
        (
            "an attachment",
            file,
            b"JVBERi0xLjcKJVBERi0xLjcKJVBERi0xLjcKJVBERi0xLjcKJVBERi0x\r\n",
        ),
        (
            "HTML",
            page,
            b"<div><b>user unknown</b> <a href=x>a@b.example</a>",
        ),
        ("no UTF-8", text, b"\xe9"),
    ];
    let head = "From: MAILER-DAEMON@mx.example\r\nSubject: failure notice\r\n";
    kinds.into_iter().map(move |(what, begin, piece)| {
        let mut raw = Vec::with_capacity(LARGE_SIZE + piece.len());
        raw.extend([head, begin].concat().bytes());
        while raw.len() < LARGE_SIZE {
            raw.extend_from_slice(piece);
        }
        (what, raw)
    })
}

/// A line of `/proc/self/status`, in KiB.
fn memory_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    let digits = line.and_then(|line| line.split_whitespace().nth(1));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
