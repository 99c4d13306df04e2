use super::*;
use crate::dump::owned::{Owned, all};

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dump");
    folder.join(name)
}

fn handshake() -> Handshake {
    Handshake {
        clock: "bench.clk".to_owned(),
        edge: Edge::Rising,
        reset: Some(Reset {
            signal: "rst_n".to_owned(),
            active_low: true,
        }),
        valid: "dut.valid".to_owned(),
        ready: Some("ready".to_owned()),
        data: "dut.data".to_owned(),
        address: None,
    }
}

fn beats(file: &Path, handshake: &Handshake) -> (Vec<Owned>, String) {
    let (words, end) = all(|each| Wave::open(file)?.beats(handshake, each));
    let end = end.map_or_else(
        |error| format!("{:?} {}: {}", error.place, error.fault, error.help()),
        |()| String::new(),
    );
    (words, end)
}

/// The beats of a VCD with clock, valid and one byte of data, and these changes.
fn made(changes: &str, handshake: &Handshake) -> (Vec<Owned>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcd");
    let head = "$timescale 1ns $end\n$scope module t $end\n$var wire 1 c clk $end\n$var wire 1 v valid $end\n\
        $var wire 8 d data $end\n$var wire 1 r ready $end\n$upscope $end\n$enddefinitions $end\n";
    std::fs::write(&file, format!("{head}{changes}")).unwrap();
    beats(&file, handshake)
}

/// Without reset and ready.
fn bare() -> Handshake {
    Handshake {
        clock: "clk".to_owned(),
        valid: "valid".to_owned(),
        data: "data".to_owned(),
        reset: None,
        ready: None,
        ..handshake()
    }
}

fn told(words: &[Owned]) -> String {
    let mut text = String::new();
    for word in words {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().rev().map(|b| format!("{b:02x}")).collect() };
        let line = format!("{} {} {}", word.place, hex(&word.value), hex(&word.unknown));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[test]
fn beats_of_vcd_and_fst_are_the_same() {
    let (vcd, end) = beats(&golden("beats.vcd"), &handshake());
    assert_eq!(end, "");
    insta::assert_snapshot!(told(&vcd), @r"
: time 35000, cycle 3 000123456789abcda0
: time 45000, cycle 4 010123456789abcda1
: time 65000, cycle 6 020123456789abcda2
: time 95000, cycle 9 040123456789abcda4
: time 105000, cycle 10 050123456789abcd00 0000000000000000ff
: time 115000, cycle 11 060123456789abcda6
: time 145000, cycle 14 080123456789abcda8
: time 155000, cycle 15 090123456789abcda9
: time 175000, cycle 17 0a0123456789abcdaa
: time 205000, cycle 20 0c0123456789abcdac
: time 215000, cycle 21 0d0123456789abcdad
");
    assert_eq!(beats(&golden("beats.fst"), &handshake()), (vcd, end));
}

#[test]
fn data_that_changes_with_the_clock_comes_too_late() {
    let changes =
        "#0\n0c\n1v\nb1 d\n#5\n1c\nb10 d\n#10\n0c\n0v\n#15\nb11 d\n1v\n1c\n#20\n0c\n#25\n1c\n";
    let (words, end) = made(changes, &bare());
    assert_eq!(
        (end.as_str(), told(&words).as_str()),
        ("", ": time 5, cycle 0 01\n: time 25, cycle 2 03\n")
    );
    let falling = Handshake {
        edge: Edge::Falling,
        ..bare()
    };
    let (words, _) = made(changes, &falling);
    assert_eq!(
        told(&words),
        ": time 10, cycle 0 02\n: time 20, cycle 1 03\n"
    );
}

#[test]
fn an_edge_from_unknown_is_none_and_a_glitch_within_an_instant_too() {
    let changes = "#0\nxc\n1v\nb1 d\n#5\n1c\n#10\n0c\n#12\n1c\n0c\n#15\n1c";
    let (words, end) = made(changes, &bare());
    assert_eq!(
        (end.as_str(), told(&words).as_str()),
        ("", ": time 15, cycle 0 01\n")
    );
}

#[test]
fn an_unknown_handshake_is_refused_once_it_has_been_known() {
    let before = "#0\n0c\nxv\nb1 d\n#5\n1c\n#6\n1v\n0c\n#10\n1c\n";
    let (words, end) = made(before, &bare());
    assert_eq!((end.as_str(), words.len()), ("", 1));
    let (words, end) = made(&format!("{before}#11\nxv\n0c\n#15\n1c\n"), &bare());
    assert_eq!(words.len(), 1);
    insta::assert_snapshot!(end, @"Edge { time: 15, cycle: 2 } `valid` is neither 0 nor 1: declare the reset signal, or the edge at which the design samples");
}

#[test]
fn signals_are_found_by_the_end_of_their_names() {
    let file = golden("beats.vcd");
    let of = |change: fn(&mut Handshake)| {
        let mut handshake = handshake();
        change(&mut handshake);
        beats(&file, &handshake).1
    };
    assert_eq!(of(|h| h.data = "bench.data".to_owned()), "");
    let ends = [
        of(|h| h.data = "data".to_owned()),
        of(|h| h.valid = "dut.vald".to_owned()),
        of(|h| h.valid = "alid".to_owned()),
        of(|h| h.ready = Some("count".to_owned())),
        of(|h| h.data = "level".to_owned()),
    ];
    insta::assert_snapshot!(ends.join("\n"), @r"
File `data` names 2 signals: `bench.data`, `bench.dut.data`: put the names of enclosing scopes in front, with dots
File there is no signal `dut.vald`; the nearest are `bench.dut.valid`, `bench.dut.ready`, `bench.dut.clk`, `bench.dut.data`, `bench.valid`: give the end of a full name, as `dut.out_valid`
File there is no signal `alid`; the nearest are `bench.valid`, `bench.dut.valid`, `bench.clk`, `bench.dut.clk`, `bench.data`: give the end of a full name, as `dut.out_valid`
File signal `count` is 6 bits wide, not one bit: name another signal for this role
File signal `bench.level` is Real, not bits: name another signal for this role
");
}

#[test]
fn what_is_no_waveform_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vcd");
    assert!(beats(&file, &handshake()).1.contains("cannot be read"));
    let whole = std::fs::read(golden("beats.vcd")).unwrap();
    let fst = std::fs::read(golden("beats.fst")).unwrap();
    for bytes in [
        &b""[..],
        b"\x00\x01\x02",
        b"hello",
        &whole[..300],
        &fst[..500],
    ] {
        std::fs::write(&file, bytes).unwrap();
        assert!(
            !beats(&file, &handshake()).1.is_empty(),
            "{} bytes",
            bytes.len()
        );
    }
    assert!(made("#0\n0c\nq1c\n", &bare()).1.contains("no waveform"));
}
