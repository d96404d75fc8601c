//! What is counted of what readers do with a mail: nothing, unless its author asks for it.

/// Most links of one mail that are counted; those behind lead where they always did.
pub const LINKS_MAX: u16 = 200;
/// Most links that the timeline of one delivery says were followed, so that it keeps its room for
/// what became of the mail; those beyond count all the same
/// ([`Person::links`](super::statistics::Person::links)).
pub const TIMELINE_CLICKS_MAX: usize = 8;

/// What is counted, or may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// That a picture in it was loaded.
    pub opens: bool,
    /// That its links were followed.
    pub clicks: bool,
}

impl Tracking {
    /// Nothing is.
    #[must_use]
    pub const fn is_off(self) -> bool {
        !self.opens && !self.clicks
    }

    /// What is both asked for here and allowed there.
    #[must_use]
    pub const fn within(self, allowed: Self) -> Self {
        Self {
            opens: self.opens && allowed.opens,
            clicks: self.clicks && allowed.clicks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_counted_unless_it_is_asked_for_and_allowed() {
        let both = Tracking {
            opens: true,
            clicks: true,
        };
        let opens = Tracking {
            clicks: false,
            ..both
        };
        assert!(Tracking::default().is_off());
        assert!(!opens.is_off());
        assert_eq!(both.within(opens), opens);
        assert_eq!(opens.within(both), opens);
        assert!(both.within(Tracking::default()).is_off());
        assert!(Tracking::default().within(both).is_off());
    }
}
