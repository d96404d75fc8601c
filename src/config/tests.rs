//! The reference file equals the code; mistakes are found where they are.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;

const REFERENCE: &str = include_str!("../../config/tocsin.toml");

/// The reference with its defaults taken out of their comments, and its examples too if asked.
fn uncommented(examples: bool) -> String {
    let mut text = String::new();
    for line in REFERENCE.lines() {
        let line = match line.strip_prefix('#') {
            None => line,
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => "",
            Some(rest) => match rest.strip_prefix('~') {
                None => rest,
                Some(example) if examples => example,
                Some(_) => "",
            },
        };
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// A folder with a file and a credential called "secret".
fn with_secret() -> (tempfile::TempDir, Surroundings) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
    let path = folder.path().to_owned();
    let around = Surroundings {
        folder: path.clone(),
        credentials: Some(path),
        leave_secrets_unread: false,
    };
    (folder, around)
}

fn mistakes(text: &str) -> Vec<String> {
    let found = Config::parse(text, &Surroundings::default()).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

/// Tables whose keys are not ours.
const FREE_TABLES: [&str; 3] = [
    "voice.speech.voices",
    "sms.bind.error_codes",
    "sms.carrier.error_codes",
];

/// Every path of keys in a TOML value, list indexes left out, tables of free names not entered.
fn key_paths(value: &toml::Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) if !FREE_TABLES.contains(&path) => {
            for (name, value) in table {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                paths.insert(below.clone());
                key_paths(value, &below, paths);
            }
        }
        toml::Value::Array(items) => items.iter().for_each(|item| key_paths(item, path, paths)),
        _ => {}
    }
}

#[test]
fn the_reference_states_the_defaults() {
    let around = Surroundings::default();
    assert_eq!(
        Config::parse(&uncommented(false), &around).unwrap(),
        Config::defaults()
    );
    assert_eq!(
        Config::parse(REFERENCE, &around).unwrap(),
        Config::defaults()
    );
}

#[test]
fn the_reference_has_every_key_and_no_other() {
    let (_folder, around) = with_secret();
    let text = uncommented(true);
    let (_, mistakes, mut schema) = Config::read(&text, &around);
    assert_eq!(mistakes, []);
    // Three ways to give a password; the reference shows two, and warns of the third.
    schema.retain(|key| !key.contains(".password") || key.ends_with("password_hash"));
    let mut written = BTreeSet::new();
    key_paths(
        &text.parse::<toml::Table>().unwrap().into(),
        "",
        &mut written,
    );
    written.retain(|key| !key.contains(".password") || key.ends_with("password_hash"));
    assert_eq!(written, schema);
}

#[test]
fn the_references_examples_show_defaults_too() {
    let (_folder, around) = with_secret();
    let all = Config::parse(&uncommented(true), &around).unwrap();
    let needed = r#"
        [[sms.bind]]
        name = "main"
        host = "smsc.example.net"
        system_id = "tocsin"
        password_credential = "secret"
        source = "+441632960000"
        prefixes = ["+44"]
        error_codes = { "301" = "user_unknown lasts", "417" = "mailbox_full passes" }
        [voice.trunk]
        host = "sip.example.net"
        caller_id = "+441632960000"
        user = "tocsin"
        password_file = "secret"
        [email.relay]
        host = "relay.example.org"
        user = "tocsin"
        password_file = "secret"
        [[email.route]]
        domain = "example.org"
        host = "mail.example.org"
        [[alerts.receiver]]
        name = "ops"
        groups = ["On call"]
    "#;
    let least = Config::parse(needed, &around).unwrap();
    assert_eq!(all.sms.binds, least.sms.binds);
    assert_eq!(all.voice.trunk, least.voice.trunk);
    assert_eq!(all.email.relay, least.email.relay);
    assert_eq!(all.email.routes, least.email.routes);
    assert_eq!(all.alerts, least.alerts);
}

#[test]
fn what_is_printed_is_read_back() {
    let (_folder, around) = with_secret();
    let defaults = Config::defaults();
    assert_eq!(
        Config::parse(&defaults.to_toml(), &around).unwrap(),
        defaults
    );

    // The hash of a password is not printed.
    let mut section = String::new();
    let printed = |line: &&str| {
        if line.starts_with('[') {
            (*line).clone_into(&mut section);
        }
        section != "[[submission.account]]"
    };
    let reference = uncommented(true);
    let lines: Vec<&str> = reference.lines().filter(printed).collect();
    let text = lines.join("\n");
    let config = Config::parse(&text, &around).unwrap();
    assert_eq!(Config::parse(&config.to_toml(), &around).unwrap(), config);
}

#[test]
fn no_secret_is_printed() {
    let text = r#"
        [server]
        inline_secrets = true
        [email.relay]
        host = "relay.example.org"
        user = "tocsin"
        password = "hunter2"
        [[submission.account]]
        name = "payroll"
        password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$Ia7aFcdn3d3XHJHo6V3uOHUOYvL5GI8Gd1sLr6RU4JE"
    "#;
    let config = Config::parse(text, &Surroundings::default()).unwrap();
    assert_eq!(
        config
            .email
            .relay
            .as_ref()
            .unwrap()
            .password
            .as_ref()
            .unwrap()
            .reveal(),
        "hunter2"
    );
    for shown in [config.to_toml(), format!("{config:?}")] {
        assert!(
            !shown.contains("hunter2") && !shown.contains("argon2id"),
            "{shown}"
        );
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let text = "\
[server]
nmae = \"mail.example.org\"
time_zone = \"Mars/Olympus\"
drain_timeout = \"1w\"

[listen.mx]
addresses = [\"0.0.0.0:25\", \"everywhere\"]
message_size_max = \"1TB\"
sessions_max = 0

[email.relay]
port = 99999
user = \"me\"

[[sms.bind]]
name = \"Main\"
system_id = \"a-name-that-is-too-long\"
host = 3

[[sms.bind]]

[colour]
red = 1
";
    assert_eq!(
        mistakes(text),
        [
            "2:1: server.nmae: there is no such key in [server]; did you mean \"name\"?",
            "3:13: server.time_zone: \"Mars/Olympus\" is not a time zone, such as \"Europe/London\"",
            "4:17: server.drain_timeout: \"1w\" is not a duration; write whole numbers with ms, s, m, h or d, such as \"30s\" or \"1h 30m\"",
            "7:28: listen.mx.addresses[1]: \"everywhere\" is not an address with a port, such as \"127.0.0.1:25\" or \"[::1]:25\"",
            "8:20: listen.mx.message_size_max: \"1TB\" is not a size; write a whole number with B, KiB, MiB or GiB, such as \"25MiB\"",
            "9:16: listen.mx.sessions_max: must be a whole number from 1 to 100000, not 0",
            "11:1: email.relay.host: is missing and has no default",
            "12:8: email.relay.port: must be a whole number from 1 to 65535, not 99999",
            "15:1: sms.bind[0].source: is missing and has no default",
            "16:8: sms.bind[0].name: \"Main\" is not a name; use a-z, 0-9, \"-\" and \"_\", 63 at most",
            "17:13: sms.bind[0].system_id: must have 1 to 15 characters, not 23",
            "18:8: sms.bind[0].host: must be a string, not 3",
            "20:1: sms.bind[1].name: is missing and has no default",
            "20:1: sms.bind[1].host: is missing and has no default",
            "20:1: sms.bind[1].system_id: is missing and has no default",
            "20:1: sms.bind[1].source: is missing and has no default",
            "22:2: colour: there is no such key here",
        ]
    );
}

#[test]
fn what_does_not_fit_together_is_a_mistake() {
    let (_folder, around) = with_secret();
    for (text, expected) in [
        (
            "[server]\nbounce_domain = \"localhost\"",
            "must differ from domain",
        ),
        ("[tls]\ncertificate = \"c.pem\"", "needs its key"),
        ("[tls]\nkey = \"k.pem\"", "needs its certificate"),
        (
            "[listen.mx]\naddresses = [\"0.0.0.0:587\"]",
            "already taken by [listen.submission]",
        ),
        (
            "[email.relay]\nhost = \"a.org\"\nuser = \"me\"",
            "needs a password",
        ),
        (
            "[email.relay]\nhost = \"a.org\"\npassword_file = \"secret\"",
            "there is a password",
        ),
        (
            "[email.relay]\nhost = \"a.org\"\nuser = \"me\"\ntls = \"none\"\npassword_file = \"secret\"",
            "must not be \"none\"",
        ),
        (
            "[email.relay]\nhost = \"a.org\"\nuser = \"me\"\npassword = \"x\"",
            "do not belong in this file",
        ),
        (
            "[email.relay]\nhost = \"a.org\"\nuser = \"me\"\npassword_file = \"secret\"\npassword_credential = \"secret\"",
            "one place",
        ),
        (
            "[email.relay]\nhost = \"a.org\"\nuser = \"me\"\npassword_file = \"none\"",
            "cannot read",
        ),
        ("[email.retry]\ndelays = []", "at least one delay"),
        (
            "[email]\ndane = \"on\"\n[email.relay]\nhost = \"a.org\"",
            "a relay takes all mail",
        ),
        (
            "[email]\nroute = [{ domain = \"*.a.org\", host = \"b.org\" }]\ndestination = [{ domain = \"c.a.org\", dane = false }]",
            "\"c.a.org\" has a route",
        ),
        (
            "[email]\nroute = [{ domain = \"a.org\", host = \"b.org\" }]\ndestination = [{ domain = \"a.org\", tls = \"starttls\" }, { domain = \"*.a.org\", tls = \"starttls\" }]",
            "\"a.org\" has a route",
        ),
        (
            "[submission]\ndelay_notice_after = \"5d\"",
            "not shorter than email.retry.give_up_after",
        ),
        (
            "[[sms.carrier]]\nname = \"main\"\nsource = \"40404\"\ntolerate = [\"anything\"]",
            "\"anything\" is none of \"unterminated-strings\"",
        ),
        (
            "[sms]\ncarrier = [{ name = \"a\", source = \"1\" }, { name = \"a\", source = \"1\" }]",
            "is there twice",
        ),
        ("[sms]\nsegments_max = 65", "from 1 to 64"),
        ("[voice]\nmax_calls = 1000", "1000 calls need 2000"),
        ("[voice]\nrtp_port_first = 16385", "must be even"),
        (
            "[voice.trunk]\nhost = \"a.org\"\ncaller_id = \"anonymous\"",
            "international form",
        ),
        ("[reminders]\nafter = [\"1h\", \"30m\"]", "must rise"),
        (
            "[[category]]\nname = \"a\"\n[[category]]\nname = \"a\"",
            "is there twice",
        ),
        ("category = []", "must not be an empty list"),
        ("category = 3", "a list of tables"),
        (
            "[[alerts.receiver]]\nname = \"ops\"\ncategory = \"storm\"\nareas = [\"Quay\"]",
            "there is no category",
        ),
        (
            "[[alerts.receiver]]\nname = \"ops\"",
            "must say who is told",
        ),
        (
            "[alerts]\nreceiver = [{ name = \"a\", areas = [\"b\"] }, { name = \"a\", areas = [\"c\"] }]",
            "is there twice",
        ),
        (
            "[alerts.cap]\nchannels = [\"fax\", \"text\"]",
            "none of email",
        ),
        ("email = 3", "must be a table ([email]), not 3"),
        (
            "[console]\nsession_idle = \"13h\"",
            "longer than session_lifetime",
        ),
        (
            "[console]\nbase_url = \"http://a.org\"\nsecure_cookie = true",
            "would never be sent back",
        ),
        ("[log]\nlevel = \"loud\"", "not a level"),
        ("[tls]\ngenerate = false", "there is no certificate"),
        (
            "[submission]\naccount = [{ name = \"a\", password_hash = \"hunter2\" }]",
            "neither SCRAM-SHA-256",
        ),
        (
            "[[sms.bind]]\nname = \"m\"\nhost = \"a.org\"\nsystem_id = \"m\"\nsource = \"1\"\npassword_file = \"secret\"\nnational_tables = [\"turkish\"]\nsegmentation = \"payload\"",
            "other than \"payload\"",
        ),
        (
            "[[sms.bind]]\nname = \"m\"\nhost = \"a.org\"\nsystem_id = \"m\"\nsource = \"1\"\npassword_file = \"secret\"\ndata_coding_ucs2 = 24",
            "message class 0",
        ),
        (
            "[[sms.bind]]\nname = \"m\"\nhost = \"a.org\"\nsystem_id = \"m\"\nsource = \"1\"\npassword_file = \"secret\"\ndata_coding_gsm7 = 8",
            "is that of another alphabet",
        ),
        (
            "[[sms.bind]]\nname = \"m\"\nhost = \"a.org\"\nsystem_id = \"m\"\nsource = \"1\"\npassword_file = \"secret\"\nprice_per_segment = \"0.05\"",
            "there is a price_per_segment",
        ),
        (
            "[[sms.bind]]\nname = \"m\"\nhost = \"a.org\"\nsystem_id = \"m\"\nsource = \"1\"\npassword_file = \"secret\"\nnational_tables = [\"klingon\"]",
            "is none of",
        ),
    ] {
        let found = Config::parse(text, &around).expect_err(text);
        assert!(
            found.len() == 1 && found[0].message.contains(expected),
            "{text}: {found:?}"
        );
        assert!(!found[0].to_string().contains("hunter2"));
    }
}

#[test]
fn what_is_only_a_default_contradicts_nothing() {
    for text in [
        "[email.retry]\ngive_up_after = \"1h\"",
        "[email.relay]\nhost = \"a.org\"",
        "[email]\nroute = [{ domain = \"a.org\", host = \"b.org\" }]\ndestination = [{ domain = \"a.org\", per_minute = 1 }]",
    ] {
        let around = Surroundings::default();
        let config = Config::parse(text, &around).expect(text);
        // Nor where all that is in force is written down.
        assert_eq!(Config::parse(&config.to_toml(), &around), Ok(config));
    }
}

#[test]
fn text_that_is_not_toml_is_reported_with_the_rest() {
    let found = mistakes("[server]\nname = \nport = 1\n\n[email]\nform = \"a@b.org\"\n[email]\n");
    assert!(found[0].starts_with("2:"), "{found:?}");
    assert!(
        found.iter().any(|m| m.contains("3:1: server.port")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|m| m.contains("email.form") && m.contains("\"from\"")),
        "{found:?}"
    );
}

#[test]
fn a_files_mistakes_carry_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("t.toml");
    std::fs::write(&path, "x = 1\ny = 2\n").unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("t.toml:2:1: y: "), "{error}");
    assert!(
        Config::load(&folder.path().join("none"))
            .unwrap_err()
            .to_string()
            .contains("cannot read")
    );
}

#[test]
fn a_reload_can_tell_what_differs() {
    let around = Surroundings::default();
    let defaults = Config::defaults();
    assert_eq!(defaults.differing_sections(&defaults), [""; 0]);
    // Every section counts: each is changed by one of its keys.
    let text = "[store]\nengine = \"memory\"\n[listen.mx]\nerrors_max = 1\n[tls]\ncheck_interval = \"2h\"\n\
        [submission]\nauth_failures_max = 1\n[email]\nport = 26\n[sms]\nsegments_max = 1\n[approval]\nabove_people = 9\n[schedule]\nlate_max = \"2h\"\n\
        [voice]\nrepeat = 1\n[[category]]\nname = \"a\"\n[reminders]\nafter = []\n[replies]\nrepair = \"off\"\n\
        [suspension]\nsoft_failures = 1\n[notices]\nenabled = false\n[cases]\nreference = \"{number}\"\n[correspondence]\noverdue_hours = 9\n[retention]\ncorrespondence_years = 7\n\
        [[alerts.receiver]]\nname = \"ops\"\ncategory = \"a\"\ngroups = [\"On call\"]\n[webhooks]\nallow_networks = [\"10.0.0.0/8\"]\n[console]\nlogin_failures_max = 1\n[public]\nsign_up = false\n[log]\nlevel = \"warn\"\n[server]\ntime_zone = \"Europe/London\"";
    let other = Config::parse(text, &around).unwrap();
    let all = toml::Table::try_from(&defaults).unwrap();
    let mut differing = defaults.differing_sections(&other);
    differing.sort_unstable();
    assert_eq!(
        differing,
        all.keys().map(String::as_str).collect::<Vec<_>>()
    );
}

#[test]
fn alerts_have_a_category_that_there_is() {
    let receiver = "[[alerts.receiver]]\nname = \"ops\"\nareas = [\"Quay\"]";
    let read = |text: &str| {
        let config = Config::parse(text, &Surroundings::default()).unwrap();
        let alerts = config.alerts;
        [alerts.receivers[0].category.clone(), alerts.cap.category]
    };
    assert_eq!(read(receiver), ["general", "alert"]);
    let others = "[[category]]\nname = \"tide\"\n[[category]]\nname = \"storm\"\n";
    assert_eq!(read(&format!("{others}{receiver}")), ["tide", "tide"]);
}

#[test]
fn defaults_follow_the_name() {
    let text = "[server]\nname = \"mail.example.org\"\ndomain = \"example.org\"\n[console]\nbase_url = \"https://tocsin.example.org\"";
    let config = Config::parse(text, &Surroundings::default()).unwrap();
    assert_eq!(config.server.bounce_domain, "bounces.example.org");
    assert_eq!(config.server.sms_domain, "sms.example.org");
    assert_eq!(config.email.from, "tocsin@example.org");
    assert_eq!(config.email.helo, "mail.example.org");
    assert!(config.console.secure_cookie);
    assert_eq!(config.console.allowed_hosts[0], "tocsin.example.org");
}

#[test]
fn relays_are_trusted_by_address_and_by_network() {
    let trusting = |relay: &str| format!("[email]\ntrusted_relays = [\"{relay}\"]");
    for right in ["198.51.100.7", "198.51.100.0/28", "2001:db8::/32"] {
        let config = Config::parse(&trusting(right), &Surroundings::default()).unwrap();
        assert_eq!(config.email.trusted_relays, [right]);
    }
    for wrong in ["filter.example.org", "198.51.100.0/33", "198.51.100.0/"] {
        let found = mistakes(&trusting(wrong));
        assert!(found[0].contains("trusted_relays"), "{found:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = Config::parse(&text, &Surroundings::default());
    }

    #[test]
    fn a_damaged_reference_does_not_make_it_panic(at in 0usize..8000, with in "[\\[\\]=\"#a-z0-9\n.]{0,3}") {
        let mut text = uncommented(false);
        let at = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
        text.insert_str(at, &with);
        let _ = Config::parse(&text, &Surroundings::default());
    }
}

/// Two binds, with these lines in each.
fn binds(carriers: &str, first: &str, second: &str) -> String {
    let bind = |name: &str, lines: &str| {
        format!(
            "[[sms.bind]]\nname = \"{name}\"\nhost = \"smsc.example.net\"\nsystem_id = \"tocsin\"\npassword_file = \"secret\"\n{lines}\n"
        )
    };
    format!("{carriers}\n{}{}", bind("tx", first), bind("rx", second))
}

#[test]
fn binds_take_what_their_carrier_says() {
    let (_folder, around) = with_secret();
    let carrier = "[[sms.carrier]]\nname = \"main\"\nsource = \"Town\"\nprefixes = [\"+44\"]\nreceipt_id_format = \"same\"\ntolerate = [\"cut-texts\"]";
    let text = binds(
        carrier,
        "carrier = \"main\"\nmode = \"transmitter\"",
        "carrier = \"main\"\nmode = \"receiver\"",
    );
    let sms = Config::parse(&text, &around).unwrap().sms;
    for bind in &sms.binds {
        assert_eq!(bind.settings, sms.carriers[0].settings);
    }
    let settings = &sms.carriers[0].settings;
    assert_eq!((settings.source_ton, settings.source_npi), (5, 0));
    assert_eq!(settings.tolerate, [Tolerance::CutTexts]);

    // Without a section they say it themselves, and a bind without a carrier is its own.
    let source = "source = \"40404\"";
    let sms = Config::parse(&binds("", source, source), &around)
        .unwrap()
        .sms;
    let carriers: Vec<&str> = sms.binds.iter().map(|bind| bind.carrier.as_str()).collect();
    assert_eq!(carriers, ["tx", "rx"]);
    assert_eq!(sms.binds[0].settings.tolerate.len(), 8);
}

#[test]
fn binds_of_a_carrier_have_to_agree() {
    let (_folder, around) = with_secret();
    let one = "carrier = \"main\"\nsource = \"40404\"";
    let carrier = "[[sms.carrier]]\nname = \"main\"\nsource = \"40404\"";
    for (text, expected) in [
        (
            binds("", one, "carrier = \"main\"\nsource = \"40405\""),
            "do not agree on source: \"rx\"",
        ),
        (
            binds(carrier, one, "carrier = \"main\"\nsegmentation = \"sar\""),
            "is not what its [[sms.carrier]] says",
        ),
        (
            binds(carrier, "source = \"40404\"", "source = \"40404\""),
            "\"main\" has no [[sms.bind]]",
        ),
        (
            binds(carrier, one, "carrier = \"mian\"\nsource = \"40404\""),
            "is the name of no [[sms.carrier]]",
        ),
    ] {
        let found = Config::parse(&text, &around).expect_err(&text);
        assert!(
            found.len() == 1 && found[0].message.contains(expected),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn error_codes_and_keywords_that_cannot_be_are_told() {
    let text = "[[sms.bind]]\nname = \"main\"\nhost = \"smsc.example.net\"\nsystem_id = \"t\"\n\
                source = \"40404\"\npassword_credential = \"none\"\n\
                error_codes = { \"45\" = \"user_unknown\" }\n\
                [[replies.language]]\nlanguage = \"Deutsch\"\nstop = [\"!\"]\n\
                [[replies.language]]\nlanguage = \"de\"\nhelp = [\"Halt\"]\n\
                [[replies.language]]\nlanguage = \"de\"\nstop = [\"HALT\"]\n\
                who = \"{{ name }}\"\n";
    let found = mistakes(text).join("\n");
    for key in [
        "sms.bind[0].error_codes.45",
        "replies.language[0].language",
        "replies.language[0].stop[0]",
        "replies.language[2].language: is there twice",
        "replies.language[2].stop: \"HALT\" means something else, too",
        "replies.language[2].who",
    ] {
        assert!(found.contains(key), "{key}: {found}");
    }
}
