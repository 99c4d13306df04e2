use super::*;
use crate::report::sample;
use crate::time::{Account, Cause};
use crate::units::Cycles;
use serde_json::Value;

fn events(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["traceEvents"].as_array().unwrap().clone()
}

fn number(event: &Value, key: &str) -> u64 {
    event[key].as_u64().unwrap()
}

#[test]
fn slices_add_up_to_the_account_by_cause() {
    let report = sample::report(22);
    let trace = trace(&report, None, LIMIT);
    let events = events(&trace.text);
    for (pid, network) in report.chips[0].networks.iter().enumerate() {
        let mut account = Account::default();
        for event in events.iter().filter(|e| number(e, "pid") == pid as u64) {
            if event["cat"] == "cause" {
                let name = event["name"].as_str().unwrap().replace(' ', "_");
                let cause = Cause::ALL.into_iter().find(|c| c.key() == name).unwrap();
                account.add(cause, Cycles(number(event, "dur")));
            }
        }
        assert_eq!(account, network.timeline.account());
    }
    assert!(trace.cut.is_empty());
}

#[test]
fn slices_of_a_row_lie_apart_or_inside_one_another() {
    let events = events(&trace(&sample::report(5), None, LIMIT).text);
    for pid in 0..2 {
        for tid in 1..=5 {
            let mut open: Vec<u64> = Vec::new();
            for event in &events {
                if event["ph"] != "X" || number(event, "pid") != pid || number(event, "tid") != tid
                {
                    continue;
                }
                let (from, end) = (
                    number(event, "ts"),
                    number(event, "ts") + number(event, "dur"),
                );
                while open.last().is_some_and(|&outer| outer <= from) {
                    open.pop();
                }
                assert!(open.last().is_none_or(|&outer| end <= outer), "{event}");
                open.push(end);
            }
        }
    }
}

#[test]
fn a_window_keeps_what_overlaps_it() {
    let report = sample::report(5);
    let whole = events(&trace(&report, None, LIMIT).text).len();
    let window = 1_000..1_001;
    let some = events(&trace(&report, Some(&window), LIMIT).text);
    assert!(some.len() < whole);
    let slices: Vec<&Value> = some.iter().filter(|e| e["ph"] == "X").collect();
    assert!(!slices.is_empty());
    for slice in slices {
        let from = number(slice, "ts");
        assert!(from <= 1_000 && from + number(slice, "dur") > 1_000);
    }
}

#[test]
fn what_does_not_fit_is_left_out_and_said() {
    let report = sample::report(22);
    let cut = trace(&report, None, 12_000);
    assert!(cut.text.len() < 12_000);
    assert_eq!(cut.cut.len(), 2);
    assert!(cut.cut[0].starts_with("repvgg-a0 on edge: shown are cycles up to "));
    assert!(cut.text.contains("only)"));
    // What is there is whole: an operation's slice has all its causes.
    let events = events(&cut.text);
    let sum = |category: &str| -> u64 {
        let slices = events
            .iter()
            .filter(|e| e["ph"] == "X" && e["cat"] == category);
        slices.map(|e| number(e, "dur")).sum()
    };
    assert_eq!(sum("op"), sum("cause"));
}
