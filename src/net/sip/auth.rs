//! Digest authentication (RFC 3261 section 22, RFC 8760), ezk's, with one correction: where a
//! challenge offers `auth` and `auth-int`, ezk takes `auth-int`; many peers that offer it cannot
//! check it, so it is taken out of the offer.

use ezk_sip_auth::{
    ClientAuthenticator, DigestAuthenticator, DigestCredentials, DigestUser, RequestParts,
    ResponseParts,
};
use ezk_sip_core::Request;
use ezk_sip_core::transaction::TsxResponse;
use ezk_sip_types::header::typed::{AuthChallenge, QopOption};
use ezk_sip_types::{Headers, Name};
use secrecy::ExposeSecret;

use super::AUTH_ATTEMPTS_MAX;
use super::trunk::Credentials;

/// Proves who we are in one transaction and those that follow from it.
pub(crate) struct Authentication {
    digest: Option<DigestAuthenticator>,
    attempts: u8,
}

impl Authentication {
    pub(crate) fn new(credentials: Option<&Credentials>) -> Self {
        let digest = credentials.map(|credentials| {
            let mut known = DigestCredentials::new();
            known.set_default(DigestUser::new(
                credentials.user.as_str(),
                credentials.password.expose_secret().as_bytes(),
            ));
            DigestAuthenticator::new(known)
        });
        Self {
            digest,
            attempts: 0,
        }
    }

    /// Takes a 401 or 407 to `rejected`; true if it is worth asking again.
    pub(crate) fn handle_challenge(&mut self, rejected: &Request, challenge: &TsxResponse) -> bool {
        let Some(digest) = &mut self.digest else {
            return false;
        };
        if self.attempts >= AUTH_ATTEMPTS_MAX {
            return false;
        }
        self.attempts += 1;
        let headers = without_auth_int(&challenge.headers);
        let result = digest.handle_rejection(
            RequestParts {
                line: &rejected.line,
                headers: &rejected.headers,
                body: &rejected.body,
            },
            ResponseParts {
                line: &challenge.line,
                headers: &headers,
                body: &challenge.body,
            },
        );
        result.is_ok()
    }

    /// Adds what the last challenge asked for.
    pub(crate) fn authorize(&mut self, headers: &mut Headers) {
        if let Some(digest) = &mut self.digest {
            digest.authorize_request(headers);
        }
    }
}

fn without_auth_int(received: &Headers) -> Headers {
    let mut headers = Headers::new();
    for name in [Name::WWW_AUTHENTICATE, Name::PROXY_AUTHENTICATE] {
        let Some(Ok(challenges)) = received.try_get::<Vec<AuthChallenge>>(name.clone()) else {
            continue;
        };
        for mut challenge in challenges {
            if let AuthChallenge::Digest(digest) = &mut challenge
                && digest.qop.contains(&QopOption::Auth)
            {
                digest.qop.retain(|qop| *qop == QopOption::Auth);
            }
            headers.insert_type(name.clone(), &challenge);
        }
    }
    headers
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn auth_int_is_taken_out_only_where_auth_remains() {
        let mut received = Headers::new();
        received.insert(
            Name::PROXY_AUTHENTICATE,
            r#"Digest realm="a", nonce="n", qop="auth,auth-int", algorithm=MD5"#,
        );
        received.insert(
            Name::WWW_AUTHENTICATE,
            r#"Digest realm="b", nonce="n", qop="auth-int""#,
        );
        let kept = without_auth_int(&received);
        let qop = |name: Name| {
            let challenges: Vec<AuthChallenge> = kept.get(name).unwrap();
            let AuthChallenge::Digest(digest) = challenges.into_iter().next().unwrap() else {
                panic!("no digest challenge");
            };
            digest.qop
        };
        assert_eq!(qop(Name::PROXY_AUTHENTICATE), vec![QopOption::Auth]);
        assert_eq!(qop(Name::WWW_AUTHENTICATE), vec![QopOption::AuthInt]);
    }
}
