//! page
/// Escapes.
#[must_use]
pub fn escape(text: &str) -> String { text.to_owned() }
/// Page.
#[must_use]
pub fn page(_report: &super::Report, _charts: &[super::charts::Chart]) -> String { String::new() }
