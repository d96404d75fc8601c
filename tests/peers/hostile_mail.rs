//! A real browser is shown every hostile mail there is a fixture of, as the console shows it, and
//! a listener counts what it asks for: the page and its frames, and nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tocsin::safe_html;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::{missing, walk};
use crate::skip::skip;

/// What the fixtures call the places of an attacker; here all of them are the listener.
const ELSEWHERE: [&str; 3] = [
    "https://evil.example",
    "https://tracker.example",
    "http:evil.example",
];

struct Site {
    pages: Vec<String>,
    /// What was asked for that is no page of ours.
    foreign: Mutex<Vec<String>>,
}

fn mails(address: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/html");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".in.html"))
        .collect();
    paths.sort();
    let mail = |path: &PathBuf| {
        let mut html = std::fs::read_to_string(path).unwrap();
        for place in ELSEWHERE {
            html = html.replace(place, &format!("http://{address}/elsewhere"));
        }
        html = html.replace("//evil.example", &format!("//{address}/elsewhere"));
        safe_html::page(&safe_html::clean(&html, &[]), "en", "mail", &[])
    };
    paths.iter().map(mail).collect()
}

async fn answer(site: Arc<Site>, mut stream: TcpStream) {
    let mut head = [0; 4096];
    let read = stream.read(&mut head).await.unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..read]);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let mail = path.strip_prefix("/mail/").and_then(|n| n.parse().ok());
    let (policy, body) = match (path, mail.and_then(|n: usize| site.pages.get(n))) {
        ("/", _) => (
            "default-src 'none'; frame-src 'self'",
            frames(site.pages.len()),
        ),
        (_, Some(page)) => (safe_html::POLICY, page.clone()),
        ("/favicon.ico", _) => ("default-src 'none'", String::new()),
        (other, None) => {
            site.foreign.lock().unwrap().push(other.to_owned());
            ("default-src 'none'", String::new())
        }
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Security-Policy: {policy}\r\nX-Content-Type-Options: nosniff\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn frames(count: usize) -> String {
    let frames = (0..count).map(|n| {
        format!("<iframe src=\"/mail/{n}\" sandbox=\"allow-popups allow-popups-to-escape-sandbox\" referrerpolicy=\"no-referrer\"></iframe>")
    });
    format!(
        "<!doctype html><title>mails</title>{}",
        frames.collect::<String>()
    )
}

#[tokio::test]
async fn a_browser_fetches_nothing_for_hostile_mails() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/browser");
    if let Some(missing) = missing(&folder) {
        return skip(&format!(
            "{missing} is missing; no browser was shown the hostile mails"
        ));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let site = Arc::new(Site {
        pages: mails(&address),
        foreign: Mutex::default(),
    });
    let served = Arc::clone(&site);
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(Arc::clone(&served), stream));
        }
    });
    let arguments: [OsString; 1] = [format!("http://{address}/").into()];
    walk(&folder.join("hostile.mjs"), &arguments).await;
    serving.abort();
    assert_eq!(*site.foreign.lock().unwrap(), Vec::<String>::new());
}
