//! Parameters and multiply-accumulates of every built-in network at its own input size, exact: 224x224,
//! 300x300 for EfficientNet-B3, 713x713 for PSPNet.
//!
//! The numbers were worked out from the published layer tables and agree with the framework's own models to the
//! unit; "Params" of papers are these, cut to two decimals.

use repchip::network::{Form, Graph, builtin};
use repchip::reparam::{Branches, LayerGraph, LayerId, LayerOp, fold_graph};
use repchip::tensor::FeatureMap;

fn folded(name: &str, branches: Branches) -> (Graph, LayerGraph) {
    let image = builtin::default_input(name).expect("a built-in network");
    let graph = builtin::graph(name, image).expect("a built-in network");
    let layers = fold_graph(&graph, branches).expect("a valid graph");
    (graph, layers)
}

fn convolutions(layers: &LayerGraph) -> Vec<LayerId> {
    (layers.ids())
        .filter(|id| matches!(layers.layers[id.0].op, LayerOp::Conv { .. }))
        .collect()
}

fn convolution_outputs(layers: &LayerGraph) -> u64 {
    (convolutions(layers).iter())
        .map(|id| layers.layers[id.0].output.elements().0)
        .sum()
}

#[test]
fn repvgg_d2se_fused_and_as_trained() {
    let (graph, deploy) = folded("repvgg-d2se", Branches::Fuse);
    assert_eq!(deploy.form, Form::Deploy);
    // Of each block the fused convolution and the two of its squeeze-and-excitation.
    assert_eq!(convolutions(&deploy).len(), 3 * 48);
    assert_eq!(deploy.parameters(), 120_387_572);
    assert_eq!(deploy.macs().0, 32_829_551_104);
    assert_eq!(convolution_outputs(&deploy), 11_465_216 + 25_228);
    assert_eq!(graph.parameters(), 133_334_836);
    assert_eq!(graph.macs().0, 36_476_744_192);
    let gate = |id: &LayerId| deploy.layers[id.0].name.contains(".se.");
    let (gates, blocks): (Vec<LayerId>, Vec<LayerId>) =
        (convolutions(&deploy).iter()).partition(|id| gate(id));
    let macs = |ids: &[LayerId]| ids.iter().map(|id| deploy.layer_macs(*id).0).sum::<u64>();
    assert_eq!(macs(&gates), 2_253_312);
    assert_eq!(macs(&blocks), 32_827_297_792 - 2_560_000);
    let (_, train) = folded("repvgg-d2se", Branches::Keep);
    assert_eq!(train.form, Form::Train);
    let large = builtin::graph("repvgg-d2se", FeatureMap::new(320, 320, 3)).expect("built in");
    let large = fold_graph(&large, Branches::Fuse).expect("a valid graph");
    assert_eq!(large.macs().0, 66_994_074_112);
}

/// At 713x713, against a head and backbones built from the framework's own modules.
#[test]
fn pspnet_on_repvgg_fused_and_as_trained() {
    for (name, params, macs) in [
        (
            "pspnet-repvgg-b1g2-fast",
            [62_392_083, 66_816_915],
            [480_365_342_912, 516_737_758_080],
        ),
        (
            "pspnet-repvgg-b2-fast",
            [107_913_491, 116_623_827],
            [839_907_722_432, 911_979_281_280],
        ),
    ] {
        let (graph, deploy) = folded(name, Branches::Fuse);
        assert_eq!(deploy.form, Form::Deploy, "{name}");
        assert_eq!(convolutions(&deploy).len(), 28 + 6, "{name}");
        assert_eq!([deploy.parameters(), graph.parameters()], params, "{name}");
        assert_eq!([deploy.macs().0, graph.macs().0], macs, "{name}");
    }
}

struct RepVgg {
    name: &'static str,
    convolutions: usize,
    deploy_params: u64,
    train_params: u64,
    deploy_macs: u64,
    fc_macs: u64,
    train_macs: u64,
    deploy_outputs: u64,
}

const fn repvgg(
    name: &'static str,
    convolutions: usize,
    [deploy_params, train_params]: [u64; 2],
    [deploy_macs, fc_macs, train_macs]: [u64; 3],
    deploy_outputs: u64,
) -> RepVgg {
    RepVgg {
        name,
        convolutions,
        deploy_params,
        train_params,
        deploy_macs,
        fc_macs,
        train_macs,
        deploy_outputs,
    }
}

#[rustfmt::skip]
const REPVGG: [RepVgg; 10] = [
    repvgg("repvgg-a0", 22, [8_309_384, 9_108_968], [1_361_451_008, 1_280_000, 1_512_581_120], 1_793_792),
    repvgg("repvgg-a1", 22, [12_789_864, 14_092_264], [2_363_967_488, 1_280_000, 2_626_488_320], 2_370_816),
    repvgg("repvgg-a2", 22, [25_499_944, 28_210_600], [5_116_951_552, 1_408_000, 5_685_345_280], 3_129_728),
    repvgg("repvgg-b0", 28, [14_339_048, 15_817_960], [3_057_600_512, 1_280_000, 3_397_191_680], 3_073_280),
    repvgg("repvgg-b1", 28, [51_829_480, 57_415_016], [11_815_485_440, 2_048_000, 13_128_089_600], 5_318_656),
    repvgg("repvgg-b1g2", 28, [41_360_104, 45_782_376], [8_809_742_336, 2_048_000, 9_788_375_040], 5_318_656),
    repvgg("repvgg-b1g4", 28, [36_125_416, 39_966_056], [7_306_870_784, 2_048_000, 8_118_517_760], 5_318_656),
    repvgg("repvgg-b2", 28, [80_315_112, 89_022_376], [18_376_609_792, 2_560_000, 20_418_170_880], 6_447_616),
    repvgg("repvgg-b2g4", 28, [55_777_512, 61_758_376], [11_331_899_392, 2_560_000, 12_590_714_880], 6_447_616),
    repvgg("repvgg-b3", 28, [110_960_872, 123_085_288], [26_208_882_688, 2_560_000, 29_120_696_320], 7_551_488),
];

#[test]
fn repvgg_fused_and_as_trained() {
    for want in &REPVGG {
        let name = want.name;
        let (graph, deploy) = folded(name, Branches::Fuse);
        assert_eq!(deploy.form, Form::Deploy, "{name}");
        assert_eq!(convolutions(&deploy).len(), want.convolutions, "{name}");
        assert_eq!(deploy.layers.len(), want.convolutions + 2, "{name}");
        assert_eq!(deploy.parameters(), want.deploy_params, "{name}");
        assert_eq!(deploy.macs().0, want.deploy_macs, "{name}");
        let fc_macs = deploy.macs().0 - deploy.conv_macs().0;
        assert_eq!(fc_macs, want.fc_macs, "{name}");
        assert_eq!(convolution_outputs(&deploy), want.deploy_outputs, "{name}");
        assert_eq!(graph.parameters(), want.train_params, "{name}");
        assert_eq!(graph.macs().0, want.train_macs, "{name}");
    }
}

#[test]
fn repvgg_with_its_branches_kept() {
    for want in &REPVGG {
        let name = want.name;
        let (_, train) = folded(name, Branches::Keep);
        assert_eq!(train.form, Form::Train, "{name}");
        let identities = [17, 23][usize::from(want.convolutions == 28)];
        let layers = convolutions(&train);
        assert_eq!(layers.len(), 2 * want.convolutions + identities, "{name}");
        let (identity, branches): (Vec<LayerId>, Vec<LayerId>) =
            (layers.iter()).partition(|id| train.layers[id.0].name.ends_with(".rbr_identity"));
        assert_eq!(identity.len(), identities, "{name}");
        let macs: u64 = branches.iter().map(|&id| train.layer_macs(id).0).sum();
        assert_eq!(macs + want.fc_macs, want.train_macs, "{name}");
        let outputs = |id: &LayerId| train.layers[id.0].output.elements().0;
        let sum: u64 = branches.iter().map(outputs).sum();
        assert_eq!(sum, 2 * want.deploy_outputs, "{name}");
        // A depthwise 1x1 needs one multiplication an element.
        for id in &identity {
            assert_eq!(train.layer_macs(*id).0, outputs(id), "{name}");
        }
    }
}

#[test]
fn repvgg_a0_layer_by_layer() {
    let (_, deploy) = folded("repvgg-a0", Branches::Fuse);
    let mut want = vec![
        ("stage0".to_owned(), 112, 16_257_024, 1_344),
        ("stage1.0".to_owned(), 56, 65_028_096, 20_784),
        ("stage1.1".to_owned(), 56, 65_028_096, 20_784),
        ("stage2.0".to_owned(), 28, 32_514_048, 41_568),
    ];
    want.extend((1..4).map(|i| (format!("stage2.{i}"), 28, 65_028_096, 83_040)));
    want.push(("stage3.0".to_owned(), 14, 32_514_048, 166_080));
    want.extend((1..14).map(|i| (format!("stage3.{i}"), 14, 65_028_096, 331_968)));
    want.push(("stage4.0".to_owned(), 7, 108_380_160, 2_213_120));
    want.push(("gap".to_owned(), 1, 0, 0));
    want.push(("linear".to_owned(), 1, 1_280_000, 1_281_000));
    let got: Vec<(String, usize, u64, u64)> = (deploy.ids())
        .map(|id| {
            let layer = &deploy.layers[id.0];
            let macs = deploy.layer_macs(id).0;
            let params = deploy.layer_parameters(id);
            (layer.name.clone(), layer.output.height, macs, params)
        })
        .collect();
    assert_eq!(got, want);
}

struct Baseline {
    name: &'static str,
    fused: u64,
    unfused: u64,
    macs: u64,
    conv_macs: u64,
    outputs: u64,
}

const fn baseline(
    name: &'static str,
    [fused, unfused]: [u64; 2],
    [macs, conv_macs]: [u64; 2],
    outputs: u64,
) -> Baseline {
    Baseline {
        name,
        fused,
        unfused,
        macs,
        conv_macs,
        outputs,
    }
}

#[rustfmt::skip]
const BASELINES: [Baseline; 17] = [
    baseline("resnet-18", [11_684_712, 11_689_512], [1_814_073_344, 1_813_561_344], 2_483_712),
    baseline("resnet-34", [21_789_160, 21_797_672], [3_663_761_408, 3_663_249_408], 3_738_112),
    baseline("resnet-50-v1", [25_530_472, 25_557_032], [3_857_973_248, 3_855_925_248], 10_587_136),
    baseline("resnet-50-v1.5", [25_530_472, 25_557_032], [4_089_184_256, 4_087_136_256], 11_113_984),
    baseline("resnet-101-v1", [44_496_488, 44_549_160], [7_570_194_432, 7_568_146_432], 15_705_088),
    baseline("resnet-101-v1.5", [44_496_488, 44_549_160], [7_801_405_440, 7_799_357_440], 16_231_936),
    baseline("resnet-152-v1", [60_117_096, 60_192_808], [11_282_415_616, 11_280_367_616], 22_027_264),
    baseline("resnet-152-v1.5", [60_117_096, 60_192_808], [11_513_626_624, 11_511_578_624], 22_554_112),
    baseline("resnext-50-32x4d", [24_994_792, 25_028_904], [4_230_479_872, 4_228_431_872], 14_400_512),
    baseline("resnext-101-32x4d", [44_108_776, 44_177_704], [7_969_996_800, 7_967_948_800], 21_224_448),
    baseline("regnetx-3.2gf", [15_265_272, 15_296_552], [3_176_621_952, 3_175_613_952], 11_366_432),
    baseline("regnetx-12gf", [46_057_864, 46_106_056], [12_086_678_016, 12_084_438_016], 21_365_568),
    baseline("efficientnet-b0", [5_267_540, 5_288_548], [385_814_752, 384_534_752], 6_747_036),
    baseline("efficientnet-b3", [12_189_584, 12_233_232], [1_827_141_392, 1_825_605_392], 23_830_296),
    baseline("pspnet-resnet-50", [46_686_035, 46_715_347], [363_777_200_320, 363_777_200_320], 288_344_620),
    baseline("pspnet-resnet-101", [65_652_051, 65_707_475], [517_190_422_720, 517_190_422_720], 499_851_820),
    baseline("vgg-16", [138_357_544, 138_357_544], [15_470_264_320, 15_346_630_656], 13_547_520),
];

#[test]
fn baselines_folded_and_as_trained() {
    for want in &BASELINES {
        let name = want.name;
        for branches in [Branches::Fuse, Branches::Keep] {
            let (graph, layers) = folded(name, branches);
            assert_eq!(layers.form, Form::Folded, "{name}");
            assert_eq!(layers.parameters(), want.fused, "{name}");
            assert_eq!(layers.macs().0, want.macs, "{name}");
            assert_eq!(layers.conv_macs().0, want.conv_macs, "{name}");
            assert_eq!(convolution_outputs(&layers), want.outputs, "{name}");
            assert_eq!(graph.parameters(), want.unfused, "{name}");
            assert_eq!(graph.macs().0, want.macs, "{name}");
        }
    }
}

#[test]
fn every_built_in_network_has_its_totals_here() {
    let mut listed: Vec<&str> = REPVGG.iter().map(|net| net.name).collect();
    listed.extend(BASELINES.iter().map(|net| net.name));
    listed.extend(["repvgg-d2se", "repvgg-mini", "repvgg-nano", "resnet-mini"]);
    listed.extend(["pspnet-repvgg-b1g2-fast", "pspnet-repvgg-b2-fast"]);
    let mut names = builtin::names();
    listed.sort_unstable();
    names.sort_unstable();
    assert_eq!(listed, names);
}

/// Shortcuts that a residual network reads back for its additions.
#[test]
fn residual_additions_and_their_shortcuts() {
    for (name, additions, elements) in [
        ("resnet-18", 8, 752_640),
        ("resnet-34", 16, 1_379_840),
        ("resnet-50-v1", 16, 5_519_360),
        ("resnet-101-v1", 33, 8_931_328),
        ("repvgg-a0", 0, 0),
    ] {
        let (_, layers) = folded(name, Branches::Fuse);
        let adds: Vec<u64> = (layers.layers.iter())
            .filter(|layer| matches!(layer.op, LayerOp::Add { .. }))
            .map(|layer| layers.shape(layer.inputs[1]).elements().0)
            .collect();
        assert_eq!(adds.len(), additions, "{name}");
        assert_eq!(adds.iter().sum::<u64>(), elements, "{name}");
    }
}

#[test]
fn the_small_networks() {
    for (name, fused, unfused) in [
        ("repvgg-mini", 366_058, 409_002),
        ("repvgg-nano", 24_738, 27_994),
        ("resnet-mini", 381_674, 382_522),
    ] {
        let graph = builtin::graph(name, FeatureMap::new(28, 28, 1)).unwrap();
        assert_eq!(builtin::default_input(name).unwrap(), graph.input());
        let layers = fold_graph(&graph, Branches::Fuse).unwrap();
        assert_eq!(layers.parameters(), fused, "{name}");
        assert_eq!(graph.parameters(), unfused, "{name}");
    }
}
