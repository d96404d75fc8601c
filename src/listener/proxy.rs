//! The PROXY protocol, versions 1 and 2: a proxy that is trusted says who the client is.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How long a proxy may take to say it.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest header of version 1 (section 2.1).
const V1_SIZE_MAX: usize = 107;
/// Begin of a header of version 2, its length included (section 2.2).
const V2_BEGIN_SIZE: usize = 16;
/// Version 2, command LOCAL.
const V2_LOCAL: u8 = 0x20;
/// Most octets of addresses and extensions that are read behind it.
const V2_REST_SIZE_MAX: usize = 2048;

/// Reads the header to its last octet, and no further. What a proxy says for itself (LOCAL, UNKNOWN:
/// it looks whether we are there) comes from the proxy.
///
/// # Errors
/// When there is no header, or the connection ends within it.
pub(super) async fn client(
    stream: &mut (impl AsyncRead + Unpin),
    proxy: SocketAddr,
) -> io::Result<SocketAddr> {
    let mut header = vec![0];
    if stream.read(&mut header).await? == 0 {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let mut says_nothing = false;
    if header == b"P" {
        while !header.ends_with(b"\r\n") {
            if header.len() >= V1_SIZE_MAX {
                return Err(malformed());
            }
            header.push(stream.read_u8().await?);
        }
        // Whatever stands behind it is to be ignored (section 2.1).
        let rest = header.strip_prefix(b"PROXY UNKNOWN");
        says_nothing = rest.is_some_and(|rest| rest.starts_with(b" ") || rest == b"\r\n");
    } else if v2::PROTOCOL_PREFIX.starts_with(&header) {
        header.resize(V2_BEGIN_SIZE, 0);
        stream.read_exact(&mut header[1..]).await?;
        let rest = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if !header.starts_with(v2::PROTOCOL_PREFIX) || rest > V2_REST_SIZE_MAX {
            return Err(malformed());
        }
        header.resize(V2_BEGIN_SIZE + rest, 0);
        stream.read_exact(&mut header[V2_BEGIN_SIZE..]).await?;
        // LOCAL, whatever its block holds (section 2.2).
        says_nothing = header[12] == V2_LOCAL;
    }
    if says_nothing {
        return Ok(proxy);
    }
    said(&header).map_or_else(|| Err(malformed()), |said| Ok(said.unwrap_or(proxy)))
}

/// Whom a header names; nobody where the proxy speaks for itself. `None` if it is none.
fn said(header: &[u8]) -> Option<Option<SocketAddr>> {
    let at = |ip: IpAddr, port| Some(SocketAddr::new(ip, port));
    Some(match HeaderResult::parse(header) {
        HeaderResult::V1(parsed) => match parsed.ok()?.addresses {
            v1::Addresses::Tcp4(pair) => at(pair.source_address.into(), pair.source_port),
            v1::Addresses::Tcp6(pair) => at(pair.source_address.into(), pair.source_port),
            v1::Addresses::Unknown => None,
        },
        HeaderResult::V2(parsed) => {
            let parsed = parsed.ok()?;
            match parsed.addresses {
                _ if parsed.command == v2::Command::Local => None,
                v2::Addresses::IPv4(pair) => at(pair.source_address.into(), pair.source_port),
                v2::Addresses::IPv6(pair) => at(pair.source_address.into(), pair.source_port),
                v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
            }
        }
    })
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no PROXY header")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Reads a header; what is behind it must be left.
    async fn read(header: &[u8]) -> io::Result<SocketAddr> {
        let all = [header, b"EHLO"].concat();
        let mut stream = all.as_slice();
        let said = client(&mut stream, "10.0.0.1:9".parse().unwrap()).await?;
        assert_eq!(stream, b"EHLO");
        Ok(said)
    }

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let mut header = v2::PROTOCOL_PREFIX.to_vec();
        header.extend([0x20 | command, family]);
        header.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
        header.extend(addresses);
        header
    }

    #[tokio::test]
    async fn a_proxy_says_who_the_client_is() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 25];
        let with_extensions = [four.as_slice(), &[4, 0, 1, 0]].concat();
        let six: Vec<u8> = [[0x20; 16], [0; 16]].concat();
        let six = [six.as_slice(), &[0x30, 0x39, 0, 25]].concat();
        for (header, client) in [
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 25\r\n".to_vec(),
                "192.0.2.7:12345",
            ),
            (
                b"PROXY TCP6 2001:db8::7 ::1 12345 25\r\n".to_vec(),
                "[2001:db8::7]:12345",
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), "10.0.0.1:9"),
            (b"PROXY UNKNOWN ff ff 1 2\r\n".to_vec(), "10.0.0.1:9"),
            (v2(1, 0x11, &four), "192.0.2.7:12345"),
            (v2(1, 0x11, &with_extensions), "192.0.2.7:12345"),
            (
                v2(1, 0x21, &six),
                "[2020:2020:2020:2020:2020:2020:2020:2020]:12345",
            ),
            (v2(0, 0x11, &four), "10.0.0.1:9"),
            (v2(0, 0, &[]), "10.0.0.1:9"),
            (v2(0, 0x11, &[]), "10.0.0.1:9"),
            (v2(0, 0xf7, &[1, 2, 3]), "10.0.0.1:9"),
            (b"PROXY UNKNOWN a b c d e f\r\n".to_vec(), "10.0.0.1:9"),
            (v2(1, 0x31, &[b'/'; 216]), "10.0.0.1:9"),
        ] {
            assert_eq!(
                read(&header).await.unwrap(),
                client.parse().unwrap(),
                "{header:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused_and_never_read_for_ever() {
        let long = [b"PROXY TCP4 ".as_slice(), &[b' '; 400]].concat();
        for bad in [
            b"EHLO me.example\r\n".as_slice(),
            b"PROXY\r\n",
            b"PROXY TCP4 192.0.2.7\r\n",
            b"PROXY TCP4 192.0.2.777 10.0.0.1 12345 25\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 123456 25\r\n",
            b"\r\n\r\n\0\r\nQUIT\n more than sixteen",
            &long,
            &v2(1, 0x11, &[1, 2, 3]),
            &v2(1, 0x11, &[0; 3000]),
            &v2(7, 0x11, &[0; 12]),
            &[0x16, 3, 1],
            b"",
        ] {
            assert!(read(bad).await.is_err(), "{bad:?}");
        }
    }
}
