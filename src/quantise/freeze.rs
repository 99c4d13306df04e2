//! A frozen network as one file: what an RTL team works from.
//!
//! A safetensors file. Tensors: `scale` (f64, by tensor), and for layer `i` with accumulators `i.weight` (i8 or
//! i16, OHWI), `i.bias` (i64), `i.multiplier` (i32), `i.shift` (u8), with a shortcut `i.k` (i32) and `i.e` (u8);
//! for all others that requantise `i.multiplier` and `i.shift`, for functions `i.table` (i32). The metadata `repchip` holds the format version, the
//! digest, and the rest of the network as JSON. The digest is SHA-256 over the JSON and every tensor's name,
//! type, shape and bytes, in order of names. The same network gives the same bytes.

mod content;
mod tensors;

use super::{QuantNetwork, QuantiseError};
use content::Content;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;
use tensors::Tensors;

/// Version of the format.
const VERSION: u32 = 1;
/// The one key of the metadata.
const KEY: &str = "repchip";

/// What stands under [`KEY`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    digest: String,
    network: String,
}

/// Reads a file whose bytes [`to_bytes`] made.
///
/// # Errors
/// When the file cannot be read, is cut short or changed, was written by another version of the format, or its
/// parts do not belong together.
pub fn read(path: &Path) -> Result<QuantNetwork, QuantiseError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| QuantiseError::File {
        path: name.clone(),
        error: error.to_string(),
    })?;
    from_bytes(&name, &bytes)
}

/// The digest that identifies a network: SHA-256 in hexadecimal, as its frozen file has it.
///
/// # Panics
/// When an integer of the network does not fit its width.
#[must_use]
pub fn digest(network: &QuantNetwork) -> String {
    let (content, tensors) = Content::split(network);
    digest_of(&content.to_json(), &tensors)
}

/// A frozen network as the bytes of a file.
///
/// # Panics
/// When an integer of the network does not fit its width.
#[must_use]
pub fn to_bytes(network: &QuantNetwork) -> Vec<u8> {
    let (content, tensors) = Content::split(network);
    let json = content.to_json();
    let header = Header {
        version: VERSION,
        digest: digest_of(&json, &tensors),
        network: json,
    };
    let header = serde_json::to_string(&header).expect("plain strings and numbers");
    // One key, so the order of a map cannot show in the bytes.
    let metadata = Some(std::iter::once((KEY.to_owned(), header)).collect());
    safetensors::serialize(tensors.views(), metadata).expect("views of whole tensors")
}

fn from_bytes(path: &str, bytes: &[u8]) -> Result<QuantNetwork, QuantiseError> {
    let format = |what: String| QuantiseError::Format {
        path: path.to_owned(),
        what,
    };
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| format(error.to_string()))?;
    let header = (metadata.metadata().as_ref())
        .and_then(|entries| entries.get(KEY))
        .ok_or_else(|| format(format!("the metadata `{KEY}` is missing")))?;
    let header: Header = serde_json::from_str(header).map_err(|error| format(error.to_string()))?;
    if header.version != VERSION {
        return Err(QuantiseError::Version {
            path: path.to_owned(),
            found: header.version,
            wanted: VERSION,
        });
    }
    let tensors = Tensors::read(bytes).map_err(format)?;
    let found = digest_of(&header.network, &tensors);
    if found != header.digest {
        return Err(QuantiseError::Digest {
            path: path.to_owned(),
            found,
            wanted: header.digest,
        });
    }
    let content = Content::from_json(&header.network).map_err(format)?;
    content.join(tensors).map_err(format)
}

fn digest_of(json: &str, tensors: &Tensors) -> String {
    let mut hash = Sha256::new();
    hash.update(crate::units::count(json.len()).to_le_bytes());
    hash.update(json);
    tensors.hash(&mut hash);
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Rounding, Rule};
    use crate::float::{seeded, seeded_image};
    use crate::network::{Network, builtin};
    use crate::quantise::{ResidualForm, Settings, Widths, quantise};
    use crate::reparam::{Branches, fold};
    use crate::tensor::FeatureMap;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    fn make(settings: &Settings) -> QuantNetwork {
        let graph = builtin::graph("resnet-mini", FeatureMap::new(12, 12, 1)).unwrap();
        let params = seeded(&graph, 3);
        let folded = fold(&Network { graph, params }, Branches::Keep).unwrap();
        let image = seeded_image(folded.graph.input, 4);
        quantise(&folded, &image, settings).unwrap()
    }

    static SAMPLE: LazyLock<(QuantNetwork, Vec<u8>)> = LazyLock::new(|| {
        let network = make(&Settings::int8());
        let bytes = to_bytes(&network);
        (network, bytes)
    });

    #[test]
    fn what_was_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.safetensors");
        for (bits, residual) in [(8, ResidualForm::Separate), (12, ResidualForm::Accumulate)] {
            let widths = Widths {
                activation_bits: bits,
                weight_bits: bits,
                output_bits: 16,
            };
            let rule = Rule::Shift(Rounding::HalfAway);
            let network = make(&Settings {
                widths,
                residual,
                rule,
                ..Settings::int8()
            });
            std::fs::write(&path, to_bytes(&network)).unwrap();
            let back = read(&path).unwrap();
            assert_eq!(back, network);
            assert_eq!(digest(&back), digest(&network));
        }
    }

    #[test]
    fn the_same_network_gives_the_same_bytes() {
        assert_eq!(to_bytes(&SAMPLE.0), SAMPLE.1);
        assert_eq!(from_bytes("sample", &SAMPLE.1).unwrap(), SAMPLE.0);
    }

    #[test]
    fn another_version_and_other_files_are_named() {
        let text = String::from_utf8_lossy(&SAMPLE.1).into_owned();
        assert!(text.contains(r#"{\"version\":1"#));
        let place = text.find(r#"{\"version\":1"#).unwrap() + r#"{\"version\":"#.len();
        let mut other = SAMPLE.1.clone();
        other[place] = b'2';
        assert!(matches!(
            from_bytes("sample", &other),
            Err(QuantiseError::Version { found: 2, .. })
        ));
        for nonsense in [&b""[..], b"{}", b"not a network at all", &[0xff; 64]] {
            assert!(matches!(
                from_bytes("sample", nonsense),
                Err(QuantiseError::Format { .. })
            ));
        }
        let missing = read(Path::new("no/such/file"));
        assert!(matches!(missing, Err(QuantiseError::File { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn a_changed_or_cut_file_is_an_error(place in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>(), early in any::<bool>()) {
            let mut bytes = SAMPLE.1.clone();
            let length = if early { bytes.len().min(4000) } else { bytes.len() };
            let place = place.index(length);
            if cut {
                bytes.truncate(place);
            } else {
                bytes[place] ^= 1 << bit;
            }
            // A change of the white space that pads the header changes no content.
            if let Ok(network) = from_bytes("sample", &bytes) {
                prop_assert!(!cut && network == SAMPLE.0, "byte {place}");
            }
        }
    }
}
