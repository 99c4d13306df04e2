//! The command on real input: exit codes, files, refusals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const STUDY: &str = "configs/studies/repvgg-vs-resnet.toml";

fn repchip(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeed(arguments: &[&str]) -> String {
    let output = repchip(arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The shipped study with its trained pair alone, beside the original so that its paths hold.
fn trained_pair(folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = fs::read_to_string(root.join(STUDY)).expect("the study is there");
    let head = shipped.split("[[networks]]").next().expect("a head");
    let minis = shipped.split("[[").filter(|part| part.contains("-mini\""));
    let body: String = minis.map(|part| format!("[[{part}")).collect();
    let study = (head.to_owned() + &body)
        .replace(
            "../chips",
            &root.join("configs/chips").display().to_string(),
        )
        .replace("../../tests", &root.join("tests").display().to_string());
    let path = folder.join("pair.toml");
    fs::write(&path, study).expect("the folder can be written");
    path
}

#[test]
fn inference_and_freezing_write_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let images = "tests/models/fashion-mnist-test-images.npy";
    let (y, tensors) = (path("y.npy"), path("tensors"));
    let mut arguments = vec![
        "infer",
        STUDY,
        "--network",
        "resnet-mini",
        "--input",
        images,
    ];
    arguments.extend(["--output", &y, "--tensors", &tensors]);
    let told = succeed(&arguments);
    let classes: Vec<&str> = told
        .trim()
        .rsplit(": ")
        .next()
        .expect("classes")
        .split(' ')
        .collect();
    assert_eq!(classes.len(), 1000);
    let labels: ndarray::Array1<u8> =
        ndarray_npy::read_npy("tests/models/fashion-mnist-test-labels.npy").expect("labels");
    let right = classes
        .iter()
        .zip(&labels)
        .filter(|(c, l)| **c == l.to_string())
        .count();
    assert!(right >= 930, "{right} of 1000");
    let output: ndarray::Array4<i32> = ndarray_npy::read_npy(&y).expect("the output");
    assert_eq!(output.dim(), (1000, 1, 1, 10));
    assert!(
        Path::new(&tensors)
            .join("000-conv1-accumulators.npy")
            .is_file()
    );
    let frozen = path("net.safetensors");
    succeed(&[
        "quantise",
        STUDY,
        "--network",
        "repvgg-mini",
        "--out",
        &frozen,
    ]);
    assert!(repchip::quantise::freeze::read(Path::new(&frozen)).is_ok());
}

/// A npy file of one image of `type_name` with this shape and these bytes of data.
fn npy(path: &Path, type_name: &str, shape: &str, data: &[u8]) {
    let header = format!("{{'descr': '{type_name}', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    fs::write(path, bytes).expect("the folder can be written");
}

#[test]
fn damaged_images_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, output) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
    let nan: Vec<u8> = [f32::NAN; 784]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    for (type_name, shape, data, words) in [
        (
            "|u1",
            "(1000000000000, 28, 28, 1)",
            &b"abc"[..],
            "cannot read",
        ),
        ("|u1", "(1, 28, 28, 1)", &[0; 700][..], "cannot read"),
        ("|u1", "(0, 28, 28, 1)", &[][..], "0 images"),
        ("|u1", "(1, 28, 28, 2)", &[0; 1568][..], "28x28x2"),
        ("|u1", "(784,)", &[0; 784][..], "cannot read"),
        ("<f8", "(1, 28, 28, 1)", &[0; 6272][..], "another type"),
        ("<f4", "(1, 28, 28, 1)", &nan[..], "not finite"),
        ("<i4", "(1, 28, 28, 1)", &[0x7f; 3136][..], "outside i8"),
    ] {
        npy(&input, type_name, shape, data);
        let [x, y] = [&input, &output].map(|path| path.to_str().expect("a plain path"));
        let told = repchip(&[
            "infer",
            STUDY,
            "--network",
            "repvgg-mini",
            "--input",
            x,
            "--output",
            y,
        ]);
        let error = text(&told.stderr);
        assert_eq!(told.status.code(), Some(2), "{type_name} {shape}: {error}");
        assert!(
            error.contains(words) && error.contains("help"),
            "{type_name} {shape}: {error}"
        );
        assert!(!output.exists());
    }
}

#[test]
fn failed_checks_exit_with_1_and_write_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let study = trained_pair(folder.path());
    let foreign = format!(
        "networks.repvgg-mini.logits={}/tests/models/resnet-mini-logits.npy",
        env!("CARGO_MANIFEST_DIR")
    );
    let trap = ["chip.pe.accumulator_bits=16", "chip.pe.overflow=trap"];
    for (sets, words) in [
        (&trap[..], "execute::trap"),
        (&[foreign.as_str()][..], "run::logits"),
    ] {
        let mut arguments = vec!["run", study.to_str().expect("a plain path")];
        arguments.extend(["--out", out.to_str().expect("a plain path")]);
        arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
        let output = repchip(&arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(words) && told.contains("help"), "{told}");
        assert!(!out.exists());
    }
}

#[test]
fn bad_input_is_told_with_a_remedy() {
    for (arguments, code, words) in [
        (vec!["run", "no-such.toml"], 2, "config::no_file"),
        (vec!["run", "configs"], 2, "help:"),
        (vec!["run", STUDY, "--set", "input.batch=0"], 2, "help:"),
        (
            vec!["run", STUDY, "--set", "chip.array.rows=0"],
            2,
            "config::out_of_range",
        ),
        (
            vec!["quantise", STUDY, "--out", "never.safetensors"],
            2,
            "run::which_network",
        ),
        (
            vec![
                "infer",
                STUDY,
                "--network",
                "repvgg-mini",
                "--input",
                "README.md",
                "--output",
                "never.npy",
            ],
            2,
            "run::npy",
        ),
    ] {
        let output = repchip(&arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(
            told.contains(words) && told.contains("help"),
            "{arguments:?}: {told}"
        );
        assert!(!told.contains("panicked"), "{told}");
    }
}

#[test]
fn sums_that_may_overflow_and_a_slower_clock_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |name: &str, set: &str| {
        let out = folder.path().join(name).display().to_string();
        let study = "tests/knobs/study.toml";
        let output = repchip(&["run", study, "--quiet", "--out", &out, "--set", set]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (format!("{out}/edge.json"), text(&output.stderr))
    };
    let (before, told) = run("before", "chip.pe.accumulator_bits=32");
    assert_eq!(told, "");
    let (_, told) = run("narrow", "chip.pe.accumulator_bits=16");
    assert!(
        told.contains("may leave the accumulators of 16 bits, where they wrap"),
        "{told}"
    );
    let (slow, _) = run("slow", "chip.clock.frequency_mhz=500");
    let output = repchip(&["diff", &before, &slow, "--fail-over", "50"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("takes longer by more than"));
    let output = repchip(&["diff", &slow, &before, "--fail-over", "0"]);
    assert_eq!(output.status.code(), Some(0));
}
