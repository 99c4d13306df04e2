//! Names of parameters in public checkpoints.
//!
//! The built-in networks have the names of the official RepVGG and torchvision models. A `module.` in front, which
//! training on several devices leaves, is dropped; timm's names for RepVGG are put into the official ones.

/// What training on several devices leaves in front of a name.
pub(super) const PREFIX: &str = "module.";

/// Parts of timm's names and the official ones; stages count from 0 there and from 1 here.
const PARTS: [(&str, &str); 8] = [
    ("conv_kxk", "rbr_dense"),
    ("conv_1x1", "rbr_1x1"),
    ("identity", "rbr_identity"),
    ("reparam_conv", "rbr_reparam"),
    ("attn", "se"),
    ("fc1", "down"),
    ("fc2", "up"),
    ("stem", "stage0"),
];

/// Whether the names of a checkpoint are those of a RepVGG of timm.
pub(super) fn is_timm<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    let marks = ["conv_kxk", "reparam_conv"];
    names.any(|name| name.split('.').any(|part| marks.contains(&part)))
}

/// The name of this crate for a tensor named `name` in a file.
pub(super) fn plain(name: &str, timm: bool) -> String {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    if !timm {
        return name.to_owned();
    }
    if let Some(rest) = name.strip_prefix("head.fc.") {
        return format!("linear.{rest}");
    }
    let official = |part: &str| {
        let known = PARTS.iter().find(|(theirs, _)| *theirs == part);
        known.map_or_else(|| part.to_owned(), |(_, ours)| (*ours).to_owned())
    };
    let stage = name.strip_prefix("stages.").and_then(|rest| {
        let (number, rest) = rest.split_once('.')?;
        Some((number.parse::<u8>().ok()?.checked_add(1)?, rest))
    });
    let (mut parts, rest) = match stage {
        Some((number, rest)) => (vec![format!("stage{number}")], rest),
        None => (Vec::new(), name),
    };
    parts.extend(rest.split('.').map(official));
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_timm_become_official_ones() {
        for (theirs, ours) in [
            ("stem.conv_kxk.conv.weight", "stage0.rbr_dense.conv.weight"),
            ("stages.0.1.conv_1x1.bn.bias", "stage1.1.rbr_1x1.bn.bias"),
            (
                "stages.3.0.identity.running_var",
                "stage4.0.rbr_identity.running_var",
            ),
            (
                "module.stages.2.10.reparam_conv.bias",
                "stage3.10.rbr_reparam.bias",
            ),
            ("stages.0.0.attn.fc1.weight", "stage1.0.se.down.weight"),
            ("head.fc.bias", "linear.bias"),
        ] {
            assert!(is_timm(["x", "stem.reparam_conv.weight"].into_iter()));
            assert_eq!(plain(theirs, true), ours);
        }
        assert!(!is_timm(["layer1.0.conv1.weight", "stages"].into_iter()));
        assert_eq!(plain("module.fc.bias", false), "fc.bias");
        assert_eq!(plain("stages.255.x", true), "stages.255.x");
    }
}
