//! Files for `$readmemh` and from `$writememh`, word by word: a file of any size is read a line at a time.

use super::dumps::unreadable;
use crate::problem::Problem;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Gives each word of `bits` bits with its address to `take`, `None` where a bit of it is `x` or `z`.
///
/// `//` and `/* */` are comments, `@addr` moves the address, `_` parts digits. `take` says whether there is such an
/// address.
///
/// # Errors
/// `verify::unreadable`, `verify::word`, and `verify::beyond` where `take` refuses an address.
pub(super) fn words(
    path: &Path,
    bits: u32,
    take: &mut dyn FnMut(u64, Option<u64>) -> bool,
) -> Result<(), Problem> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    read(path, BufReader::new(file), bits, take)
}

fn read(
    path: &Path,
    mut from: impl BufRead,
    bits: u32,
    take: &mut dyn FnMut(u64, Option<u64>) -> bool,
) -> Result<(), Problem> {
    let (mut line, mut number, mut inside, mut at) = (Vec::new(), 0, false, 0_u64);
    loop {
        line.clear();
        let read = from.read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(path, &error))? == 0 {
            return Ok(());
        }
        number += 1;
        let text = uncommented(&line, &mut inside);
        for token in text.split_whitespace() {
            let refused = |cause: &str| bad(path, number, token, cause);
            if let Some(address) = token.strip_prefix('@') {
                let address = u64::from_str_radix(&address.replace('_', ""), 16);
                at = address.map_err(|_| refused("no hexadecimal address"))?;
                continue;
            }
            let word = word(token, bits)
                .ok_or_else(|| refused(&format!("no hexadecimal number of {bits} bits")))?;
            if !take(at, word) {
                return Err(beyond(path, number, at));
            }
            at = (at.checked_add(1)).ok_or_else(|| beyond(path, number, at))?;
        }
    }
}

/// The line without its comments; `inside` tells whether it begins, and then ends, within one.
fn uncommented(line: &[u8], inside: &mut bool) -> String {
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        if *inside {
            if rest.starts_with(b"*/") {
                *inside = false;
                rest = &rest[2..];
                kept.push(b' ');
            } else {
                rest = after;
            }
        } else if rest.starts_with(b"//") {
            break;
        } else if rest.starts_with(b"/*") {
            *inside = true;
            rest = &rest[2..];
        } else {
            kept.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The number that a token is: `Some(None)` when a bit of it is unknown, `None` when it is none of `bits` bits.
fn word(token: &str, bits: u32) -> Option<Option<u64>> {
    let digits = token.replace('_', "");
    let unknown = |c: char| matches!(c, 'x' | 'X' | 'z' | 'Z');
    if digits.contains(unknown) {
        let good = digits.chars().all(|c| unknown(c) || c.is_ascii_hexdigit());
        return good.then_some(None);
    }
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let value = u64::from_str_radix(&digits, 16).ok()?;
    (bits >= 64 || value >> bits == 0).then_some(Some(value))
}

fn bad(path: &Path, line: usize, token: &str, cause: &str) -> Problem {
    let message = format!("`{}`, line {line}: `{token}` is {cause}", path.display());
    let help = "write one word an element, as `$readmemh` takes it, in the width of the element";
    Problem::new("verify::word", message, help)
}

fn beyond(path: &Path, line: usize, at: u64) -> Problem {
    let message = format!(
        "`{}`, line {line}: there is no word {at} in what the model expects",
        path.display()
    );
    let help = "give the dump of this network on this chip, with `--network` and `--chip`";
    Problem::new("verify::beyond", message, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(u64, Option<u64>)>, String> {
        let mut found = Vec::new();
        let mut take = |at, word| {
            found.push((at, word));
            at < 100
        };
        let read = read(Path::new("a.hex"), text.as_bytes(), 8, &mut take);
        read.map_err(|problem| problem.message).map(|()| found)
    }

    #[test]
    fn comments_addresses_and_unknown_digits() {
        let text = "// one\n0f /* two\n 11 */ 1_0 xF\n@a zz // end\n0/**/1\n";
        let want = [
            (0, Some(15)),
            (1, Some(16)),
            (2, None),
            (10, None),
            (11, Some(0)),
            (12, Some(1)),
        ];
        assert_eq!(all(text).unwrap(), want);
    }

    #[test]
    fn what_is_no_word_is_told_with_its_line() {
        for (text, words) in [
            (
                "00\n100\n",
                "line 2: `100` is no hexadecimal number of 8 bits",
            ),
            ("0g", "line 1: `0g`"),
            ("+1", "line 1: `+1`"),
            ("_", "line 1: `_`"),
            ("xg", "line 1: `xg`"),
            ("@q 00", "`@q` is no hexadecimal address"),
            ("\n\n@ff 00", "line 3: there is no word 255"),
        ] {
            let told = all(text).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }
}
