//! The DMA engine and the DRAM channel, clock by clock.

use repchip::chip::FlatDram;
use std::ops::Range;

/// One operation of the DMA engine.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    /// Tick at which everything it waits for has ended, its weight slot included.
    pub(crate) from: u64,
    /// Its bytes in DRAM.
    pub(crate) bytes: Range<u64>,
}

/// First issue and end of each transfer, in order, one burst a cycle at most.
///
/// The bus is kept in parts of a cycle: one over the bandwidth's numerator.
pub(crate) fn run(transfers: &[Transfer], dram: &FlatDram) -> Vec<[u64; 2]> {
    let parts = u128::from(dram.bandwidth.numerator.get());
    let burst_parts = u128::from(dram.burst.0) * u128::from(dram.bandwidth.denominator.get());
    let (mut clock, mut bus_free) = (0u64, 0u128);
    let mut under_way: Vec<u64> = Vec::new();
    let mut spans = Vec::new();
    for transfer in transfers {
        let mut pieces: Vec<u64> = transfer.bytes.clone().map(|b| b / dram.burst.0).collect();
        pieces.dedup();
        let mut span = None;
        for _ in pieces {
            loop {
                under_way.retain(|end| *end > clock);
                if clock >= transfer.from && under_way.len() < dram.in_flight {
                    break;
                }
                clock += 1;
            }
            let arrives = u128::from(clock + dram.latency.0) * parts;
            bus_free = arrives.max(bus_free) + burst_parts;
            let end = u64::try_from(bus_free.div_ceil(parts)).expect("a short run");
            under_way.push(end);
            span = Some([span.map_or(clock, |[first, _]: [u64; 2]| first), end]);
            clock += 1;
        }
        spans.push(span.expect("a transfer moves bytes"));
    }
    spans
}
