//! Which weight a multiplier gets.

use crate::diagnose::Case;
use crate::diagnose::datapath::{Datapath, Source, reread, wrapped};
use crate::tensor::IntType;

impl Case {
    /// The weight of an output channel at a multiplier of a pass: kernel row, kernel column, place in the pass.
    pub(in crate::diagnose) fn weight(
        &self,
        rules: &Datapath,
        channel: usize,
        pass: usize,
        [ky, kx, place]: [usize; 3],
    ) -> i64 {
        let (rule, work) = (&rules.weight, &self.plan.work);
        let row_group = self.row_group_of(channel);
        let passes = &self.passes[row_group];
        let input = passes[pass].channels.start % work.group_inputs() + place;
        let [ty, tx] = rule.kernel.tap([ky, kx], work.conv.kernel);
        let all = &self.plan.quant.weight;
        let value = match rule.source {
            Source::Own => all[(channel, ty, tx, input)],
            Source::Channel(by) => all[(wrapped(channel, by, all.dim().0), ty, tx, input)],
            Source::RowGroupBefore => {
                let before = row_group.checked_sub(1).map(|group| work.row_group(group));
                let row = self.array_row_of(channel);
                let other = before.and_then(|group| group.channels.clone().nth(row));
                all[(other.unwrap_or(channel), ty, tx, input)]
            }
            Source::PassBefore => self.weight_of_pass_before(channel, pass, [ky, kx, place]),
            Source::Stored {
                start,
                row,
                tap_major,
            } => {
                let pass_now = &passes[pass];
                let (lanes, taps) = (pass_now.channels.len(), pass_now.taps());
                let tap = (ky - pass_now.tap_rows.start) * pass_now.tap_cols.len()
                    + (kx - pass_now.tap_cols.start);
                let inner = if tap_major {
                    tap * lanes + place
                } else {
                    place * taps + tap
                };
                let array_row = self.array_row_of(channel);
                let address = (array_row * lanes * taps + inner) * self.stored.size();
                let signed = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
                let address = signed(address) + start + signed(array_row) * row;
                reread(
                    self.stored.weight(row_group, pass, address),
                    IntType::signed(self.plan.weight_bits),
                )
            }
        };
        let own = IntType::signed(self.plan.weight_bits);
        let lane = place % work.array.pe.lanes;
        let value = rule.stuck.map_or(value, |bit| bit.apply(value, own, lane));
        i64::from(if rule.ty == own {
            value
        } else {
            reread(value, rule.ty)
        })
    }

    /// The weight at the same multiplier in the pass before; 0 where that pass has none.
    fn weight_of_pass_before(
        &self,
        channel: usize,
        pass: usize,
        [ky, kx, place]: [usize; 3],
    ) -> i32 {
        let passes = &self.passes[self.row_group_of(channel)];
        let conv_passes = self.plan.work.conv_pass_count();
        let (now, before) = (
            &passes[pass],
            &passes[pass.checked_sub(1).unwrap_or(conv_passes - 1)],
        );
        let y = ky - now.tap_rows.start + before.tap_rows.start;
        let x = kx - now.tap_cols.start + before.tap_cols.start;
        if place >= before.channels.len()
            || !before.tap_rows.contains(&y)
            || !before.tap_cols.contains(&x)
        {
            return 0;
        }
        let input = before.channels.start % self.plan.work.group_inputs() + place;
        self.plan.quant.weight[(channel, y, x, input)]
    }
}
