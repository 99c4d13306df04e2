//! What the DRAM bus, the array, the vector unit and the host did in each column of a stretch of a run, a row each.

use super::bins::{Bins, Histogram, place};
use super::clock::{LEFT, RIGHT, stack};
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use crate::report::engine::{Direction, Engine, transfer};
use crate::report::figures::real;
use crate::report::human::percent;
use crate::report::{ChipFacts, RunResult};
use crate::schedule::Traffic;
use crate::time::Cause;
use crate::units::Cycles;

/// Height of most rows.
const LOW: f64 = 22.0;
/// Height of the array's row.
const HIGH: f64 = 72.0;
/// Between two rows.
const GAP: f64 = 6.0;

/// Amounts by column: bytes on the bus, and cycles by cause. Every cycle belongs to one engine.
pub(super) struct Lanes {
    /// Bytes by kind, read.
    read: Histogram<6>,
    /// Bytes by kind, written.
    written: Histogram<6>,
    /// Cycles by cause, an engine each.
    engines: [Histogram<17>; 3],
}

/// Whose row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The DRAM bus, one way.
    Bus(Direction),
    /// An engine.
    Engine(Engine),
}

/// Where a row lies, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// Whose.
    pub subject: Subject,
    /// Its upper end.
    pub top: f64,
    /// Its lower end.
    pub base: f64,
}

impl Row {
    fn height(&self) -> f64 {
        self.base - self.top
    }
}

/// The rows of a chip from `y` down: an engine that the chip does not have has none.
pub(super) fn rows(chip: &ChipFacts, mut y: f64) -> Vec<Row> {
    let subjects = [
        (Subject::Bus(Direction::Read), true, LOW),
        (Subject::Bus(Direction::Written), true, LOW),
        (Subject::Engine(Engine::Array), true, HIGH),
        (
            Subject::Engine(Engine::Vector),
            chip.design.vector.is_some(),
            LOW,
        ),
        (
            Subject::Engine(Engine::Host),
            chip.design.host.is_some(),
            LOW,
        ),
    ];
    let present = subjects.into_iter().filter(|(_, present, _)| *present);
    present
        .map(|(subject, _, height)| {
            let top = y;
            y += height + GAP;
            Row {
                subject,
                top,
                base: top + height,
            }
        })
        .collect()
}

impl Lanes {
    /// What `network` did in `bins`.
    pub(super) fn new(network: &RunResult, bins: Bins) -> Self {
        let mut lanes = Self {
            read: Histogram::new(bins),
            written: Histogram::new(bins),
            engines: std::array::from_fn(|_| Histogram::new(bins)),
        };
        for span in &network.record.bus {
            let (way, kind) = transfer(&network.schedule, span);
            let row = match way {
                Direction::Read => &mut lanes.read,
                Direction::Written => &mut lanes.written,
            };
            let kind = place(&Traffic::ALL, &kind);
            row.add([span.from, span.to], kind, span.bytes.0);
        }
        for span in &network.record.array {
            let engine = Engine::of(&network.schedule, span);
            let row = &mut lanes.engines[place(&Engine::ALL, &engine)];
            for (kind, cause) in Cause::ALL.into_iter().enumerate() {
                row.add([span.from, span.to], kind, span.account.get(cause).0);
            }
        }
        lanes
    }

    /// Draws the rows, with their names at the left and their shares of the stretch at the right.
    pub(super) fn draw(&self, scene: &mut Scene, chip: &ChipFacts, rows: &[Row]) {
        for row in rows {
            let (name, part) = match row.subject {
                Subject::Bus(way) => self.bus(scene, chip, way, row),
                Subject::Engine(engine) => self.engine(scene, engine, row),
            };
            scene.line(vec![[LEFT, row.base], [RIGHT, row.base]], Ink::Grid, 1.0);
            let y = f64::midpoint(row.top, row.base);
            scene.text([LEFT - 8.0, y], Anchor::End, 11.0, Ink::Text, name);
            let at = [RIGHT + 6.0, y];
            scene.text(at, Anchor::Start, 10.0, Ink::Muted, percent(part));
        }
    }

    /// Cycles by cause; returns the row's name and its share of the cycles.
    fn engine(&self, scene: &mut Scene, engine: Engine, row: &Row) -> (&'static str, f64) {
        let cycles = &self.engines[place(&Engine::ALL, &engine)];
        let part = |part: f64, all: Cycles| (part / real(all.0)).min(1.0);
        let inks = Cause::ALL.map(Ink::Cause);
        stack(scene, cycles, inks, row.base, |cycles, all| {
            part(cycles, all) * row.height()
        });
        let name = match engine {
            Engine::Array => "array",
            Engine::Vector => "vector",
            Engine::Host => "host",
        };
        (name, part(real(cycles.total()), cycles.bins.cycles()))
    }

    /// Bytes by kind; returns the row's name and its share of what the channel can move.
    fn bus(
        &self,
        scene: &mut Scene,
        chip: &ChipFacts,
        way: Direction,
        row: &Row,
    ) -> (&'static str, f64) {
        let (name, bytes) = match way {
            Direction::Read => ("DRAM read", &self.read),
            Direction::Written => ("DRAM write", &self.written),
        };
        let rate = chip.roofs.dram_bytes_per_cycle;
        // Spans begin and end on whole cycles, bursts do not.
        let part = |bytes: f64, all: Cycles| (bytes / (rate * real(all.0))).min(1.0);
        let inks = Traffic::ALL.map(Ink::Traffic);
        stack(scene, bytes, inks, row.base, |bytes, all| {
            part(bytes, all) * row.height()
        });
        (name, part(real(bytes.total()), bytes.bins.cycles()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::schedule::{OpId, OpKind};
    use crate::time::Account;
    use crate::units::Tick;

    fn whole(network: &RunResult, columns: u64) -> Lanes {
        let end = Tick::ZERO + network.timeline.total;
        Lanes::new(network, Bins::new(Tick::ZERO, end, columns))
    }

    fn account(lanes: &Lanes) -> Account {
        let mut account = Account::default();
        for engine in &lanes.engines {
            for (cause, cycles) in Cause::ALL.into_iter().zip(engine.sums()) {
                account.add(cause, Cycles(cycles));
            }
        }
        account
    }

    #[test]
    fn columns_add_up_to_the_account_and_to_the_bytes() {
        for columns in [1, 7, 216] {
            let report = sample::report(22);
            for network in &report.chips[0].networks {
                let lanes = whole(network, columns);
                assert_eq!(account(&lanes), network.timeline.account());
                let bytes = lanes.read.total() + lanes.written.total();
                assert_eq!(bytes, network.timeline.dram().bus().0);
            }
        }
    }

    #[test]
    fn the_causes_of_a_span_are_spread_evenly_over_it() {
        let mut report = sample::report(5);
        let network = &mut report.chips[0].networks[0];
        let one = network.record.array[0].clone();
        let mut account = Account::default();
        account.add(Cause::Useful, Cycles(600));
        account.add(Cause::Fill, Cycles(200));
        network.timeline.total = Cycles(800);
        network.record.array = vec![crate::time::ArraySpan {
            from: Tick(0),
            to: Tick(800),
            account,
            ..one
        }];
        let lanes = whole(network, 8);
        let useful = place(&Cause::ALL, &Cause::Useful);
        for (cycles, stack) in lanes.engines[0].stacks() {
            assert_eq!(
                (cycles, stack[useful], stack[16]),
                (Cycles(100), 75.0, 100.0)
            );
        }
    }

    #[test]
    fn an_operation_stands_in_the_row_of_its_engine() {
        let mut report = sample::report(5);
        let network = &mut report.chips[0].networks[0];
        let kinds = [
            OpKind::Vector { strip: 0, image: 0 },
            OpKind::Host { image: 0 },
        ];
        for (index, kind) in kinds.into_iter().enumerate() {
            network.schedule.ops[index].kind = kind;
            network.record.array[index].op = Some(OpId(index));
        }
        let lanes = whole(network, 50);
        let cycles = |index: usize| network.record.array[index].account.total().0;
        assert_eq!(lanes.engines[1].total(), cycles(0));
        assert_eq!(lanes.engines[2].total(), cycles(1));
        let all: u64 = lanes.engines.iter().map(Histogram::total).sum();
        assert_eq!(all, network.timeline.total.0);
    }
}
