//! Figures as people read them: thousands separators, SI and binary prefixes, a unit on every number.
//!
//! KiB and MiB are powers of 1024 (memories), kB, MB and GB powers of 1000 (traffic).

use super::figures::real;
use crate::units::{Bytes, Hertz};

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A positive number with about `digits` significant digits and no exponent: `1,234`, `12.3`, `0.0123`.
/// Numbers with more digits before the point keep them all.
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "n/a" } else { "infinite" }.to_owned();
    }
    let mut decimals = digits.saturating_sub(1);
    let mut bound = 10.0;
    while decimals > 0 && value.abs() >= bound {
        bound *= 10.0;
        decimals -= 1;
    }
    bound = 1.0;
    while value.abs() > 0.0 && value.abs() < bound && decimals < 12 {
        bound /= 10.0;
        decimals += 1;
    }
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let whole = match whole.strip_prefix('-') {
        Some(positive) => format!("-{}", grouped(positive.parse().unwrap_or(u64::MAX))),
        None => grouped(whole.parse().unwrap_or(u64::MAX)),
    };
    if rest.is_empty() {
        whole
    } else {
        format!("{whole}.{rest}")
    }
}

/// As [`significant`], without zeros at the end of its decimals: `0.5`, `8`.
#[must_use]
pub fn short(value: f64, digits: usize) -> String {
    let text = significant(value, digits);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A number and its SI prefix, from none to `G`.
fn scaled(value: f64) -> (f64, &'static str) {
    match value.abs() {
        v if v >= 1e9 => (value / 1e9, "G"),
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    }
}

/// Memory size: `784 KiB`, `1.5 MiB`.
#[must_use]
pub fn memory(bytes: Bytes) -> String {
    let value = real(bytes.0);
    if bytes.0 >= 1 << 20 {
        format!("{} MiB", short(value / real(1 << 20), 4))
    } else if bytes.0 >= 1 << 10 {
        format!("{} KiB", short(value / real(1 << 10), 4))
    } else {
        format!("{} B", bytes.0)
    }
}

/// Traffic: `8.3 MB`, `945 kB`.
#[must_use]
pub fn traffic(bytes: Bytes) -> String {
    let (value, prefix) = scaled(real(bytes.0));
    format!("{} {prefix}B", short(value, 3))
}

/// A span in seconds: `1.23 s`, `4.56 ms`, `78.9 us`.
#[must_use]
pub fn seconds(span: f64) -> String {
    if span >= 1.0 {
        format!("{} s", significant(span, 3))
    } else if span >= 1e-3 {
        format!("{} ms", significant(span * 1e3, 3))
    } else {
        format!("{} us", significant(span * 1e6, 3))
    }
}

/// A fraction as percent: `45.3 %`; more than nothing but less than 0.05 % is `<0.1 %`.
#[must_use]
pub fn percent(fraction: f64) -> String {
    if fraction > 0.0 && fraction < 0.0005 {
        "<0.1 %".to_owned()
    } else if fraction.is_finite() {
        format!("{:.1} %", fraction * 100.0)
    } else {
        "n/a".to_owned()
    }
}

/// A quotient: `1.71x`.
#[must_use]
pub fn times(ratio: f64) -> String {
    if ratio.is_finite() {
        format!("{ratio:.2}x")
    } else {
        "n/a".to_owned()
    }
}

/// A clock: `200 MHz`, `1 GHz`.
#[must_use]
pub fn clock(frequency: Hertz) -> String {
    let (value, prefix) = scaled(real(frequency.0.get()));
    format!("{} {prefix}Hz", short(value, 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::num::NonZeroU64;

    #[test]
    fn prefixes_keep_binary_and_decimal_apart() {
        assert_eq!(memory(Bytes(802_816)), "784 KiB");
        assert_eq!(memory(Bytes(3 << 19)), "1.5 MiB");
        assert_eq!(memory(Bytes(12)), "12 B");
        assert_eq!(traffic(Bytes(8_309_384)), "8.31 MB");
        assert_eq!(traffic(Bytes(945_000)), "945 kB");
        assert_eq!(
            clock(Hertz(NonZeroU64::new(200_000_000).unwrap())),
            "200 MHz"
        );
        assert_eq!(
            clock(Hertz(NonZeroU64::new(1_250_000_000).unwrap())),
            "1.25 GHz"
        );
    }

    #[test]
    fn small_and_large_numbers_keep_their_digits() {
        assert_eq!(significant(0.0123, 3), "0.0123");
        assert_eq!(significant(1234.6, 3), "1,235");
        assert_eq!(significant(12.34, 3), "12.3");
        assert_eq!(significant(0.0, 3), "0.00");
        assert_eq!(significant(f64::NAN, 3), "n/a");
        assert_eq!(seconds(0.00123), "1.23 ms");
        assert_eq!(seconds(2.5e-6), "2.50 us");
        assert_eq!(percent(0.4567), "45.7 %");
        assert_eq!(percent(0.0001), "<0.1 %");
        assert_eq!(percent(0.0), "0.0 %");
        assert_eq!(times(1.7132), "1.71x");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
        #[test]
        fn grouping_only_adds_commas(n in any::<u64>()) {
            prop_assert_eq!(grouped(n).replace(',', ""), n.to_string());
            prop_assert!(grouped(n).split(',').skip(1).all(|part| part.len() == 3));
        }
    }
}
