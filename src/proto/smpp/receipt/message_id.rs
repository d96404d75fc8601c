//! Which submission a receipt is about, though the two ids may be written differently.

use super::Receipt;

/// How the id in a receipt's text relates to the one in `submit_sm_resp`. A
/// setting of the bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageIdForm {
    /// The same text.
    Same,
    /// Hexadecimal in the response, decimal in the receipt.
    HexThenDecimal,
    /// Decimal in the response, hexadecimal in the receipt.
    DecimalThenHex,
    /// Any of these; leading zeros and case do not count.
    #[default]
    Any,
}

impl MessageIdForm {
    /// The key under which the id of a `submit_sm_resp` is remembered.
    pub fn response_key(self, id: &str) -> String {
        let id = trim(id);
        match self {
            Self::Same => id.to_owned(),
            Self::HexThenDecimal => hex(id).map_or_else(|| id.to_owned(), |n| n.to_string()),
            Self::DecimalThenHex => decimal(id).map_or_else(|| id.to_owned(), |n| n.to_string()),
            Self::Any => plain(id),
        }
    }

    /// The keys to look for, most likely first. `receipted_message_id` is in
    /// the response's form (section 5.3.2.12).
    pub fn receipt_keys(self, receipt: &Receipt) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        if let Some(id) = &receipt.parameter_id {
            keys.push(self.response_key(id));
        }
        if let Some(id) = receipt.id.as_deref().map(trim) {
            let number = |n: Option<u128>| n.map_or_else(|| id.to_owned(), |n| n.to_string());
            match self {
                Self::Same => keys.push(id.to_owned()),
                Self::HexThenDecimal => keys.push(number(decimal(id))),
                Self::DecimalThenHex => keys.push(number(hex(id))),
                Self::Any => {
                    keys.push(plain(id));
                    keys.extend(decimal(id).map(|n| format!("{n:x}")));
                    keys.extend(hex(id).map(|n| n.to_string()));
                }
            }
        }
        let mut seen = Vec::with_capacity(keys.len());
        keys.retain(|key| {
            let is_new = !key.is_empty() && !seen.contains(key);
            seen.push(key.clone());
            is_new
        });
        keys
    }
}

/// Characters of an id that count: twice what the specification allows (section 5.2.23).
const ID_LEN_MAX: usize = 128;

/// The state keeps an id for each segment of a text: none may be of any length.
fn trim(id: &str) -> &str {
    let id = id.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let end = id.char_indices().nth(ID_LEN_MAX);
    end.and_then(|(end, _)| id.get(..end)).unwrap_or(id)
}

/// Lower case, without leading zeros (but never nothing).
fn plain(id: &str) -> String {
    let stripped = id.trim_start_matches('0');
    let kept = if stripped.is_empty() { id } else { stripped };
    kept.to_ascii_lowercase()
}

fn decimal(id: &str) -> Option<u128> {
    let is_number = id.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| id.parse().ok()).flatten()
}

fn hex(id: &str) -> Option<u128> {
    let is_number = id.bytes().all(|b| b.is_ascii_hexdigit());
    is_number
        .then(|| u128::from_str_radix(id, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: MessageIdForm, response: &str, text: &str, parameter: Option<&str>) -> bool {
        let receipt = Receipt {
            id: Some(text.to_owned()),
            parameter_id: parameter.map(str::to_owned),
            ..Receipt::default()
        };
        form.receipt_keys(&receipt)
            .contains(&form.response_key(response))
    }

    #[test]
    fn both_forms_of_an_id_meet() {
        assert!(check(
            MessageIdForm::HexThenDecimal,
            "6AAD5",
            "0000436949",
            None
        ));
        assert!(check(
            MessageIdForm::DecimalThenHex,
            "436949",
            "0006aad5",
            None
        ));
        assert!(check(MessageIdForm::Same, "0000436949", "0000436949", None));
        assert!(!check(MessageIdForm::Same, "436949", "0000436949", None));
        assert!(check(MessageIdForm::Same, "a-1", "other", Some("a-1")));
    }

    #[test]
    fn any_tries_all_of_them() {
        for (response, text) in [
            ("6aad5", "0000436949"),
            ("436949", "6AAD5"),
            ("0059113978", "59113978"),
            ("74e02ee1-4e2f", "74E02EE1-4E2F"),
            ("0", "0"),
        ] {
            assert!(
                check(MessageIdForm::Any, response, text, None),
                "{response} {text}"
            );
        }
        assert!(!check(MessageIdForm::Any, "12345", "12346", None));
    }

    #[test]
    fn a_long_id_is_known_by_its_beginning() {
        let id = "\u{e9}".repeat(20_000);
        for form in [
            MessageIdForm::Same,
            MessageIdForm::HexThenDecimal,
            MessageIdForm::DecimalThenHex,
            MessageIdForm::Any,
        ] {
            assert_eq!(form.response_key(&id).chars().count(), ID_LEN_MAX);
            assert!(check(form, &id, &id, None));
            assert!(check(form, &id, "", Some(&id)));
        }
    }

    #[test]
    fn an_empty_id_is_no_key() {
        let receipt = Receipt {
            id: Some(" ".to_owned()),
            ..Receipt::default()
        };
        assert!(MessageIdForm::Any.receipt_keys(&receipt).is_empty());
    }
}
