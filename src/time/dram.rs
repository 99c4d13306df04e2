//! DRAM of fixed latency and exact bandwidth, one burst at a time.
//!
//! A burst is issued at the first whole cycle at which its operation may start, one of the `in_flight` places
//! is free and no other burst is issued. It leaves the bus at `max(issue + latency, bus free) + burst / bandwidth`,
//! exact to the fraction; its place is free and its data count from the next whole cycle on.

use super::record::BusSpan;
use crate::chip::FlatDram;
use crate::schedule::OpId;
use crate::units::{Addr, Bytes, Cycles, Tick};

/// A moment as whole cycles and a fraction in units of one over the bandwidth's numerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Exact {
    cycle: u64,
    fraction: u64,
}

impl Exact {
    fn ceil(self) -> Tick {
        Tick(self.cycle + u64::from(self.fraction > 0))
    }
}

/// The channel while a schedule runs: its bursts under way, its bus, its next free issue cycle.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    latency: Cycles,
    burst: Bytes,
    /// Time of one burst on the bus: whole cycles and fraction.
    whole: u64,
    fraction: u64,
    /// Parts of a cycle.
    parts: u64,
    bus_free: Exact,
    next_issue: Tick,
    /// Ends of the bursts in the places under way, zero while unused; `oldest` is the next to be taken again.
    ends: Vec<Tick>,
    oldest: usize,
    /// Spans of the bus, when somebody looks.
    record: Option<BusRecord>,
}

/// Bursts of one operation that follow one another without a gap are one span.
#[derive(Debug, Clone)]
struct BusRecord {
    op: OpId,
    spans: Vec<BusSpan>,
}

impl BusRecord {
    fn burst(&mut self, starts: Exact, joins: bool, ends: Tick, bytes: Bytes) {
        match self.spans.last_mut() {
            Some(last) if joins && last.op == self.op => {
                last.to = ends;
                last.bytes += bytes;
            }
            Some(_) | None => self.spans.push(BusSpan {
                op: self.op,
                from: starts.ceil(),
                to: ends,
                bytes,
            }),
        }
    }
}

impl Channel {
    pub(super) fn new(dram: &FlatDram) -> Self {
        let parts = dram.bandwidth.numerator.get();
        let scaled = u128::from(dram.burst.0) * u128::from(dram.bandwidth.denominator.get());
        let part = |n: u128| u64::try_from(n).expect("a burst lasts less than 2^64 cycles");
        Self {
            latency: dram.latency,
            burst: dram.burst,
            whole: part(scaled / u128::from(parts)),
            fraction: part(scaled % u128::from(parts)),
            parts,
            bus_free: Exact {
                cycle: 0,
                fraction: 0,
            },
            next_issue: Tick::ZERO,
            ends: vec![Tick::ZERO; dram.in_flight],
            oldest: 0,
            record: None,
        }
    }

    /// Keeps the spans of the bus from now on.
    pub(super) fn observe(&mut self) {
        self.record = Some(BusRecord {
            op: OpId(0),
            spans: Vec::new(),
        });
    }

    /// Says whose bursts come next.
    pub(super) fn serve(&mut self, op: OpId) {
        if let Some(record) = &mut self.record {
            record.op = op;
        }
    }

    /// The spans kept so far, in order of time.
    pub(super) fn into_spans(self) -> Vec<BusSpan> {
        self.record.map_or_else(Vec::new, |record| record.spans)
    }

    /// Issues one burst no earlier than `from`: when it was issued, and when its data count.
    pub(super) fn burst(&mut self, from: Tick) -> (Tick, Tick) {
        let place = &mut self.ends[self.oldest];
        let issue = self.next_issue.max(from).max(*place);
        self.next_issue = issue + Cycles(1);
        let arrival = Exact {
            cycle: (issue + self.latency).0,
            fraction: 0,
        };
        let start = arrival.max(self.bus_free);
        let joins = start == self.bus_free;
        let fraction = start.fraction + self.fraction;
        let carry = u64::from(fraction >= self.parts);
        self.bus_free = Exact {
            cycle: start.cycle + self.whole + carry,
            fraction: fraction - carry * self.parts,
        };
        let end = self.bus_free.ceil();
        *place = end;
        if let Some(record) = &mut self.record {
            record.burst(start, joins, end, self.burst);
        }
        self.oldest += 1;
        if self.oldest == self.ends.len() {
            self.oldest = 0;
        }
        (issue, end)
    }

    /// Moves an address range, cut at multiples of the burst: first issue, last end, bytes on the bus.
    pub(super) fn range(&mut self, from: Tick, start: Addr, bytes: Bytes) -> (Tick, Tick, Bytes) {
        let bursts = self.bursts(start, bytes);
        let (first, mut end) = self.burst(from);
        for _ in 1..bursts {
            end = self.burst(from).1;
        }
        (first, end, Bytes(bursts * self.burst.0))
    }

    /// Bursts that an address range touches, at least one.
    fn bursts(&self, start: Addr, bytes: Bytes) -> u64 {
        let last = start.0 + bytes.0.max(1) - 1;
        last / self.burst.0 - start.0 / self.burst.0 + 1
    }

    pub(super) fn burst_bytes(&self) -> Bytes {
        self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bandwidth;
    use std::num::NonZeroU64;

    fn channel(numerator: u64, denominator: u64, burst: u64, in_flight: usize) -> Channel {
        Channel::new(&FlatDram {
            bandwidth: Bandwidth {
                numerator: NonZeroU64::new(numerator).unwrap(),
                denominator: NonZeroU64::new(denominator).unwrap(),
            },
            latency: Cycles(40),
            burst: Bytes(burst),
            in_flight,
        })
    }

    #[test]
    fn one_burst_takes_latency_and_transfer() {
        let mut channel = channel(8, 1, 64, 4);
        assert_eq!(channel.burst(Tick(3)), (Tick(3), Tick(3 + 40 + 8)));
    }

    #[test]
    fn a_fraction_of_a_cycle_is_kept_between_bursts() {
        // 64 B at 12.8 B a cycle are 5 cycles; at 7/5 B a cycle 45 and 5/7.
        let mut channel = channel(7, 5, 64, 8);
        let ends: Vec<u64> = (0..7).map(|_| channel.burst(Tick(0)).1.0).collect();
        let exact = (1..=7)
            .map(|n: u64| 40 + (n * 320).div_ceil(7))
            .collect::<Vec<_>>();
        assert_eq!(ends, exact);
    }

    #[test]
    fn one_place_in_flight_waits_for_each_burst() {
        let mut channel = channel(8, 1, 64, 1);
        channel.burst(Tick(0));
        assert_eq!(channel.burst(Tick(0)), (Tick(48), Tick(96)));
    }

    #[test]
    fn at_most_one_burst_is_issued_a_cycle() {
        let mut channel = channel(64, 1, 64, 100);
        let issues: Vec<u64> = (0..4).map(|_| channel.burst(Tick(5)).0.0).collect();
        assert_eq!(issues, [5, 6, 7, 8]);
    }

    #[test]
    fn a_range_costs_whole_bursts() {
        let mut channel = channel(8, 1, 64, 4);
        assert_eq!(channel.range(Tick(0), Addr(60), Bytes(8)).2, Bytes(128));
        assert_eq!(channel.range(Tick(0), Addr(64), Bytes(64)).2, Bytes(64));
    }
}
