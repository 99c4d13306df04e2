//! `fuse` and `infer` on files: what is told, and that fusing changes no integer.

use super::{fixture, model};
use std::path::Path;
use std::process::{Command, Output};

fn repchip(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments)
        .env("COLUMNS", "120")
        .output()
        .expect("the command starts")
}

fn good(arguments: &[&str]) -> String {
    let output = repchip(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).expect("results are text")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// The same with every error replaced, which differ from processor to processor in nothing but are no table.
fn without_errors(told: &str) -> String {
    let lines = told.lines().take_while(|line| !line.starts_with("error:"));
    let cell = |cell: &str| match cell.trim().parse::<f64>() {
        Ok(error) => {
            assert!(error < 5e-6, "{told}");
            "    small".to_owned()
        }
        Err(_) => cell.trim_end().to_owned(),
    };
    let line = |line: &str| {
        line.split(['┆', '│'])
            .map(cell)
            .collect::<Vec<_>>()
            .join("|")
    };
    lines
        .filter(|line| line.contains('│'))
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn blocks_of_other_families_fuse_where_they_can() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fused.onnx");
    let told = good(&["fuse", text(&fixture("blocks.onnx")), text(&out)]);
    insta::assert_snapshot!(without_errors(&told), @r"
    | block| branches| became| error, random|
    | Add_1| dense.0| one convolution|    small|
    || qa.one|||
    || input|||
    | twice| twice.0| one convolution|    small|
    || Relu|||
    || twice.1|||
    | wide| wide.0| one convolution|    small|
    || wide.1|||
    | Add_5|| stays: the activation `Relu_3` stands inside a branch|    small|
    | output|||    small|
    ");
    // Fused once more, nothing is left to fuse.
    let again = folder.path().join("again.onnx");
    let told = good(&["fuse", text(&out), text(&again)]);
    assert!(!told.contains("one convolution"), "{told}");
}

/// A study of one network, with the calibration images of the tests.
fn study(folder: &Path, network: &str) -> String {
    let chips = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips/edge.toml");
    let images = model("fashion-mnist-calibration-images.npy");
    let text = format!(
        r#"
name = "one"
chips = ["{}"]
[input]
batch = 1
[numerics]
activation_bits = 8
weight_bits = 8
output_bits = 8
weights = "per_channel"
calibration = "min_max"
rule = "multiplier"
rounding = "half_even"
residual = "accumulate"
[mapping]
inplace_add = true
halo = "keep"
images = "outermost"
offload = "host"
fully_connected = "array"
[[networks]]
id = "one"
{network}
calibration = "{}"
mean = [0.2860]
std = [0.3530]
"#,
        chips.display(),
        images.display()
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).expect("it is written");
    path.to_str().expect("a plain path").to_owned()
}

/// Output integers of a network on some images.
fn outputs(network: &str, input: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let study = study(folder.path(), network);
    let out = folder.path().join("out.npy");
    good(&["infer", &study, "--input", input, "--output", text(&out)]);
    std::fs::read(out).expect("it was written")
}

#[test]
fn fusing_a_model_changes_no_integer_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let input = text(&fixture("pictures")).to_owned();
    for name in ["legacy-train.onnx", "dynamo-train.onnx"] {
        let out = folder.path().join(name);
        good(&["fuse", text(&fixture(name)), text(&out)]);
        let of = |path: &Path| outputs(&format!("model = \"{}\"", path.display()), &input);
        assert_eq!(of(&fixture(name)), of(&out), "{name}");
    }
}

#[test]
fn fusing_a_checkpoint_changes_no_integer_of_the_built_in_network() {
    let folder = tempfile::tempdir().unwrap();
    let input = text(&fixture("pictures")).to_owned();
    let fused = folder.path().join("deploy.safetensors");
    good(&["fuse", text(&fixture("timm-train.pth")), text(&fused)]);
    let model = folder.path().join("deploy.onnx");
    good(&["fuse", text(&fused), text(&model), "--name", "repvgg-nano"]);
    let built_in = |path: &Path| {
        let network = format!(
            "name = \"repvgg-nano\"\nform = \"deploy\"\ninput = [28, 28, 1]\nweights = {{ file = \"{}\" }}",
            path.display()
        );
        outputs(&network, &input)
    };
    let want = built_in(&fixture("official-train.pth"));
    assert_eq!(built_in(&fused), want);
    assert_eq!(
        outputs(&format!("model = \"{}\"", model.display()), &input),
        want
    );
}

#[test]
fn pictures_a_list_of_them_and_arrays_give_the_same_integers() {
    use ndarray::Array4;
    let folder = tempfile::tempdir().unwrap();
    let images: Array4<u8> = ndarray_npy::read_npy(model("fashion-mnist-test-images.npy")).unwrap();
    let first = images.slice(ndarray::s![..4, .., .., ..]).to_owned();
    let npz = folder.path().join("images.npz");
    let mut file = ndarray_npy::NpzWriter::new_compressed(std::fs::File::create(&npz).unwrap());
    file.add_array("first", &first).unwrap();
    file.add_array("second", &first.slice(ndarray::s![..1, .., .., ..]))
        .unwrap();
    file.finish().unwrap();
    let list = folder.path().join("list.txt");
    let lines: Vec<String> = (0..4)
        .map(|i| fixture(&format!("pictures/{i}.png")).display().to_string())
        .collect();
    std::fs::write(&list, lines.join("\n")).unwrap();

    let network = format!("model = \"{}\"", fixture("legacy-deploy.onnx").display());
    let named = format!("{}:first", npz.display());
    let want = outputs(&network, &named);
    assert_eq!(outputs(&network, text(&list)), want);
    // Scaled up, only their centres are seen.
    let resized = format!(
        "{network}\nresize = 40\nimages = \"{}\"",
        text(&fixture("pictures"))
    );
    assert_ne!(outputs(&resized, text(&list)), want);
}
