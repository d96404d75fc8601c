//! Answers as plain columns.

use std::io::Write;

/// Text of others on a line of the terminal: nothing in it moves the cursor or turns the line.
pub(super) fn plain(text: &str) -> String {
    let turns = |letter: char| {
        let marks = ['\u{200e}', '\u{200f}'];
        let reach = '\u{202a}'..='\u{202e}';
        let apart = '\u{2066}'..='\u{2069}';
        marks.contains(&letter) || reach.contains(&letter) || apart.contains(&letter)
    };
    let hidden = |letter: char| letter.is_control() || turns(letter);
    let harmless = |letter: char| if hidden(letter) { ' ' } else { letter };
    text.chars().map(harmless).collect()
}

/// Rows below their heads, each column as wide as its widest entry.
///
/// # Errors
/// When nothing can be written.
pub(super) fn write<const N: usize>(
    out: &mut dyn Write,
    heads: [&str; N],
    rows: &[[String; N]],
) -> std::io::Result<()> {
    let clean = |row: &[String; N]| row.each_ref().map(|cell| plain(cell));
    let rows: Vec<[String; N]> = rows.iter().map(clean).collect();
    let heads = heads.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&heads).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in std::iter::once(&heads).chain(&rows) {
        let cells = row.iter().zip(widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// What is there, or a dash.
pub(super) fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or("-")
        .to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_hold_no_orders_for_the_terminal() {
        let mut out = Vec::new();
        let rows = [
            ["1".to_owned(), "Élodie\u{1b}[2J".to_owned()],
            ["100".to_owned(), "\u{202e}a\nb".to_owned()],
        ];
        write(&mut out, ["N", "NAME"], &rows).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "N    NAME\n1    Élodie [2J\n100   a b\n");
        assert_eq!(or_dash(Some("")), "-");
    }
}
