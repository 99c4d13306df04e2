//! x
use super::PrecisionReport;
use crate::precision::Found;
pub(super) fn of(_: &PrecisionReport, _: &Found) -> Vec<String> {
    Vec::new()
}
