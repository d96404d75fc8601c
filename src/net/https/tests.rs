//! The client against small servers on loopback.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::net::tls_client::client_config;

/// A server that gives each connection this answer; the requests that it got.
async fn server(answer: &'static [u8]) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"{}") {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).await.unwrap();
            if count == 0 {
                break;
            }
            got.extend_from_slice(&bytes[..count]);
        }
        let _ = stream.write_all(answer).await;
        String::from_utf8(got).unwrap()
    });
    (port, task)
}

fn client(networks: &[&str], timeout: Duration) -> HttpsClient {
    let networks: Vec<String> = networks.iter().map(|&one| one.to_owned()).collect();
    let guard = Guard::with(&networks).unwrap();
    HttpsClient::new(client_config(true).unwrap(), guard, timeout)
}

fn post() -> Post {
    Post {
        headers: vec![("webhook-id", "msg_1".to_owned())],
        media_type: "application/json",
        body: Bytes::from_static(b"{}"),
    }
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_request_is_sent_and_its_status_read() {
    let (port, got) = server(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").await;
    let target = Target::parse(&format!("http://127.0.0.1:{port}/in?key=1")).unwrap();
    let status = client(&["127.0.0.0/8"], LONG).post(&target, post()).await;
    assert_eq!(status.unwrap().status, 202);
    let got = got.await.unwrap();
    assert!(got.starts_with("POST /in?key=1 HTTP/1.1\r\n"), "{got}");
    for line in [
        format!("host: 127.0.0.1:{port}\r\n"),
        "webhook-id: msg_1\r\n".to_owned(),
        "content-type: application/json\r\n".to_owned(),
    ] {
        assert!(got.contains(&line), "{line} in {got}");
    }
}

#[tokio::test]
async fn doors_inside_the_house_stay_shut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let target = Target::parse(&format!("http://{host}:{port}/")).unwrap();
        let refused = client(&[], LONG).post(&target, post()).await;
        assert!(
            matches!(refused, Err(PostError::Refused)),
            "{host}: {refused:?}"
        );
    }
    let knocked = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(knocked.is_err(), "somebody was at the door");
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let ask = async |answer: &'static [u8], scheme: &str, timeout| {
        let (port, task) = server(answer).await;
        let target = Target::parse(&format!("{scheme}://127.0.0.1:{port}/")).unwrap();
        let result = client(&["127.0.0.1"], timeout).post(&target, post()).await;
        task.abort();
        result
    };
    let redirect =
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(ask(redirect, "http", LONG).await.unwrap().status, 302);
    assert!(matches!(
        ask(b"220 mail\r\n\r\n", "http", LONG).await,
        Err(PostError::Http(_))
    ));
    assert!(matches!(
        ask(b"", "http", LONG).await,
        Err(PostError::Http(_))
    ));
    assert!(matches!(
        ask(b"no tls {}", "https", LONG).await,
        Err(PostError::Tls(_) | PostError::TimedOut)
    ));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let target = Target::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let result = client(&["127.0.0.1"], LONG).post(&target, post()).await;
    assert!(matches!(result, Err(PostError::Unreachable(_))));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let target = Target::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let soon = Duration::from_millis(100);
    let result = client(&["127.0.0.1"], soon).post(&target, post()).await;
    assert!(matches!(result, Err(PostError::TimedOut)));
}

#[test]
fn addresses_are_checked_before_anybody_is_asked() {
    for wrong in [
        "",
        "ftp://a.example",
        "//a.example",
        "a.example",
        "https://",
        "mailto:a@b.example",
        "https:///x",
        "https://a.example:84430",
        "https://a.example:0",
        "https://a.example:1:2/",
        "https://:443/",
        "https://[::1",
        "https://[2001:db8::1]:65536/",
    ] {
        assert_eq!(
            Target::parse(wrong),
            Err(TargetError::Malformed),
            "{wrong:?}"
        );
    }
    let secret = Target::parse("https://user:pass@a.example/");
    assert_eq!(secret, Err(TargetError::Credentials));
    let target = Target::parse(" https://A.example:8443/hook?key=secret ").unwrap();
    assert_eq!(target.authority(), "A.example:8443");
    assert!(!format!("{target:?}").contains("secret"));
    let ports = |text: &str| Target::parse(text).map(|target| target.port);
    assert_eq!(ports("https://a.example"), Ok(443));
    assert_eq!(ports("http://a.example:/"), Ok(80));
    assert_eq!(ports("https://[2001:db8::1]:8443"), Ok(8443));
    let bare = Target::parse("https://[2001:db8::1]").unwrap();
    assert_eq!(
        (bare.authority().as_str(), bare.path.as_str()),
        ("[2001:db8::1]", "/")
    );
}

#[tokio::test]
async fn a_status_counts_whatever_becomes_of_the_body() {
    for answer in [
        // Shorter than it says it is, then the end.
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nok".as_slice(),
        // No chunk at all.
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let (port, task) = server(answer).await;
        let target = Target::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let result = client(&["127.0.0.1"], LONG).post(&target, post()).await;
        assert_eq!(result.unwrap().status, 200);
        task.await.unwrap();
    }
    // The head at once, the body never.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let held = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).await;
        let head = b"HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 5\r\n\r\n";
        stream.write_all(head).await.unwrap();
        std::future::pending::<()>().await;
    });
    let target = Target::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let brief = Duration::from_secs(1);
    let result = client(&["127.0.0.1"], brief).post(&target, post()).await;
    held.abort();
    let answer = result.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.retry_after, Some(Duration::from_secs(120)));
}
