//! The table of the faults: a CSV file and a page.

use super::finding::Finding;
use repchip::report::grid::Grid;
use repchip::report::html::{document, escape, table};

/// Columns of the table; those of words first.
const HEAD: [&str; 14] = [
    "fault",
    "at",
    "what the hardware does",
    "unit",
    "stimulus",
    "layer",
    "true cause",
    "names",
    "tied, same bits",
    "rank",
    "elements",
    "differ",
    "explained %",
    "broken %",
];
const WORDS: usize = 9;

/// The rows of the table in `FAULTS.md`: number, name, what the hardware does, unit.
pub(super) fn described() -> impl Iterator<Item = [&'static str; 4]> {
    include_str!("../FAULTS.md").lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let row = [cells.next()?, cells.next()?, cells.next()?, cells.next()?];
        row[0].parse::<u32>().is_ok().then_some(row)
    })
}

fn row(finding: &Finding) -> Vec<String> {
    let (fault, causes) = (&finding.fault, &finding.causes);
    let number = fault.number.to_string();
    let described = described().find(|row| row[0] == number);
    let [_, name, does, unit] = described.expect("all faults are described");
    let cause = finding.true_cause();
    let share = |part: Option<usize>, of: usize| match part {
        Some(part) if of > 0 => format!("{:.2}", 100.0 * real(part) / real(of)),
        Some(_) => "0.00".to_owned(),
        None => String::new(),
    };
    let tied: Vec<&str> = finding.tied().into_iter().map(|(_, text)| text).collect();
    vec![
        format!("{number} {}", name.trim_matches('`')),
        fault.at.to_string(),
        does.replace('`', ""),
        unit.to_owned(),
        format!("{:?}", fault.stimulus).to_lowercase(),
        finding.layer.clone(),
        cause.map_or_else(String::new, |ranked| ranked.cause.text.clone()),
        fault.says.to_owned(),
        tied.join("; "),
        cause.map_or_else(String::new, |ranked| ranked.rank.to_string()),
        finding.counts.compared.to_string(),
        finding.counts.differ().to_string(),
        share(cause.map(|ranked| ranked.explained), causes.wrong),
        share(cause.map(|ranked| ranked.broken), causes.right),
    ]
}

fn real(n: usize) -> f64 {
    f64::from(u32::try_from(n).expect("a sample is small"))
}

/// The answer in a sentence; also what the command prints.
pub(super) fn headline(findings: &[Finding]) -> String {
    let first = |finding: &&Finding| finding.true_cause().is_some_and(|cause| cause.rank == 1);
    let separated = findings.iter().filter(|found| found.separated()).count();
    format!(
        "{} single faults of the RTL, each a mismatch: the true cause first in {}, told from all others in {}.",
        findings.len(),
        findings.iter().filter(first).count(),
        separated,
    )
}

/// The files of the table.
pub(super) fn files(findings: &[Finding]) -> [(&'static str, Vec<u8>); 2] {
    let mut grid = Grid::new("Faults", &HEAD, WORDS);
    grid.rows = findings.iter().map(row).collect();
    [
        ("faults.csv", csv(&grid)),
        ("faults.html", page(findings, &grid).into_bytes()),
    ]
}

fn csv(grid: &Grid) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for record in std::iter::once(&grid.head).chain(&grid.rows) {
        csv.write_record(record).expect("memory takes all");
    }
    csv.into_inner().expect("memory takes all")
}

fn page(findings: &[Finding], grid: &Grid) -> String {
    let section = |id: &str, title: &str, html: String| (id.to_owned(), title.to_owned(), html);
    let answer = format!("<p class=\"answer\">{}</p>\n", escape(&headline(findings)));
    let how = "Each row is one run of tests/rtl/hw in Verilator with +fault and +fault_at on a small network on chip \
        edge; what it left is judged as repchip verify does. Explained is the share of the elements tried that differ \
        and that the true cause gives to the bit, broken the share of those tried that do not differ and that it would \
        change.";
    let footer = "<footer><p class=\"small\">Made by <code>tests/rtl/validate --faults</code>.</p></footer>\n";
    document(
        "Single faults of the RTL, found and explained",
        "",
        &[
            section("answer", "Answer", answer),
            section(
                "faults",
                "Faults",
                format!("<p>{}</p>\n{}", escape(how), table(grid)),
            ),
        ],
        footer,
    )
}
