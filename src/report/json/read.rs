//! A run read back from its JSON: every figure in its range, every sum closed.
//!
//! Keys that this version does not know are passed over; an unknown schema version is not.

use super::SCHEMA_VERSION;
use super::file::open;
use super::node::{Node, Object};
use crate::problem::findings::nearest;
use crate::problem::{Problem, Setting, SourceFile};
use crate::report::figures::traffic_key;
use crate::schedule::Traffic;
use crate::time::{Account, Cause};
use crate::units::{Bytes, Cycles};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// All runs on one chip, as a file tells them.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Path as the user wrote it.
    pub path: String,
    /// Version of the crate that ran.
    pub version: String,
    /// The command that made it.
    pub command: String,
    /// Name of the chip.
    pub chip: String,
    /// Clock of the chip in hertz.
    pub clock_hz: u64,
    /// Images of each run.
    pub batch: u64,
    /// Keys of the study and, below `chip.`, of the chip.
    pub config: Vec<Setting>,
    /// Networks in the order of the file; ids are unique.
    pub networks: Vec<NetworkRun>,
}

/// One network of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkRun {
    /// Unique in its file.
    pub id: String,
    /// Name of the network.
    pub name: String,
    /// Which form ran.
    pub form: String,
    /// Of one image.
    pub macs: u64,
    /// Of the network as it ran, biases included.
    pub params: u64,
    /// Cycles to milliseconds at the chip's clock, cold.
    pub latency_ms: f64,
    /// Images of the run over its latency.
    pub images_per_s: f64,
    /// Array MACs over peak times cycles, 0 to 1.
    pub utilisation: f64,
    /// Most bytes of activation SRAM live at once.
    pub peak_activation: Bytes,
    /// Most elements live at once, of the graph.
    pub peak_live_elements: u64,
    /// Cycles by cause; their sum is the whole run.
    pub account: Account,
    /// DRAM payload in the order of [`Traffic::ALL`].
    pub dram: [Bytes; 6],
    /// Layers in the order of the run; names are unique.
    pub layers: Vec<LayerRun>,
    /// Of networks with labelled images.
    pub accuracy: Option<AccuracyRun>,
}

/// One layer of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRun {
    /// Unique in its network.
    pub name: String,
    /// The operator's key: `conv`.
    pub op: String,
    /// Cycles by cause; their sum is the whole layer.
    pub account: Account,
    /// DRAM payload in the order of [`Traffic::ALL`].
    pub dram: [Bytes; 6],
}

/// Top-1 on labelled images; fractions from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccuracyRun {
    /// Images judged.
    pub images: u64,
    /// Right answers of the floats.
    pub float_top1: f64,
    /// Right answers of the integers.
    pub integer_top1: f64,
    /// Same answers.
    pub agreement: f64,
}

impl Run {
    /// Reads the JSON of a run.
    ///
    /// # Errors
    /// The first problem of the file, `diff::what`; see [`Run::parse`].
    pub fn read(path: &Path) -> Result<Self, Problem> {
        Self::parse(&open(path)?)
    }

    /// Reads the text of a run.
    ///
    /// # Errors
    /// The first problem: no JSON, JSON of another kind or schema version, a key missing or of another type,
    /// a number out of its range, a name that is there twice, or figures that do not add up.
    pub fn parse(file: &Arc<SourceFile>) -> Result<Self, Problem> {
        let root = of_a_run(&Node::root(file)?)?;
        let config = root.get("config")?.list()?;
        let nodes = root.get("networks")?.list()?;
        let networks = (nodes.iter().map(network)).collect::<Result<Vec<_>, _>>()?;
        unique(&nodes, networks.iter().map(|n| n.id.as_str()), "network")?;
        let run = Self {
            path: file.path.clone(),
            version: root.get("version")?.text()?,
            command: root.get("command")?.text()?,
            chip: root.get("chip")?.text()?,
            clock_hz: root.get("clock_hz")?.count()?,
            batch: root.get("batch")?.count()?,
            config: config.iter().map(setting).collect::<Result<_, _>>()?,
            networks,
        };
        with_accuracy(run, &root.get("accuracy")?)
    }
}

/// The keys of a run of this schema version.
fn of_a_run<'t>(root: &Node<'t>) -> Result<Object<'t>, Problem> {
    let help =
        "give the `<chip>.json` of a report's folder, or what `repchip run --json FILE` wrote";
    let other = |what: &str| {
        let message = format!("this is not the JSON of a run: {what}");
        root.problem("diff::other_kind", message, help, "not a run")
    };
    let found = root.kind();
    if found != "an object" {
        return Err(other(&format!("it is {found}, not an object")));
    }
    let object = root.object()?;
    let Some(version) = object.find("schema_version") else {
        return Err(other("it has no key `schema_version`"));
    };
    let found = version.count()?;
    if found == u64::from(SCHEMA_VERSION) {
        return Ok(object);
    }
    let message = format!("schema version {found} cannot be read, only version {SCHEMA_VERSION}");
    let help = "write the file again with `repchip run` of this version";
    Err(version.problem("diff::schema_version", message, help, "this version"))
}

fn setting(node: &Node<'_>) -> Result<Setting, Problem> {
    let object = node.object()?;
    Ok(Setting {
        key: object.get("key")?.text()?,
        value: object.get("value")?.text()?,
        source: object.get("source")?.text()?,
        place: None,
    })
}

fn network(node: &Node<'_>) -> Result<NetworkRun, Problem> {
    let object = node.object()?;
    let nodes = object.get("layers")?.list()?;
    let layers = (nodes.iter().map(layer)).collect::<Result<Vec<_>, _>>()?;
    unique(&nodes, layers.iter().map(|l| l.name.as_str()), "layer")?;
    let network = NetworkRun {
        id: object.get("id")?.text()?,
        name: object.get("name")?.text()?,
        form: object.get("form")?.text()?,
        macs: object.get("macs")?.count()?,
        params: object.get("params")?.count()?,
        latency_ms: object.get("latency_ms")?.real()?,
        images_per_s: object.get("images_per_s")?.real()?,
        utilisation: object.get("utilisation")?.fraction()?,
        peak_activation: Bytes(object.get("peak_activation_bytes")?.count()?),
        peak_live_elements: object.get("peak_live_elements")?.count()?,
        account: account(&object)?,
        dram: dram(&object)?,
        layers,
        accuracy: None,
    };
    of_its_layers(&object, &network)?;
    Ok(network)
}

fn layer(node: &Node<'_>) -> Result<LayerRun, Problem> {
    let object = node.object()?;
    Ok(LayerRun {
        name: object.get("name")?.text()?,
        op: object.get("op")?.text()?,
        account: account(&object)?,
        dram: dram(&object)?,
    })
}

/// The causes below `cycles`; they add up to `total_cycles`.
fn account(object: &Object<'_>) -> Result<Account, Problem> {
    let causes = object.get("cycles")?.object()?;
    known(&causes, &Cause::ALL.map(Cause::key), "cause")?;
    let total = object.get("total_cycles")?;
    let cycles = (Cause::ALL.iter())
        .map(|cause| Ok((*cause, causes.get(cause.key())?.count()?)))
        .collect::<Result<Vec<_>, Problem>>()?;
    let sum: u128 = cycles.iter().map(|(_, n)| u128::from(*n)).sum();
    if sum != u128::from(total.count()?) {
        let message = format!(
            "`{}` is {}, but its causes add up to {sum} cycles",
            total.path(),
            total.count()?
        );
        return Err(total.problem("diff::causes_sum", message, DAMAGED, "not the sum"));
    }
    let mut account = Account::default();
    for (cause, cycles) in cycles {
        account.add(cause, Cycles(cycles));
    }
    Ok(account)
}

const DAMAGED: &str = "the file was damaged or edited; write it again with `repchip run`";

/// The kinds below `dram_bytes`; they add up to `total`.
fn dram(object: &Object<'_>) -> Result<[Bytes; 6], Problem> {
    let kinds = object.get("dram_bytes")?.object()?;
    let keys: Vec<&str> = (Traffic::ALL.map(traffic_key).into_iter())
        .chain(["total"])
        .collect();
    known(&kinds, &keys, "kind of traffic")?;
    let mut bytes = [Bytes(0); 6];
    for (bytes, kind) in bytes.iter_mut().zip(Traffic::ALL) {
        *bytes = Bytes(kinds.get(traffic_key(kind))?.count()?);
    }
    let total = kinds.get("total")?;
    let sum: u128 = bytes.iter().map(|bytes| u128::from(bytes.0)).sum();
    if sum != u128::from(total.count()?) {
        let message = format!(
            "`{}` is {}, but its kinds add up to {sum} bytes",
            total.path(),
            total.count()?
        );
        return Err(total.problem("diff::bytes_sum", message, DAMAGED, "not the sum"));
    }
    Ok(bytes)
}

/// No key besides `keys`: it would hold cycles or bytes that no sum counts.
fn known(object: &Object<'_>, keys: &[&str], what: &str) -> Result<(), Problem> {
    let Some((key, node)) = object.entries().find(|(key, _)| !keys.contains(key)) else {
        return Ok(());
    };
    let message = format!("there is no {what} `{key}`");
    let help = match nearest(key, keys.iter().copied()) {
        Some(name) => {
            format!("did you mean `{name}`? Else write the file again with `repchip run`")
        }
        None => DAMAGED.to_owned(),
    };
    Err(node.problem("diff::unknown_key", message, help, "unknown"))
}

/// Cause by cause and kind by kind the layers add up to their network.
fn of_its_layers(object: &Object<'_>, network: &NetworkRun) -> Result<(), Problem> {
    let causes = Cause::ALL.iter().map(|&cause| {
        let layers = network.layers.iter().map(move |l| l.account.get(cause).0);
        let sum: u128 = layers.map(u128::from).sum();
        (("cycles", cause.key()), network.account.get(cause).0, sum)
    });
    let kinds = Traffic::ALL.iter().enumerate().map(|(place, &kind)| {
        let layers = network.layers.iter().map(move |l| l.dram[place].0);
        let sum: u128 = layers.map(u128::from).sum();
        (
            ("dram_bytes", traffic_key(kind)),
            network.dram[place].0,
            sum,
        )
    });
    let wrong = causes
        .chain(kinds)
        .find(|(_, own, sum)| u128::from(*own) != *sum);
    let Some(((table, key), own, sum)) = wrong else {
        return Ok(());
    };
    let node = object.get(table)?.object()?.get(key)?;
    let message = format!("`{}` is {own}, but its layers add up to {sum}", node.path());
    Err(node.problem("diff::layers_sum", message, DAMAGED, "not the sum"))
}

/// A name that is there twice could be matched in two ways.
fn unique<'n>(
    nodes: &[Node<'_>],
    names: impl Iterator<Item = &'n str>,
    what: &str,
) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for (node, name) in nodes.iter().zip(names) {
        if !seen.insert(name) {
            let message = format!("the {what} `{name}` is there twice");
            let help =
                format!("keep one {what} of this name, or write the file again with `repchip run`");
            return Err(node.problem("diff::duplicate_name", message, help, "the second one"));
        }
    }
    Ok(())
}

/// Puts each accuracy to its network.
fn with_accuracy(mut run: Run, list: &Node<'_>) -> Result<Run, Problem> {
    for node in list.list()? {
        let object = node.object()?;
        let id = object.get("id")?;
        let name = id.text()?;
        let accuracy = AccuracyRun {
            images: object.get("images")?.count()?,
            float_top1: object.get("float_top1")?.fraction()?,
            integer_top1: object.get("integer_top1")?.fraction()?,
            agreement: object.get("agreement")?.fraction()?,
        };
        let network = run.networks.iter_mut().find(|network| network.id == name);
        let free = network.filter(|network| network.accuracy.is_none());
        let Some(network) = free else {
            let message = format!(
                "`{}` is \"{name}\", which no network of the file still needs",
                id.path()
            );
            return Err(id.problem("diff::stray_accuracy", message, DAMAGED, "no such network"));
        };
        network.accuracy = Some(accuracy);
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::Summary;
    use crate::report::{json, sample};

    #[test]
    fn what_is_written_reads_back_the_same() {
        let report = sample::report(22);
        let written = &report.chips[0];
        let run = Run::parse(&Arc::new(SourceFile {
            path: "edge.json".to_owned(),
            text: json::text(&report, written),
        }))
        .unwrap();
        assert_eq!((run.version.as_str(), run.batch), ("0.1.0", 1));
        assert_eq!((run.chip.as_str(), run.clock_hz), ("edge", 200_000_000));
        assert_eq!(run.config[1].key, "chip.dram.latency_cycles");
        assert_eq!(run.config[1].source, "assumed");
        assert_eq!(run.networks.len(), written.networks.len());
        for (read, run) in run.networks.iter().zip(&written.networks) {
            let summary = Summary::of(run, &written.chip);
            assert_eq!(read.id, run.id);
            assert_eq!(read.account, summary.account);
            assert!((read.latency_ms - summary.latency_s * 1e3).abs() < f64::EPSILON);
            assert_eq!(read.peak_activation, summary.peak_activation);
            let accuracy = read.accuracy.expect("labelled images");
            assert_eq!(accuracy.images, run.accuracy.expect("the same").images);
            assert_eq!(read.layers.len(), run.timeline.layers.len());
            for (layer, time) in read.layers.iter().zip(&run.timeline.layers) {
                assert_eq!(layer.account, time.account);
                let bytes: Bytes = layer.dram.iter().copied().sum();
                assert_eq!(bytes, time.dram.payload());
            }
        }
    }
}
