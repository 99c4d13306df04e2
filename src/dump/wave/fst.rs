//! What the blocks of an FST promise, held against the file's length before a decoder takes memory for it.
//!
//! A block is its kind in one byte, its length in eight, which count themselves, and its contents; numbers are big
//! endian or of seven bits a byte, lowest first. Source of the layout: GTKWave, `fstapi.c`.

use super::super::Fault;
use std::io::{Read, Seek, SeekFrom};

/// The most bytes that a compressed one stands for: deflate's limit, above that of LZ4.
const EXPANSION: u64 = 1032;

/// Checks every block.
///
/// # Errors
/// A block that leaves the file or promises more than its bytes can hold, a file wrapped in gzip, and one that cannot be
/// read.
pub(super) fn check<R: Read + Seek>(source: &mut R) -> Result<(), Fault> {
    let end = source.seek(SeekFrom::End(0))?;
    let mut start = 0;
    while end - start > 9 {
        source.seek(SeekFrom::Start(start))?;
        let kind = byte(source)?;
        let length = number(source)?;
        let block = Block {
            first: start + 1,
            length,
            most: length.min(end).saturating_mul(EXPANSION),
        };
        // A dump that was not finished ends in a block to skip without a length.
        if kind == 255 && length == 0 {
            break;
        }
        let behind = end - start - 1;
        if length < 8 || length > behind {
            let text = format!("a block of {length} bytes stands where the file has {behind}");
            return Err(Fault::Wave(text));
        }
        match kind {
            1 | 5 | 8 => block.values(source)?,
            2 => block.holds("blackouts", varint(source)?)?,
            3 => block.geometry(source)?,
            4 | 6 => block.holds("names", number(source)?)?,
            7 => block.twice(source)?,
            254 => {
                let text =
                    "it is wrapped in gzip: unwrap it first (`zcat` of all but its first 17 bytes)";
                return Err(Fault::Wave(text.to_owned()));
            }
            _ => {}
        }
        start += 1 + length;
    }
    source.rewind()?;
    Ok(())
}

/// One block whose kind and length are read.
struct Block {
    /// Place of its length.
    first: u64,
    length: u64,
    /// Bytes that its contents can stand for.
    most: u64,
}

impl Block {
    fn holds(&self, what: &str, promised: u64) -> Result<(), Fault> {
        if promised <= self.most {
            return Ok(());
        }
        let length = self.length;
        Err(promise(
            &format!("a block of {length} bytes"),
            &format!("{promised} bytes or entries of {what}"),
        ))
    }

    /// Initial values, then changes, and at the end the table of times.
    fn values<R: Read + Seek>(&self, source: &mut R) -> Result<(), Fault> {
        source.seek(SeekFrom::Current(24))?;
        self.holds("initial values", varint(source)?)?;
        let compressed = varint(source)?;
        self.holds("initial values", compressed)?;
        self.holds("signals", varint(source)?)?;
        source.seek(SeekFrom::Current(i64::try_from(compressed).unwrap_or(0)))?;
        self.holds("signals", varint(source)?)?;
        let Some(tail) = (self.first + self.length).checked_sub(24) else {
            return Err(promise(
                "a block of values",
                "times that it has no room for",
            ));
        };
        source.seek(SeekFrom::Start(tail))?;
        let (bytes, _, times) = (number(source)?, number(source)?, number(source)?);
        self.holds("times", bytes)?;
        if times > bytes {
            return Err(promise(
                &format!("a table of {bytes} bytes"),
                &format!("{times} times"),
            ));
        }
        Ok(())
    }

    fn geometry<R: Read>(&self, source: &mut R) -> Result<(), Fault> {
        let (bytes, signals) = (number(source)?, number(source)?);
        self.holds("signals", bytes)?;
        if signals > bytes {
            return Err(promise(
                &format!("a table of {bytes} bytes"),
                &format!("{signals} signals"),
            ));
        }
        Ok(())
    }

    /// Names that are compressed twice.
    fn twice<R: Read>(&self, source: &mut R) -> Result<(), Fault> {
        let names = number(source)?;
        let once = varint(source)?;
        self.holds("names", once)?;
        if names > once.saturating_mul(EXPANSION) {
            return Err(promise(
                &format!("{once} bytes of names"),
                &format!("{names} bytes"),
            ));
        }
        Ok(())
    }
}

fn promise(what: &str, promised: &str) -> Fault {
    Fault::Wave(format!("{what} promises {promised}"))
}

fn byte<R: Read>(source: &mut R) -> Result<u8, Fault> {
    let mut byte = [0];
    source.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn number<R: Read>(source: &mut R) -> Result<u64, Fault> {
    let mut bytes = [0; 8];
    source.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn varint<R: Read>(source: &mut R) -> Result<u64, Fault> {
    let mut value = 0_u64;
    for place in 0..10 {
        let byte = byte(source)?;
        let digit = u64::from(byte & 0x7f);
        value |= digit.checked_shl(7 * place).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Fault::Wave("a number has more than 64 bits".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn block(kind: u8, contents: &[u8]) -> Vec<u8> {
        let length = u64::try_from(contents.len() + 8).unwrap();
        [&[kind][..], &length.to_be_bytes(), contents].concat()
    }

    fn numbers(list: &[u64]) -> Vec<u8> {
        list.iter().flat_map(|n| n.to_be_bytes()).collect()
    }

    fn told(file: &[u8]) -> String {
        match check(&mut Cursor::new(file)) {
            Ok(()) => String::new(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn a_promise_beyond_the_bytes_of_a_block_is_told() {
        let values = |tail: &[u64]| {
            let contents = [numbers(&[0, 9, 0]), vec![0, 0, 1, 1, b'4'], numbers(tail)].concat();
            block(8, &contents)
        };
        assert_eq!(told(&values(&[3, 3, 3])), "");
        assert!(told(&values(&[3, 3, 4])).contains("a table of 3 bytes promises 4 times"));
        assert!(
            told(&values(&[1 << 54, 3, 3])).contains("18014398509481984 bytes or entries of times")
        );
        assert!(told(&block(3, &numbers(&[8, 1 << 50]))).contains("1125899906842624 signals"));
        assert!(told(&block(4, &numbers(&[1 << 40]))).contains("of names"));
        let twice = [numbers(&[1 << 40]), vec![4]].concat();
        assert!(told(&block(7, &twice)).contains("4 bytes of names promises 1099511627776 bytes"));
        assert!(told(&block(254, &[0; 16])).contains("wrapped in gzip"));
    }

    #[test]
    fn blocks_that_say_nothing_of_sizes_pass_and_none_leaves_the_file() {
        let skip = block(255, &[7; 40]);
        assert_eq!(told(&skip), "");
        assert_eq!(told(&[]), "");
        assert_eq!(told(&[255, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "");
        assert!(told(&skip[..20]).contains("a block of 48 bytes stands where the file has 19"));
        // A decoder that adds such a length would go back, and for ever on.
        assert!(told(&[255; 12]).contains("a block of 18446744073709551615 bytes"));
        let mut cut = block(8, &[0; 60]);
        cut.truncate(40);
        assert!(told(&cut).contains("a block of 68 bytes stands where the file has 39"));
    }
}
