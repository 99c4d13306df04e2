//! Every code of the sources has one meaning and a bad input with its message under `tests/errors`.
//!
//! Codes that only a program that uses the library can meet are provoked here: `tests/errors/library/room-what.stderr`
//! is the message. With `REPCHIP_BLESS=1` the messages are written anew.

use ndarray::Array4;
use repchip::chip::Chip;
use repchip::cli::problem::render;
use repchip::execute::{self, ExecuteError, Options};
use repchip::fixed::{
    Accumulator, AddForm, Overflow, Requantise, Rounding, Rule, Target, multiplier_and_shift,
    nearest_shift,
};
use repchip::float;
use repchip::map::{Forced, MapError, Settings, map};
use repchip::network::{
    Conv, Graph, GraphBuilder, Network, NetworkError, NodeId, NodeParams, Op, builtin,
};
use repchip::problem::{Problem, Problems};
use repchip::quantise::{
    self, Calibration, Numerics, QuantLayer, QuantNetwork, QuantiseError, freeze, quality, quantise,
};
use repchip::reparam::{Branches, FoldedNetwork, LayerId, TensorId, fold, fold_graph};
use repchip::rtl::{self, Bounds, Counters, Dump, WriteLog};
use repchip::schedule::{OpId, OpKind, Schedule, WeightMode};
use repchip::tensor::{Activations, FeatureMap, IntType};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ARRAY: Rule = Rule::Multiplier(Rounding::HalfEven);

fn conv(out_channels: usize, groups: usize) -> Conv {
    Conv {
        out_channels,
        kernel: 3,
        stride: 1,
        padding: 1,
        dilation: 1,
        groups,
    }
}

fn builder() -> GraphBuilder {
    GraphBuilder::new("sample", FeatureMap::new(6, 6, 16)).expect("an image")
}

fn graph() -> Graph {
    one_conv(builder())
}

fn one_conv(mut builder: GraphBuilder) -> Graph {
    let first = builder
        .conv("conv", GraphBuilder::INPUT, conv(16, 1))
        .expect("a convolution");
    builder.batch_norm("norm", first).expect("a batch norm");
    builder.finish().expect("a graph")
}

fn folded() -> FoldedNetwork {
    let graph = graph();
    let params = float::seeded(&graph, 1);
    fold(&Network { graph, params }, Branches::Fuse).expect("it folds")
}

fn images() -> Array4<f32> {
    float::seeded_image(FeatureMap::new(6, 6, 16), 1)
}

fn integers() -> QuantNetwork {
    quantise(&folded(), &images(), &quantise::Settings::int8()).expect("it quantises")
}

fn chip() -> Chip {
    Chip::read(Path::new("configs/chips/edge.toml")).expect("it is shipped")
}

fn of_fixed() -> Vec<Problem> {
    let target = Target {
        output: IntType::unsigned(8),
        zero_point: 0,
        overflow: Overflow::Saturate,
        lower: 0,
        upper: 255,
    };
    let new = |multiplier: Vec<i32>, shift: Vec<u8>, target: Target| {
        let made = Requantise::new(ARRAY, multiplier, shift, target);
        Problem::from(made.expect_err("a bad requantisation"))
    };
    let narrow = Target {
        output: IntType::unsigned(1),
        ..target
    };
    let traps = Target {
        overflow: Overflow::Trap,
        ..target
    };
    let clamp = Target {
        lower: 9,
        upper: 5,
        ..target
    };
    let by = |rule: Rule, shift: u8, target: Target| {
        let made = Requantise::new(rule, vec![1], vec![shift], target);
        Problem::from(made.expect_err("what the rule does not have"))
    };
    let wraps = Target {
        overflow: Overflow::Wrap,
        ..target
    };
    let whole = Requantise::new(ARRAY, vec![1], vec![0], target).expect("valid");
    let floats = AddForm::Float32 { shifts: [0, 0] };
    vec![
        by(Rule::TosaDouble, 1, target),
        by(Rule::Ruy, 31, wraps),
        by(
            Rule::Slice,
            3,
            Target {
                zero_point: 7,
                ..target
            },
        ),
        floats
            .check([1, 1], &whole)
            .expect_err("no float32 rule")
            .into(),
        new(vec![1, 2], vec![0], target),
        new(vec![-1], vec![0], target),
        new(vec![1], vec![63], target),
        new(vec![1], vec![0], narrow),
        new(vec![1], vec![0], traps),
        new(vec![1], vec![0], clamp),
        Accumulator::new(8, Overflow::Wrap)
            .expect_err("8 bits")
            .into(),
        multiplier_and_shift(0.5, 0).expect_err("0 bits").into(),
        multiplier_and_shift(-1.0, 31).expect_err("negative").into(),
        nearest_shift(3.0).expect_err("large").into(),
        nearest_shift(1e-30).expect_err("small").into(),
    ]
}

fn of_network() -> Vec<Problem> {
    let node = |op: Op, inputs: &[NodeId]| {
        let made = builder().node("node", op, inputs);
        Problem::from(made.expect_err("a bad node"))
    };
    let input = GraphBuilder::INPUT;
    let mut twice = builder();
    twice.relu("relu", input).expect("a relu");
    let mut differ = builder();
    let other = differ
        .conv("conv", input, conv(4, 1))
        .expect("a convolution");
    let mean = differ.global_avg_pool("mean", input).expect("a mean");
    let mut unread = builder();
    unread.relu("first", input).expect("a relu");
    unread.relu("second", input).expect("a relu");
    let mut shape = graph();
    shape.nodes[1].shape.height = 7;
    let refused = |error: Result<NodeId, NetworkError>| Problem::from(error.expect_err("bad"));
    vec![
        node(
            Op::Conv(Conv {
                kernel: 0,
                ..conv(4, 1)
            }),
            &[input],
        ),
        node(Op::Conv(conv(4, 3)), &[input]),
        node(Op::Add, &[input]),
        node(Op::Input, &[]),
        node(Op::Relu, &[NodeId(7)]),
        refused(twice.relu("relu", input)),
        refused(differ.add("add", input, other)),
        refused(differ.multiply("product", input, other)),
        refused(differ.concat("joined", &[input, mean])),
        unread.finish().expect_err("a node is unread").into(),
        builder().finish().expect_err("no operator").into(),
        shape.check().expect_err("another shape").into(),
        builtin::graph("resnet-19", FeatureMap::new(32, 32, 3))
            .expect_err("no such")
            .into(),
        GraphBuilder::new("empty", FeatureMap::new(0, 4, 3))
            .expect_err("empty")
            .into(),
    ]
}

fn of_reparam() -> Vec<Problem> {
    let graph = graph();
    let mut params = float::seeded(&graph, 1);
    for node in &mut params.nodes {
        if let NodeParams::BatchNorm { gamma, var, .. } = node {
            gamma.fill(f32::MAX);
            var.fill(0.0);
        }
    }
    let network = Network { graph, params };
    vec![
        fold(&network, Branches::Fuse)
            .expect_err("infinite weights")
            .into(),
    ]
}

/// Two channels that all but cancel: the output is finer than its products.
fn too_fine() -> QuantiseError {
    let mut builder = GraphBuilder::new("fine", FeatureMap::new(1, 1, 2)).expect("an image");
    let point = Conv {
        kernel: 1,
        padding: 0,
        ..conv(1, 1)
    };
    builder
        .conv("conv", GraphBuilder::INPUT, point)
        .expect("a convolution");
    let graph = builder.finish().expect("a graph");
    let mut params = float::seeded(&graph, 1);
    for node in &mut params.nodes {
        if let NodeParams::Conv { weight, bias } = node {
            weight[[0, 0, 0, 0]] = 1.0;
            weight[[0, 0, 0, 1]] = -1.0;
            *bias = bias.take().map(|mut bias| {
                bias.fill(0.0);
                bias
            });
        }
    }
    let folded = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
    let image = Array4::from_shape_fn(
        (1, 1, 1, 2),
        |(.., c)| if c == 0 { 1.0 } else { 1.0 - f32::EPSILON },
    );
    let settings = quantise::Settings {
        multiplier_bits: 4,
        ..quantise::Settings::int8()
    };
    quantise(&folded, &image, &settings).expect_err("no multiplier of 4 bits")
}

fn of_quantise() -> Vec<Problem> {
    let int8 = quantise::Settings::int8;
    let with = |settings: quantise::Settings| {
        let made = quantise(&folded(), &images(), &settings);
        Problem::from(made.expect_err("bad settings"))
    };
    let mut wide = int8();
    wide.widths.weight_bits = 17;
    let infinite = images().mapv(|_| f32::INFINITY);
    let network = integers();
    let wrong = vec![Activations::zeros((1, 1, 1, 1)); network.graph.layers.len() + 1];
    let images_of = |images: &Array4<f32>| {
        Problem::from(quantise(&folded(), images, &int8()).expect_err("bad images"))
    };
    vec![
        with(wide),
        with(quantise::Settings {
            calibration: Calibration::Percentile(20.0),
            ..int8()
        }),
        with(quantise::Settings {
            multiplier_bits: 0,
            ..int8()
        }),
        with(quantise::Settings {
            output_overflow: Overflow::Trap,
            ..int8()
        }),
        images_of(&Array4::zeros((1, 6, 6, 3))),
        images_of(&infinite),
        too_fine().into(),
        quality::quality(&folded(), &network, &images(), &wrong)
            .expect_err("no such")
            .into(),
    ]
}

/// Frozen files that are not there, are something else, of another version, and damaged.
fn of_frozen_files() -> Vec<Problem> {
    let bytes = freeze::to_bytes(&integers());
    let version = br#"{\"version\":"#;
    let place = bytes
        .windows(version.len())
        .position(|w| w == version)
        .expect("a version");
    let mut newer = bytes.clone();
    newer[place + version.len()] = b'2';
    let mut damaged = bytes;
    *damaged.last_mut().expect("bytes") ^= 1;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net");
    let mut problems = vec![Problem::from(
        freeze::read(Path::new("no-such-net")).expect_err("absent"),
    )];
    for content in [&b"no network"[..], &newer, &damaged] {
        fs::write(&path, content).expect("it can be written");
        let mut problem = Problem::from(freeze::read(&path).expect_err("a bad file"));
        let shown = path.display().to_string();
        problem.message = problem.message.replace(&shown, "net");
        problems.push(problem);
    }
    problems
}

fn of_map() -> Vec<Problem> {
    let deep = GraphBuilder::new("deep", FeatureMap::new(6, 6, 32)).expect("an image");
    let deep = one_conv(deep);
    let deep = fold_graph(&deep, Branches::Fuse).expect("it folds");
    let numerics = Numerics::uniform(&deep, quantise::Settings::int8().widths);
    let mut chip = chip();
    // Two slots of a kernel of eight rows and eight lanes, of the four that one row group takes.
    chip.weight_sram.capacity = repchip::units::Bytes(2 * 576);
    let error = |settings: &Settings| -> MapError {
        map(&deep, &numerics, &chip, settings).expect_err("a dead end")
    };
    let none = Settings {
        batch: 0,
        ..Settings::default()
    };
    let resident = Settings {
        forced: Forced {
            weights: Some(WeightMode::Resident),
            ..Forced::default()
        },
        ..Settings::default()
    };
    vec![error(&none).into(), error(&resident).into()]
}

/// Everything that an execution takes.
struct Execution {
    schedule: Schedule,
    network: QuantNetwork,
    input: Activations,
    options: Options,
}

/// What an execution says when something of it is spoilt.
fn executed(spoil: impl Fn(&mut Execution)) -> Problem {
    let network = integers();
    let settings = Settings::default();
    let mut all = Execution {
        schedule: map(&network.graph, &network.numerics, &chip(), &settings).expect("it fits"),
        input: network.tensors[0].quantise_map(&images()),
        network,
        options: Options::default(),
    };
    spoil(&mut all);
    let run = execute::run(
        &all.schedule,
        &all.network,
        &all.input,
        &all.options,
        &mut |_| {},
    );
    let error: ExecuteError = run.expect_err("it is spoilt");
    error.into()
}

fn of_execute() -> Vec<Problem> {
    vec![
        executed(|all| all.schedule.graph.name.push('x')),
        executed(|all| all.network.graph.layers[0].inputs.clear()),
        executed(|all| {
            if let QuantLayer::Conv(conv) = &mut all.network.layers[0] {
                conv.requantise.shift[0] = 63;
            }
        }),
        executed(|all| all.input = Activations::zeros((2, 6, 6, 16))),
        executed(|all| {
            all.options.accumulators.insert(LayerId(9));
        }),
        executed(|all| {
            let is_store = |op: &repchip::schedule::Op| matches!(op.kind, OpKind::Store { .. });
            let store = all.schedule.ops.iter().rposition(is_store);
            all.schedule
                .ops
                .truncate(store.expect("the output is stored"));
        }),
        executed(|all| all.schedule.buffers[0].live = OpId(9999)..OpId(9999)),
        executed(|all| {
            for op in &mut all.schedule.ops {
                if let OpKind::Sweep { row_group, .. } = &mut op.kind {
                    *row_group = 99;
                }
            }
        }),
        executed(|all| {
            for op in &mut all.schedule.ops {
                if let OpKind::Load { rows, .. } = &mut op.kind {
                    rows.end -= 1;
                }
            }
        }),
    ]
}

fn of_rtl() -> Vec<Problem> {
    let network = integers();
    let settings = Settings::default();
    let schedule = map(&network.graph, &network.numerics, &chip(), &settings).expect("it fits");
    let input = network.tensors[0].quantise_map(&images());
    let chip = chip();
    let run = rtl::Run {
        schedule: &schedule,
        chip: &chip,
        network: &network,
        input: &input,
        tensors: &[],
    };
    let mut crowded = schedule.clone();
    crowded.ops[1].after = vec![OpId(0); 9];
    let mut other = chip.clone();
    other.array.rows += 1;
    let unknown = Dump {
        bytes: vec![None; 1 << 20],
    };
    let log = WriteLog::parse("1 9999 0 0 1 0001").expect("a word");
    vec![
        rtl::check(&crowded, &chip).expect_err("crowded").into(),
        rtl::check(&schedule, &other).expect_err("other").into(),
        rtl::files_within(&run, &Bounds::default())
            .expect_err("small")
            .into(),
        Dump::parse("xq").expect_err("no byte").into(),
        Counters::parse("0", 1).expect_err("short").into(),
        WriteLog::parse("x").expect_err("no word").into(),
        log.tensors(&schedule, &chip).expect_err("stray").into(),
        WriteLog::default()
            .tensors(&schedule, &chip)
            .expect_err("empty")
            .into(),
        unknown
            .tensor(&schedule, TensorId(0))
            .expect_err("unknown")
            .into(),
        another_rule(&chip),
    ]
}

/// The registers of a network whose rule the RTL does not have.
fn another_rule(chip: &Chip) -> Problem {
    let settings = quantise::Settings {
        rule: Rule::Ruy,
        ..quantise::Settings::int8()
    };
    let network = quantise(&folded(), &images(), &settings).expect("it quantises");
    let schedule = map(
        &network.graph,
        &network.numerics,
        chip,
        &Settings::default(),
    )
    .expect("it fits");
    let input = network.tensors[0].quantise_map(&images());
    let keep = Options {
        keep_tensors: true,
        ..Options::default()
    };
    let run = execute::run(&schedule, &network, &input, &keep, &mut |_| {}).expect("it runs");
    let run = rtl::Run {
        schedule: &schedule,
        chip,
        network: &network,
        input: &input,
        tensors: &run.tensors,
    };
    rtl::files(&run).expect_err("no such rule").into()
}

/// What only the library can be given.
fn library() -> Vec<Problem> {
    [
        of_fixed(),
        of_network(),
        of_reparam(),
        of_quantise(),
        of_frozen_files(),
        of_map(),
        of_execute(),
        of_rtl(),
    ]
    .concat()
}

#[test]
fn each_code_of_the_library_has_its_message() {
    let bless = std::env::var_os("REPCHIP_BLESS").is_some();
    let folder = Path::new("tests/errors/library");
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for problem in library() {
        assert!(!problem.help.trim().is_empty(), "{}", problem.code);
        let name = format!("{}.stderr", problem.code.replace("::", "-"));
        let got = render(&Problems(vec![problem]), false);
        let path = folder.join(&name);
        assert!(seen.insert(name), "{got}");
        if bless {
            fs::write(&path, got).expect("messages can be written");
        } else if fs::read_to_string(&path).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "other messages than committed:\n{}",
        wrong.join("\n")
    );
    let files = files(folder, "stderr");
    assert_eq!(files.len(), seen.len(), "a message of nothing");
}

/// All files under `folder` with this ending, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("its entries are readable").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Codes as they stand in the sources, outside tests, with how often.
fn codes() -> BTreeMap<String, usize> {
    let part = |word: &str| {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        !word.is_empty() && word.chars().all(letters)
    };
    let mut codes = BTreeMap::new();
    for path in files(Path::new("src"), "rs") {
        let text = fs::read_to_string(path).expect("a source file is text");
        let code: Vec<&str> = (text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .lines())
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
        for word in code.join("\n").split('"').skip(1) {
            let parts: Vec<&str> = word.split("::").collect();
            if parts.len() == 2 && parts.iter().all(|word| part(word)) {
                *codes.entry(word.to_owned()).or_insert(0) += 1;
            }
        }
    }
    codes
}

#[test]
fn each_code_has_one_meaning_and_a_bad_input() {
    let codes = codes();
    assert!(codes.len() > 90, "{}", codes.len());
    let mut shown = BTreeSet::new();
    for path in files(Path::new("tests/errors"), "stderr") {
        let text = fs::read_to_string(&path).expect("a message is text");
        for rest in text.split("error[").skip(1) {
            let code = rest.split(']').next().expect("a code");
            shown.insert(code.to_owned());
        }
    }
    let twice: Vec<_> = codes.iter().filter(|(_, places)| **places != 1).collect();
    assert!(twice.is_empty(), "given in several places: {twice:?}");
    let unseen: Vec<_> = codes.keys().filter(|code| !shown.contains(*code)).collect();
    assert!(
        unseen.is_empty(),
        "no bad input under tests/errors shows {unseen:?}"
    );
    let unknown: Vec<_> = shown
        .iter()
        .filter(|code| !codes.contains_key(*code))
        .collect();
    assert!(unknown.is_empty(), "no source gives {unknown:?}");
}
