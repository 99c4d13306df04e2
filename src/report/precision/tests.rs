//! Sentences, tables and charts of made-up figures.

use super::*;
use crate::quantise::Settings;

const BITS: [u8; 2] = [4, 8];
const METHODS: [Method; 5] = [
    Method::None,
    Method::BiasCorrection,
    Method::Equalisation,
    Method::WideWeights,
    Method::WideActivations,
];

/// 1000 images, the floats have 900 right. Per tensor 4 bits lose 60 points, of which equalisation gives back 50;
/// per channel nothing is lost.
fn report() -> PrecisionReport {
    let grid = Grid {
        base: Settings::int8(),
        percentile: 99.99,
        bits: BITS.to_vec(),
        methods: METHODS.to_vec(),
    };
    let right = |point: Point| match (point.granularity, point.bits, point.method) {
        (Granularity::PerChannel, ..) | (_, 8, _) => 899,
        (_, _, Method::Equalisation) => 800,
        (_, _, Method::WideWeights) => 850,
        (_, _, Method::BiasCorrection) => 150,
        _ => 300,
    };
    let points = grid.points().into_iter().map(|point| {
        let outcome = Outcome {
            right: right(point),
            agreed: right(point) + 10,
            output_sqnr_db: Some(12.5),
        };
        let refused = point.scales == ScaleSet::PowerOfTwo && point.bits == 4;
        (
            point,
            if refused {
                Err("no <factor>".to_owned())
            } else {
                Ok(outcome)
            },
        )
    });
    let network = Found {
        id: "net-spread".to_owned(),
        images: 1000,
        calibration_images: 64,
        float_right: 900,
        equalised: (12, 3),
        equalisation_left: 0.0005,
        points: points.collect(),
        variants: Vec::new(),
        branches: Vec::new(),
    };
    PrecisionReport {
        title: "study".to_owned(),
        description: None,
        provenance: Provenance::default(),
        grid,
        networks: vec![network],
        spread_octaves: 6,
        config: ConfigTable::default(),
    }
}

#[test]
fn sentences_say_what_the_figures_say() {
    let report = report();
    let all = words::of(&report, &report.networks[0]);
    assert_eq!(
        all[1],
        "Weights per tensor, min-max ranges, points of top-1 lost: 60.0 with 4 bits, 0.1 with 8 bits. It collapses \
         (more than 10 points) at 4 bits and fewer."
    );
    assert_eq!(
        all[2],
        "Weights per tensor, 4 bits: of 60.0 points lost, these give back: equalisation 50.0. Not told from noise: \
         nothing. Harmful: bias correction -15.0."
    );
    assert!(
        all[3].contains("60.0 remain with activations of 12 bits"),
        "{}",
        all[3]
    );
    assert!(all[3].contains("5.0 with weights of 12 bits"), "{}", all[3]);
    assert!(
        all.iter()
            .any(|text| text.contains("there is nothing to repair"))
    );
    assert!(
        all[0].contains("up to 1.9 points") && all[0].contains("up to 2^6 apart"),
        "{}",
        all[0]
    );
}

#[test]
fn tables_name_what_was_refused_and_leave_out_what_was_not_tried() {
    let report = report();
    let text = terminal(&report, 120, Borders::Ascii);
    assert!(text.contains("refused"));
    let grids = grids::of(&report, &report.networks[0]);
    assert_eq!(
        grids.iter().map(|grid| grid.rows.len()).collect::<Vec<_>>(),
        [5, 5, 1, 1]
    );
}

#[test]
fn files_are_the_same_twice_and_escaped() {
    let report = report();
    let files = files(Path::new("out"), &report, false);
    assert_eq!(files, super::files(Path::new("out"), &report, false));
    let of = |name: &str| {
        let found = files.iter().find(|(path, _)| path.ends_with(name));
        String::from_utf8(found.expect("it is written").1.clone()).expect("text")
    };
    assert!(!of("report.html").contains("<factor>"));
    assert_eq!(
        of("points.csv").lines().count(),
        1 + report.networks[0].points.len()
    );
    let json: serde_json::Value = serde_json::from_str(&of("precision.json")).expect("JSON");
    assert_eq!(json["networks"][0]["points"][0]["top1_percent"], 30.0);
    for chart in charts::draw(&report) {
        for (text, [left, top, right, bottom]) in chart.scene.text_boxes() {
            let inside = left >= 0.0 && top >= 0.0 && right <= chart.scene.width;
            assert!(inside && bottom <= chart.scene.height, "{text}");
        }
    }
}
