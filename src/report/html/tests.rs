use super::*;
use crate::report::{charts, sample};

const NASTY: &str = "<b onclick=\"x('y')\">&amp;</script>";

fn html_of(report: &Report) -> String {
    page(report, &charts::draw_all(report))
}

fn sample_page(layers: usize) -> String {
    html_of(&sample::report(layers))
}

/// Two chips with six networks each.
fn large(layers: usize) -> Report {
    let mut report = sample::report(layers);
    let run = &mut report.chips[0];
    for copy in ["b", "c"] {
        for index in 0..2 {
            let mut network = run.networks[index].clone();
            network.id.push_str(copy);
            run.networks.push(network);
        }
    }
    run.pairs = vec![(0, 1), (2, 3), (4, 5)];
    report.chips.push(report.chips[0].clone());
    report.chips[1].chip.name = "general".to_owned();
    report
}

/// Start tags and end tags with their attributes, the text of style and script left out.
fn tags(html: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        tags.push(tag);
        rest = &rest[end + 1..];
        if tag == "style" || tag == "script" {
            let close = format!("</{tag}>");
            rest = &rest[rest.find(&close).expect("it is closed")..];
        }
    }
    tags
}

/// Every tag is closed in its place, ids are unique and every link within the page leads somewhere.
fn assert_sound(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let (mut ids, mut links) = (Vec::new(), Vec::new());
    for tag in tags(html) {
        let name = tag
            .split([' ', '\n', '/'])
            .find(|part| !part.is_empty())
            .unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes of <{tag}>");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "</{closed}> closes another tag");
        } else if !tag.ends_with('/') && !["!DOCTYPE", "meta", "br", "input"].contains(&name) {
            assert!(
                !(open.contains(&"p") && ["p", "div", "table", "figure"].contains(&name)),
                "<{name}> in a p"
            );
            open.push(name);
        }
        let value = |key: &str| {
            tag.split_once(key)
                .and_then(|(_, rest)| rest.split('"').next())
        };
        ids.extend(value(" id=\""));
        links.extend(value(" href=\"#").or(value(" for=\"")));
    }
    assert!(open.is_empty(), "{open:?} stay open");
    assert!(
        links.iter().all(|link| ids.contains(link)),
        "{links:?} in {ids:?}"
    );
    let found = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), found);
}

#[test]
fn the_page_needs_nothing_else() {
    let html = sample_page(22);
    for outside in [
        "http-equiv",
        "src=",
        "url(",
        "@import",
        "<link",
        "fetch(",
        "import(",
    ] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert_eq!(
        html.matches("href=").count(),
        html.matches("href=\"#").count()
    );
    assert_eq!(html.matches("<script").count(), 1);
    let links = html.matches("http").count();
    let names = html.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(links, names, "only the name space of the pictures");
}

#[test]
fn a_large_page_stays_under_two_megabytes() {
    let html = html_of(&large(107));
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
}

#[test]
fn the_answer_comes_first_and_the_evidence_follows() {
    let html = sample_page(22);
    let mut before = 0;
    for text in [
        "href=\"#answer\"",
        "class=\"answer\"",
        "<svg",
        "<h2>Chip edge</h2>",
        "<summary>Charts of repvgg-a0 on edge</summary>",
        "<h2>Layers</h2>",
        "<h2>Words</h2>",
        "<h2>Configuration</h2>",
        "<td>chip edge</td><td>dram.latency_cycles</td><td>60</td>",
        "sha256:0123abcd",
    ] {
        let place = html.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(place > before, "{text} comes too early");
        before = place;
    }
}

#[test]
fn every_chart_stands_once_with_its_command_and_file() {
    let report = large(5);
    let charts = charts::draw_all(&report);
    let html = page(&report, &charts);
    assert_eq!(html.matches("<svg ").count(), charts.len());
    for chart in &charts {
        let caption = format!(
            "<code>charts/{}.svg</code> of <code>repchip run study.toml --out DIR</code>",
            chart.stem
        );
        assert_eq!(html.matches(&caption).count(), 1, "{caption}");
    }
}

#[test]
fn the_layer_table_has_every_layer_and_a_unit_in_each_head() {
    let report = large(9);
    let html = layers::table(&report);
    assert_eq!(html.matches("<tr>").count(), 1 + 2 * 6 * 9);
    let head = &html[html.find("<thead>").unwrap()..html.find("</thead>").unwrap()];
    for figure in head
        .split("<th ")
        .filter(|head| head.contains("class=\"n\""))
    {
        let unit = [" %<", " kB<", " dB<", "MMAC/image<", ">cycles<", ">scale<"];
        assert!(unit.iter().any(|unit| figure.contains(unit)), "{figure}");
    }
    let cells = html.matches("<td").count();
    assert_eq!(
        cells,
        (html.matches("<tr>").count() - 1) * head.matches("<th ").count()
    );
}

#[test]
fn a_page_is_sound_whatever_the_names_are() {
    assert_sound(&sample_page(5));
    assert_sound(&html_of(&large(3)));
    let mut report = sample::report(4);
    let nasty = || NASTY.to_owned();
    report.title = nasty();
    report.notes = vec![nasty()];
    report.provenance.command = nasty();
    report.provenance.digests = vec![(nasty(), nasty())];
    report.configs[0].title = nasty();
    report.configs[0].rows = vec![(nasty(), nasty(), format!("assumed {NASTY}"))];
    report.chips[0].chip.name = nasty();
    for network in &mut report.chips[0].networks {
        network.id = format!("{NASTY}{}", network.name);
        network.name = nasty();
        for layer in &mut network.schedule.graph.layers {
            layer.name = nasty();
        }
    }
    let html = html_of(&report);
    assert_sound(&html);
    assert!(!html.contains("<b "));
    assert_eq!(html.matches("</script>").count(), 1);
    assert!(html.contains("&lt;b onclick=&quot;x(&#39;y&#39;)&quot;&gt;&amp;amp;&lt;/script&gt;"));
}

#[test]
fn text_is_escaped() {
    assert_eq!(
        escape("<a href='x'>&\"\u{1}\n"),
        "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{FFFD}\n"
    );
}
