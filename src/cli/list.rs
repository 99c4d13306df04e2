//! `repchip list`.

use crate::network::builtin;
use crate::problem::{Problem, Problems};
use crate::reparam::{Branches, fold_graph};
use comfy_table::{CellAlignment, Table, presets};

/// The built-in networks, one a row.
pub(super) fn networks() -> Result<String, Problems> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["network", "input", "parameters, fused", "MACs an image"]);
    for name in builtin::names() {
        let input = builtin::default_input(name).map_err(Problem::from)?;
        let graph = builtin::graph(name, input).map_err(Problem::from)?;
        let fused = fold_graph(&graph, Branches::Fuse).map_err(Problem::from)?;
        table.add_row([
            name.to_owned(),
            input.to_string(),
            fused.parameters().to_string(),
            fused.macs().to_string(),
        ]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Ok(table.to_string())
}
