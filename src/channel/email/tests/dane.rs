//! Hosts whose certificates the DNS vouches for.

use super::*;

const DOMAIN: &str = "town.example";
const HOST: &str = "mx.town.example";
/// What DNSSEC vouches for where all is well.
const ALL: &[&str] = &[DOMAIN, HOST];

/// Encrypts with a certificate for this name that nobody has signed; and the certificate, DER.
fn server(name: &str) -> (Arc<rustls::ServerConfig>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    (Arc::new(config), der.to_vec())
}

/// DANE is on, where a test does not say how it is.
fn on(email: &str) -> &'static str {
    if email.starts_with("dane") {
        ""
    } else {
        "dane = \"on\"\n"
    }
}

fn encrypted(config: &Arc<rustls::ServerConfig>) -> Script {
    Script {
        starttls: Some(Arc::clone(config)),
        ..GOOD
    }
}

/// A record of the whole certificate.
fn record(usage: u8, der: &[u8]) -> TlsaRecord {
    TlsaRecord {
        usage,
        selector: 0,
        matching_type: 0,
        data: der.to_vec(),
    }
}

fn secure(records: Vec<TlsaRecord>) -> Result<Checked<TlsaRecord>, DnsFailure> {
    Ok(Checked {
        records,
        security: Security::Secure,
        names: Vec::new(),
    })
}

/// A zone with one host on the loopback.
fn zone(vouched: &[&'static str]) -> Zone {
    let mx = MxRecord {
        preference: 10,
        exchange: HOST.to_owned(),
    };
    Zone {
        mx: [(DOMAIN, Ok(vec![mx]))].into(),
        hosts: [(HOST, vec![Ipv4Addr::LOCALHOST.into()])].into(),
        secure: vouched.iter().copied().collect(),
        ..Zone::default()
    }
}

/// What became of a mail, whether the server was told of it, and what was counted.
async fn sent(
    script: Script,
    email: &str,
    mut zone: Zone,
    tlsa: Result<Checked<TlsaRecord>, DnsFailure>,
) -> (AttemptOutcome, bool, String) {
    let (port, seen) = serve(script).await;
    zone.tlsa.insert(format!("_{port}._tcp.{HOST}"), tlsa);
    let metrics = Metrics::new(0);
    let channel = channel_with(
        &format!("port = {port}\n{}{email}", on(email)),
        zone,
        |parts| {
            parts.metrics = Arc::clone(&metrics);
        },
    );
    let outcome = attempt(&channel, request()).await;
    (outcome, seen.has("MAIL"), counted(&metrics))
}

fn counted(metrics: &Metrics) -> String {
    let counted = metrics.render();
    let lines = counted
        .lines()
        .filter(|line| line.starts_with("tocsin_email_tls_sessions_total{"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_delivered(outcome: &AttemptOutcome) -> bool {
    matches!(outcome, AttemptOutcome::Delivered { .. })
}

/// It waits, for this reason, and nobody was told of it.
fn waits(sent: (AttemptOutcome, bool, String), words: &str, counted: &str) {
    let (outcome, told, count) = sent;
    let verdict = deferred(outcome);
    assert_eq!(
        (verdict.reason, verdict.fault, verdict.status_code),
        (
            Reason::Tls,
            Fault::Network,
            Some(EnhancedStatus::new(4, 7, 5))
        ),
        "{verdict:?}"
    );
    assert!(verdict.diagnostic.as_str().contains(words), "{verdict:?}");
    assert!(!told, "a server was told of the mail: {words}");
    assert!(count.contains(counted), "{count}");
}

#[tokio::test]
async fn a_certificate_that_the_dns_vouches_for_is_shown_or_the_mail_waits() {
    let (config, der) = server("elsewhere.example");
    let (_, other) = server(HOST);
    let good = || secure(vec![record(3, &other), record(3, &der)]);
    let (outcome, _, count) = sent(encrypted(&config), "", zone(ALL), good()).await;
    assert!(is_delivered(&outcome), "{outcome:?}");
    let success = "policy=\"tlsa\",result=\"success\"} 1";
    assert!(count.contains(success), "{count}");

    let wrong = secure(vec![record(3, &other)]);
    waits(
        sent(encrypted(&config), "", zone(ALL), wrong.clone()).await,
        "no TLSA record stands for what the server shows",
        "policy=\"tlsa\",result=\"certificate-not-trusted\"} 1",
    );
    // It is encrypted whatever is set otherwise.
    for email in ["", "tls = \"none\"\n"] {
        waits(
            sent(GOOD, email, zone(ALL), good()).await,
            "STARTTLS is required and not offered",
            "policy=\"tlsa\",result=\"starttls-not-supported\"} 1",
        );
    }
    let email = "tls = \"starttls\"\n";
    let (outcome, ..) = sent(encrypted(&config), email, zone(ALL), good()).await;
    assert!(is_delivered(&outcome), "roots were asked: {outcome:?}");

    // Whoever is named in the configuration is not held to it.
    for email in [
        "dane = \"off\"\n",
        "[[email.destination]]\ndomain = \"town.example\"\ndane = false\n",
    ] {
        let (outcome, ..) = sent(encrypted(&config), email, zone(ALL), wrong.clone()).await;
        assert!(is_delivered(&outcome), "{email}: {outcome:?}");
    }
}

#[tokio::test]
async fn below_a_trust_anchor_the_names_of_host_and_domain_will_do() {
    for (name, fits) in [(HOST, true), (DOMAIN, true), ("mx.evil.example", false)] {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &authority).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.der().clone(), authority.der().clone()], key)
            .unwrap();
        let anchor = secure(vec![record(2, authority.der())]);
        let sent = sent(encrypted(&Arc::new(config)), "", zone(ALL), anchor).await;
        if fits {
            assert!(is_delivered(&sent.0), "{name}: {:?}", sent.0);
        } else {
            let counted = "policy=\"tlsa\",result=\"certificate-host-mismatch\"} 1";
            waits(sent, "not valid for name", counted);
        }
    }
}

#[tokio::test]
async fn records_none_of_which_counts_ask_for_encryption_alone() {
    let (config, _) = server("elsewhere.example");
    let unusable = || secure(vec![record(1, b"x"), record(3, b"x"), record(9, b"x")]);
    let (outcome, _, count) = sent(encrypted(&config), "", zone(ALL), unusable()).await;
    assert!(is_delivered(&outcome), "{outcome:?}");
    let invalid = "policy=\"tlsa\",result=\"tlsa-invalid\"} 1";
    assert!(count.contains(invalid), "{count}");
    waits(
        sent(GOOD, "", zone(ALL), unusable()).await,
        "STARTTLS is required and not offered",
        "policy=\"tlsa\",result=\"starttls-not-supported\"} 1",
    );
}

#[tokio::test]
async fn what_dnssec_does_not_vouch_for_asks_for_nothing() {
    let (config, _) = server(HOST);
    let (_, other) = server(HOST);
    let wrong = || secure(vec![record(3, &other)]);
    let insecure = Ok(Checked::insecure(vec![record(3, &other)]));
    let cases: [(&[&'static str], _); 7] = [
        (&[], wrong()),
        (&[DOMAIN], wrong()),
        (&[HOST], wrong()),
        (ALL, insecure),
        (ALL, secure(vec![])),
        (ALL, Err(DnsFailure::NoRecords)),
        (ALL, Err(DnsFailure::NoSuchDomain)),
    ];
    for (vouched, tlsa) in cases {
        for script in [encrypted(&config), GOOD] {
            let (outcome, _, count) = sent(script, "", zone(vouched), tlsa.clone()).await;
            assert!(is_delivered(&outcome), "{vouched:?} {tlsa:?}: {outcome:?}");
            assert!(!count.contains("policy=\"tlsa\""), "{count}");
        }
    }
}

#[tokio::test]
async fn where_nobody_can_tell_the_mail_waits() {
    let (config, _) = server(HOST);
    let bogus = "policy=\"tlsa\",result=\"dnssec-invalid\"} 1";
    let words = "mx.town.example: DNSSEC does not bear out";
    let sent_with = async |zone: Zone, tlsa| sent(encrypted(&config), "", zone, tlsa).await;
    let failed = sent_with(zone(ALL), Err(DnsFailure::Bogus)).await;
    waits(failed, words, bogus);

    let silent = Err(DnsFailure::Temporary("no answer in time".into()));
    let (outcome, told, _) = sent_with(zone(ALL), silent).await;
    let verdict = deferred(outcome);
    assert_eq!(verdict.status_code, Some(EnhancedStatus::new(4, 4, 3)));
    assert!(!told && verdict.fault == Fault::Network, "{verdict:?}");

    let mut forged = zone(ALL);
    forged.mx.insert(DOMAIN, Err(DnsFailure::Bogus));
    let none = || Err(DnsFailure::NoRecords);
    let failed = sent_with(forged, none()).await;
    waits(failed, "town.example: DNSSEC does not bear out", bogus);

    // Of a domain that is not signed nobody expects a proof that it has no MX records.
    let mut plain = zone(&[]);
    plain.mx.insert(DOMAIN, Err(DnsFailure::NoRecords));
    plain.hosts = [(DOMAIN, vec![Ipv4Addr::LOCALHOST.into()])].into();
    let (outcome, ..) = sent_with(plain, none()).await;
    assert!(is_delivered(&outcome), "{outcome:?}");
}

/// The addresses are signed, and that there are no MX records is said by NSEC3 records with more
/// iterations than anybody computes.
struct Costly(Zone);

impl Dns for Costly {
    fn mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Vec<MxRecord>> {
        self.0.mx(domain)
    }

    fn txt<'a>(&'a self, name: &'a str) -> DnsFuture<'a, Vec<String>> {
        self.0.txt(name)
    }

    fn addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Vec<IpAddr>> {
        self.0.addresses(host)
    }

    fn checked_addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Checked<IpAddr>> {
        self.0.checked_addresses(host)
    }

    fn tlsa<'a>(&'a self, name: &'a str) -> DnsFuture<'a, Checked<TlsaRecord>> {
        self.0.tlsa(name)
    }
}

#[tokio::test]
async fn a_signed_domain_whose_denials_cost_too_much_counts_as_unsigned() {
    let (_, other) = server(DOMAIN);
    let (port, _) = serve(GOOD).await;
    let mut zone = zone(ALL);
    zone.mx.insert(DOMAIN, Err(DnsFailure::NoRecords));
    zone.hosts = [(DOMAIN, vec![Ipv4Addr::LOCALHOST.into()])].into();
    let name = format!("_{port}._tcp.{DOMAIN}");
    zone.tlsa.insert(name, secure(vec![record(3, &other)]));
    let metrics = Metrics::new(0);
    let email = format!("port = {port}\ndane = \"on\"\n");
    let channel = channel_with(&email, Zone::default(), |parts| {
        parts.dns = Arc::new(Costly(zone));
        parts.metrics = Arc::clone(&metrics);
    });
    let outcome = attempt(&channel, request()).await;
    assert!(is_delivered(&outcome), "{outcome:?}");
    let count = counted(&metrics);
    assert!(!count.contains("policy=\"tlsa\""), "{count}");
}

#[tokio::test]
async fn a_domain_that_is_its_own_server_has_records_of_its_own() {
    let (config, der) = server("elsewhere.example");
    let (_, other) = server(DOMAIN);
    for (shown, fits) in [(&der, true), (&other, false)] {
        let (port, _) = serve(encrypted(&config)).await;
        let mut zone = zone(ALL);
        zone.mx.insert(DOMAIN, Err(DnsFailure::NoRecords));
        zone.hosts = [(DOMAIN, vec![Ipv4Addr::LOCALHOST.into()])].into();
        let name = format!("_{port}._tcp.{DOMAIN}");
        zone.tlsa.insert(name, secure(vec![record(3, shown)]));
        let channel = channel_with(&format!("port = {port}\ndane = \"on\"\n"), zone, |_| {});
        let outcome = attempt(&channel, request()).await;
        assert_eq!(is_delivered(&outcome), fits, "{outcome:?}");
    }
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_shows_the_wrong_certificate() {
    let (config, der) = server(HOST);
    let (port, right) = serve_at(Ipv4Addr::new(127, 0, 0, 7), 0, encrypted(&config)).await;
    let (_, wrong) = serve_at(Ipv4Addr::new(127, 0, 0, 6), port, encrypted(&config)).await;
    let mut zone = Zone::default();
    let mut records = vec![];
    for (exchange, last, der) in [("one", 6, b"x".as_slice()), ("two", 7, der.as_slice())] {
        records.push(MxRecord {
            preference: last.into(),
            exchange: exchange.to_owned(),
        });
        let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        zone.hosts.insert(exchange, vec![ip]);
        zone.secure.insert(exchange);
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let tlsa = TlsaRecord {
            matching_type: 1,
            ..record(3, digest.as_ref())
        };
        let name = format!("_{port}._tcp.{exchange}");
        zone.tlsa.insert(name, secure(vec![tlsa]));
    }
    zone.mx.insert(DOMAIN, Ok(records));
    zone.secure.insert(DOMAIN);
    let channel = channel_with(&format!("port = {port}\ndane = \"on\"\n"), zone, |_| {});
    let outcome = attempt(&channel, request()).await;
    assert!(is_delivered(&outcome), "{outcome:?}");
    assert!(!wrong.has("MAIL") && right.has("MAIL"));
}

#[tokio::test]
async fn a_connection_that_was_begun_with_less_is_not_used_for_more() {
    let (config, _) = server(HOST);
    let (_, other) = server(HOST);
    let (port, seen) = serve(encrypted(&config)).await;
    let mut zone = zone(ALL);
    let mx = MxRecord {
        preference: 10,
        exchange: HOST.to_owned(),
    };
    // Of this one nobody vouches for the MX records.
    zone.mx.insert("village.example", Ok(vec![mx]));
    let name = format!("_{port}._tcp.{HOST}");
    zone.tlsa.insert(name, secure(vec![record(3, &other)]));
    let channel = channel_with(&format!("port = {port}\ndane = \"on\"\n"), zone, |_| {});
    let to_village = AttemptRequest {
        destination: Destination::Email(EmailAddress::parse("a@village.example").unwrap().into()),
        ..request()
    };
    let outcome = attempt(&channel, to_village).await;
    assert!(is_delivered(&outcome), "{outcome:?}");
    assert_eq!(
        deferred(attempt(&channel, request()).await).reason,
        Reason::Tls
    );
    let mails = seen
        .lines()
        .iter()
        .filter(|l| l.starts_with("MAIL"))
        .count();
    assert_eq!(mails, 1);
}
