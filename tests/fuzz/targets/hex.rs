//! `$readmemh` text of words of 1 to 256 bits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repchip::dump::{DumpError, hex};
use std::num::NonZeroU32;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let Some((width, text)) = data.split_first() else {
        return;
    };
    let bits = NonZeroU32::new(u32::from(*width) + 1).expect("one more than a byte");
    let file = Path::new("dump.hex");
    let whole = hex::read::<_, DumpError>(text, file, bits, |word| {
        assert!(word.value.len() <= 32 && word.bits == bits.get());
        Ok(())
    });
    if let Err(error) = whole {
        assert!(!error.to_string().is_empty());
    }
});
