//! Shapes of answers as servers write them, who is not in them, and which are alike.

#![allow(clippy::unwrap_used)]

use super::*;

fn john() -> PrivateWords {
    PrivateWords::of(
        ["john.doe@town.example", "jdoe+x@inner.town.example"],
        ["John", "Doe"],
    )
}

fn shape(text: &str) -> String {
    AnswerShape::of(text, &john()).map_or_else(String::new, |shape| shape.as_str().to_owned())
}

fn unknown(text: &str) -> Verdict {
    Verdict::failure(Reason::Undefined, Permanence::Permanent).with_diagnostic(text)
}

fn answer(text: &str) -> UnknownAnswer {
    UnknownAnswer::of(&unknown(text), &john()).unwrap()
}

fn likeness(one: &str, other: &str) -> Likeness {
    let (one, other) = (answer(one).shape, answer(other).shape);
    let both = one.words().intersection(&other.words()).count();
    Likeness::new(both, one.words().len(), other.words().len())
}

#[test]
fn a_shape_is_what_is_left_without_whom_and_what_it_is_about() {
    for (text, expected) in [
        (
            "550 5.0.0 <john.doe@town.example>: Recipient is held back for review",
            "<address> recipient is held back for review",
        ),
        (
            "554 delivery of <4XyZ12@mx7.town.example> held by greymail engine",
            "delivery of <address> held by greymail engine",
        ),
        (
            "smtp; 554-5.9.9 sandboxed by host mx.town.example[192.0.2.17] (in reply to end of \
                DATA command)",
            "sandboxed by host <host> <ip> in reply to end of data command",
        ),
        (
            "550 Session 4f5a-99 from [IPv6:2001:db8::1]:25 limited, see \
                https://help.town.example/x?u=john",
            "session <id> from <ip> <number> limited see <link>",
        ),
        (
            "550 said \"nope, John\" after 17 of 20 checks #4711",
            "said <quoted> after <number> of <number> checks <number>",
        ),
        (
            "550 the server doesn't care 'whatever you say' about it",
            "the server doesn't care <quoted> about it",
        ),
        (
            "450 4.9.1 votre expéditeur n’est pas encore apprécié",
            "votre expéditeur n'est pas encore apprécié",
        ),
    ] {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn nobody_is_in_a_shape() {
    for text in [
        "554 User john.doe@town.example (John Doe) unclear",
        "554 user john doe unclear",
        "554 USER JOHN DOE UNCLEAR TO THE server",
        "554 mailbox for johndoe went away",
        "554 john's mailbox went away; ask john_doe or <doe>",
        "554 the account jdoe went away, says Johann Sebastian Bach-Huber",
        "554 went away: doe, john (extension 4711, +49 171 5550100)",
        "554 Fräulein Schmidt-O’Hara went away, write to smith.j at other dot example",
        "554 utilisateur jeanne went away",
        "554 user id johnny went away",
        "554 mailbox of ‘john doe’ “John Doe” „John Doe“ «Doe» went away",
        "554 王伟 went away",
        "554 J. R. Doe went away: DOE\\john, doe=john, o=Town",
    ] {
        let shape = shape(text);
        assert!(!shape.is_empty(), "{text}");
        let private = "john doe jdoe johndoe johann sebastian bach huber schmidt hara smith jeanne \
            johnny town inner fräulein 王 王伟";
        for word in private.split_whitespace() {
            let words: Vec<&str> = shape.split(['<', '>', ' ', '\'']).collect();
            assert!(!words.contains(&word), "{word} of {text:?} in {shape:?}");
        }
        assert!(!shape.contains(|c: char| c.is_numeric()), "{shape}");
        assert!(!shape.contains('@'), "{shape}");
    }
    // Whatever every mail system says is no name, though an address be made of it.
    let mailbox = PrivateWords::of(["mailbox.user@mail.example"], []);
    let kept = AnswerShape::of("554 the user has a strange mailbox", &mailbox).unwrap();
    assert_eq!(kept.as_str(), "the user has strange mailbox");
    // A name is none of its words in any case.
    let page = PrivateWords::of([], ["Page", "de la Long"]);
    let kept = AnswerShape::of("554 no long page de garde", &page).unwrap();
    assert_eq!(kept.as_str(), "no <name> garde");
    assert!(!format!("{:?}", john()).contains("doe"));
}

#[test]
fn shapes_are_bounded_and_nothing_at_all_has_none() {
    let long = AnswerShape::of(&"held back and so on ".repeat(100), &john()).unwrap();
    assert_eq!(long.as_str().split(' ').count(), SHAPE_WORDS_MAX);
    let wide = format!("{} ", "é".repeat(18)).repeat(50);
    let wide = AnswerShape::of(&wide, &john()).unwrap();
    assert!(wide.as_str().len() <= SHAPE_SIZE_MAX_BYTES);
    for nothing in [
        "",
        "554",
        "550 5.1.1",
        "554 <john.doe@town.example>",
        "554 mailbox kaputt",
    ] {
        assert_eq!(AnswerShape::of(nothing, &john()), None, "{nothing}");
    }
    for bad in [
        "",
        " a",
        "a  b",
        "a ",
        &"x".repeat(SHAPE_SIZE_MAX_BYTES + 1),
    ] {
        assert_eq!(AnswerShape::from_stored(bad), None, "{bad}");
    }
    assert_eq!(AnswerShape::from_stored(long.as_str()), Some(long));
}

#[test]
fn answers_of_one_kind_are_alike_whoever_they_are_about() {
    let said = "554 5.9.1 <ada@town.example>: held by the greymail engine of mx1.town.example";
    for other in [
        "554 5.9.1 <john.doe@town.example>: held by the greymail engine of mx2.other.example",
        "554-5.9.2 held by the greymail engine",
        "smtp; 554 5.9.1 bob@town.example held by the greymail engine at mx3.town.example",
    ] {
        assert!(likeness(said, other).is_enough(), "{other}");
    }
    for other in [
        "554 the sandbox wants to look at it first",
        "554 held until the invoice is paid",
        "554 engine stalled",
    ] {
        assert!(!likeness(said, other).is_enough(), "{other}");
    }
}

#[test]
fn likeness_is_the_jaccard_index_from_six_tenths_on() {
    assert!(Likeness::new(6, 6, 10).is_enough());
    assert!(Likeness::new(3, 3, 5).is_enough());
    assert!(!Likeness::new(5, 6, 8).is_enough());
    assert!(!Likeness::new(0, 0, 0).is_enough());
    let order = Likeness::new(2, 2, 4).order(Likeness::new(1, 1, 2));
    assert_eq!(order, std::cmp::Ordering::Equal);
    assert!(Likeness::new(3, 3, 4).order(Likeness::new(2, 3, 3)).is_gt());
    // Whatever is alike shares so many words at least.
    for one in 1..=SHAPE_WORDS_MAX {
        for other in 1..=SHAPE_WORDS_MAX {
            for both in 0..=one.min(other) {
                let is_alike = Likeness::new(both, one, other).is_enough();
                assert!(!is_alike || both >= Likeness::shared_min(one));
            }
        }
    }
}

#[test]
fn nearly_the_same_words_are_nine_tenths() {
    assert!(Likeness::new(9, 10, 9).is_close());
    assert!(Likeness::new(9, 9, 10).is_close());
    assert!(!Likeness::new(8, 8, 9).is_close());
    assert!(!Likeness::new(9, 10, 10).is_close());
    assert!(!Likeness::new(0, 0, 0).is_close());
    let (one, other) = (
        answer("554 held by it"),
        answer("554 5.9.9 it held by <x@y>"),
    );
    assert!(one.shape.likeness(&other.shape).is_close());
}

#[test]
fn what_suspends_at_once_takes_nearly_the_same_words_alone() {
    let (close, loose, none) = (
        Likeness::new(10, 10, 11),
        Likeness::new(6, 6, 10),
        Likeness::new(5, 6, 10),
    );
    for reason in NAMEABLE {
        let pool = named(reason);
        let usual = Verdict::failure(reason, Permanence::Permanent).suspends();
        assert_eq!(pool.suspends_at_once(), usual == Suspends::AtOnce);
        assert!(pool.takes(close) && !pool.takes(none), "{reason:?}");
        assert_eq!(pool.takes(loose), !pool.suspends_at_once(), "{reason:?}");
        let for_now = AnswerPool {
            permanence: Permanence::Temporary,
            ..pool.clone()
        };
        assert!(for_now.takes(loose), "it suspends nobody at once");
        let unnamed = AnswerPool {
            named: None,
            ..pool
        };
        assert!(unnamed.takes(loose), "it suspends nobody");
    }
}

#[test]
fn what_a_name_has_said_leads_back_to_its_pool() {
    let said = unknown("554 held by the engine");
    let pool = named(Reason::Spam);
    let verdict = pool.judge(&said).unwrap();
    assert_eq!(named_by(&verdict), Some(pool.id));
    assert_eq!(named_by(&said), None);
}

#[test]
fn unknown_is_what_failed_without_a_reason_though_something_was_said() {
    let read = |verdict: &Verdict| UnknownAnswer::of(verdict, &john());
    let verdict = unknown("554 held by the engine");
    assert!(read(&verdict).is_some());
    let known = Verdict::failure(Reason::Policy, Permanence::Permanent);
    assert_eq!(read(&known.with_diagnostic("554 held by the engine")), None);
    assert_eq!(read(&unknown("")), None);
    let letter = verdict.clone().by(PERHAPS_A_LETTER);
    assert_eq!(read(&letter), None, "a person may have written it");
    for class in BounceClass::ALL {
        let found = read(&Verdict {
            class,
            ..verdict.clone()
        });
        let counts = matches!(
            class,
            BounceClass::Hard | BounceClass::Soft | BounceClass::Unknown
        );
        assert_eq!(found.is_some(), counts, "{class:?}");
    }
}

#[test]
fn the_first_digit_keeps_answers_apart() {
    let (lasting, passing) = (
        answer("554 held by the engine"),
        answer("451 held by the engine"),
    );
    assert_eq!(lasting.shape, passing.shape);
    assert_eq!((lasting.reply, passing.reply), (Some(554), Some(451)));
    assert_eq!(passing.permanence, Permanence::Temporary);
    assert_ne!(lasting.id(), passing.id());
    // A refusal of a whole session is taken for now, and is one for good all the same.
    let session = Verdict {
        permanence: Permanence::Temporary,
        ..unknown("554 held by the engine")
    };
    let session = UnknownAnswer::of(&session, &john()).unwrap();
    assert_eq!(session.id(), lasting.id());
    let told = unknown("held by the engine").with_status(EnhancedStatus::parse("4.9.9"));
    let told = UnknownAnswer::of(&told, &john()).unwrap();
    assert_eq!(
        (told.permanence, told.has_code()),
        (Permanence::Temporary, true)
    );
    let report = Verdict {
        class: BounceClass::Unknown,
        permanence: Permanence::Temporary,
        ..unknown("held by the engine")
    };
    let report = UnknownAnswer::of(&report, &john()).unwrap();
    assert_eq!(
        (report.permanence, report.has_code()),
        (Permanence::Permanent, false)
    );
}

fn named(reason: Reason) -> AnswerPool {
    let mut pool = answer("554 held by the engine").begin(Timestamp::from_millis(1));
    pool.named = Some(Naming {
        reason,
        by: UserId::from_bytes([1; 16]),
        at: Timestamp::from_millis(2),
    });
    pool
}

#[test]
fn a_name_is_judged_as_a_rule_would_be() {
    let said = unknown("554 held by the engine").with_status(EnhancedStatus::parse("5.9.9"));
    let unnamed = AnswerPool {
        named: None,
        ..named(Reason::Spam)
    };
    assert_eq!(unnamed.judge(&said), None);
    for reason in NAMEABLE {
        let pool = named(reason);
        let verdict = pool.judge(&said).unwrap();
        let usual = Verdict::failure(reason, Permanence::Permanent);
        assert_eq!((verdict.reason, verdict.class), (reason, usual.class));
        assert_eq!(
            (verdict.fault, verdict.suspends()),
            (usual.fault, usual.suspends())
        );
        assert_eq!(verdict.diagnostic, said.diagnostic);
        assert_eq!(verdict.status_code, said.status_code);
        assert_eq!(verdict.rule.as_str(), format!("named: {}", pool.id));
        assert_eq!(verdict.rule.name(), NAMED_RULE);
    }
    let for_now = Verdict {
        permanence: Permanence::Temporary,
        ..said
    };
    let verdict = named(Reason::HostUnknown).judge(&for_now).unwrap();
    assert_eq!(verdict.reason, Reason::Network, "as every rule has it");
}

#[test]
fn what_was_said_before_the_recipient_was_named_suspends_nobody() {
    let said = Verdict {
        fault: Fault::Sender,
        ..unknown("554 held by the engine")
    };
    let verdict = named(Reason::UserUnknown).judge(&said).unwrap();
    assert_eq!(
        (verdict.fault, verdict.class),
        (Fault::Sender, BounceClass::Soft)
    );
    assert_eq!(verdict.suspends(), Suspends::Never);
}

#[test]
fn a_report_that_left_it_open_becomes_a_failure_for_good() {
    let said = Verdict {
        class: BounceClass::Unknown,
        permanence: Permanence::Temporary,
        ..unknown("held by the engine")
    };
    let verdict = named(Reason::UserUnknown).judge(&said).unwrap();
    assert_eq!(verdict.suspends(), Suspends::AtOnce);
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange(text in "[ -~éß王\\n\u{2019}\u{201c}\u{e000}]{0,400}") {
        if let Some(shape) = AnswerShape::of(&text, &john()) {
            proptest::prop_assert!(!shape.words().is_empty());
            proptest::prop_assert!(AnswerShape::from_stored(shape.as_str()).is_some());
        }
    }
}
