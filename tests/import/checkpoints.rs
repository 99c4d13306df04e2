//! State dicts of PyTorch: the same numbers under all names, and files that are no such thing.

use super::{fixture, model, nano};
use repchip::network::checkpoint::{self, Checkpoint};
use repchip::network::{NetworkError, builtin};
use std::path::Path;

#[test]
fn prefixes_wrappers_and_names_of_other_projects_lead_to_the_same_numbers() {
    let want = nano(&model("repvgg-nano.safetensors"));
    for name in ["official-train.pth", "timm-train.pth"] {
        assert_eq!(nano(&fixture(name)), want, "{name}");
    }
    let deploy = nano(&fixture("official-deploy.pth"));
    assert_eq!(nano(&fixture("timm-deploy.safetensors")), deploy);
}

#[test]
fn a_checkpoint_knows_its_network() {
    for (file, want) in [
        (fixture("timm-train.pth"), "repvgg-nano"),
        (model("repvgg-mini.safetensors"), "repvgg-mini"),
        (model("resnet-mini.safetensors"), "resnet-mini"),
    ] {
        let checkpoint = Checkpoint::read(&file).unwrap();
        let fitting: Vec<&str> = (builtin::names().into_iter())
            .filter(|name| {
                let input = builtin::default_input(name).unwrap();
                checkpoint
                    .fits(&builtin::graph(name, input).unwrap())
                    .unwrap()
            })
            .collect();
        assert_eq!(fitting, [want]);
    }
}

fn cause(path: &Path) -> String {
    let input = builtin::default_input("repvgg-nano").expect("built in");
    let graph = builtin::graph("repvgg-nano", input).expect("built in");
    match checkpoint::read(&graph, path) {
        Err(NetworkError::Unreadable { cause, .. }) => cause,
        other => panic!("{}: {:?}", path.display(), other.map(|_| "read")),
    }
}

#[test]
fn what_is_no_state_dict_is_refused_by_name() {
    assert_eq!(
        cause(&fixture("legacy-format.pth")),
        "it is in the format before torch 1.6; load it and save it anew with torch.save"
    );
    assert!(
        cause(&fixture("object.pth"))
            .ends_with("it holds an object `train.RepVGGBlock`, only dicts of tensors are read")
    );
    assert!(cause(&fixture("blocks.onnx")).contains("are not a whole safetensors file"));
}

#[test]
fn a_damaged_archive_is_refused_or_read_and_never_a_panic() {
    let whole = std::fs::read(fixture("official-deploy.pth")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.pth");
    let graph = builtin::graph(
        "repvgg-nano",
        builtin::default_input("repvgg-nano").unwrap(),
    )
    .unwrap();
    // Names and places stand at both ends of the file; a step of a prime meets all kinds of bytes between them.
    let (head, tail) = (3_000, whole.len() - 6_000);
    let places = (0..head)
        .step_by(3)
        .chain((head..tail).step_by(1_999))
        .chain((tail..whole.len()).step_by(7));
    for place in places {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x5a;
        std::fs::write(&path, &damaged).unwrap();
        let _ = checkpoint::read(&graph, &path);
        std::fs::write(&path, &whole[..place]).unwrap();
        assert!(checkpoint::read(&graph, &path).is_err(), "{place}");
    }
}
