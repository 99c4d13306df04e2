//! `diff.csv`: one row a figure of every network and layer, one row a word or key that differs.

use super::Diff;
use super::change::{Amount, Change};

const HEADER: [&str; 9] = [
    "section",
    "network",
    "layer",
    "figure",
    "unit",
    "a",
    "b",
    "difference",
    "percent_of_a",
];

/// The bytes of `diff.csv`: comma separated, quoted where needed, `\n` at the end of each row. Figures that
/// are equal stand there as well; what one run does not have is an empty cell, and so is the percentage of
/// what grew from nothing.
#[must_use]
pub fn rows(diff: &Diff<'_>) -> Vec<u8> {
    let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::new());
    let header = HEADER.map(str::to_owned);
    let figures = figures(diff);
    for row in std::iter::once(header).chain(words(diff)).chain(figures) {
        writer
            .write_record(&row)
            .expect("memory takes every record, and all rows are as wide as the header");
    }
    writer
        .into_inner()
        .expect("memory takes the last record as well")
}

fn words(diff: &Diff<'_>) -> Vec<[String; 9]> {
    let row = |section: &str, what: &str, a: &str, b: &str| {
        [section, "", "", what, "", a, b, "", ""].map(str::to_owned)
    };
    let networks = diff.networks.iter().flat_map(|network| &network.words);
    let facts =
        (diff.facts.iter().chain(networks)).map(|fact| row("fact", &fact.what, &fact.a, &fact.b));
    let settings = diff.settings.iter().map(|setting| {
        let value = |side: &'_ Option<(String, String)>| {
            side.as_ref()
                .map_or_else(String::new, |(value, _)| value.clone())
        };
        row(
            "config",
            &setting.key,
            &value(&setting.a),
            &value(&setting.b),
        )
    });
    let only = |ids: &[&str], sides: [&str; 2]| -> Vec<_> {
        ids.iter()
            .map(|id| row("only", id, sides[0], sides[1]))
            .collect()
    };
    let mut rows: Vec<_> = facts.chain(settings).collect();
    rows.extend(only(&diff.only_a, ["there", ""]));
    rows.extend(only(&diff.only_b, ["", "there"]));
    rows
}

fn figures(diff: &Diff<'_>) -> Vec<[String; 9]> {
    let mut rows = Vec::new();
    for network in &diff.networks {
        let causes = network.causes.iter().map(|(_, change)| change);
        let all = network.figures.iter().chain(causes);
        rows.extend(all.map(|change| row("network", &network.id, "", change)));
        for layer in &network.layers {
            let changes = layer.changes();
            rows.extend(changes.map(|change| row("layer", &network.id, &layer.name, change)));
        }
    }
    rows
}

fn row(section: &str, network: &str, layer: &str, change: &Change) -> [String; 9] {
    let percent = change.percent();
    [
        section.to_owned(),
        network.to_owned(),
        layer.to_owned(),
        change.key.clone(),
        change.unit.text().to_owned(),
        exact(change.a),
        exact(change.b),
        change.difference(),
        percent.map_or_else(String::new, |percent| format!("{percent:.6}")),
    ]
}

/// All digits of an amount.
fn exact(amount: Option<Amount>) -> String {
    match amount {
        None => String::new(),
        Some(Amount::Count(count)) => count.to_string(),
        Some(Amount::Real(value)) => value.to_string(),
    }
}
