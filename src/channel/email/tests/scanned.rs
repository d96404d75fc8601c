//! Mail that a virus scanner is asked about before it goes.

use tokio::{io::AsyncReadExt, sync::watch};

use super::*;
use crate::{clock::SystemClock, net::clamd::ClamdAddress};

/// A clamd that says this of whatever it is to scan, and nothing where there is nothing to say; and
/// how many scans were begun.
async fn clamd(answer: &'static [u8]) -> (ClamdAddress, watch::Receiver<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (begun, scans) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let begun = begun.clone();
            tokio::spawn(async move {
                let mut got = Vec::new();
                while let Ok(1..) = stream.read_buf(&mut got).await {
                    if got.starts_with(b"zPING\0") {
                        let _ = stream.write_all(b"PONG\0").await;
                        return;
                    }
                    if !got.ends_with(&[0; 4]) {
                        continue;
                    }
                    begun.send_modify(|begun| *begun += 1);
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(answer).await;
                    return;
                }
            });
        }
    });
    (ClamdAddress::Tcp(address), scans)
}

/// A channel whose mail is scanned, and the server that it would go to.
async fn scanning(address: ClamdAddress, timeout: Duration) -> (EmailChannel, Arc<Seen>) {
    let (port, seen) = serve(GOOD).await;
    let scanner = Clamd::new(address, timeout, SystemClock::shared());
    let channel = channel_with(&routed(port, "none"), Zone::default(), |parts| {
        parts.scanner = Some(scanner);
    });
    (channel, seen)
}

#[tokio::test]
async fn what_our_scanner_rejects_is_held_against_no_recipient() {
    let timeout = Duration::from_secs(20);
    for (answer, reason) in [
        (&b"stream: Eicar FOUND\0"[..], Reason::Virus),
        (
            b"stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND\0",
            Reason::TooBig,
        ),
        (b"INSTREAM size limit exceeded. ERROR\0", Reason::TooBig),
    ] {
        let (channel, seen) = scanning(clamd(answer).await.0, timeout).await;
        let verdict = refused(attempt(&channel, request()).await, false);
        assert_eq!(
            (verdict.reason, verdict.fault, verdict.suspends()),
            (reason, Fault::Network, Suspends::Never)
        );
        assert_eq!(seen.connections.load(Ordering::SeqCst), 0);
    }
    let ill = b"stream: Can't allocate memory ERROR\0";
    let (channel, seen) = scanning(clamd(ill).await.0, timeout).await;
    let verdict = deferred(attempt(&channel, request()).await);
    assert_eq!(
        (verdict.reason, verdict.fault),
        (Reason::System, Fault::Network)
    );
    assert_eq!(seen.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_scan_that_takes_too_long_is_no_fault_of_the_mail() {
    let (address, mut scans) = clamd(b"").await;
    let (channel, seen) = scanning(address, SCANNING_MAX * 2).await;
    let sending = tokio::spawn(async move {
        let (progress, _rest) = tokio::sync::mpsc::channel(1);
        let attempt = channel.attempt(request(), progress, CancellationToken::new());
        attempt.await
    });
    scans.wait_for(|begun| *begun > 0).await.unwrap();
    // Nothing moves any more: time goes on by itself to the first who waits for it.
    tokio::time::pause();
    let verdict = deferred(sending.await.unwrap());
    assert_eq!(
        (verdict.reason, verdict.fault, verdict.diagnostic.as_str()),
        (
            Reason::System,
            Fault::Network,
            "the virus scanner takes too long"
        )
    );
    assert_eq!(seen.connections.load(Ordering::SeqCst), 0);
}
