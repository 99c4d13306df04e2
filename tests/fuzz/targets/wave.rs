//! VCD and FST: beats or an error, whatever the decoder behind meets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repchip::dump::DumpError;
use repchip::dump::wave::{Edge, Handshake, Reset, Wave};
use repchip_fuzz::file;

fuzz_target!(|data: &[u8]| {
    let path = file("dump.wave", data);
    let handshake = Handshake {
        clock: "clk".to_owned(),
        edge: Edge::Rising,
        reset: Some(Reset {
            signal: "rst".to_owned(),
            active_low: false,
        }),
        valid: "valid".to_owned(),
        ready: Some("ready".to_owned()),
        data: "data".to_owned(),
        address: None,
    };
    if let Ok(mut wave) = Wave::open(&path) {
        let _ = wave.beats::<DumpError>(&handshake, |_| Ok(()));
    }
});
