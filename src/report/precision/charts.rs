//! x
use super::PrecisionReport;
use crate::report::charts::Chart;
pub(super) fn draw(_: &PrecisionReport) -> Vec<Chart> {
    Vec::new()
}
