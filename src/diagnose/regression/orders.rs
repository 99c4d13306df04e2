//! The true weights in other orders, beside an estimate.

use super::{Order, TOLD, number, real};
use crate::diagnose::Case;
use crate::diagnose::datapath::{Kernel, Lanes, wrapped};

impl Case {
    /// Orders of the true weights, those nearest to `estimate` first; of equally near ones the simplest.
    pub(super) fn orders(&self, channel: usize, estimate: &[f64]) -> Vec<Order> {
        let mut orders = Vec::new();
        let mut add = |text: String, weight: &dyn Fn([usize; 3]) -> i32| {
            let distance = self.distance(estimate, weight);
            orders.push(Order { text, distance });
        };
        let all = &self.plan.quant.weight;
        let (outputs, kernel, _, inputs) = all.dim();
        let own = |[y, x, c]: [usize; 3]| all[(channel, y, x, c)];
        add("as they are".to_owned(), &own);
        add("all zero".to_owned(), &|_| 0);
        add("with the other sign".to_owned(), &|at| -own(at));
        for (order, text) in [
            (Kernel::Transposed, "kernel transposed"),
            (Kernel::Rotated, "kernel rotated by 180 degrees"),
            (Kernel::MirroredRows, "kernel rows bottom up"),
            (Kernel::MirroredColumns, "kernel columns right to left"),
        ] {
            if kernel > 1 {
                add(text.to_owned(), &|[y, x, c]| {
                    let [y, x] = order.tap([y, x], kernel);
                    own([y, x, c])
                });
            }
        }
        let lanes = self.plan.work.array.pe.lanes.min(inputs);
        for (order, text) in [
            (Lanes::Reversed, "lanes reversed"),
            (Lanes::Pairs, "lanes exchanged in pairs"),
            (Lanes::Halves, "halves of a word exchanged"),
            (Lanes::Fours, "each four lanes reversed"),
            (Lanes::Rotated(1), "lanes rotated to the next"),
            (Lanes::Rotated(-1), "lanes rotated to the previous"),
        ] {
            add(text.to_owned(), &|[y, x, c]| {
                let other = order.channel(c, lanes);
                own([y, x, if other < inputs { other } else { c }])
            });
        }
        let size = kernel * kernel * inputs;
        let flat = |place: usize| {
            own([
                place / inputs / kernel,
                place / inputs % kernel,
                place % inputs,
            ])
        };
        let words = isize::try_from(lanes).unwrap_or(1);
        for by in [1, -1, words, -words] {
            add(
                format!("shifted by {by:+} in kernel order"),
                &|[y, x, c]| flat(wrapped((y * kernel + x) * inputs + c, by, size)),
            );
        }
        add("channels outside taps".to_owned(), &|[y, x, c]| {
            flat(c * kernel * kernel + y * kernel + x)
        });
        for other in (0..outputs).filter(|&other| other != channel) {
            add(format!("of output channel {other}"), &|[y, x, c]| {
                all[(other, y, x, c)]
            });
        }
        orders.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        orders.truncate(TOLD);
        orders
    }

    /// Root mean square of the differences of an estimate from weights.
    fn distance(&self, estimate: &[f64], weight: &dyn Fn([usize; 3]) -> i32) -> f64 {
        let (_, kernel, _, inputs) = self.plan.quant.weight.dim();
        let squares = estimate.iter().enumerate().map(|(place, found)| {
            let at = [
                place / inputs / kernel,
                place / inputs % kernel,
                place % inputs,
            ];
            let error = found - real(i64::from(weight(at)));
            error * error
        });
        (squares.sum::<f64>() / number(estimate.len())).sqrt()
    }
}
