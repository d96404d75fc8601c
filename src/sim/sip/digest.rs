//! The simulated network's digest challenge (RFC 8760: SHA-256, `qop=auth`).

use data_encoding::HEXLOWER;
use ezk_sip_core::IncomingRequest;
use ezk_sip_types::Name;
use ezk_sip_types::header::typed::AuthResponse;
use ring::digest::{SHA256, digest};

const REALM: &str = "sim.invalid";
/// One nonce for all: the simulation checks passwords, not replay.
const NONCE: &str = "c2ltdWxhdGVk";

/// The value of the `Proxy-Authenticate` header.
pub(crate) fn challenge() -> String {
    format!(r#"Digest realm="{REALM}", nonce="{NONCE}", algorithm=SHA-256, qop="auth,auth-int""#)
}

/// True if the request proves `user` and `password`.
pub(crate) fn is_proven(request: &IncomingRequest, user: &str, password: &str) -> bool {
    let Ok(AuthResponse::Digest(answer)) = request
        .headers
        .get::<AuthResponse>(Name::PROXY_AUTHORIZATION)
    else {
        return false;
    };
    let Some(qop) = &answer.qop_response else {
        return false;
    };
    if answer.nonce != NONCE || answer.realm != REALM {
        return false;
    }
    let secret = hash(&format!("{user}:{REALM}:{password}"));
    let action = hash(&format!("{}:{}", request.line.method, answer.uri));
    let expected = hash(&format!(
        "{secret}:{NONCE}:{:08X}:{}:auth:{action}",
        qop.nc, qop.cnonce
    ));
    answer.response == expected.as_str()
}

fn hash(text: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
}
