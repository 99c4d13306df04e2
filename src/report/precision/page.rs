//! x
use super::PrecisionReport;
use crate::report::charts::Chart;
pub(super) fn page(_: &PrecisionReport, _: &[Chart]) -> String {
    String::new()
}
