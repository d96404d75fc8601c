//! What an application asks to be told of the mail that it hands in (RFC 3461).

use crate::config::Config;
use crate::domain::dsn::{ENVELOPE_ID_SIZE_MAX, ORIGINAL_RECIPIENT_SIZE_MAX};
use crate::domain::{EmailAddress, Redacted, ReportRequest, ReportsWanted};
use crate::proto::smtp::{Envelope, Notify, Recipient, Ret, ReversePath};

/// Who is told, and of what.
pub(super) struct ReportRules {
    /// Failures are told also to who said nothing.
    notify_failures: bool,
    /// Where our own MX takes returns, and where numbers are written to.
    own_domains: Vec<String>,
    /// Addresses of ours that take replies and complaints.
    own_addresses: Vec<String>,
}

impl ReportRules {
    pub(super) fn new(config: &Config) -> Self {
        let server = &config.server;
        let at = [&server.domain, &server.name];
        let roles = ["postmaster", "abuse", "fbl"];
        let roles = roles
            .iter()
            .flat_map(|role| at.map(|domain| format!("{role}@{domain}")));
        let mut own_addresses = vec![config.email.from.clone()];
        own_addresses.extend(roles);
        Self {
            notify_failures: config.submission.notify_failures,
            own_domains: [
                &server.bounce_domain,
                &server.sms_domain,
                &server.voice_domain,
            ]
            .map(Clone::clone)
            .to_vec(),
            own_addresses,
        }
    }

    /// What is asked for each recipient, in their order; empty where nobody is told anything.
    pub(super) fn asked(&self, envelope: &Envelope) -> Vec<Option<ReportRequest>> {
        let Some(to) = self.told(&envelope.from) else {
            return Vec::new();
        };
        let asked = |recipient: &Recipient| {
            let on = self.wanted(recipient.notify);
            on.any().then(|| ReportRequest {
                to: Redacted::new(to.clone()),
                on,
                whole: envelope.params.ret == Some(Ret::Full),
                envelope_id: kept(envelope.params.envid.as_deref(), ENVELOPE_ID_SIZE_MAX),
                original_recipient: Redacted::new(kept(
                    recipient.orcpt.as_deref(),
                    ORIGINAL_RECIPIENT_SIZE_MAX,
                )),
                told: Vec::new(),
            })
        };
        envelope.recipients.iter().map(asked).collect()
    }

    /// Whoever is told: never the null sender, of whom nobody is to be told anything (RFC 5321
    /// section 6.1), and no address that our own MX would take for a return.
    fn told(&self, from: &ReversePath) -> Option<EmailAddress> {
        let ReversePath::Mailbox(mailbox) = from else {
            return None;
        };
        let address = EmailAddress::parse(&mailbox.to_string()).ok()?;
        let is = |known: &String, text: &str| known.eq_ignore_ascii_case(text);
        let mut domains = self.own_domains.iter();
        let mut addresses = self.own_addresses.iter();
        let ours = domains.any(|known| is(known, address.domain()))
            || addresses.any(|known| is(known, address.as_str()));
        (!ours).then_some(address)
    }

    fn wanted(&self, notify: Option<Notify>) -> ReportsWanted {
        match notify {
            Some(Notify::Never) => ReportsWanted::default(),
            Some(Notify::On {
                success,
                failure,
                delay,
            }) => ReportsWanted {
                success,
                failure,
                delay,
            },
            None => ReportsWanted {
                failure: self.notify_failures,
                ..ReportsWanted::default()
            },
        }
    }
}

/// What was read is within the limits already.
fn kept(value: Option<&str>, size_max: usize) -> String {
    let value = value.filter(|value| value.len() <= size_max);
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Surroundings;
    use crate::proto::smtp::{ForwardPath, MailParams, Mailbox};

    const HOUSE: &str = "[server]\nname = \"gw.example\"\n";

    fn asked(settings: &str, from: &str, notify: Option<Notify>) -> Option<ReportRequest> {
        let text = format!("{HOUSE}{settings}");
        let config = Config::parse(&text, &Surroundings::default()).unwrap();
        let from = match from {
            "" => ReversePath::Null,
            from => ReversePath::Mailbox(Mailbox::parse(from).unwrap()),
        };
        let envelope = Envelope {
            from,
            params: MailParams {
                ret: Some(Ret::Full),
                envid: Some("QQ+2B1".to_owned()),
                ..MailParams::default()
            },
            recipients: vec![Recipient {
                path: ForwardPath::Mailbox(Mailbox::parse("ann@town.example").unwrap()),
                notify,
                orcpt: Some("rfc822;ann+2Bx@town.example".to_owned()),
            }],
        };
        let found = ReportRules::new(&config).asked(&envelope);
        found.into_iter().next().flatten()
    }

    const FAILURE: Option<Notify> = Some(Notify::On {
        success: false,
        failure: true,
        delay: false,
    });

    #[test]
    fn what_is_asked_for_is_kept_and_nothing_else() {
        let request = asked("", "app@county.example", FAILURE).unwrap();
        assert_eq!(request.to.reveal().as_str(), "app@county.example");
        let on = request.on;
        assert_eq!((on.success, on.failure, on.delay), (false, true, false));
        assert!(request.whole);
        assert_eq!(request.envelope_id, "QQ+2B1");
        let original = request.original_recipient.reveal();
        assert_eq!(original, "rfc822;ann+2Bx@town.example");
        for settings in ["", "[submission]\nnotify_failures = true\n"] {
            let never = asked(settings, "app@county.example", Some(Notify::Never));
            assert_eq!(never, None);
        }
    }

    #[test]
    fn who_says_nothing_is_told_of_failures_where_that_is_set() {
        assert_eq!(asked("", "app@county.example", None), None);
        let all = "[submission]\nnotify_failures = true\n";
        let on = asked(all, "app@county.example", None).unwrap().on;
        assert_eq!((on.success, on.failure, on.delay), (false, true, false));
    }

    #[test]
    fn nobody_is_told_at_the_null_sender_and_where_we_take_returns() {
        let settings = "[email]\nfrom = \"alerts@gw.example\"\n";
        let config = Config::parse(&format!("{HOUSE}{settings}"), &Surroundings::default());
        let server = config.unwrap().server;
        let bounces = format!("b-x@{}", server.bounce_domain.to_uppercase());
        let texts = format!("447700900001@{}", server.sms_domain);
        let complaints = format!("fbl@{}", server.domain);
        for from in ["", "Alerts@gw.example", &bounces, &texts, &complaints] {
            assert_eq!(asked(settings, from, FAILURE), None, "{from}");
        }
    }
}
