//! What a feature's number is measured in, and how it reads in a sentence.

/// The unit of a model feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// US dollars.
    Usd,
    /// A whole number of things.
    Count,
    /// Between 0 and 1.
    Share,
    /// A quotient without bounds.
    Ratio,
    /// 1 yes, 0 no.
    Flag,
    /// UTC days.
    Days,
    /// Hours.
    Hours,
    /// Bits of entropy.
    Bits,
    /// A code of an ordered vocabulary.
    Level,
    /// A number that only compares with others of its kind.
    Score,
}

impl Unit {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Usd => "USD",
            Unit::Count => "count",
            Unit::Share => "share 0-1",
            Unit::Ratio => "ratio",
            Unit::Flag => "yes/no",
            Unit::Days => "days",
            Unit::Hours => "hours",
            Unit::Bits => "bits",
            Unit::Level => "level",
            Unit::Score => "score",
        }
    }

    /// A value as a person writes it: `48,200 USD`, `12.5 %`, `yes`.
    pub fn format(self, value: f64) -> String {
        if value.is_nan() {
            return "absent".to_owned();
        }
        match self {
            Unit::Usd => format!("{} USD", grouped(value)),
            Unit::Count | Unit::Level => grouped(value),
            Unit::Share => format!("{} %", decimal(100.0 * value)),
            Unit::Ratio | Unit::Score => decimal(value),
            Unit::Flag if value == 0.0 => "no".to_owned(),
            Unit::Flag => "yes".to_owned(),
            Unit::Days => format!("{} days", decimal(value)),
            Unit::Hours => format!("{} hours", decimal(value)),
            Unit::Bits => format!("{} bits", decimal(value)),
        }
    }
}

/// Whole with thousands separators from 1,000 up, plain below.
fn grouped(value: f64) -> String {
    let rounded = value.round();
    if rounded.abs() < 1000.0 || rounded.abs() >= 1e15 {
        return decimal(value);
    }
    let digits = format!("{:.0}", rounded.abs());
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if rounded < 0.0 {
        text.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three decimals below 10, one below 1,000, none above; no trailing zeros; scientific where that would show 0.
fn decimal(value: f64) -> String {
    let magnitude = value.abs();
    if value != 0.0 && !(0.001..1e15).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let text = match magnitude {
        m if m < 10.0 => format!("{value:.3}"),
        m if m < 1000.0 => format!("{value:.1}"),
        _ => return format!("{value:.0}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(Unit::Usd.format(48_200.4), "48,200 USD");
        assert_eq!(Unit::Usd.format(-1_234_567.0), "-1,234,567 USD");
        assert_eq!(Unit::Usd.format(12.5), "12.5 USD");
        assert_eq!(Unit::Share.format(0.975), "97.5 %");
        assert_eq!(Unit::Flag.format(1.0), "yes");
        assert_eq!(Unit::Count.format(3.0), "3");
        assert_eq!(Unit::Score.format(0.000_012), "1.20e-5");
        assert_eq!(Unit::Score.format(0.0), "0");
        assert_eq!(Unit::Days.format(f64::NAN), "absent");
        assert_eq!(Unit::Score.format(f64::INFINITY), "inf");
    }
}
