//! Which weight a multiplier gets.

use crate::diagnose::Case;
use crate::diagnose::datapath::{Datapath, Source, reread};
use crate::schedule::work::Pass;
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
            Source::Of(whose) => all[(self.channel_of(whose, channel), ty, tx, input)],
            Source::RowGroupBefore => {
                let other = self.channel_before(channel).unwrap_or(channel);
                all[(other, ty, tx, input)]
            }
            Source::PassBefore => {
                let before = pass.checked_sub(1).unwrap_or(work.conv_pass_count() - 1);
                self.weight_of(channel, [&passes[pass], &passes[before]], [ky, kx, place])
            }
            Source::FillBefore => self.weight_of_fill_before(channel, pass, [ky, kx, place]),
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

    /// The channel of the same array row in the row group before.
    fn channel_before(&self, channel: usize) -> Option<usize> {
        let before = self.row_group_of(channel).checked_sub(1)?;
        let mut channels = self.plan.work.row_group(before).channels;
        channels.nth(self.array_row_of(channel))
    }

    /// The weight at the same multiplier in the pass before, which may be the last of the row group before.
    fn weight_of_fill_before(&self, channel: usize, pass: usize, at: [usize; 3]) -> i32 {
        let passes = &self.passes[self.row_group_of(channel)];
        let now = &passes[pass];
        if let Some(before) = pass.checked_sub(1) {
            return self.weight_of(channel, [now, &passes[before]], at);
        }
        if self.row_group_of(channel) == 0 {
            return self.weight_of(channel, [now, now], at);
        }
        let last = self.plan.work.conv_pass_count() - 1;
        self.channel_before(channel).map_or(0, |channel| {
            let before = &self.passes[self.row_group_of(channel)][last];
            self.weight_of(channel, [now, before], at)
        })
    }

    /// The weight of `channel` in another pass, at the multiplier of a pass of now; 0 where that pass has none.
    fn weight_of(
        &self,
        channel: usize,
        [now, other]: [&Pass; 2],
        [ky, kx, place]: [usize; 3],
    ) -> i32 {
        let y = ky - now.tap_rows.start + other.tap_rows.start;
        let x = kx - now.tap_cols.start + other.tap_cols.start;
        if place >= other.channels.len()
            || !other.tap_rows.contains(&y)
            || !other.tap_cols.contains(&x)
        {
            return 0;
        }
        let input = other.channels.start % self.plan.work.group_inputs() + place;
        self.plan.quant.weight[(channel, y, x, input)]
    }
}
