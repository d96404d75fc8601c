//! Inline styles: harmless properties with harmless values.

/// Most declarations of one element that are looked at.
const DECLARATIONS_MAX: usize = 40;

/// Properties that change how text looks and nothing else: none fetches, moves out of its place
/// or covers anything.
pub(super) const PROPERTIES: [&str; 44] = [
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "color",
    "direction",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
    "word-spacing",
    "word-wrap",
];

/// What is left of a style.
pub(super) fn clean(style: &str) -> String {
    let mut kept = String::new();
    for declaration in style.split(';').take(DECLARATIONS_MAX) {
        let Some((property, value)) = declaration.split_once(':') else {
            continue;
        };
        let (property, value) = (property.trim().to_ascii_lowercase(), value.trim());
        if PROPERTIES.contains(&property.as_str()) && is_harmless(value) {
            if !kept.is_empty() {
                kept.push(';');
            }
            kept.push_str(&property);
            kept.push(':');
            kept.push_str(value);
        }
    }
    kept
}

/// Words, numbers, colours and names of fonts. No escapes, comments or addresses, and of the
/// functions only those that are colours. No sizes below zero: they move things over others.
fn is_harmless(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " #%.,-'\"!()".contains(c);
    if value.is_empty() || value.len() > 200 || !value.chars().all(plain) {
        return false;
    }
    let below_zero = value.split([' ', ',']).any(|word| {
        word.strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
    });
    let lower = value.to_ascii_lowercase();
    let functions_are_colours = lower.match_indices('(').all(|(at, _)| {
        ["rgb", "rgba", "hsl", "hsla"]
            .iter()
            .any(|name| lower[..at].ends_with(name))
    });
    !below_zero && functions_are_colours && !lower.contains("url")
}
