//! `manifest.json` beside the files of a run of the RTL: what they come from, and their digests.

use crate::problem::Setting;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the files of one run come from.
#[derive(Debug, Clone)]
pub struct Manifest<'a> {
    /// The command that wrote them.
    pub command: &'a str,
    /// Name, digest and settings of the study.
    pub study: (&'a str, &'a str, &'a [Setting]),
    /// The same of the chip.
    pub chip: (&'a str, &'a str, &'a [Setting]),
    /// The network's id in the study.
    pub network: &'a str,
    /// The first image of the batch, and how many it has.
    pub images: (usize, usize),
    /// What the batch is made of.
    pub stimulus: Value,
    /// Cycles from the first DRAM request to the last output byte.
    pub cycles: u64,
    /// By layer: its name, and the unit that runs it.
    pub layers: &'a [(String, &'static str)],
}

impl Manifest<'_> {
    /// The JSON text for `files`, named as they lie beside it.
    #[must_use]
    pub fn text(&self, files: &[(String, Vec<u8>)]) -> String {
        let files = files.iter().map(
            |(path, bytes)| json!({ "path": path, "bytes": bytes.len(), "sha256": digest(bytes) }),
        );
        let layers = (self.layers.iter()).map(|(name, unit)| json!({ "name": name, "unit": unit }));
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "command": self.command,
            "study": { "name": self.study.0, "digest": self.study.1 },
            "chip": { "name": self.chip.0, "digest": self.chip.1 },
            "network": self.network,
            "image": self.images.0,
            "batch": self.images.1,
            "stimulus": self.stimulus,
            "total": { "value": self.cycles, "unit": "cycles" },
            "layers": layers.collect::<Vec<Value>>(),
            "files": files.collect::<Vec<Value>>(),
            "config": self.config(),
        });
        format!("{object:#}\n")
    }

    /// The keys of the study, then those of the chip below `chip.`.
    fn config(&self) -> Vec<Value> {
        let of = |settings: &[Setting], below: &str| -> Vec<Value> {
            let one = |s: &Setting| {
                let key = format!("{below}{}", s.key);
                json!({ "key": key, "value": s.value, "source": s.source })
            };
            settings.iter().map(one).collect()
        };
        [of(self.study.2, ""), of(self.chip.2, "chip.")].concat()
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_size_and_digest() {
        let manifest = Manifest {
            command: "repchip golden study.toml",
            study: ("study", "0a", &[]),
            chip: ("edge", "0b", &[]),
            network: "mini",
            images: (3, 1),
            stimulus: json!({ "kind": "image" }),
            cycles: 41,
            layers: &[("conv".to_owned(), "array")],
        };
        let text = manifest.text(&[("ops.hex".to_owned(), b"abc".to_vec())]);
        let read: Value = serde_json::from_str(&text).unwrap();
        let file = &read["files"][0];
        assert_eq!(
            (&file["path"], &file["bytes"]),
            (&json!("ops.hex"), &json!(3))
        );
        // The first test vector of FIPS 180-2.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file["sha256"], abc);
        assert_eq!(read["total"], json!({ "value": 41, "unit": "cycles" }));
        assert_eq!((&read["image"], &read["batch"]), (&json!(3), &json!(1)));
    }
}
