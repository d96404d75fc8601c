//! The geometry of the pie: three counts in, SVG paths out. Pure.

use std::f64::consts::TAU;

/// Radius of the ring's outer edge, in units of the drawing.
const OUTER: f64 = 60.0;
/// Radius of the hole, where the percentage stands.
const INNER: f64 = 38.0;
/// Middle of the drawing, which is 128 units wide and high.
const CENTRE: f64 = 64.0;

/// One slice of the pie.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slice {
    /// Its path (`d` attribute).
    pub(crate) path: String,
    /// Whole per cent of all; the slices' sum may miss 100 by rounding.
    pub(crate) percent: u64,
    /// What it counts.
    pub(crate) count: u64,
}

/// Slices for the counts, clockwise from twelve o'clock. A count of zero has an empty path;
/// a count that is everything is a whole ring.
pub(crate) fn slices<const N: usize>(counts: [u64; N]) -> [Slice; N] {
    let total: u64 = counts.iter().sum();
    let mut before = 0_u64;
    counts.map(|count| {
        let from = share(before, total);
        before += count;
        let to = share(before, total);
        Slice {
            path: path(from, to, count, total),
            percent: percent(count, total),
            count,
        }
    })
}

/// Whole per cent, rounded, but never 0 for something nor 100 for less than everything.
pub(crate) fn percent(count: u64, total: u64) -> u64 {
    if total == 0 || count == 0 {
        return 0;
    }
    if count >= total {
        return 100;
    }
    let rounded = (u128::from(count) * 200 + u128::from(total)) / (u128::from(total) * 2);
    u64::try_from(rounded).unwrap_or(0).clamp(1, 99)
}

#[allow(clippy::cast_precision_loss)] // a drawing has fewer pixels than f64 has digits
fn share(part: u64, total: u64) -> f64 {
    if total == 0 {
        0.0
    } else {
        part as f64 / total as f64
    }
}

fn path(from: f64, to: f64, count: u64, total: u64) -> String {
    if count == 0 {
        return String::new();
    }
    if count == total {
        return whole_ring();
    }
    let large = u8::from(to - from > 0.5);
    let (ax, ay) = point(OUTER, from);
    let (bx, by) = point(OUTER, to);
    let (cx, cy) = point(INNER, to);
    let (dx, dy) = point(INNER, from);
    format!(
        "M{ax:.2} {ay:.2}A{OUTER} {OUTER} 0 {large} 1 {bx:.2} {by:.2}L{cx:.2} {cy:.2}A{INNER} {INNER} 0 {large} 0 {dx:.2} {dy:.2}Z"
    )
}

/// A circle cannot be one arc: its ends would meet. Two halves, and the hole the other way round.
fn whole_ring() -> String {
    let ring = |radius: f64, sweep: u8| {
        let (top, bottom) = (CENTRE - radius, CENTRE + radius);
        format!(
            "M{CENTRE} {top:.2}A{radius} {radius} 0 0 {sweep} {CENTRE} {bottom:.2}A{radius} {radius} 0 0 {sweep} {CENTRE} {top:.2}Z"
        )
    };
    ring(OUTER, 1) + &ring(INNER, 0)
}

fn point(radius: f64, share: f64) -> (f64, f64) {
    let angle = share * TAU;
    (CENTRE + radius * angle.sin(), CENTRE - radius * angle.cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_draws_nothing() {
        let drawn = slices([0, 0, 0]);
        assert!(
            drawn
                .iter()
                .all(|slice| slice.path.is_empty() && slice.percent == 0)
        );
    }

    #[test]
    fn everything_is_a_whole_ring() {
        let [all, none, _] = slices([7, 0, 0]);
        assert_eq!(all.path.matches('A').count(), 4);
        assert_eq!((all.percent, none.path.as_str()), (100, ""));
    }

    #[test]
    fn slices_meet_and_close_the_circle() {
        let [first, second, third] = slices([1, 1, 2]);
        assert!(first.path.starts_with("M64.00 4.00"));
        assert!(first.path.contains("124.00 64.00L"), "{}", first.path);
        assert!(second.path.starts_with("M124.00 64.00"));
        assert!(second.path.contains("64.00 124.00L"));
        assert!(third.path.starts_with("M64.00 124.00"));
        assert_eq!(first.percent + second.percent + third.percent, 100);
    }

    #[test]
    fn more_than_half_takes_the_long_way_round() {
        let [large, small] = slices([3, 1]);
        assert!(large.path.contains("0 1 1"));
        assert!(small.path.contains("0 0 1"));
    }

    #[test]
    fn one_of_many_is_never_rounded_away() {
        assert_eq!(percent(1, 1_000_000), 1);
        assert_eq!(percent(999_999, 1_000_000), 99);
        assert_eq!((percent(1, 2), percent(1, 3), percent(2, 3)), (50, 33, 67));
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
