//! A hundred thousand sessions of whatever comes to mind, against the running program.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tocsin::clock::Randomness;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::client::Client;
use crate::rough::house;

const SESSIONS: u64 = 100_000;
/// After so many what is kept once (threads, pools, tables) is there.
const WARM_UP: u64 = 10_000;
/// Sessions at a time.
const AT_A_TIME: u64 = 16;
/// What the allocator may keep of what it was given.
const MORE_MAX_BYTES: u64 = 24 << 20;
/// Longest that one session may go on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of every kind: right, wrong, long, and cut off.
const LINES: &[&str] = &[
    "EHLO me.example\r\n",
    "HELO me.example\r\n",
    "MAIL FROM:<>\r\n",
    "MAIL FROM:<a@out.example> SIZE=1000 BODY=8BITMIME\r\n",
    "MAIL FROM:<a@out.example> SMTPUTF8 RET=HDRS ENVID=x\r\n",
    "RCPT TO:<postmaster@gw.example>\r\n",
    "RCPT TO:<postmaster>\r\n",
    "RCPT TO:<b-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bounces.gw.example>\r\n",
    "RCPT TO:<victim%elsewhere.example@gw.example>\r\n",
    "DATA\r\n",
    "BDAT 20\r\n01234567890123456789",
    "BDAT 5 LAST\r\n12\r\n",
    "BDAT 100000000\r\n",
    "Subject: x\r\n\r\n..y\r\n",
    ".\r\n",
    "RSET\r\n",
    "NOOP x\r\n",
    "VRFY ann\r\n",
    "AUTH PLAIN AGFubgBzZXNhbWUtb3Blbi1ub3c=\r\n",
    "AUTH LOGIN\r\n",
    "STARTTLS\r\n",
    "STARTTLS\r\n\x16\x03\x01\x00\x05hello",
    "QUIT\r\n",
    "\r\n",
    "\n",
    "\0\u{1}\u{fffd}\r\n",
    "M",
];

/// What one session says, and whether it waits for the end.
fn script(random: &Randomness) -> (Vec<u8>, bool) {
    let mut said = Vec::new();
    for _ in 0..random.below(14) {
        let line = LINES[random.below(LINES.len() as u64) as usize];
        match random.below(24) {
            0 => said.extend(random.bytes::<64>()),
            1 => said.extend(line.repeat(40).bytes()),
            2 => said.extend(vec![b'x'; random.below(20_000) as usize]),
            3 => said.extend(&line.as_bytes()[..line.len() / 2]),
            _ => said.extend(line.bytes()),
        }
    }
    (said, random.below(2) == 0)
}

/// One session from an address of its own, so that ports do not run out.
async fn session(door: SocketAddr, number: u64, random: &Randomness) {
    let socket = TcpSocket::new_v4().unwrap();
    let client = Ipv4Addr::new(127, 0, 1, 1 + (number % 200) as u8);
    socket.bind(SocketAddr::from((client, 0))).unwrap();
    let mut stream = socket.connect(door).await.unwrap();
    let (said, waits) = script(random);
    // It may hang up in the middle.
    let _ = stream.write_all(&said).await;
    if waits {
        let _ = stream.shutdown().await;
        let mut answers = [0; 4096];
        while let Ok(1..) = stream.read(&mut answers).await {}
    }
}

async fn sessions(house: &crate::rough::House, count: u64, seed: u64) {
    let (mx, submission) = (house.mx, house.submission);
    let all = (0..AT_A_TIME).map(|lane| {
        let random = Randomness::seeded(seed + lane);
        tokio::spawn(async move {
            for number in 0..count / AT_A_TIME {
                let door = if random.below(4) == 0 { submission } else { mx };
                let one = session(door, number * AT_A_TIME + lane, &random);
                let ended = tokio::time::timeout(PATIENCE, one).await;
                assert!(ended.is_ok(), "session {number} of lane {lane} hangs");
            }
        })
    });
    for lane in all.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_sessions_leave_memory_where_it_was() {
    let house = house();
    sessions(&house, WARM_UP, 1).await;
    let before = house.gateway.memory_bytes();
    sessions(&house, SESSIONS - WARM_UP, 1_000).await;
    let after = house.gateway.memory_bytes();
    assert!(
        after.saturating_sub(before) <= MORE_MAX_BYTES,
        "{before} bytes became {after}"
    );
    let mut mx = Client::greeted(house.mx);
    mx.check("EHLO out.example", "250");
    mx.check("QUIT", "221");
    let log = house.gateway.stop();
    assert!(!log.contains("panicked"), "{log}");
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert!(lines("commands behind STARTTLS were thrown away") > 100);
    assert!(lines("message stored") > 0, "none came far");
}
