use super::*;
use crate::dump::owned::{Owned, all};
use proptest::prelude::*;

fn width(bits: u32) -> NonZeroU32 {
    NonZeroU32::new(bits).unwrap()
}

fn text(text: &str, bits: u32) -> (Vec<Owned>, String) {
    bytes(text.as_bytes(), bits)
}

fn bytes(bytes: &[u8], bits: u32) -> (Vec<Owned>, String) {
    let (words, end) = all(|each| read(bytes, Path::new("a.hex"), width(bits), each));
    (
        words,
        end.map_or_else(|e| e.to_string(), |()| String::new()),
    )
}

/// Address and value of each word, whose bits are all known.
fn known(source: &str, bits: u32) -> Vec<(u64, u64)> {
    let (words, end) = text(source, bits);
    assert_eq!(end, "");
    (words.iter())
        .map(|word| {
            assert!(word.unknown.is_empty());
            let mut value = word.value.clone();
            value.resize(8, 0);
            (
                word.address.unwrap(),
                u64::from_le_bytes(value.try_into().unwrap()),
            )
        })
        .collect()
}

#[test]
fn words_stand_between_white_space_and_comments() {
    assert_eq!(known("", 8), []);
    assert_eq!(known(" \r\n\t", 8), []);
    assert_eq!(known("0f", 8), [(0, 15)]);
    assert_eq!(known("0f\r\nF0\r\n", 8), [(0, 15), (1, 240)]);
    let commented = "// 0x00000000\n1/* @5 ** 2 \n */2//3\n4_5 // end";
    assert_eq!(known(commented, 8), [(0, 1), (1, 2), (2, 0x45)]);
    assert_eq!(known("/**/1/***/", 8), [(0, 1)]);
    assert_eq!(known("00000000000000000002a\n", 6), [(0, 42)]);
    assert_eq!(known("ffffffffffffffff\n1\n", 64), [(0, u64::MAX), (1, 1)]);
}

#[test]
fn addresses_jump_anywhere() {
    assert_eq!(
        known("1 @10 2 3 @0 4", 8),
        [(0, 1), (16, 2), (17, 3), (0, 4)]
    );
    assert_eq!(known("@ffff_ffff_ffff_ffff 1", 8), [(u64::MAX, 1)]);
    let ends = [
        text("@ffffffffffffffff 1 2", 8).1,
        text("@10000000000000000 1", 8).1,
        text("@ 10", 8).1,
        text("@1x 10", 8).1,
    ];
    insta::assert_snapshot!(ends.join("\n"), @r"
a.hex:1:21: the address has more than 64 bits
a.hex:1:1: the address has more than 64 bits
a.hex:1:1: `@` needs an address in hexadecimal digits behind it, all known
a.hex:1:1: `@` needs an address in hexadecimal digits behind it, all known
");
}

#[test]
fn unknown_digits_are_told_bit_by_bit() {
    let (words, end) = text("x1 1z xx 0xx", 7);
    assert_eq!(end, "");
    let bits: Vec<_> = words.iter().map(|w| (w.value[0], w.unknown[0])).collect();
    assert_eq!(bits, [(0x01, 0x70), (0x10, 0x0f), (0, 0x7f), (0, 0x7f)]);
}

#[test]
fn wide_words_are_bytes_from_the_lowest() {
    let (words, end) = text("0123456789abcdef_fedcba98\n1x\n", 100);
    assert_eq!(end, "");
    assert_eq!(
        words[0].value,
        [
            0x98, 0xba, 0xdc, 0xfe, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0
        ]
    );
    assert_eq!((words[1].value[0], words[1].unknown[0]), (0x10, 0x0f));
    assert_eq!(words[1].place, Place::Text { line: 2, column: 1 });
}

#[test]
fn what_is_wrong_has_its_place() {
    let ends = [
        text("00\n  1g\n", 8).1,
        text("00\n 100\n", 8).1,
        text("3f 40", 6).1,
        text("3f 0_0_8_0", 7).1,
        text("xxx", 8).1,
        text("1 /* 2\n3 *", 8).1,
        text("1 / 2", 8).1,
        text("__ 1", 8).1,
        text("12\0", 8).1,
        bytes(b"12 \xc3\xa4", 8).1,
        text(&format!("0{}", "1".repeat(100)), 128).1,
    ];
    insta::assert_snapshot!(ends.join("\n"), @r"
a.hex:2:4: `g` is no hexadecimal digit, x or z, comment or address
a.hex:2:2: `100` has more than the 8 bits of a word
a.hex:1:4: `40` has more than the 6 bits of a word
a.hex:1:4: `80` has more than the 7 bits of a word
a.hex:1:1: `xxx` has more than the 8 bits of a word
a.hex:1:3: the comment that begins here does not end
a.hex:1:3: `/` is no hexadecimal digit, x or z, comment or address
a.hex:1:1: a number without a digit
a.hex:1:3: `\x00` is no hexadecimal digit, x or z, comment or address
a.hex:1:4: `\xc3` is no hexadecimal digit, x or z, comment or address
a.hex:1:1: `11111111111111111111111111111111...` has more than the 128 bits of a word
");
}

#[test]
fn the_caller_stops_the_reading() {
    let mut left = 2;
    let end = read(&b"1 2 3 4"[..], Path::new("a.hex"), width(8), |word| {
        left -= 1;
        let stop = Fault::Wave(format!("at {:?}", word.number()));
        if left > 0 {
            Ok(())
        } else {
            Err(DumpError::new(Path::new("b"), word.place, stop))
        }
    });
    assert!(end.unwrap_err().to_string().contains("Some(2)"));
}

/// Gives a text in pieces of `size` bytes.
struct Pieces<'t>(&'t [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.1.min(buffer.len());
        self.0.read(&mut buffer[..size])
    }
}

/// A word as text and as the reader should give it: digits from the highest, 16 is unknown.
fn written(digits: &[u8], bits: u32) -> (String, Vec<u8>, Vec<u8>) {
    let mut text = String::new();
    let mut value = vec![0; bytes_of(bits)];
    let mut unknown = vec![0; bytes_of(bits)];
    for (place, &digit) in digits.iter().rev().enumerate() {
        let shift = place % 2 * 4;
        if digit > 15 {
            unknown[place / 2] |= 15 << shift;
        } else {
            value[place / 2] |= digit << shift;
        }
    }
    for &digit in digits {
        text.push(char::from_digit(digit.into(), 16).unwrap_or('x'));
    }
    if unknown.iter().all(|&byte| byte == 0) {
        unknown.clear();
    }
    (text, value, unknown)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]
    #[test]
    fn what_is_written_reads_back(
        nibbles in 1_usize..40,
        rows in prop::collection::vec((prop::collection::vec(0_u8..17, 40), any::<u32>()), 0..60),
        piece in 1_usize..50,
    ) {
        let bits = u32::try_from(nibbles).unwrap() * 4;
        let between = [" ", "\n", "\r\n", " // note 12\n", "\t/* @1\n*/ ", "\n@40 "];
        let (mut text, mut wanted, mut address) = (String::new(), Vec::new(), 0);
        for (digits, choice) in &rows {
            let digits: Vec<u8> = digits[..nibbles].iter()
                .map(|&d| if choice % 3 > 0 { d.min(15) } else { d }).collect();
            let (word, value, unknown) = written(&digits, bits);
            text.push_str(&word);
            wanted.push((address, value, unknown));
            let between = between[*choice as usize % between.len()];
            text.push_str(between);
            address = if between.contains('@') && !between.contains('/') { 0x40 } else { address + 1 };
        }
        let (words, end) = all(|each| read(Pieces(text.as_bytes(), piece), Path::new("a.hex"), width(bits), each));
        prop_assert!(end.is_ok(), "{text}: {end:?}");
        let found: Vec<_> = words.into_iter().map(|w| (w.address.unwrap(), w.value, w.unknown)).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn any_bytes_give_words_or_a_place(junk in prop::collection::vec(prop::sample::select(b"01fxz_@/* \n\rg\0".to_vec()), 0..60), bits in 1_u32..80) {
        let (_, end) = bytes(&junk, bits);
        prop_assert!(end.is_empty() || end.starts_with("a.hex:"));
    }
}

/// Packed runs and single words give what words alone give, with the same places.
#[test]
fn packed_runs_are_the_same_words() {
    let mut text = String::from("// head\n0a 0b\n\n ff /* x */ 1_0 0x z0\n@20 01\n02\r\n");
    for word in 0..200_000_u32 {
        text += &format!(
            "{:02x}{}",
            word & 0xff,
            if word % 7 == 0 { "\n" } else { " " }
        );
    }
    text += "3";
    let bits = NonZeroU32::new(8).unwrap();
    let (words, end) = all(|each| read(text.as_bytes(), Path::new("a.hex"), bits, each));
    end.unwrap();
    for limit in [u64::MAX, 0, 34, 50_000] {
        let mut at = 0;
        let each = |piece: Piece<'_>| {
            match piece {
                Piece::Word(word) => {
                    assert_eq!(words[at], word.into());
                    at += 1;
                }
                Piece::Run {
                    first,
                    bytes,
                    place,
                } => {
                    assert_eq!((words[at].address, words[at].place), (Some(first), place));
                    for byte in bytes {
                        assert!(words[at].address.unwrap() < limit);
                        assert_eq!(
                            (&words[at].value[..], words[at].unknown.is_empty()),
                            (&[*byte][..], true)
                        );
                        at += 1;
                    }
                }
            }
            Ok::<(), DumpError>(())
        };
        pieces(text.as_bytes(), Path::new("a.hex"), bits, limit, each).unwrap();
        assert_eq!(at, words.len());
    }
}
