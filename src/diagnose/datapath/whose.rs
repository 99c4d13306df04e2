//! Whose numbers a channel takes.

use super::wrapped;
use crate::diagnose::Case;

/// The channel whose numbers another one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnose) enum Whose {
    /// That many channels further, around the end of the layer.
    Channel(isize),
    /// That many array rows further, around the end of the row group.
    Row(isize),
}

impl Whose {
    /// As it should be.
    pub(in crate::diagnose) const OWN: Self = Self::Channel(0);
    /// The neighbours, with their names; those of the array row differ only where there are several row groups.
    pub(in crate::diagnose) const NEIGHBOURS: [(Self, &str); 4] = [
        (Self::Channel(1), "next channel"),
        (Self::Channel(-1), "previous channel"),
        (Self::Row(1), "next array row (the last that of the first)"),
        (
            Self::Row(-1),
            "previous array row (the first that of the last)",
        ),
    ];
}

impl Case {
    /// The channel whose numbers channel `c` takes.
    pub(in crate::diagnose) fn channel_of(&self, whose: Whose, c: usize) -> usize {
        match whose {
            Whose::Channel(by) => wrapped(c, by, self.plan.quant.bias.len()),
            Whose::Row(by) => {
                let group = self.plan.work.row_group(self.row_group_of(c)).channels;
                group.start + wrapped(c - group.start, by, group.len())
            }
        }
    }

    /// The neighbours whose numbers may be taken.
    pub(in crate::diagnose) fn neighbours(&self) -> &'static [(Whose, &'static str)] {
        if self.plan.work.row_groups() > 1 {
            &Whose::NEIGHBOURS
        } else {
            &Whose::NEIGHBOURS[..2]
        }
    }
}
