//! Studies, chips and dump descriptions: a valid one or problems that name a place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repchip::chip::Chip;
use repchip::layout::Description;
use repchip::network::builtin;
use repchip::study::Study;
use repchip_fuzz::file;

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let path = file("file.toml", text);
    let problems = match choice % 3 {
        0 => Chip::read(&path).err(),
        1 => Study::read(&path, &builtin::names()).err(),
        _ => Description::read(&path).err(),
    };
    if let Some(problems) = problems {
        assert!(problems.0.iter().all(|problem| !problem.help.is_empty()));
    }
});
