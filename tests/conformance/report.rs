//! `reports/conformance`: a page and its tables.

use crate::judge::Verdict;
use crate::matrix::{Matrix, RULES, Scales};
use crate::vectors::Kind;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;\
color:#222}table{border-collapse:collapse;margin:1rem 0;font-size:13px}th,td{border:1px solid #ccc;padding:.25rem .5rem;\
text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}th{background:#f2f2f2}\
code{font-size:13px}td.same{background:#e8f3e8}";

/// Writes the page and both tables.
pub(crate) fn write(folder: &Path, verdicts: &[Verdict], files: &[PathBuf]) {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let exact = Matrix::of(files, Scales::Exact);
    let general = Matrix::of(files, Scales::General);
    let put = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).expect("the folder is writable");
    };
    put("conformance.csv", csv(verdicts));
    put("matrix.csv", matrix_csv(&exact, &general));
    put("conformance.html", page(verdicts, &exact, &general));
}

/// What a rule computes, on one line.
fn definition(verdict: &Verdict) -> &'static str {
    let rule = verdict.rule.split(' ').next().unwrap_or_default();
    match (verdict.kind, rule) {
        (Kind::Addition, "float32_half_even") => {
            "rint(fma(a, r_a, fma(b, r_b, z - fma(r_a, z_a, r_b·z_b)))), float32"
        }
        (Kind::Addition, _) => "three rescales: both operands shifted left, then their sum",
        (Kind::Average, "shift") => "sum(x) / n, ties away from zero, zero point inside the sum",
        (Kind::Average, "float32_half_even") if verdict.oracle.contains("Global") => {
            "rint(clamp(f32(sum(x - z_x)) · s_x / (s_y · n))) + z"
        }
        (Kind::Average, "float32_half_even") => {
            "rint(sum of s_x·(x - z_x) / n / s_y + z), float32 in order"
        }
        (Kind::Average, _) => "the rule over sum(x - z_x); its multiplier divided by n",
        (Kind::Requantise, "shift") => "round(acc / 2^s), once",
        (Kind::Requantise, "multiplier") => "round(acc · M / 2^s), once",
        (Kind::Requantise, "tosa_single" | "tflite_single") => "(acc · q + 2^(s-1)) >> s",
        (Kind::Requantise, "tosa_double") => {
            "(acc · q + 2^(s-1) ± 2^30) >> s, the 2^30 above s = 31"
        }
        (Kind::Requantise, "tflite_double") => {
            "t = (acc · 2^left · q + 2^30) >> 31, then t / 2^right, ties away from zero"
        }
        (Kind::Requantise, "ruy") => {
            "t = (acc · 2^left · q + 2^30) >> 31, then t / 2^right, ties up"
        }
        (Kind::Requantise, "float32_half_even") => "rint(clamp(f32(acc) · m, lo - z, hi - z)) + z",
        (Kind::Requantise, _) => "acc[s + bits - 1 : s] behind a sign test",
    }
}

fn kind(verdict: &Verdict) -> &'static str {
    match verdict.kind {
        Kind::Requantise => "requantisation",
        Kind::Addition => "addition",
        Kind::Average => "average",
    }
}

const COLUMNS: [&str; 10] = [
    "operation",
    "rule",
    "definition",
    "oracle",
    "version",
    "values",
    "differing",
    "ties",
    "negative ties",
    "accumulators above 2^24",
];

fn cells(verdict: &Verdict) -> [String; 10] {
    let counted = |count: u64| count.to_string();
    [
        kind(verdict).to_owned(),
        verdict.rule.clone(),
        definition(verdict).to_owned(),
        verdict.oracle.clone(),
        verdict.version.clone(),
        counted(verdict.values),
        counted(verdict.differing),
        counted(verdict.ties),
        counted(verdict.negative_ties),
        counted(verdict.above_24_bits),
    ]
}

fn csv(verdicts: &[Verdict]) -> String {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        cells.join(",") + "\n"
    };
    let head = line(&COLUMNS.map(str::to_owned));
    head + &verdicts.iter().map(|v| line(&cells(v))).collect::<String>()
}

fn matrix_csv(exact: &Matrix, general: &Matrix) -> String {
    let mut text = "scales,rule,other rule,values,differing\n".to_owned();
    for (name, matrix) in [
        ("powers of two and small multiples", exact),
        ("general", general),
    ] {
        for (row, column, differing) in matrix.pairs() {
            let values = matrix.values;
            writeln!(text, "{name},{row},{column},{values},{differing}").expect("a string");
        }
    }
    text
}

fn page(verdicts: &[Verdict], exact: &Matrix, general: &Matrix) -> String {
    let values: u64 = verdicts.iter().map(|verdict| verdict.values).sum();
    let differing: u64 = verdicts.iter().map(|verdict| verdict.differing).sum();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Conformance of the requantisation \
         rules</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Conformance of the requantisation rules</h1>\n\
         <p>{values} outputs compared with the programs and definitions that the rules are named after; {differing} \
         differ. repchip {version}. Made by <code>tests/oracles/conformance</code>.</p>\n\
         <p>Scales and accumulators aim at ties: numbers exactly half way in front of the last rounding. The quantiser's \
         multipliers and shifts are compared too, wherever the oracle takes real scales.</p>\n{table}\
         <h2>Why the rule must be named</h2>\n<p>Values that differ between two rules on the same accumulators and the \
         same real scales.</p>\n<h3>Scales that are powers of two or small multiples of them</h3>\n{exact}\
         <h3>General scales</h3>\n{general}</body>\n</html>\n",
        version = env!("CARGO_PKG_VERSION"),
        table = table(verdicts),
        exact = square(exact),
        general = square(general),
    )
}

fn table(verdicts: &[Verdict]) -> String {
    let mut html = "<table>\n<tr>".to_owned();
    for column in COLUMNS {
        write!(html, "<th>{column}</th>").expect("a string");
    }
    html += "</tr>\n";
    for verdict in verdicts {
        html += "<tr>";
        for (place, cell) in cells(verdict).into_iter().enumerate() {
            let class = if place >= 5 { " class=\"n\"" } else { "" };
            let cell = cell
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            write!(html, "<td{class}>{cell}</td>").expect("a string");
        }
        html += "</tr>\n";
    }
    html + "</table>\n"
}

fn square(matrix: &Matrix) -> String {
    let mut html = format!("<p>{} values.</p>\n<table>\n<tr><th></th>", matrix.values);
    for (name, _) in RULES {
        write!(html, "<th>{name}</th>").expect("a string");
    }
    html += "</tr>\n";
    for (row, (name, _)) in RULES.iter().enumerate() {
        write!(html, "<tr><th>{name}</th>").expect("a string");
        for count in &matrix.differing[row] {
            let class = if *count == 0 { "n same" } else { "n" };
            write!(html, "<td class=\"{class}\">{count}</td>").expect("a string");
        }
        html += "</tr>\n";
    }
    html + "</table>\n"
}
