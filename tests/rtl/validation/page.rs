//! The report as a page, and its two charts.

use super::Set;
use super::gates::Gate;
use super::record::Row;
use super::summary::{SCOPE, Summary};
use repchip::report::charts::palette::Ink;
use repchip::report::charts::points::{Axis, Guide, Points, Series, scene};
use repchip::report::grid::Grid;
use repchip::report::html::{document, escape, table};
use repchip::report::human::grouped;
use repchip::time::Cause;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Pairs in the table of the largest errors.
const WORST: usize = 10;
/// Cycles that the charts show.
const CYCLES: [f64; 2] = [50.0, 50_000.0];
/// Error, in percent, that the residuals show on either side.
const MOST: f64 = 6.0;

/// Something of a row, with its name.
type Named<T> = (&'static str, fn(&Row) -> T);

/// The files of a report besides `pairs.csv` and `validation.json`.
pub(super) fn files(rows: &[Row], summary: &Summary) -> Vec<(&'static str, Vec<u8>)> {
    let [scatter, residuals] = [scatter(rows), residuals(rows)];
    let page = page(rows, summary, [&scatter, &residuals]);
    vec![
        ("scatter.svg", scatter.into_bytes()),
        ("residuals.svg", residuals.into_bytes()),
        ("validation.html", page.into_bytes()),
    ]
}

fn cycles_axis(of: &str) -> Axis {
    Axis {
        label: format!("cycles, {of}"),
        low: CYCLES[0],
        high: CYCLES[1],
        logarithmic: true,
    }
}

fn series(rows: &[Row], at: impl Fn(&Row) -> [f64; 2]) -> Vec<Series> {
    let inks = [Ink::Cause(Cause::Useful), Ink::Cause(Cause::ActPort)];
    let of_set = |(set, ink): (Set, Ink)| {
        let rows = rows.iter().filter(|row| row.pair.set == set);
        let points: Vec<([f64; 2], String)> = rows.map(|row| (at(row), words(row))).collect();
        Series {
            label: format!("{}, {} pairs", set.name(), points.len()),
            ink,
            hollow: set == Set::HeldOut,
            points,
        }
    };
    Set::ALL.into_iter().zip(inks).map(of_set).collect()
}

fn words(row: &Row) -> String {
    let pair = &row.pair;
    format!(
        "{} {}: {}, {} to {}\nRTL {}, model {} cycles",
        pair.set.name(),
        pair.point,
        pair.operator,
        pair.network.graph.input,
        pair.network.graph.layers[0].output,
        grouped(row.rtl["total"]),
        grouped(pair.timeline.total.0),
    )
}

fn real(n: u64) -> f64 {
    f64::from(u32::try_from(n).expect("a run is short"))
}

fn scatter(rows: &[Row]) -> String {
    let [low, high] = CYCLES;
    let guide = |label: &str, corners: [[f64; 2]; 2]| Guide {
        label: label.to_owned(),
        ink: Ink::Muted,
        corners: corners.to_vec(),
    };
    let points = Points {
        title: "Model against RTL: cycles of each pair".to_owned(),
        figures: format!(
            "{} pairs of chip and layer; the nearer to the middle line, the better",
            rows.len()
        ),
        x: cycles_axis("RTL"),
        y: cycles_axis("model"),
        guides: vec![
            guide("equal, and the band of ±5 %", [[low, low], [high, high]]),
            guide("", [[low, low * 1.05], [high / 1.05, high]]),
            guide("", [[low * 1.05, low], [high, high / 1.05]]),
        ],
        series: series(rows, |row| {
            [real(row.rtl["total"]), real(row.pair.timeline.total.0)]
        }),
    };
    scene(&points)
        .svg("Cycles of the model against cycles of the RTL, a point a pair of chip and layer")
}

fn residuals(rows: &[Row]) -> String {
    let guide = |label: &str, at: f64| Guide {
        label: label.to_owned(),
        ink: Ink::Muted,
        corners: CYCLES.map(|cycles| [cycles, at]).to_vec(),
    };
    let points = Points {
        title: "Error of the model against its cycles".to_owned(),
        figures: "model less RTL, percent of the RTL's cycles".to_owned(),
        x: cycles_axis("model"),
        y: Axis {
            label: "error, percent".to_owned(),
            low: -MOST,
            high: MOST,
            logarithmic: false,
        },
        guides: vec![
            guide("gate of the largest error, ±5 %", 5.0),
            guide("", -5.0),
        ],
        series: series(rows, |row| {
            let model = row.pair.timeline.total.0;
            [real(model), row.error(model)]
        }),
    };
    scene(&points)
        .svg("Error of the model in percent against its cycles, a point a pair of chip and layer")
}

fn page(rows: &[Row], summary: &Summary, charts: [&str; 2]) -> String {
    let mut answer = String::new();
    for text in [headline(rows, summary), SCOPE.to_owned()] {
        let _ = writeln!(answer, "<p class=\"answer\">{}</p>", escape(&text));
    }
    for chart in charts {
        let _ = writeln!(
            answer,
            "<figure><div class=\"scroll\" tabindex=\"0\">{chart}</div></figure>"
        );
    }
    let section = |id: &str, title: &str, html: String| (id.to_owned(), title.to_owned(), html);
    let changed = "Each constant of the model changed alone, the RTL as it is: pairs that the changed model times \
        otherwise, and the gates that fail.";
    document(
        "Cycle model against RTL",
        "",
        &[
            section("answer", "Answer", answer),
            section("gates", "Gates", table(&gates(summary))),
            section("worst", "Largest errors", table(&worst(rows))),
            section(
                "constants",
                "Changed constants",
                format!("<p>{changed}</p>\n{}", table(&constants(summary))),
            ),
            section("coverage", "What was drawn", coverage(rows)),
        ],
        &footer(summary),
    )
}

/// The answer in one sentence; also what the command prints.
pub(super) fn headline(rows: &[Row], summary: &Summary) -> String {
    let of_set = |set: Set| {
        let found = &summary.sets[set.name()].statistics;
        format!(
            "{} pairs {}: mean |error| {:.4} %, mean error {:+.4} %, p95 {:.4} %, max {:.4} %, cycles and causes equal in {}",
            found.pairs,
            set.name(),
            found.mean_absolute_error_percent,
            found.mean_signed_error_percent,
            found.p95_absolute_error_percent,
            found.max_absolute_error_percent,
            found.pairs_with_equal_cycles,
        )
    };
    let verdict = if summary.passes() {
        "All gates pass"
    } else {
        "A GATE FAILS"
    };
    let cycles: u64 = rows.iter().map(|row| row.rtl["total"]).sum();
    format!(
        "{verdict} on {} pairs of chip and layer, {} cycles of RTL. {}.",
        rows.len(),
        grouped(cycles),
        Set::ALL.map(of_set).join(". ")
    )
}

/// A row a gate.
pub(super) fn gates(summary: &Summary) -> Grid {
    let mut grid = Grid::new("Gates", &["gate", "limit", "tuned", "held-out"], 2);
    let [tuned, held_out] = Set::ALL.map(|set| &summary.sets[set.name()].gates);
    let said = |gate: &Gate| {
        let mark = if gate.passes { "" } else { " FAILS" };
        format!("{}{mark}", gate.found)
    };
    for (tuned, held_out) in tuned.iter().zip(held_out) {
        grid.rows.push(vec![
            tuned.name.clone(),
            tuned.limit.clone(),
            said(tuned),
            said(held_out),
        ]);
    }
    grid
}

/// The gates as a table in plain text.
pub(super) fn printed(summary: &Summary) -> String {
    let grid = gates(summary);
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::ASCII_MARKDOWN)
        .force_no_tty();
    table.set_header(grid.head);
    table.add_rows(grid.rows);
    table.to_string()
}

fn worst(rows: &[Row]) -> Grid {
    let head = [
        "pair",
        "operator",
        "input",
        "output",
        "RTL cycles",
        "model cycles",
        "error %",
    ];
    let mut grid = Grid::new("Largest errors", &head, 4);
    let mut sorted: Vec<&Row> = rows.iter().collect();
    let error = |row: &Row| row.error(row.pair.timeline.total.0);
    // Among equal errors the longest run first.
    sorted.sort_by(|a, b| {
        let size = error(b).abs().total_cmp(&error(a).abs());
        size.then_with(|| b.rtl["total"].cmp(&a.rtl["total"]))
    });
    for row in sorted.into_iter().take(WORST) {
        let pair = &row.pair;
        grid.rows.push(vec![
            format!("{} {}", pair.set.name(), pair.point),
            pair.operator.to_owned(),
            pair.network.graph.input.to_string(),
            pair.network.graph.layers[0].output.to_string(),
            grouped(row.rtl["total"]),
            grouped(pair.timeline.total.0),
            format!("{:.4}", error(row)),
        ]);
    }
    grid
}

fn constants(summary: &Summary) -> Grid {
    let head = [
        "constant",
        "gates that fail",
        "pairs that differ",
        "mean |error| %",
        "max |error| %",
    ];
    let mut grid = Grid::new("Changed constants", &head, 2);
    for changed in &summary.changed_constants {
        grid.rows.push(vec![
            changed.constant.to_owned(),
            changed.gates_that_fail.join(", "),
            changed.pairs_that_differ.to_string(),
            format!("{:.4}", changed.mean_absolute_error_percent),
            format!("{:.4}", changed.max_absolute_error_percent),
        ]);
    }
    grid
}

/// Ranges of sizes, then how often each operator and each array was drawn.
fn coverage(rows: &[Row]) -> String {
    let head = [
        "figure",
        "least",
        "quarter",
        "half",
        "three quarters",
        "most",
    ];
    let mut sizes = Grid::new("Sizes", &head, 1);
    let figures: [Named<u64>; 7] = [
        ("input channels", |row| {
            size(row.pair.network.graph.input.channels)
        }),
        ("output channels", |row| {
            size(row.pair.network.graph.layers[0].output.channels)
        }),
        ("input rows", |row| {
            size(row.pair.network.graph.input.height)
        }),
        ("input columns", |row| {
            size(row.pair.network.graph.input.width)
        }),
        ("operations", |row| size(row.pair.schedule.ops.len())),
        ("cycles of the RTL", |row| row.rtl["total"]),
        ("bytes of DRAM compared", |row| row.bytes_compared),
    ];
    for (name, figure) in figures {
        let mut all: Vec<u64> = rows.iter().map(figure).collect();
        all.sort_unstable();
        let mut cells = vec![name.to_owned()];
        cells.extend((0..=4).map(|quarter| grouped(all[(all.len() - 1) * quarter / 4])));
        sizes.rows.push(cells);
    }
    let mut html = table(&sizes);
    let counted: [Named<String>; 2] = [
        ("operator", |row| row.pair.operator.to_owned()),
        ("array: lanes x rows, tile, banks", |row| {
            let (array, sram) = (&row.pair.chip.array, &row.pair.chip.activation_sram);
            format!(
                "{} x {}, {}x{}, {}x{}x{}",
                array.pe.lanes,
                array.rows,
                array.tile_h,
                array.tile_w,
                sram.bank_rows,
                sram.bank_cols,
                sram.bank_channels
            )
        }),
    ];
    for (name, of) in counted {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            *counts.entry(of(row)).or_default() += 1;
        }
        let mut grid = Grid::new(name, &[name, "pairs"], 1);
        grid.rows = counts
            .into_iter()
            .map(|(name, n)| vec![name, n.to_string()])
            .collect();
        html.push_str(&table(&grid));
    }
    html
}

fn size(n: usize) -> u64 {
    repchip::units::count(n)
}

fn footer(summary: &Summary) -> String {
    let identity = &summary.identity;
    let mut html = "<footer>\n<p class=\"small\">".to_owned();
    let _ = write!(
        html,
        "Points of a Latin hypercube over chips and layers. A map is halved until its run has at most 50,000 cycles and \
         4,096 operations; points whose layer the chip cannot run are left out. The seed of the held-out pairs is the \
         digest of the model. Made by <code>tests/rtl/validate</code> with {}.",
        escape(&identity.simulator)
    );
    for (name, digest) in [
        ("model", &identity.model_digest),
        ("RTL", &identity.rtl_digest),
    ] {
        let _ = write!(html, "<br>{name} <code>{digest}</code>");
    }
    for set in Set::ALL.map(Set::name) {
        let (seed, points) = (identity.seeds[set], identity.points_drawn[set]);
        let _ = write!(html, "<br>{set}: seed {seed}, {points} points drawn");
    }
    html.push_str("</p>\n</footer>\n");
    html
}
