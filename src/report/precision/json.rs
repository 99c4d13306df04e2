//! x
use super::PrecisionReport;
pub(super) fn text(_: &PrecisionReport) -> String {
    String::new()
}
