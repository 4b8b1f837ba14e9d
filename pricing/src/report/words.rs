//! Numbers in words.

use crate::analysis::Unit;

/// A number as people read it: three significant digits, no exponent.
pub(super) fn en(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else if value.abs() >= 1.0 {
        2
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// The same with a decimal comma.
pub(super) fn ru(value: f64) -> String {
    en(value).replace('.', ",")
}

/// Extents as `20 × 10 × 5`.
pub(super) fn size(extents: [f64; 3], number: fn(f64) -> String) -> String {
    extents.map(number).join(" × ")
}

/// A unit, in Russian.
pub(super) fn in_russian(unit: Unit) -> &'static str {
    match unit {
        Unit::Micrometre => "микрометры",
        Unit::Millimetre => "миллиметры",
        Unit::Centimetre => "сантиметры",
        Unit::Metre => "метры",
        Unit::Inch => "дюймы",
        Unit::Foot => "футы",
    }
}

/// A unit, in English.
pub(super) fn in_english(unit: Unit) -> &'static str {
    match unit {
        Unit::Micrometre => "micrometres",
        Unit::Millimetre => "millimetres",
        Unit::Centimetre => "centimetres",
        Unit::Metre => "metres",
        Unit::Inch => "inches",
        Unit::Foot => "feet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_people_read() {
        for (value, text) in
            [(0.0, "0"), (0.123_4, "0.123"), (1.5, "1.5"), (20.0, "20"), (1234.56, "1235")]
        {
            assert_eq!(en(value), text);
        }
        assert_eq!(ru(0.45), "0,45");
        assert_eq!(size([20.0, 1.5, 0.25], ru), "20 × 1,5 × 0,25");
    }
}
