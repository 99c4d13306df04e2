//! The study's file as written: one field a key, every value with its place.
//!
//! The comments are what an editor shows beside a key.

use super::bounds;
use crate::network::builtin;
use crate::problem::schema::{choice, keywords, not_blank, not_empty, one_of, within};
use crate::problem::{Integer, Real, Sourced};
use schemars::transform::Transform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;
use toml::Spanned;

type Count = Sourced<Integer>;
type Name = Sourced<String>;

/// What is asked of one or more chips: networks, how their integers are made, which pairs to contrast. Paths
/// are taken from the folder of this file.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "repchip study")]
#[serde(deny_unknown_fields)]
pub(super) struct RawStudy {
    /// Name of the study; its report goes to `repchip-out/` and this name.
    #[schemars(transform = not_blank)]
    pub(super) name: Name,
    /// What the study asks, in a sentence.
    #[schemars(transform = not_blank)]
    pub(super) description: Option<Name>,
    /// Chip files, at least one, none twice.
    #[schemars(with = "Vec<Name>", transform = not_empty)]
    pub(super) chips: Spanned<Vec<Name>>,
    /// The networks, at least one.
    #[schemars(with = "Vec<RawNetwork>", transform = not_empty)]
    pub(super) networks: Spanned<Vec<RawNetwork>>,
    /// Pairs of networks to set side by side.
    #[serde(default)]
    pub(super) contrasts: Vec<RawContrast>,
    /// How integers are made of real numbers.
    pub(super) numerics: RawNumerics,
    /// What one run takes in.
    pub(super) input: RawInput,
    /// What the mapper may do.
    pub(super) mapping: RawMapping,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "network", extend("oneOf" = [
    { "required": ["name", "form", "input"] },
    { "required": ["model"] },
]))]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    /// Unique in the study: letters, digits, `-` and `_`.
    #[schemars(transform = keywords(json!({ "pattern": bounds::ID_PATTERN })))]
    pub(super) id: Name,
    /// Name of a built-in network; `repchip list networks` shows them.
    #[schemars(transform = one_of(builtin::names()))]
    pub(super) name: Option<Name>,
    /// An ONNX file of float operators with its weights, instead of `name`.
    pub(super) model: Option<Name>,
    /// Which form runs. `deploy`: branches fused into 3x3 convolutions; `train`: branches kept; `folded`: batch
    /// norms folded, for networks whose branches cannot be fused. Absent, with `model`: `deploy`.
    #[schemars(transform = choice(&bounds::FORMS))]
    pub(super) form: Option<Name>,
    /// Shape of one image: height and width in pixels, channels. Absent, with `model`: the file's.
    #[schemars(schema_with = "input_shape")]
    pub(super) input: Option<Spanned<Vec<Count>>>,
    /// Where the parameters come from: `{ seed = 1 }` or `{ file = "net.safetensors" }`. Absent: the network is
    /// only mapped and timed, unless `model` holds its weights.
    #[schemars(with = "Option<RawWeights>")]
    pub(super) weights: Option<Spanned<RawWeights>>,
    /// Whether the network is executed to the bit. Absent: when it has weights.
    pub(super) execute: Option<Sourced<bool>>,
    /// Test images: a npy file, u8, axes image, row, column, channel; a npz file, with `:` and the array's name
    /// behind it where there are several; a PNG or JPEG image, a folder of them, or a text file that lists them.
    pub(super) images: Option<Name>,
    /// Classes of the test images: a npy file.
    pub(super) labels: Option<Name>,
    /// Float outputs on the test images, to compare the float executor with: a npy file.
    pub(super) logits: Option<Name>,
    /// Images on which scales are chosen, in one of the forms of `images`.
    pub(super) calibration: Option<Name>,
    /// Pixels of the shorter side of a PNG or JPEG image before its centre is cut out. Absent: not resized.
    #[schemars(transform = within(&bounds::RESIZE))]
    pub(super) resize: Option<Count>,
    /// Mean of the pixels / 255, one number a channel: x = (pixel / 255 - mean) / std.
    #[schemars(with = "Option<Vec<Sourced<Real>>>", transform = within(&bounds::MEAN))]
    pub(super) mean: Option<Spanned<Vec<Sourced<Real>>>>,
    /// Standard deviation of the pixels / 255, one number a channel.
    #[schemars(with = "Option<Vec<Sourced<Real>>>", transform = within(&bounds::STD))]
    pub(super) std: Option<Spanned<Vec<Sourced<Real>>>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "weights", extend("minProperties" = 1, "maxProperties" = 1))]
#[serde(deny_unknown_fields)]
pub(super) struct RawWeights {
    /// Random parameters from this seed.
    #[schemars(transform = within(&bounds::SEED))]
    pub(super) seed: Option<Count>,
    /// A safetensors file, or a state dict that `torch.save` wrote.
    pub(super) file: Option<Name>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "contrast")]
#[serde(deny_unknown_fields)]
pub(super) struct RawContrast {
    /// Id of the network whose advantage is asked for.
    pub(super) left: Name,
    /// Id of the network that it is measured against.
    pub(super) right: Name,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "numerics")]
#[serde(deny_unknown_fields)]
pub(super) struct RawNumerics {
    /// Bits of every activation but the output.
    #[schemars(transform = within(&bounds::BITS))]
    pub(super) activation_bits: Count,
    /// Bits of every weight; in memory each takes whole bytes.
    #[schemars(transform = within(&bounds::BITS))]
    pub(super) weight_bits: Count,
    /// Bits of the network's output.
    #[schemars(transform = within(&bounds::BITS))]
    pub(super) output_bits: Count,
    /// Scales of the weights of a layer: `per_channel`, one for each output channel, or `per_tensor`, one.
    #[schemars(transform = choice(&bounds::WEIGHTS))]
    pub(super) weights: Name,
    /// How the range of an activation is chosen. `min_max`: all values seen; `percentile`: the share of them in
    /// the key `percentile`; `mse`: smallest mean square error; `entropy`: least of their distribution lost.
    #[schemars(transform = choice(&bounds::CALIBRATIONS))]
    pub(super) calibration: Name,
    /// Share of the values seen that the range holds, in percent; only with calibration `percentile`.
    #[schemars(transform = within(&bounds::PERCENTILE))]
    pub(super) percentile: Option<Sourced<Real>>,
    /// How an accumulator becomes an activation. `multiplier`: times a 31-bit factor, then shifted; `shift`:
    /// shifted alone; the others round as the program of their name does: TOSA RESCALE, TensorFlow Lite, ruy,
    /// ONNX Runtime and XNNPACK (`float32_half_even`), a bit slice.
    #[schemars(transform = choice(&bounds::RULES))]
    pub(super) rule: Name,
    /// Rounding of the shift; only with the rules `multiplier` and `shift`, which need it. The `half_` choices
    /// differ in ties only.
    #[schemars(transform = choice(&bounds::ROUNDINGS))]
    pub(super) rounding: Option<Name>,
    /// How a sum of two branches is computed. `accumulate`: inside the accumulators of the convolution;
    /// `separate`: as an addition of its own.
    #[schemars(transform = choice(&bounds::RESIDUALS))]
    pub(super) residual: Name,
    /// How the range of weights is chosen. `max`, the default: every weight fits; `mse`: smallest mean square error
    /// of rounding and clipping.
    #[schemars(transform = choice(&bounds::WEIGHT_CALIBRATIONS))]
    pub(super) weight_calibration: Option<Name>,
    /// Whether the mean error that rounding puts on a channel, measured on the calibration images, is taken out of
    /// its bias. Default: false.
    pub(super) bias_correction: Option<Sourced<bool>>,
    /// Whether the float network's channels are rescaled before it is quantised, so that the weights of neighbouring
    /// layers have equal ranges; its function stays. Default: false.
    pub(super) equalisation: Option<Sourced<bool>>,
    /// Scales of weights and activations. `free`: any; `power_of_two`: powers of two. Default: `power_of_two` with
    /// rule `shift`, which has no others, else `free`.
    #[schemars(transform = choice(&bounds::SCALES))]
    pub(super) scales: Option<Name>,
    /// Layers with widths of their own.
    #[serde(default)]
    pub(super) layers: Vec<RawLayerWidths>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "layer_widths")]
#[serde(deny_unknown_fields)]
pub(super) struct RawLayerWidths {
    /// Name of a layer, `*` for any characters and `?` for one; or `first`, `last`: of the layers with weights; or
    /// `input`: the network's input. Of two entries for one layer the later one wins.
    #[schemars(transform = not_blank)]
    pub(super) name: Name,
    /// Bits of the activations that the layer makes. Default: as the network.
    #[schemars(transform = within(&bounds::BITS))]
    pub(super) activation_bits: Option<Count>,
    /// Bits of the layer's weights. Default: as the network.
    #[schemars(transform = within(&bounds::BITS))]
    pub(super) weight_bits: Option<Count>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "input")]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    /// Images of one run.
    #[schemars(transform = within(&bounds::BATCH))]
    pub(super) batch: Count,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "mapping")]
#[serde(deny_unknown_fields)]
pub(super) struct RawMapping {
    /// Whether a sum may take the storage of its shortcut when the addition is its last reader.
    pub(super) inplace_add: Sourced<bool>,
    /// Rows that two strips share. `keep`: they stay in SRAM; `refetch`: they are read from DRAM again.
    #[schemars(transform = choice(&bounds::HALOS))]
    pub(super) halo: Name,
    /// Loop over the images of a batch. `outermost`: one image after the other; `inside_weights`: weights in
    /// SRAM serve all images.
    #[schemars(transform = choice(&bounds::IMAGE_LOOPS))]
    pub(super) images: Name,
    /// Operators that the chip lacks. `host`: the host does them; `forbid`: they are an error.
    #[schemars(transform = choice(&bounds::OFFLOADS))]
    pub(super) offload: Name,
    /// Unit of fully connected layers. `array`: the array, as centre taps; `host`: the host.
    #[schemars(transform = choice(&bounds::FULLY_CONNECTED))]
    pub(super) fully_connected: Name,
}

fn input_shape(generator: &mut SchemaGenerator) -> Schema {
    let mut side = Count::json_schema(generator);
    let mut channels = side.clone();
    within(&bounds::SIDE).transform(&mut side);
    within(&bounds::CHANNELS).transform(&mut channels);
    json_schema!({
        "type": "array",
        "prefixItems": [side, side, channels],
        "items": false,
        "minItems": 3,
    })
}
