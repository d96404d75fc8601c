//! Personal data in a type that must be opened.

use std::fmt;

/// A value that never shows itself in logs or debug output.
///
/// ```text
/// format!("{:?}", Redacted::new("a@example.org")) == "[redacted]"
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Closes the value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Opens the value on purpose: for the wire, the store, or a page that is allowed to show it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// Opens and takes the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_unless_opened() {
        let closed = Redacted::new("a@example.org".to_owned());
        assert_eq!(format!("{closed:?} {closed}"), "[redacted] [redacted]");
        assert_eq!(closed.reveal(), "a@example.org");
    }
}
