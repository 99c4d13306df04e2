//! One event of a trace, and the rows that events stand in.

use serde::Serialize;
use serde_json::{Map, Value, json};
use std::ops::Range;

/// A row of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    Array,
    Vector,
    Host,
    BusRead,
    BusWrite,
}

impl Row {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Array, "PE array"),
        (Self::Vector, "vector unit"),
        (Self::Host, "host"),
        (Self::BusRead, "DRAM bus, read"),
        (Self::BusWrite, "DRAM bus, written"),
    ];

    const fn id(self) -> u32 {
        match self {
            Self::Array => 1,
            Self::Vector => 2,
            Self::Host => 3,
            Self::BusRead => 4,
            Self::BusWrite => 5,
        }
    }

    /// Events that name a process and its rows.
    pub(super) fn names(pid: usize, process: &str) -> impl Iterator<Item = String> {
        let process = json!({
            "ph": "M", "pid": pid, "name": "process_name", "args": { "name": process }
        });
        let rows = Self::ALL.into_iter().flat_map(move |(row, name)| {
            let of = |what: &str, args: &Value| {
                json!({ "ph": "M", "pid": pid, "tid": row.id(), "name": what, "args": args })
            };
            [
                of("thread_name", &json!({ "name": name })),
                of("thread_sort_index", &json!({ "sort_index": row.id() })),
            ]
        });
        std::iter::once(process).chain(rows).map(|e| e.to_string())
    }
}

/// What happens at a cycle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event<'a> {
    /// Something takes a resource for some cycles.
    Slice {
        row: Row,
        name: String,
        /// `op`, `cause`, or the kind of traffic.
        category: &'static str,
        from: u64,
        cycles: u64,
        args: Map<String, Value>,
        /// First cycle of the slice that this one is inside of.
        inside: Option<u64>,
    },
    /// A figure changes.
    Counter {
        name: &'a str,
        unit: &'static str,
        at: u64,
        value: u64,
    },
}

#[derive(Serialize)]
struct SliceJson<'a> {
    ph: &'static str,
    pid: usize,
    tid: u32,
    ts: u64,
    dur: u64,
    name: &'a str,
    cat: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    args: &'a Map<String, Value>,
}

impl Event<'_> {
    /// Order in the file, for a stable sort: by time, what is inside a slice right behind it.
    pub(super) fn order(&self) -> u64 {
        match self {
            Self::Slice { from, inside, .. } => inside.unwrap_or(*from),
            Self::Counter { at, .. } => *at,
        }
    }

    /// Its first cycle.
    pub(super) const fn at(&self) -> u64 {
        match self {
            Self::Slice { from, .. } => *from,
            Self::Counter { at, .. } => *at,
        }
    }

    /// Whether the file may end before it: what is inside a slice stays with it.
    pub(super) const fn begins_a_slice(&self) -> bool {
        matches!(self, Self::Slice { inside: None, .. })
    }

    pub(super) fn overlaps(&self, window: &Range<u64>) -> bool {
        match self {
            Self::Slice { from, cycles, .. } => {
                *from < window.end && window.start < from + cycles.max(&1)
            }
            Self::Counter { at, .. } => window.contains(at),
        }
    }

    pub(super) fn json(&self, pid: usize) -> String {
        match self {
            Self::Slice {
                row,
                name,
                category,
                from,
                cycles,
                args,
                ..
            } => serde_json::to_string(&SliceJson {
                ph: "X",
                pid,
                tid: row.id(),
                ts: *from,
                dur: *cycles,
                name,
                cat: category,
                args,
            })
            .expect("keys are strings"),
            Self::Counter {
                name,
                unit,
                at,
                value,
            } => {
                let args = Map::from_iter([((*unit).to_owned(), json!(value))]);
                json!({ "ph": "C", "pid": pid, "ts": at, "name": name, "args": args }).to_string()
            }
        }
    }
}
