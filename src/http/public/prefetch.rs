//! Who asks for the picture of a mail or follows its links: a person's program, or a machine that
//! asks before anybody has opened it; and who wants not to be counted.

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
    ("ironport", Named::Within),
    ("fireeye", Named::Within),
    ("forcepoint", Named::Within),
    ("sophos", Named::Within),
    ("zscaler", Named::Within),
    ("headlesschrome", Named::Within),
    ("curl/", Named::Within),
    ("wget/", Named::Within),
    ("python-requests", Named::Within),
    ("go-http-client", Named::Within),
    ("bot", Named::Ends),
];

/// Programs that follow links on their own: scanners, and those that show what a link leads to.
/// Safe Links of Microsoft mostly calls itself an ordinary browser; it shows by its haste.
const FOLLOWERS: &[&str] = &[
    "safelinks",
    "bingpreview",
    "skypeuripreview",
    "facebookexternalhit",
    "whatsapp/",
    "google-safety",
    "python-urllib",
    "libwww-perl",
    "okhttp/",
    "java/",
];

/// Headers by which a reader says not to want to be counted (Global Privacy Control; Tracking
/// Preference Expression, which came before it).
const REFUSALS: &[&str] = &["sec-gpc", "dnt"];

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
    let ahead = |name: &&str| {
        let purpose = text(headers, name);
        purpose.contains("prefetch") || purpose.contains("preview")
    };
    let agent = text(headers, header::USER_AGENT.as_str());
    let is_known = MACHINES.iter().any(|(name, how)| match how {
        Named::Whole => agent == *name,
        Named::Within => agent.contains(name),
        Named::Ends => agent
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word.ends_with(name) && !PEOPLE.contains(&word)),
    });
    agent.is_empty() || is_known || PURPOSES.iter().any(ahead) || since_received < TOO_SOON
}

/// The same for links, which browsers follow by going there (Fetch Standard, Sec-Fetch-Mode).
pub(super) fn follows_by_itself(headers: &HeaderMap, since_received: Duration) -> bool {
    let agent = text(headers, header::USER_AGENT.as_str());
    let mode = text(headers, "sec-fetch-mode");
    let goes_there = mode.is_empty() || mode == "navigate";
    !goes_there
        || FOLLOWERS.iter().any(|name| agent.contains(name))
        || is_machine(headers, since_received)
}

/// Whether whoever asks wants not to be counted.
pub(super) fn is_not_to_be_counted(headers: &HeaderMap) -> bool {
    REFUSALS.iter().any(|name| text(headers, name) == "1")
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
    String::from_utf8_lossy(value).trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static("Mozilla/5.0 (X11) Firefox/140.0"),
        );
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    fn asked(name: &'static str, value: &'static str, seconds: u64) -> bool {
        is_machine(&headers(name, value), Duration::from_secs(seconds))
    }

    #[test]
    fn links_are_followed_by_going_there() {
        let minute = Duration::from_secs(60);
        for (name, value, by_itself) in [
            ("sec-fetch-mode", "navigate", false),
            ("sec-fetch-mode", "no-cors", true),
            ("user-agent", "Mozilla/5.0 (X11) Firefox/140.0", false),
            ("user-agent", "Mozilla/5.0 (compatible) SafeLinks", true),
            ("user-agent", "WhatsApp/2.25", true),
            ("user-agent", "Mimecast-URL-Protect", true),
            ("purpose", "prefetch", true),
        ] {
            let headers = headers(name, value);
            assert_eq!(follows_by_itself(&headers, minute), by_itself, "{value}");
            assert!(
                follows_by_itself(&headers, Duration::from_secs(1)),
                "{value}"
            );
        }
    }

    #[test]
    fn who_wants_not_to_be_counted_says_so() {
        assert!(is_not_to_be_counted(&headers("sec-gpc", "1")));
        assert!(is_not_to_be_counted(&headers("dnt", "1")));
        assert!(!is_not_to_be_counted(&headers("dnt", "0")));
        assert!(!is_not_to_be_counted(&headers("accept", "1")));
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
