//! Decimal numbers as text formats write them, read exactly as [`str::parse`] reads them.
//!
//! Almost every number of a model file has at most 15 significant digits and a small exponent.
//! Then digits and power of ten are both exact in `f64`, and one multiplication or division
//! rounds once, hence right (W. Clinger, "How to read floating point numbers accurately", PLDI
//! 1990). Everything else goes to the standard library.

/// Powers of ten that `f64` holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Up to here every whole number is exact in `f64`.
const EXACT: u64 = 1 << 53;
/// More digits could overflow the 64 bits they are gathered in.
const MOST_DIGITS: usize = 19;
/// The half of the last place of an `f32`, in the 29 bits that an `f64` has more.
const HALF: u64 = 1 << 28;
const SURPLUS: u64 = (1 << 29) - 1;

/// The `f32` at the start of a text and the bytes it takes, if it is written in the usual way.
/// What follows the number is the caller's to judge; `None` says only "not the fast way".
#[inline]
pub(super) fn quick_f32(text: &[u8]) -> Option<(f32, usize)> {
    let (number, length) = quick_f64(text)?;
    Some((narrow(number)?, length))
}

/// As [`quick_f32`] for `f64`.
#[inline]
pub(super) fn quick_f64(text: &[u8]) -> Option<(f64, usize)> {
    let signed = matches!(text.first(), Some(b'-' | b'+'));
    let mut at = usize::from(signed);
    let mut digits = 0_u64;
    let start = at;
    at = gather(text, at, &mut digits);
    let mut count = at - start;
    let mut exponent = 0_i32;
    if text.get(at) == Some(&b'.') {
        let point = at + 1;
        at = gather(text, point, &mut digits);
        count += at - point;
        exponent = -i32::try_from(at - point).ok()?;
    }
    if count == 0 || count > MOST_DIGITS || digits > EXACT {
        return None;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let (power, end) = power(text, at + 1)?;
        exponent += power;
        at = end;
    }
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let digits = digits as f64;
    let scale = *POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    let number = if exponent < 0 { digits / scale } else { digits * scale };
    Some((if text[0] == b'-' { -number } else { number }, at))
}

/// A whole word as an `f32`, as [`str::parse`] would have it.
pub(super) fn f32(word: &[u8]) -> Option<f32> {
    match quick_f32(word) {
        Some((number, length)) if length == word.len() => Some(number),
        _ => std::str::from_utf8(word).ok()?.parse().ok(),
    }
}

/// A whole word as an `f64`, as [`str::parse`] would have it.
pub(super) fn f64(word: &[u8]) -> Option<f64> {
    match quick_f64(word) {
        Some((number, length)) if length == word.len() => Some(number),
        _ => std::str::from_utf8(word).ok()?.parse().ok(),
    }
}

#[inline]
fn gather(text: &[u8], from: usize, digits: &mut u64) -> usize {
    let mut at = from;
    while let Some(byte) = text.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        // Wraps only beyond the digits that are accepted.
        *digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

#[inline]
fn power(text: &[u8], from: usize) -> Option<(i32, usize)> {
    let sign = text.get(from)?;
    let start = from + usize::from(matches!(sign, b'-' | b'+'));
    let mut power = 0;
    let end = gather(text, start, &mut power);
    // Long exponents are not usual, and `power` may have wrapped.
    if end == start || end - start > 4 {
        return None;
    }
    let power = i32::try_from(power).ok()?;
    Some((if *sign == b'-' { -power } else { power }, end))
}

/// Rounds to `f32` what was rounded to `f64` before. Twice rounded is wrong only when the `f64`
/// lies exactly between two `f32`, or where `f32` has fewer places or ends.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "rounding is what it is for")]
fn narrow(number: f64) -> Option<f32> {
    let normal = (1.2e-38..3.4e38).contains(&number.abs()) && number.to_bits() & SURPLUS != HALF;
    (normal || number == 0.0).then_some(number as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(word: &str) {
        let ours = f32(word.as_bytes()).map(f32::to_bits);
        assert_eq!(ours, word.parse().ok().map(f32::to_bits), "{word} as f32");
        let ours = f64(word.as_bytes()).map(f64::to_bits);
        assert_eq!(ours, word.parse().ok().map(f64::to_bits), "{word} as f64");
    }

    #[test]
    fn odd_words_are_read_or_refused_as_the_standard_library_does() {
        for word in [
            "",
            "-",
            "+",
            ".",
            "-.",
            "1.",
            ".5",
            "-.5e3",
            "+1",
            "--1",
            "1e",
            "1e+",
            "e5",
            "1.2.3",
            "1,5",
            "inf",
            "-NaN",
            "infinity",
            "0x10",
            "1_000",
            "-0",
            "0e99",
            "00000000000000000001",
            "1e39",
            "3.4028235677973366e38",
            "1e-46",
            "1.1754943e-38",
            "1e400",
            "1e-400",
            "1e99999",
            "1e99999999999999999999",
            "9007199254740993",
            "18446744073709551616",
            "16777217",
            // Exactly between two `f32`, and a trace above.
            "1.00000005960464477539",
            "1.000000059604644775390625",
            "1.0000000596046448",
        ] {
            same(word);
        }
    }

    proptest! {
        #[test]
        fn any_f32_printed_is_read_back(bits in any::<u32>()) {
            let number = f32::from_bits(bits);
            for word in [format!("{number}"), format!("{number:e}"), format!("{number:.6}"), format!("{number:.6e}")] {
                same(&word);
            }
        }

        #[test]
        fn numbers_between_two_f32_are_rounded_once(bits in 0x3000_0000_u32..0x4F00_0000, nudge in -2_i64..3) {
            let (low, high) = (f32::from_bits(bits), f32::from_bits(bits + 1));
            let middle = f64::midpoint(f64::from(low), f64::from(high));
            let near = f64::from_bits(middle.to_bits().wrapping_add_signed(nudge));
            for word in [format!("{near}"), format!("{near:e}"), format!("{near:.14e}"), format!("{near:.9}")] {
                same(&word);
            }
        }

        #[test]
        fn digits_of_any_length(word in "[-+]?[0-9]{0,22}(\\.[0-9]{0,22})?([eE][-+]?[0-9]{1,5})?") {
            same(&word);
        }
    }
}
