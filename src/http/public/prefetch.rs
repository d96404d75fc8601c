//! Who asks for the picture of a mail: a person's program, or a machine that asks before anybody has
//! opened it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

/// Programs that ask for pictures on their own, by what they call themselves. Google's image proxy is
/// not among them: it asks when somebody opens.
const MACHINES: &[(&str, Named)] = &[
    // Apple's Mail Privacy Protection, since September 2021 (uap-core issue 509).
    ("mozilla/5.0", Named::Whole),
    // Gmail while its program is open elsewhere (bird.com, "Gmail prefetching images"; Mautic pull
    // request 10245).
    (
        "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/42.0.2311.135 safari/537.36 edge/12.246 mozilla/5.0",
        Named::Whole,
    ),
    // Programs that look through what a mail refers to.
    ("barracuda", Named::Within),
    ("mimecast", Named::Within),
    ("proofpoint", Named::Within),
    ("trendmicro", Named::Within),
    ("bitdefender", Named::Within),
    ("headlesschrome", Named::Within),
    ("curl/", Named::Within),
    ("wget/", Named::Within),
    ("python-requests", Named::Within),
    ("go-http-client", Named::Within),
    ("bot", Named::Ends),
];

/// Words that end like a machine's and are telephones.
const PEOPLE: &[&str] = &["cubot"];

/// Headers by which programs say that they ask ahead (Sec-Purpose: Fetch Standard; the others came
/// before it).
const PURPOSES: &[&str] = &["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// Nobody opens a mail so soon after their server took it.
const TOO_SOON: Duration = Duration::from_secs(2);

enum Named {
    Whole,
    Within,
    /// The end of a word.
    Ends,
}

/// Whether a machine asks, so long after the recipient's server took the mail.
pub(super) fn is_machine(headers: &HeaderMap, since_received: Duration) -> bool {
    let text = |name: &str| {
        let value = headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
        String::from_utf8_lossy(value).trim().to_ascii_lowercase()
    };
    let ahead = |name: &&str| {
        let purpose = text(name);
        purpose.contains("prefetch") || purpose.contains("preview")
    };
    let agent = text(header::USER_AGENT.as_str());
    let is_known = MACHINES.iter().any(|(name, how)| match how {
        Named::Whole => agent == *name,
        Named::Within => agent.contains(name),
        Named::Ends => agent
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word.ends_with(name) && !PEOPLE.contains(&word)),
    });
    agent.is_empty() || is_known || PURPOSES.iter().any(ahead) || since_received < TOO_SOON
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &'static str, value: &'static str, seconds: u64) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static("Mozilla/5.0 (X11) Firefox/140.0"),
        );
        headers.insert(name, HeaderValue::from_static(value));
        is_machine(&headers, Duration::from_secs(seconds))
    }

    #[test]
    fn people_are_told_from_machines() {
        for person in [
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.0",
            "Mozilla/5.0 (Linux; Android 15; CUBOT NOTE) AppleWebKit/537.36",
        ] {
            assert!(!asked("user-agent", person, 60), "{person}");
            assert!(asked("user-agent", person, 1), "{person}");
        }
        for machine in [
            "Mozilla/5.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
            "BarracudaCentral/1.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "curl/8.5.0",
            "",
        ] {
            assert!(asked("user-agent", machine, 60), "{machine}");
        }
        assert!(asked("sec-purpose", "prefetch;prerender", 60));
        assert!(asked("x-purpose", "preview", 60));
        assert!(!asked("purpose", "something", 60));
    }
}
