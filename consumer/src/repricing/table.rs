//! Columns of text, as wide as what stands in them, and sums that people can read.

/// To which side the text of a column is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows as lines, two blanks between columns and none at the end of a line.
pub fn table<const N: usize>(sides: [Side; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(sides).zip(widths).map(|((text, side), width)| match side {
            Side::Left => format!("{text:<width$}"),
            Side::Right => format!("{text:>width$}"),
        });
        let cells: Vec<String> = cells.collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Minor units with their thousands apart: `1 234 567`.
pub fn sum(minor: i128) -> String {
    let digits = minor.unsigned_abs().to_string();
    let mut text = String::from(if minor < 0 { "-" } else { "" });
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A difference of minor units: always with its sign, and `0` for none.
pub fn difference(minor: i128) -> String {
    if minor > 0 { format!("+{}", sum(minor)) } else { sum(minor) }
}

/// By how much `after` is more than `before`, in per cent; `-` where nothing was before.
#[expect(clippy::cast_precision_loss, reason = "a share of change, not money")]
pub fn per_cent(before: i128, after: i128) -> String {
    if before == 0 {
        return "-".to_owned();
    }
    share((after - before) as f64 / before as f64)
}

/// A fraction in per cent, with its sign.
pub fn share(fraction: f64) -> String {
    // Without the sum, a fall of nothing would be `-0.00 %`.
    format!("{:+.2} %", (fraction * 10_000.0).round() / 100.0 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let row = |name: &str, sum: &str| [name.to_owned(), sum.to_owned()];
        let shown = table([Side::Left, Side::Right], &[row("a", "1"), row("größer", "20")]);
        assert_eq!(shown, "a        1\ngrößer  20\n");
        assert_eq!(table([Side::Left, Side::Left], &[row("word", "")]), "word\n");
    }

    #[test]
    fn thousands_stand_apart_and_differences_have_a_sign() {
        let sums = [0, 7, 999, 1_000, -1_000, 1_234_567].map(sum);
        assert_eq!(sums, ["0", "7", "999", "1 000", "-1 000", "1 234 567"]);
        assert_eq!([0, 1_200, -1_200].map(difference), ["0", "+1 200", "-1 200"]);
        assert_eq!(per_cent(200, 201), "+0.50 %");
        assert_eq!(per_cent(1_000_000, 999_999), "+0.00 %");
        assert_eq!(per_cent(0, 5), "-");
    }
}
