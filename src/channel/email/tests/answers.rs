//! What the answers of servers come to.

use super::*;

#[tokio::test]
async fn refusals_keep_the_words_of_the_server() {
    let words =
        "550-5.1.1 <ann+1@town.example>: Recipient address rejected:\r\n550 5.1.1 User unknown";
    let (outcome, seen) = against(Script {
        rcpt: words,
        ..GOOD
    })
    .await;
    let verdict = refused(outcome, true);
    assert_eq!(verdict.diagnostic.as_str(), words.replace("\r\n", "\n"));
    assert_eq!(
        (verdict.reason, verdict.suspends()),
        (Reason::UserUnknown, Suspends::AtOnce)
    );
    assert!(!seen.has("DATA"));
    let verdict = refused(
        against(Script {
            end: "554 5.7.1 looks like spam",
            ..GOOD
        })
        .await
        .0,
        true,
    );
    assert_eq!(
        (verdict.reason, verdict.suspends()),
        (Reason::Spam, Suspends::Never)
    );
    let verdict = refused(
        against(Script {
            mail: "550 5.7.1 sender rejected",
            ..GOOD
        })
        .await
        .0,
        true,
    );
    assert_eq!(
        (verdict.fault, verdict.suspends()),
        (Fault::Sender, Suspends::Never)
    );
    // A callout to our bounce address failed: nothing is said about the recipient.
    let callout = Script {
        mail: "550 5.1.1 User unknown",
        ..GOOD
    };
    let verdict = refused(against(callout).await.0, true);
    assert_eq!(
        (verdict.fault, verdict.suspends()),
        (Fault::Sender, Suspends::Never)
    );
}

#[tokio::test]
async fn what_may_pass_is_deferred() {
    for (script, reason) in [
        (
            Script {
                rcpt: "450 4.2.0 greylisted, try again",
                ..GOOD
            },
            Reason::Rate,
        ),
        (
            Script {
                greeting: "554 5.7.1 your IP is on a blocklist",
                ..GOOD
            },
            Reason::Blocked,
        ),
        (
            Script {
                greeting: "421 4.3.2 service not available",
                ..GOOD
            },
            Reason::System,
        ),
        (
            Script {
                mail: "421 4.7.0 too many connections",
                ..GOOD
            },
            Reason::Rate,
        ),
        (
            Script {
                greeting: "",
                ..GOOD
            },
            Reason::Network,
        ),
        (Script { rcpt: "", ..GOOD }, Reason::Network),
        (Script { end: "", ..GOOD }, Reason::Network),
        (
            Script {
                greeting: "SSH-2.0-x",
                ..GOOD
            },
            Reason::Network,
        ),
        (
            Script {
                rcpt: "250 ok\r\n250 queued",
                ..GOOD
            },
            Reason::Network,
        ),
        (
            Script {
                end: "451 4.3.0 local error in processing",
                ..GOOD
            },
            Reason::System,
        ),
    ] {
        let (outcome, seen) = against(script).await;
        assert_eq!(deferred(outcome).reason, reason, "{:?}", seen.lines());
    }
    let full = against(Script {
        rcpt: "452 4.2.2 mailbox full",
        ..GOOD
    })
    .await
    .0;
    let AttemptOutcome::Deferred { verdict } = full else {
        unreachable!("{full:?}")
    };
    assert_eq!(verdict.suspends(), Suspends::AfterRepeats);
}

#[tokio::test]
async fn what_was_asked_for_is_passed_on_and_who_will_report_is_told_apart() {
    let asking = || AttemptRequest {
        reports: crate::channel::ReportParams {
            success: true,
            original_recipient: crate::domain::Redacted::new("rfc822;a+2Bb@c.example".to_owned()),
        },
        ..request()
    };
    let taken = async |script: Script| {
        let (port, seen) = serve(script).await;
        let outcome = attempt(&channel_to(port), asking()).await;
        let AttemptOutcome::Delivered { verdict } = outcome else {
            unreachable!("{outcome:?}")
        };
        (verdict.rule, seen.lines().remove(2))
    };
    let (rule, to) = taken(GOOD).await;
    assert_eq!(rule, crate::domain::dsn::TAKEN_BY_REPORTER);
    let asked = "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb@c.example";
    assert!(to.ends_with(asked), "{to}");
    let (rule, to) = taken(Script {
        ehlo: "250 mx.example",
        ..GOOD
    })
    .await;
    assert!(rule.is_empty());
    assert_eq!(to, "RCPT TO:<ann+1@town.example>");
}

#[tokio::test]
async fn a_report_of_ours_goes_out_from_nobody_and_asks_for_none() {
    let (port, seen) = serve(GOOD).await;
    let report = AttemptRequest {
        return_path: String::new(),
        ..request()
    };
    let outcome = attempt(&channel_to(port), report).await;
    assert!(matches!(outcome, AttemptOutcome::Delivered { .. }));
    let lines = seen.lines();
    assert!(lines[1].starts_with("MAIL FROM:<> SIZE="), "{}", lines[1]);
    assert!(!lines[1].contains("RET="), "{}", lines[1]);
    assert!(lines[2].contains(" NOTIFY=NEVER "), "{}", lines[2]);
}
