//! Sessions and readers against octets that nobody sent on purpose: those of `fixtures/fuzz`, cut at
//! every place, and what comes of them by changes at random. The seed is printed;
//! `TOCSIN_FUZZ_SEED` and `TOCSIN_FUZZ_RUNS` choose others. `fuzz/` has libFuzzer run the same.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod mutate;
mod targets;

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use mutate::Mutator;
use targets::{body, call, mail, smpp, smtp};

/// Changed inputs of each target: optimised code has the time for more.
const RUNS: u64 = if cfg!(debug_assertions) {
    2_000
} else {
    20_000
};
const SEED: u64 = 20_260_418;
/// Most octets of one corpus, all files together.
const CORPUS_SIZE_MAX: usize = 8 * 1024;

const SMTP_WORDS: &[&[u8]] = &[
    b"EHLO c\r\n",
    b"HELO c\r\n",
    b"MAIL FROM:<>\r\n",
    b"MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=q1\r\n",
    b"RCPT TO:<a@b.example>\r\n",
    b"RCPT TO:<unknown@b.example> NOTIFY=NEVER\r\n",
    b"DATA\r\n",
    b"full\r\n",
    b".\r\n",
    b"\r\n.\r\n",
    b"\n.\n",
    b"..\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"BDAT 5\r\nab\r\nc",
    b"BDAT 3 LAST\r\nabc",
    b"BDAT 0 LAST\r\n",
    b"BDAT 99999999999\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"VRFY a\r\n",
    b"QUIT\r\n",
    b"STARTTLS\r\n\xf1",
    b"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
    b"AUTH LOGIN dGlt\r\n",
    b"AUTH SCRAM-SHA-256\r\n",
    b"biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n",
    b"=\r\n",
    b"*\r\n",
    b"\xf1",
    b"\xf2",
    b"\xf3",
    b"\xf4",
    b"\xf5",
    b"\xf6\x3c",
    b"\xf7",
    b"\xf8",
    b"\xf9",
    b"\xfa",
    b"\xfba",
    b"\xf0\xff",
];
const SMPP_WORDS: &[&[u8]] = &[
    b"\x0a\x16\x0a",
    b"\x04\x02hi",
    b"\x14\x02hi",
    b"\x0a\x06\x0a",
    b"\x0c",
    b"\x0d\x1e",
    b"\x0e",
    b"\x1e",
    b"\x09\x01",
    b"\x19\x01",
    b"\x02\x88\x00\x01\x00",
    b"\x12\x88\x00\x01\x00",
    b"\x02\x08\x00\x07\x00",
    b"\x02\x80\x01\x01\x00",
    b"\x12\x03\x00\x05\x09a\0b\0\0\x34\0\0\0",
    b"\x00\x04\x00\x00\x00\x0f",
];
const MAIL_WORDS: &[&[u8]] = &[
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
    b"Content-Type: message/delivery-status\r\n\r\n",
    b"Content-Type: message/feedback-report\r\n\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html\r\n\r\n<p>",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename=a\r\n",
    b"Auto-Submitted: auto-replied\r\n",
    b"Final-Recipient: rfc822; a@b.example\r\n",
    b"Action: failed\r\n",
    b"Status: 5.1.1\r\n",
    b"Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n",
    b"Feedback-Type: abuse\r\n",
    b"=?utf-8?q?=C3=BC?=",
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b"\r\n\r\n",
    b"\xff",
    b"\0",
];
const BODY_WORDS: &[&[u8]] = &[
    b"\r\n.\r\n",
    b"\r\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r\n..\r\n",
    b"\r\n",
    b".",
    b"\r",
    b"\n",
    b"\0",
    b"\x02ab",
    b"\x80",
    b"\x04ab\r\n",
    b"\x83ab\r",
];
const CALL_WORDS: &[&[u8]] = &[
    b"\x00\x01\x03",
    b"\x0f",
    b"\x0a",
    b"\x09\x01",
    b"\x09\x05",
    b"\x04\x0a",
    b"\x10\x3c",
    b"\x0c\x0d",
    b"\x0e",
];

/// The inputs that are kept for a target.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fixtures/fuzz/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let inputs: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(inputs.iter().map(Vec::len).sum::<usize>() <= CORPUS_SIZE_MAX);
    inputs
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The corpus as it is, and what comes of it.
fn run(name: &str, words: &[&[u8]], runs: u64, target: fn(&[u8])) {
    let corpus = corpus(name);
    assert!(!corpus.is_empty());
    corpus.iter().for_each(|input| target(input));
    let seed = number("TOCSIN_FUZZ_SEED").unwrap_or(SEED);
    let runs = number("TOCSIN_FUZZ_RUNS").unwrap_or(runs);
    eprintln!("{name}: {runs} runs, TOCSIN_FUZZ_SEED={seed}");
    let mut mutator = Mutator::new(seed, &corpus, words);
    for run in 0..runs {
        let input = mutator.input();
        let held = catch_unwind(|| target(&input)).is_ok();
        assert!(
            held,
            "{name}: TOCSIN_FUZZ_SEED={seed}, run {run}: b\"{}\"",
            input.escape_ascii()
        );
    }
}

/// Whether something of each kind happens with the corpus: it leads where it should.
#[track_caller]
fn check_reach(happened: impl IntoIterator<Item = String>, expected: &[&str]) {
    let happened: BTreeSet<String> = happened.into_iter().collect();
    for kind in expected {
        let found = happened.iter().any(|one| one.starts_with(kind));
        assert!(found, "{kind} is not among {happened:?}");
    }
}

#[test]
fn smtp_sessions_hold_whatever_comes() {
    run("smtp", SMTP_WORDS, RUNS, smtp::target);
}

#[test]
fn smtp_sessions_are_the_same_however_the_stream_is_cut() {
    corpus("smtp")
        .iter()
        .for_each(|input| smtp::at_every_cut(input));
}

#[test]
fn the_smtp_corpus_leads_everywhere() {
    let happened = corpus("smtp")
        .into_iter()
        .flat_map(|input| smtp::events(&input));
    let kinds = [
        "login Plain",
        "login Login",
        "login ScramSha256",
        "from <",
        "rcpt",
        "message 1",
        "message 2",
        "starttls",
        "close Quit",
        "close Timeout",
        "close LimitReached",
        "close Desync",
        "close Draining",
        "close Local",
    ];
    check_reach(happened, &kinds);
}

#[test]
fn smpp_sessions_hold_whatever_comes() {
    run("smpp", SMPP_WORDS, RUNS, smpp::target);
}

#[test]
fn smpp_sessions_are_the_same_however_the_stream_is_cut() {
    corpus("smpp")
        .iter()
        .for_each(|input| smpp::at_every_cut(input));
}

#[test]
fn the_smpp_corpus_leads_everywhere() {
    let happened = corpus("smpp")
        .into_iter()
        .flat_map(|input| smpp::events(&input));
    let kinds = [
        "Bound",
        "BindFailed",
        "BindRequested",
        "SubmitResult",
        "SubmitTimedOut",
        "Submitted",
        "Delivered",
        "DeliverResult",
        "DeliverTimedOut",
        "Garbled",
        "RepeatedRequest",
        "UnexpectedResponse",
        "Unbound",
        "Closed",
    ];
    check_reach(happened, &kinds);
}

#[test]
fn calls_end_whatever_happens() {
    run("call", CALL_WORDS, RUNS, call::target);
}

#[test]
fn mails_are_read_whatever_they_are() {
    // Each takes longer than all of a session.
    run("mail", MAIL_WORDS, RUNS / 4, mail::target);
}

#[test]
fn messages_are_decoded_as_the_model_says() {
    run("body", BODY_WORDS, RUNS, body::target);
}
