//! How wide the columns of a table are.

/// Words of a cell that are measured: one behind the other they are seldom longer.
pub(super) const WORDS_MEASURED: usize = 50;
/// What sums of widths may be off by, in points.
pub(super) const ROUNDING: f32 = 0.5;
/// Most of the table's width that the words of one column can claim beyond its share.
const CLAIM_MAX: f32 = 0.22;

/// Widths that fill `whole` by `shares`, none below what its words need (`least`) as long as all
/// of those fit beside one another; otherwise by shares alone, and words are broken.
pub(super) fn widths(whole: f32, shares: &[f32], least: &[f32]) -> Vec<f32> {
    let sum: f32 = shares.iter().sum();
    let by_share: Vec<f32> = shares
        .iter()
        .map(|share| whole * share / sum.max(f32::MIN_POSITIVE))
        .collect();
    let claims = by_share.iter().zip(least);
    let claims: Vec<f32> = claims
        .map(|(width, least)| least.min(width.max(whole * CLAIM_MAX)))
        .collect();
    if claims.iter().sum::<f32>() > whole {
        return by_share;
    }
    let mut fixed = vec![false; shares.len()];
    loop {
        let columns = || fixed.iter().zip(shares.iter().zip(&claims));
        let taken: f32 = columns()
            .filter(|(fixed, _)| **fixed)
            .map(|(_, (_, claim))| claim)
            .sum();
        let free: f32 = columns()
            .filter(|(fixed, _)| !**fixed)
            .map(|(_, (share, _))| share)
            .sum();
        let width = |(fixed, (share, claim)): (&bool, (&f32, &f32))| {
            if *fixed {
                *claim
            } else {
                (whole - taken) * share / free.max(f32::MIN_POSITIVE)
            }
        };
        let widths: Vec<f32> = columns().map(width).collect();
        let narrow = widths
            .iter()
            .zip(&claims)
            .map(|(width, claim)| width < claim);
        let narrow: Vec<bool> = fixed
            .iter()
            .zip(narrow)
            .map(|(fixed, narrow)| *fixed || narrow)
            .collect();
        if narrow == fixed {
            return widths;
        }
        fixed = narrow;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_words_and_the_others_share_what_is_left() {
        let cases: [(&[f32], &[f32], &[f32]); 4] = [
            (&[1.0, 1.0, 2.0], &[10.0, 10.0, 5.0], &[25.0, 25.0, 50.0]),
            (&[1.0, 9.0, 10.0], &[20.0, 10.0, 5.0], &[20.0, 37.9, 42.1]),
            (&[1.0, 9.0], &[90.0, 10.0], &[22.0, 78.0]),
            (&[1.0; 8], &[60.0; 8], &[12.5; 8]),
        ];
        for (shares, least, wanted) in cases {
            let found = widths(100.0, shares, least);
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 0.1, "{shares:?}: {found}");
            }
        }
    }

    proptest! {
        #[test]
        fn columns_fill_the_page_and_no_more(
            columns in prop::collection::vec((0.1_f32..40.0, 0.0_f32..900.0), 1..20),
        ) {
            let (shares, least): (Vec<f32>, Vec<f32>) = columns.into_iter().unzip();
            let found = widths(500.0, &shares, &least);
            prop_assert!((found.iter().sum::<f32>() - 500.0).abs() < 0.1, "{:?}", found);
            prop_assert!(found.iter().all(|width| *width > 0.0));
        }
    }
}
