//! A machine that counts clocks: one layer's passes on the array, cycle by cycle, without a closed form.
//!
//! Every cycle the kernel reader, the window reader, the array and the drain each do one cycle of work; a cycle
//! without a step is charged to the first condition that is not met in it.

use repchip::time::Cause;
use std::collections::{BTreeMap, VecDeque};

/// One pass over one block.
#[derive(Debug, Clone)]
pub(crate) struct PassIn {
    /// Cycles that each patch's words take on the worst bank.
    pub(crate) reads: Vec<u64>,
    /// Cycles of the kernel read.
    pub(crate) kernel: u64,
    /// Tick at which the weight slot is filled.
    pub(crate) ready: u64,
    /// Drain cycles of each patch, in the pass that ends the outputs.
    pub(crate) drains: Option<Vec<u64>>,
    /// Ticks before which the pass may not start: free output rows, loaded input rows.
    pub(crate) gates: [u64; 2],
    /// Cycles in which the pipeline fills before it.
    pub(crate) pipeline: u64,
    /// Whether it begins a Sweep.
    pub(crate) first: bool,
}

/// What the machine saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) end: u64,
    pub(crate) steps: u64,
    pub(crate) idle: BTreeMap<Cause, u64>,
    /// By Sweep: start of its first pass, end of its last step.
    pub(crate) sweeps: Vec<[u64; 2]>,
    /// By Sweep: end of its last drain.
    pub(crate) drained: Vec<u64>,
    /// By pass: end of its last step.
    pub(crate) passes: Vec<u64>,
}

/// A register to be drained: of which patch and Sweep, and the cycles left.
struct Draining {
    patch: usize,
    sweep: usize,
    left: u64,
}

/// Drain registers, one served at a time.
#[derive(Default)]
struct Drain {
    /// Registers that hold an output, by patch.
    full: Vec<usize>,
    queue: VecDeque<Draining>,
    busy: Option<Draining>,
}

impl Drain {
    /// One cycle; the Sweep whose register is empty after it, if any.
    fn clock(&mut self) -> Option<usize> {
        self.busy = self.busy.take().or_else(|| self.queue.pop_front());
        let busy = self.busy.as_mut()?;
        busy.left -= 1;
        if busy.left > 0 {
            return None;
        }
        let done = self.busy.take()?;
        self.full.retain(|patch| *patch != done.patch);
        Some(done.sweep)
    }

    fn idle(&self) -> bool {
        self.busy.is_none() && self.queue.is_empty()
    }
}

/// Runs `passes` from tick `start` on, `setup` cycles first.
pub(crate) fn run(passes: &[PassIn], start: u64, setup: u64) -> Seen {
    let mut seen = Seen::default();
    let mut drain = Drain::default();
    let mut clock = start;
    // Passes begun so far; the patch of the pass under way; kernels fully read; the read under way.
    let (mut begun, mut patch, mut kernels, mut reading) = (0, None::<usize>, 0, None::<u64>);
    let (mut words_left, mut filling) = (0, None::<u64>);
    loop {
        if patch.is_none() && begun == passes.len() && drain.idle() {
            seen.end = clock;
            return seen;
        }
        let in_setup = clock < start + setup;
        // A pass begins when its gates are open, its kernel is in and the pipeline is full.
        if !in_setup && patch.is_none() && begun < passes.len() {
            let pass = &passes[begun];
            if filling.is_none() && kernels > begun && pass.gates.iter().all(|g| clock >= *g) {
                filling = Some(pass.pipeline);
            }
            if filling == Some(0) {
                filling = None;
                if pass.first {
                    seen.sweeps.push([clock, 0]);
                    seen.drained.push(0);
                }
                begun += 1;
                patch = Some(0);
                words_left = pass.reads[0];
            }
        }
        // The reader works on the kernel behind the pass under way: the second bank.
        if !in_setup
            && reading.is_none()
            && kernels == begun
            && begun < passes.len()
            && clock >= passes[begun].ready
        {
            reading = Some(passes[begun].kernel);
        }
        let mut stepped = None;
        let cause = if in_setup {
            Some(Cause::Setup)
        } else if let Some(at) = patch {
            let pass = &passes[begun - 1];
            words_left = words_left.saturating_sub(1);
            if pass.drains.is_some() && drain.full.contains(&at) {
                Some(Cause::Drain)
            } else if words_left > 0 {
                Some(Cause::ActPort)
            } else {
                stepped = Some(at);
                None
            }
        } else if let Some(pass) = passes.get(begun) {
            Some(between(pass, begun, clock, kernels, filling))
        } else {
            Some(Cause::Drain)
        };
        match cause {
            Some(cause) => *seen.idle.entry(cause).or_default() += 1,
            None => seen.steps += 1,
        }
        if let Some(sweep) = drain.clock() {
            seen.drained[sweep] = clock + 1;
        }
        if let Some(at) = stepped {
            let pass = &passes[begun - 1];
            if let Some(drains) = &pass.drains {
                drain.full.push(at);
                drain.queue.push_back(Draining {
                    patch: at,
                    sweep: seen.sweeps.len() - 1,
                    left: drains[at],
                });
            }
            let more = at + 1 < pass.reads.len();
            patch = more.then_some(at + 1);
            if more {
                words_left = pass.reads[at + 1];
            } else {
                seen.passes.push(clock + 1);
            }
            if !more && passes.get(begun).is_none_or(|next| next.first) {
                seen.sweeps.last_mut().expect("a step belongs to a Sweep")[1] = clock + 1;
            }
        }
        if let Some(left) = &mut reading {
            *left = left.saturating_sub(1);
            if *left == 0 {
                kernels += 1;
                reading = None;
            }
        }
        if let Some(left) = &mut filling {
            *left -= 1;
        }
        clock += 1;
    }
}

/// Why no pass is under way in this cycle.
fn between(pass: &PassIn, begun: usize, clock: u64, kernels: usize, filling: Option<u64>) -> Cause {
    if clock < pass.gates[0] {
        Cause::OutputsWait
    } else if clock < pass.gates[1] {
        Cause::InputsWait
    } else if filling.is_some() {
        Cause::Fill
    } else if clock < pass.ready {
        Cause::WeightsWait
    } else {
        assert!(kernels <= begun, "the kernel is in: the pass begins");
        if begun == 0 {
            Cause::Fill
        } else {
            Cause::WeightPort
        }
    }
}
