//! Parquet's hybrid of run lengths and bit packing: definition and repetition levels, dictionary indices, booleans.

/// Decodes exactly `count` numbers of `width` bits.
///
/// A run of no length is refused, so the work is bounded by the bytes and by `count`.
pub(super) fn hybrid(mut bytes: &[u8], width: u32, count: usize) -> Result<Vec<u32>, String> {
    if width > 32 {
        return Err(format!("numbers of {width} bits"));
    }
    let mut numbers = Vec::with_capacity(count);
    while numbers.len() < count {
        let left = count - numbers.len();
        let header = uleb128(&mut bytes)?;
        let length = usize::try_from(header >> 1).map_err(|_| "a run too long")?;
        if length == 0 {
            return Err("a run of no length".into());
        }
        if header & 1 == 1 {
            let (taken, packed) = (length.saturating_mul(8).min(left), length.saturating_mul(width as usize));
            let part = &bytes[..packed.min(bytes.len())];
            if part.len() * 8 < taken * width as usize {
                return Err("the levels or indices end early".into());
            }
            unpack(part, width, taken, &mut numbers);
            bytes = &bytes[part.len()..];
        } else {
            let (value, rest) =
                bytes.split_at_checked(width.div_ceil(8) as usize).ok_or("a run ends early")?;
            let value = value.iter().rev().fold(0, |value, &byte| (value << 8) | u32::from(byte));
            numbers.resize(numbers.len() + length.min(left), value);
            bytes = rest;
        }
    }
    Ok(numbers)
}

fn uleb128(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or("the levels or indices end early")?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a run too long".into())
}

/// Least significant bit first.
fn unpack(bytes: &[u8], width: u32, count: usize, out: &mut Vec<u32>) {
    let mask = if width == 32 { u64::from(u32::MAX) } else { (1 << width) - 1 };
    let (mut window, mut held) = (0u64, 0u32);
    let mut bytes = bytes.iter();
    for _ in 0..count {
        while held < width {
            window |= u64::from(*bytes.next().expect("the caller counted the bytes")) << held;
            held += 8;
        }
        out.push((window & mask) as u32);
        window >>= width;
        held -= width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_example_of_the_format() {
        // the numbers 0 to 7 in 3 bits each, packed, then a run of five 4s
        let bytes = [3, 0b1000_1000, 0b1100_0110, 0b1111_1010, 10, 4];
        assert_eq!(hybrid(&bytes, 3, 13), Ok(vec![0, 1, 2, 3, 4, 5, 6, 7, 4, 4, 4, 4, 4]));
        assert!(hybrid(&bytes, 3, 14).is_err());
        assert_eq!(hybrid(&[0, 0], 1, 1), Err("a run of no length".into()));
        assert_eq!(hybrid(&[], 1, 0), Ok(vec![]));
    }
}
