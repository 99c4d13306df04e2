//! Arrays of NumPy: as many elements as the shape says, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repchip::dump::{DumpError, npy};
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let file = Path::new("dump.npy");
    let Ok(array) = npy::Array::open(data, file) else {
        return;
    };
    let wanted = array.header().elements;
    let mut found = 0_u64;
    let read = array.read::<DumpError>(|_| {
        found += 1;
        Ok(())
    });
    assert!(read.is_err() || found == wanted);
});
