use super::*;
use crate::dump::owned::{Owned, all};

fn layout(words: Column, radix: Radix) -> Layout {
    Layout {
        header: matches!(words, Column::Name(_)),
        words,
        addresses: None,
        radix,
        bits: NonZeroU32::new(12).unwrap(),
    }
}

fn table(text: &str, layout: &Layout) -> (Vec<Owned>, String) {
    let (words, end) = all(|each| read(text.as_bytes(), Path::new("a.csv"), layout, each));
    (
        words,
        end.map_or_else(|e| e.to_string(), |()| String::new()),
    )
}

fn values(words: &[Owned]) -> Vec<(u64, u16)> {
    (words.iter())
        .map(|word| {
            (
                word.address.unwrap(),
                u16::from_le_bytes([word.value[0], word.value[1]]),
            )
        })
        .collect()
}

#[test]
fn a_column_is_found_by_name_or_number() {
    let text = "# made by a bench\ncycle, data\r\n\n0, 5\r\n1, -2\r\n2,4095";
    let (words, end) = table(
        text,
        &layout(Column::Name("data".to_owned()), Radix::Decimal),
    );
    assert_eq!(
        (end.as_str(), values(&words)),
        ("", vec![(0, 5), (1, 0xffe), (2, 4095)])
    );
    assert_eq!(words[1].place, Place::Text { line: 5, column: 3 });
    let text = "  a   7f \n\tb\t0x80\n";
    let (words, end) = table(
        &text.replace('\t', " "),
        &layout(Column::Number(2), Radix::Hexadecimal),
    );
    assert_eq!(
        (end.as_str(), values(&words)),
        ("", vec![(0, 0x7f), (1, 0x80)])
    );
}

#[test]
fn addresses_have_their_own_column() {
    let mut layout = layout(Column::Name("v".to_owned()), Radix::Hexadecimal);
    layout.addresses = Some(Column::Name("at".to_owned()));
    let (words, end) = table("v;at\n1;ff\nx2;10\n", &layout);
    assert_eq!(
        (end.as_str(), values(&words)),
        ("", vec![(0xff, 1), (0x10, 2)])
    );
    assert_eq!(words[1].unknown, [0xf0, 0]);
    let (_, end) = table("v;at\n1;xx\n", &layout);
    assert_eq!(end, "a.csv:2:3: the address has more than 64 bits");
}

#[test]
fn what_is_wrong_has_its_place() {
    let decimal = layout(Column::Number(2), Radix::Decimal);
    let hexadecimal = layout(Column::Number(1), Radix::Hexadecimal);
    let ends = [
        table("1,2\n3\n", &decimal).1,
        table("1,2\n3,4.5\n", &decimal).1,
        table("1,4096\n", &decimal).1,
        table("1,-2049\n", &decimal).1,
        table("1000\n", &hexadecimal).1,
        table("0x\n", &hexadecimal).1,
        table(
            "a,b\n1,2\n",
            &layout(Column::Name("c".to_owned()), Radix::Decimal),
        )
        .1,
        table(&"1".repeat(LONGEST + 1), &decimal).1,
    ];
    insta::assert_snapshot!(ends.join("\n"), @r"
a.csv:2:1: there is no column 2: the line is `3`
a.csv:2:3: `4.5` is no decimal number
a.csv:1:3: `4096` has more than the 12 bits of a word
a.csv:1:3: `-2049` has more than the 12 bits of a word
a.csv:1:1: `1000` has more than the 12 bits of a word
a.csv:1:1: `0x` is no hexadecimal number
a.csv:1:1: there is no column `c`: the line is `a,b`
a.csv:1:1: the line has more than 65536 bytes
");
    assert_eq!(table("", &decimal), (Vec::new(), String::new()));
}

#[test]
fn a_table_longer_than_the_window_is_read_whole() {
    let text: String = (0..100_000)
        .map(|n| format!("{n} {}\n", n % 4096))
        .collect();
    let (words, end) = table(&text, &layout(Column::Number(2), Radix::Decimal));
    assert_eq!((end.as_str(), words.len()), ("", 100_000));
    assert!(
        values(&words)
            .iter()
            .all(|&(at, value)| at % 4096 == u64::from(value))
    );
}
