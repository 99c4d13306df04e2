//! The difference as one JSON object, for scripts.

use super::change::{Amount, Change};
use super::network::{Found, LayerDiff, NetworkDiff};
use super::settings::{SettingChange, WordChange};
use super::{Diff, verdict};
use crate::report::json::read::Run;
use serde::Serialize;
use serde_json::{Value, json};

/// The version of this object's schema: raised when a key changes its name or meaning.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct DiffJson<'a> {
    diff_schema_version: u32,
    a: Value,
    b: Value,
    differs: bool,
    sentences: Vec<String>,
    facts: Vec<Value>,
    config: Vec<Value>,
    only_a: &'a [&'a str],
    only_b: &'a [&'a str],
    networks: Vec<Value>,
}

/// The JSON text, ending in a newline. Every figure of every network and layer, equal ones as well:
/// `{ figure, unit, a, b, percent_of_a }`, where `a` or `b` is null when one run has no such thing and
/// `percent_of_a` when there is nothing to grow from.
#[must_use]
pub fn text(diff: &Diff<'_>) -> String {
    let object = DiffJson {
        diff_schema_version: SCHEMA_VERSION,
        a: run(diff.a),
        b: run(diff.b),
        differs: diff.differs(),
        sentences: verdict::sentences(diff),
        facts: diff.facts.iter().map(word).collect(),
        config: diff.settings.iter().map(setting).collect(),
        only_a: &diff.only_a,
        only_b: &diff.only_b,
        networks: diff.networks.iter().map(network).collect(),
    };
    let mut text = serde_json::to_string_pretty(&object)
        .expect("the object has string keys and no map that can fail");
    text.push('\n');
    text
}

fn run(run: &Run) -> Value {
    json!({
        "file": run.path,
        "version": run.version,
        "command": run.command,
        "chip": run.chip,
        "clock_hz": run.clock_hz,
        "batch": run.batch,
    })
}

fn word(change: &WordChange) -> Value {
    json!({ "what": change.what, "a": change.a, "b": change.b })
}

fn setting(change: &SettingChange) -> Value {
    let side = |side: &Option<(String, String)>| match side {
        Some((value, source)) => json!({ "value": value, "source": source }),
        None => Value::Null,
    };
    json!({ "key": change.key, "a": side(&change.a), "b": side(&change.b) })
}

fn network(network: &NetworkDiff) -> Value {
    let causes = network.causes.iter().map(|(_, change)| change);
    let figures: Vec<Value> = network.figures.iter().chain(causes).map(figure).collect();
    json!({
        "id": network.id,
        "sentence": verdict::sentence(network),
        "words": network.words.iter().map(word).collect::<Vec<_>>(),
        "figures": figures,
        "layers": network.layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

fn layer(layer: &LayerDiff) -> Value {
    json!({
        "name": layer.name,
        "in": match layer.found {
            Found::Both => "both",
            Found::OnlyA => "a",
            Found::OnlyB => "b",
        },
        "figures": layer.changes().map(figure).collect::<Vec<_>>(),
    })
}

fn figure(change: &Change) -> Value {
    let amount = |side: Option<Amount>| match side {
        None => Value::Null,
        Some(Amount::Count(count)) => json!(count),
        Some(Amount::Real(value)) => json!(value),
    };
    json!({
        "figure": change.key,
        "unit": change.unit.text(),
        "a": amount(change.a),
        "b": amount(change.b),
        "percent_of_a": change.percent(),
    })
}
