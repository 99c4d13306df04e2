//! `libgolden`: its header and its DPI-C imports belong to its functions, a program in C is served by it, and no other
//! file of the project is unsafe.

#[path = "rtl/dpi/library.rs"]
mod library;

use ndarray::Array4;
use repchip::chip::Chip;
use repchip::execute::naive;
use repchip::float::{seeded, seeded_image};
use repchip::network::{Network, builtin};
use repchip::quantise::{QuantNetwork, Settings, freeze, quantise};
use repchip::reparam::{Branches, Layer, LayerId, fold};
use repchip::tensor::FeatureMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set to have files written that a test compares.
const BLESS: &str = "REPCHIP_BLESS";
const CHIP: &str = "configs/chips/edge.toml";
/// What a program that links `libgolden.a` needs, too.
const SYSTEM: [&str; 3] = ["-lpthread", "-ldl", "-lm"];
/// Calls, once the processor was asked, a function compiled for it.
const KERNEL: &str = "src/execute/kernels/dot.rs";

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The header as it stands in the sources.
fn header() -> String {
    let sources = ["src/abi/handle.rs", "src/abi/golden.rs"].map(at);
    let text = fs::read_to_string(&sources[1]).expect("a source file is text");
    let about = text.lines().map_while(|line| line.strip_prefix("//!"));
    let about: String =
        (about.map(|line| format!("  {line}").trim_end().to_owned() + "\n")).collect();
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        header: Some(format!("/*\n{about}*/")),
        include_guard: Some("GOLDEN_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stdint.h".to_owned()],
        autogen_warning: Some("/* Made from src/abi by tests/abi.rs. */".to_owned()),
        documentation_style: cbindgen::DocumentationStyle::C,
        line_length: 1000,
        ..cbindgen::Config::default()
    };
    let builder = cbindgen::Builder::new().with_config(config);
    let builder = (sources.iter()).fold(builder, |builder, source| builder.with_src(source));
    let mut text = Vec::new();
    builder
        .generate()
        .expect("the sources parse")
        .write(&mut text);
    String::from_utf8(text).expect("a header is text")
}

/// A declaration of the header as an import of SystemVerilog.
fn import(declaration: &str) -> String {
    let (head, arguments) = declaration.split_once('(').expect("a function");
    let (result, name) = head.rsplit_once([' ', '*']).expect("a type and a name");
    let result = match (head.contains('*'), result) {
        (true, "const char ") => "string",
        (true, "struct Golden ") => "chandle",
        (false, "int32_t") => "int",
        (false, "int64_t") => "longint",
        (false, "void") => "void",
        (_, other) => panic!("`{other}` of {name} has no type in SystemVerilog"),
    };
    let arguments: Vec<&str> = arguments.trim_end_matches(");").split(", ").collect();
    let sized = arguments.contains(&"uint64_t size");
    let formals = arguments.iter().map(|argument| formal(argument, sized));
    let formals = formals.collect::<Vec<_>>().join(", ");
    format!("import \"DPI-C\" function {result} {name}({formals});\n")
}

/// An argument; beside a `size` a pointer to numbers is an array.
fn formal(argument: &str, sized: bool) -> String {
    let (kind, name) = argument.rsplit_once([' ', '*']).expect("a type and a name");
    match (kind, sized) {
        ("int32_t", _) => format!("input int {name}"),
        ("uint64_t", _) => format!("input longint unsigned {name}"),
        ("const char ", _) => format!("input string {name}"),
        ("struct Golden " | "const struct Golden ", _) => format!("input chandle {name}"),
        ("const int32_t ", true) => format!("input int {name} [`GOLDEN_VALUES]"),
        ("int32_t ", true) => format!("inout int {name} [`GOLDEN_VALUES]"),
        ("int32_t ", false) => format!("output int {name}"),
        (other, _) => panic!("`{other}` of {name} has no type in SystemVerilog"),
    }
}

/// What a bench in SystemVerilog includes, inside a module or a package.
fn imports(header: &str) -> String {
    let mut text = "\
// Made from golden.h by tests/abi.rs. Include it inside a module or a package.
//
// The arrays of golden_feed and golden_output have `GOLDEN_VALUES elements: define it first, as many as the largest
// tensor that moves at once; `size` says how many of them count. Simulators may emit code for each element:
// golden_put and golden_compare move a value at a time.
`ifndef GOLDEN_VALUES
`define GOLDEN_VALUES 1
`endif
"
    .to_owned();
    for line in header.lines() {
        if let Some(constant) = line
            .strip_prefix("#define GOLDEN_")
            .filter(|c| c.contains(' '))
        {
            let (name, value) = constant.split_once(' ').expect("a name and a value");
            text += &format!("localparam int GOLDEN_{name} = {value};\n");
        } else if line.ends_with(");") {
            text += &import(line);
        }
    }
    text
}

fn holds(name: &str, wanted: &str) {
    let path = at("tests/rtl/dpi").join(name);
    if std::env::var_os(BLESS).is_some() {
        fs::write(&path, wanted).expect("the tests can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is not what the sources say; with {BLESS}=1 this test writes it\n{wanted}",
        path.display()
    );
}

#[test]
fn header_and_imports_are_those_of_the_functions() {
    let header = header();
    let functions = header.lines().filter(|line| line.ends_with(");")).count();
    let sources = fs::read_to_string(at("src/abi/golden.rs")).expect("a source file is text");
    assert_eq!(functions, sources.matches("#[unsafe(no_mangle)]").count());
    holds("golden.h", &header);
    holds("golden.svh", &imports(&header));
}

/// A small network with shortcuts of its own layer, seeded.
fn network() -> QuantNetwork {
    let graph = builtin::graph("resnet-mini", FeatureMap::new(12, 12, 1)).expect("it is built in");
    let params = seeded(&graph, 3);
    let folded = fold(&Network { graph, params }, Branches::Keep).expect("it folds");
    let image = seeded_image(folded.graph.input, 4);
    quantise(&folded, &image, &Settings::int8()).expect("it has integers")
}

/// What `calls.c` prints of a network: each layer's output on an input that counts up.
fn printed(network: &QuantNetwork) -> String {
    let FeatureMap {
        height,
        width,
        channels,
    } = network.graph.input;
    let range = network.numerics.activations[0];
    let values = (range.min()..=range.max()).cycle();
    let values = values.take(height * width * channels).collect();
    let input = Array4::from_shape_vec((1, height, width, channels), values).expect("its shape");
    let array = Chip::read(&at(CHIP)).expect("it is shipped").array;
    let tensors = naive::run(network, &array, &input).expect("it runs");
    let layers = network.graph.layers.iter().zip(&tensors[1..]);
    let line = |(layer, tensor): (&Layer, &Array4<i32>)| {
        let values: String = tensor.iter().map(|value| format!(" {value}")).collect();
        format!("{}{values}\n", layer.name)
    };
    layers.map(line).collect()
}

#[test]
fn a_layer_takes_only_its_own_operands() {
    let network = network();
    let array = Chip::read(&at(CHIP)).expect("it is shipped").array;
    let zeros = |channels| Array4::zeros((1, 12, 12, channels));
    let told = |layer, inputs: &[&Array4<i32>]| {
        let output = naive::layer(&network, &array, LayerId(layer), inputs);
        output.map_or_else(
            |error| error.to_string(),
            |output| format!("{:?}", output.dim()),
        )
    };
    let (right, wrong) = (zeros(1), zeros(2));
    assert_eq!(told(0, &[&right]), "(1, 12, 12, 16)");
    assert_eq!(
        told(0, &[&right, &right]),
        "layer `conv1`: 2 operands, not 1"
    );
    assert_eq!(told(0, &[]), "layer `conv1`: 0 operands, not 1");
    assert!(
        told(0, &[&wrong])
            .contains("[1, 12, 12, 2] (image, row, column, channel), not [1, 12, 12, 1]")
    );
    assert!(told(999, &[&right]).starts_with("layer `999`: the network has"));
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "{} does not start: {error}",
            command.get_program().display()
        )
    });
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} ends with {}\n{told}",
        output.status
    );
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_program_in_c_is_served_and_every_wrong_call_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let network = network();
    let frozen = folder.path().join("network.safetensors");
    fs::write(&frozen, freeze::to_bytes(&network)).expect("the file can be written");
    let wanted = printed(&network);
    for library in library::built() {
        let program = folder.path().join("calls");
        let mut compiler = Command::new("cc");
        compiler.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-o"]);
        compiler.arg(&program).arg(at("tests/rtl/dpi/calls.c"));
        run(compiler.arg(&library).args(SYSTEM));
        let said = run(Command::new(&program).arg(&frozen).arg(at(CHIP)));
        assert!(
            said == wanted,
            "{}:\n{said}\nnot\n{wanted}",
            library.display()
        );
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Whether code outside comments has the word.
fn is_unsafe(text: &str) -> bool {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    let word = |c: char| !c.is_alphanumeric() && c != '_';
    code.flat_map(|line| line.split(word))
        .any(|w| w == "unsafe" || w == "unsafe_code")
}

/// The files that are unsafe, below the project's folder.
fn unsafe_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["src", "benches", "tests"] {
        sources(&at(folder), &mut found);
    }
    let text = |path: &PathBuf| fs::read_to_string(path).expect("a source file is text");
    found.retain(|path| *path != at(file!()) && is_unsafe(&text(path)));
    let below = |path: &PathBuf| path.strip_prefix(at("")).map(Path::to_owned);
    let mut names: Vec<PathBuf> = found.iter().map(|p| below(p).expect("below")).collect();
    names.sort();
    names
}

#[test]
fn nothing_is_unsafe_but_the_abi_and_the_call_of_a_kernel_for_avx2() {
    let wanted = ["src/abi/golden.rs", "src/abi/handle.rs", KERNEL].map(PathBuf::from);
    assert_eq!(unsafe_files(), wanted);
    let kernel = fs::read_to_string(at(KERNEL)).expect("a source file is text");
    assert_eq!(kernel.matches("unsafe {").count(), 1);
    assert!(!kernel.contains("unsafe fn"));
}

#[test]
fn each_unsafe_block_has_its_reason() {
    for path in unsafe_files() {
        let text = fs::read_to_string(at("").join(&path)).expect("a source file is text");
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let comment = lines[..index].iter().rev();
            let mut comment = comment.take_while(|line| line.trim().starts_with("//"));
            assert!(
                !line.contains("unsafe {") || comment.any(|line| line.contains("// SAFETY:")),
                "{}:{}: {line}",
                path.display(),
                index + 1
            );
        }
    }
}
