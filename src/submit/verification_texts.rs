//! What the messages say that carry a ticket. Link and code have places here; they are filled
//! in for each attempt and never stored.

use crate::domain::{Channel, Content, TicketPurpose};

/// Stands for the organisation's name.
const ORGANISATION: &str = "{{ organisation }}";

struct Texts {
    language: &'static str,
    verify: Message,
    log_in: Message,
}

struct Message {
    subject: &'static str,
    text: &'static str,
    sms: &'static str,
    call: &'static str,
}

/// The first is for every other language.
const TEXTS: [Texts; 2] = [
    Texts {
        language: "en",
        verify: Message {
            subject: "Please confirm your email address",
            text: "Hello,\n\n{{ organisation }} would like to reach you at this email address. \
                   Please confirm that it is yours:\n\n{{ link }}\n\n\
                   Or enter this code there: {{ code }}\n\n\
                   If you do not know what this is about, do nothing.\n",
            sms: "{{ organisation }}: your code is {{ code }}. Confirm your number: {{ link }}",
            call: "Hello. This is {{ organisation }}. Here is the code to confirm your number. \
                   {{ digits }} I repeat. {{ digits }} Thank you. Goodbye.",
        },
        log_in: Message {
            subject: "Log in to your details",
            text: "Hello,\n\nwith this link you can see and change what {{ organisation }} holds \
                   about you:\n\n{{ link }}\n\nOr enter this code: {{ code }}\n\n\
                   The link works once, for 30 minutes. If you did not ask for it, do nothing: \
                   nobody gets in without it.\n",
            sms: "{{ organisation }}: your code to log in is {{ code }}, for 10 minutes. Or: \
                  {{ link }}",
            call: "Hello. This is {{ organisation }}. Here is your code to log in. {{ digits }} \
                   I repeat. {{ digits }} If you did not ask for it, do nothing. Goodbye.",
        },
    },
    Texts {
        language: "fr",
        verify: Message {
            subject: "Veuillez confirmer votre adresse électronique",
            text: "Bonjour,\n\n{{ organisation }} souhaite pouvoir vous joindre à cette adresse. \
                   Veuillez confirmer qu’elle est la vôtre :\n\n{{ link }}\n\n\
                   Ou saisissez-y ce code : {{ code }}\n\n\
                   Si vous ne savez pas de quoi il s’agit, ne faites rien.\n",
            sms: "{{ organisation }} : votre code est {{ code }}. Confirmez votre numéro : \
                  {{ link }}",
            call: "Bonjour. Ici {{ organisation }}. Voici le code pour confirmer votre numéro. \
                   {{ digits }} Je répète. {{ digits }} Merci. Au revoir.",
        },
        log_in: Message {
            subject: "Accéder à vos données",
            text: "Bonjour,\n\nce lien vous permet de consulter et de modifier ce que \
                   {{ organisation }} sait de vous :\n\n{{ link }}\n\nOu saisissez ce code : \
                   {{ code }}\n\nLe lien sert une seule fois, pendant 30 minutes. Si vous ne \
                   l’avez pas demandé, ne faites rien : sans lui, personne n’entre.\n",
            sms: "{{ organisation }} : votre code de connexion est {{ code }}, valable \
                  10 minutes. Ou : {{ link }}",
            call: "Bonjour. Ici {{ organisation }}. Voici votre code de connexion. {{ digits }} \
                   Je répète. {{ digits }} Si vous ne l’avez pas demandé, ne faites rien. Au \
                   revoir.",
        },
    },
];

/// What a ticket's message says, by this channel, in this language.
pub(super) fn content(
    purpose: TicketPurpose,
    channel: Channel,
    language: &str,
    organisation: &str,
) -> Content {
    let known = TEXTS
        .iter()
        .find(|texts| language.starts_with(texts.language));
    let texts = known.unwrap_or(&TEXTS[0]);
    let message = match purpose {
        TicketPurpose::LogIn => &texts.log_in,
        TicketPurpose::Verify | TicketPurpose::Add | TicketPurpose::Replace => &texts.verify,
    };
    let only = |wanted: Channel, text: &str| {
        if channel == wanted {
            text.replace(ORGANISATION, organisation)
        } else {
            String::new()
        }
    };
    Content {
        subject: message.subject.to_owned(),
        text: only(Channel::Email, message.text),
        html: String::new(),
        sms_text: only(Channel::Text, message.sms),
        voice_script: only(Channel::Call, message.call),
        attachments: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ticket::{CODE_PLACE, DIGITS_PLACE, LINK_PLACE};

    #[test]
    fn every_message_has_a_place_for_what_it_carries() {
        for language in ["en", "fr", "fr-CH", "xx"] {
            for purpose in [TicketPurpose::Verify, TicketPurpose::LogIn] {
                let email = content(purpose, Channel::Email, language, "Ours");
                assert!(email.text.contains(CODE_PLACE) && email.text.contains(LINK_PLACE));
                let text = content(purpose, Channel::Text, language, "Ours").sms_text;
                assert!(
                    text.contains(CODE_PLACE) && text.contains(LINK_PLACE),
                    "{text}"
                );
                let call = content(purpose, Channel::Call, language, "Ours").voice_script;
                assert_eq!(call.matches(DIGITS_PLACE).count(), 2, "{call}");
                for said in [&email.text, &text, &call] {
                    assert!(
                        said.contains("Ours") && !said.contains(ORGANISATION),
                        "{said}"
                    );
                    assert!(!said.contains("  "), "{said}");
                }
            }
        }
        let french = content(TicketPurpose::LogIn, Channel::Email, "fr", "Ours");
        assert!(french.text.starts_with("Bonjour"));
    }
}
