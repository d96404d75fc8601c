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
    /// Whole per cent of all; together the slices come to 100.
    pub(crate) percent: u64,
    /// What it counts.
    pub(crate) count: u64,
}

/// Slices for the counts, clockwise from twelve o'clock. A count of zero has an empty path;
/// a count that is everything is a whole ring.
pub(crate) fn slices<const N: usize>(counts: [u64; N]) -> [Slice; N] {
    let total: u64 = counts.iter().sum();
    let percents = percents(counts);
    let mut before = 0_u64;
    std::array::from_fn(|i| {
        let count = counts[i];
        let from = share(before, total);
        before += count;
        let to = share(before, total);
        Slice {
            path: path(from, to, count, total),
            percent: percents[i],
            count,
        }
    })
}

/// Whole per cent that add up to 100 (largest remainders first); never 0 for something.
pub(crate) fn percents<const N: usize>(counts: [u64; N]) -> [u64; N] {
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    if total == 0 {
        return [0; N];
    }
    let exact = counts.map(|count| u128::from(count) * 100);
    let mut percents = exact.map(|part| u64::try_from(part / total).unwrap_or(100));
    let mut order: [usize; N] = std::array::from_fn(|i| i);
    order.sort_by_key(|i| std::cmp::Reverse(exact[*i] % total));
    let missing = 100_u64.saturating_sub(percents.iter().sum());
    for i in order
        .into_iter()
        .cycle()
        .take(usize::try_from(missing).unwrap_or(0))
    {
        percents[i] += 1;
    }
    for i in 0..N {
        if counts[i] > 0 && percents[i] == 0 {
            let largest = (0..N).max_by_key(|other| percents[*other]).unwrap_or(i);
            percents[largest] = percents[largest].saturating_sub(1);
            percents[i] = 1;
        }
    }
    percents
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
    fn per_cents_add_up_and_lose_nobody() {
        assert_eq!(percents([39, 0, 1]), [98, 0, 2]);
        assert_eq!(percents([1, 1, 1]), [34, 33, 33]);
        assert_eq!(percents([999_999, 0, 1]), [99, 0, 1]);
        assert_eq!(percents([0, 0, 0]), [0, 0, 0]);
        assert_eq!(percents([u64::MAX, 0, 0]), [100, 0, 0]);
    }
}
