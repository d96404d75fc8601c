#![allow(clippy::unwrap_used)]

use super::*;

/// An alert with these elements in it, and one `info` with those.
fn alert(elements: &str, info: &str) -> String {
    format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>KSTO1055887203</identifier>
<sender>KSTO@NWS.NOAA.GOV</sender><sent>2003-06-17T14:57:00-07:00</sent>{elements}
<scope>Public</scope><info><category>Met</category><event>SEVERE THUNDERSTORM</event>{info}</info></alert>"
        )
}

const ACTUAL: &str = "<status>Actual</status><msgType>Alert</msgType>";

#[test]
fn an_alert_is_read() {
    let area = "<urgency>Immediate</urgency><severity>Severe</severity><headline>STORM &amp; HAIL</headline>
<description><![CDATA[At <254 PM>]]></description><area><areaDesc>Alpine County &#233;</areaDesc>
<polygon>38.47,-120.14 38.34,-119.95 38.52,-119.74 38.62,-119.89 38.47,-120.14</polygon>
<circle>32.9525,-115.5527 0</circle><geocode><valueName>SAME</valueName><value>006109</value></geocode></area>";
    let read = read(alert(ACTUAL, area).as_bytes()).unwrap();
    assert_eq!(read.identifier, "KSTO1055887203");
    assert_eq!(
        (read.status, read.message_type),
        (AlertStatus::Actual, MessageType::Alert)
    );
    let info = &read.infos[0];
    assert_eq!(
        (info.language.as_str(), info.severity),
        ("en-US", Severity::Severe)
    );
    assert_eq!(
        (info.headline.as_str(), info.description.as_str()),
        ("STORM & HAIL", "At <254 PM>")
    );
    let area = &info.areas[0];
    assert_eq!(area.description, "Alpine County é");
    assert_eq!(
        area.geocodes[0],
        Geocode {
            name: "SAME".into(),
            value: "006109".into()
        }
    );
    assert_eq!((area.polygons.len(), area.circles.len()), (1, 1));
}

#[test]
fn elements_are_known_by_their_namespace() {
    let info = "<severity>Minor</severity><x:severity xmlns:x=\"urn:other\">Extreme</x:severity>\
<x:area xmlns:x=\"urn:other\"><areaDesc>Nowhere</areaDesc></x:area>";
    let with_default = alert(ACTUAL, info);
    let prefixed = with_default
        .replace("<alert xmlns=", "<c:alert xmlns:c=")
        .replace("</alert>", "</c:alert>");
    let found = read(with_default.as_bytes()).unwrap();
    assert_eq!(found.infos[0].severity, Severity::Minor);
    assert!(found.infos[0].areas.is_empty());
    // The root alone is in the namespace: there is nothing else in the alert.
    assert_eq!(
        read(prefixed.as_bytes()),
        Err(CapError::Missing("identifier"))
    );
    let all = ["identifier", "sender", "sent", "status", "msgType", "scope"];
    let all = all.iter().fold(prefixed, |text, name| {
        text.replace(&format!("<{name}>"), &format!("<c:{name}>"))
            .replace(&format!("</{name}>"), &format!("</c:{name}>"))
    });
    assert_eq!(read(all.as_bytes()).unwrap().identifier, "KSTO1055887203");
    // A prefix of another namespace, and one of none.
    for wrong in ["xmlns:c=\"urn:other\" xmlns=", "xmlns="] {
        let text = alert(ACTUAL, "").replace("<alert xmlns=", &format!("<c:alert {wrong}"));
        let text = text.replace("</alert>", "</c:alert>");
        assert!(read(text.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn what_it_updates_and_calls_off_is_named() {
    let elements = "<status>Exercise</status><msgType>Cancel</msgType><references>a@b,1,2003-06-17T14:57:00-07:00
 c@d,2,2003-06-17T15:57:00-07:00</references>";
    let read = read(alert(elements, "").as_bytes()).unwrap();
    assert_eq!(read.message_type, MessageType::Cancel);
    assert_eq!(read.references[1].identifier, "2");
    let wrong = elements.replace("a@b,1,2003", "a@b;1;2003");
    assert_eq!(
        super::read(alert(&wrong, "").as_bytes()),
        Err(CapError::Value("references"))
    );
}

#[test]
fn what_is_no_alert_is_refused_with_a_reason() {
    let good = alert(ACTUAL, "");
    let refused = |text: &str| read(text.as_bytes()).unwrap_err();
    assert_eq!(
        refused(&good.replace("Actual", "Real")),
        CapError::Value("status")
    );
    assert_eq!(
        refused(&good.replace("Public", "Everybody")),
        CapError::Value("scope")
    );
    assert_eq!(
        refused(&good.replace("<scope>Public</scope>", "")),
        CapError::Missing("scope")
    );
    assert_eq!(
        refused(&good.replace("KSTO@", "K, ")),
        CapError::Value("sender")
    );
    assert_eq!(
        refused(&good.replace("cap:1.2", "cap:9")),
        CapError::NoAlert
    );
    assert_eq!(refused("<other/>"), CapError::NoAlert);
    assert_eq!(refused(""), CapError::NoAlert);
    assert_eq!(
        refused(good.strip_suffix("</alert>").unwrap()),
        CapError::NoAlert
    );
    let bomb = good.replace("<alert", "<!DOCTYPE a [<!ENTITY b \"c\">]><alert");
    assert!(matches!(refused(&bomb), CapError::Xml(_)));
    assert!(matches!(
        refused(&good.replace("Met", "&b;")),
        CapError::Xml(_)
    ));
    assert_eq!(read(&[0xff, 0xfe]), Err(CapError::Encoding));
    assert_eq!(read(&vec![b' '; CAP_SIZE_MAX + 1]), Err(CapError::Size));
}

#[test]
fn nothing_grows_without_bound() {
    let refused = |info: &str| read(alert(ACTUAL, info).as_bytes()).unwrap_err();
    let many = |text: &str, count: usize| text.repeat(count + 1);
    assert_eq!(
        refused(&many("<area/>", AREAS_MAX)),
        CapError::TooMany("area")
    );
    assert_eq!(
        refused(&many("</info><info><event>e</event>", INFOS_MAX)),
        CapError::TooMany("info")
    );
    let shapes = format!("<area>{}</area>", many("<polygon/>", SHAPES_MAX));
    assert_eq!(refused(&shapes), CapError::TooMany("polygon"));
    assert_eq!(
        refused(&many("<x>", CAP_DEPTH_MAX)),
        CapError::TooMany("nested elements")
    );
    assert_eq!(
        refused(&many("a", TEXT_SIZE_MAX)),
        CapError::TooMany("text")
    );
}
