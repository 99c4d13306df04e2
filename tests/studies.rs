//! The shipped studies load, and flags change what they ask.

use repchip::chip::Chip;
use repchip::network::{Form, builtin};
use repchip::problem::OverrideFlag;
use repchip::study::{Calibration, Source, Study, WeightSource};
use std::path::Path;

fn study(flags: &[&str]) -> Study {
    let flags: Vec<_> = flags.iter().map(|flag| OverrideFlag::new(flag)).collect();
    let path = Path::new("configs/studies/repvgg-vs-resnet.toml");
    Study::read_with(path, &flags, &builtin::names())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn setting(study: &Study, key: &str) -> (String, String) {
    let found = study.effective().iter().find(|setting| setting.key == key);
    let setting = found.unwrap_or_else(|| panic!("{key} is listed"));
    (setting.value.clone(), setting.source.clone())
}

#[test]
fn the_main_study_loads_with_its_chips() {
    let study = study(&[]);
    for chip in &study.chips {
        Chip::read(chip).unwrap_or_else(|problems| panic!("{problems}"));
    }
    let pairs: Vec<_> = study
        .contrasts
        .iter()
        .map(|pair| {
            let id = |place: usize| study.networks[place].id.as_str();
            (id(pair.left), id(pair.right))
        })
        .collect();
    let wanted = [
        ("repvgg-a0", "resnet-18"),
        ("repvgg-a2", "resnet-50-v1"),
        ("repvgg-mini", "resnet-mini"),
    ];
    assert_eq!(pairs, wanted);
    let seeded = Source::Builtin {
        name: "repvgg-a0".to_owned(),
        weights: Some(WeightSource::Seed(1)),
    };
    assert_eq!(study.networks[0].source, seeded);
    assert!(study.networks.iter().all(|network| network.execute));
    let images = study.networks[5]
        .images
        .as_ref()
        .expect("the pair is trained");
    assert!(
        images
            .calibration
            .as_ref()
            .is_some_and(|files| files.path.is_file())
            && images.labels.is_some()
    );
    assert_eq!(study.digest.len(), 64);
}

#[test]
fn the_effective_configuration_names_defaults_and_flags() {
    let study = study(&["numerics.weight_bits=4", "networks.resnet-18.form=train"]);
    assert_eq!(study.numerics.widths.weight_bits, 4);
    assert_eq!(study.networks[1].form, Form::Train);
    let text = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(setting(&study, "numerics.weight_bits"), text("4", "--set"));
    assert_eq!(
        setting(&study, "numerics.activation_bits"),
        text("8", "file")
    );
    assert_eq!(
        setting(&study, "networks.repvgg-a0.images"),
        text("none", "default")
    );
    assert_eq!(
        setting(&study, "networks.repvgg-a0.execute"),
        text("true", "default")
    );
}

#[test]
fn flags_apply_in_order_and_add_keys() {
    let study = study(&[
        "numerics.percentile=99.5",
        "numerics.percentile=99.9",
        "networks.0.execute=false",
    ]);
    assert_eq!(study.numerics.calibration, Calibration::Percentile(99.9));
    assert!(!study.networks[0].execute && study.networks[1].execute);
}

#[test]
fn a_flag_may_change_a_chip() {
    let flags = [OverrideFlag::new("array.rows=4")];
    let chip = Chip::read_with(Path::new("configs/chips/edge.toml"), &flags)
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(chip.array.rows, 4);
    let rows = chip
        .effective()
        .iter()
        .find(|setting| setting.key == "array.rows");
    assert_eq!(rows.map(|setting| setting.source.as_str()), Some("--set"));
}
