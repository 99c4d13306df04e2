//! Tables of text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repchip::dump::{DumpError, columns};
use std::num::NonZeroU32;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, text)) = data.split_first() else {
        return;
    };
    let column = |name: &str, number: usize| match choice & 1 {
        0 => columns::Column::Number(number),
        _ => columns::Column::Name(name.to_owned()),
    };
    let layout = columns::Layout {
        header: choice & 2 != 0,
        words: column("word", 1),
        addresses: (choice & 4 != 0).then(|| column("address", 2)),
        radix: match choice & 8 {
            0 => columns::Radix::Decimal,
            _ => columns::Radix::Hexadecimal,
        },
        bits: NonZeroU32::new(u32::from(choice >> 4) * 5 + 1).expect("at least 1"),
    };
    let _ = columns::read::<_, DumpError>(text, Path::new("dump.txt"), &layout, |_| Ok(()));
});
