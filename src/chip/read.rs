//! From the raw file to a valid [`Chip`]: every value in its range, and those that belong together fit.

use super::raw::{
    RawActivationSram, RawArray, RawChip, RawDram, RawHost, RawPe, RawRequantise, RawVector,
    RawWeightSram,
};
use super::{
    ActivationSram, Array, Chip, ChipError, Control, Dram, FlatDram, Host, Pe, RequantiserBank,
    Source, VectorUnit, WeightSram, bounds,
};
use crate::fixed::Accumulator;
use crate::problem::findings::Decimal;
use crate::problem::{
    Findings, Integer, OverrideFlag, Problems, Real, SourceFile, Sourced, mirror,
};
use crate::units::{Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz, count};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

impl Chip {
    /// Reads a chip's file.
    ///
    /// # Errors
    /// All problems of the file's values; of an unreadable or ill-formed file the first one.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::read_with(path, &[])
    }

    /// Reads a chip's file with flags laid over it.
    ///
    /// # Errors
    /// As [`Chip::read`]; a problem of a flag's value points into the flag.
    pub fn read_with(path: &Path, flags: &[OverrideFlag]) -> Result<Self, Problems> {
        Self::from_source(&SourceFile::read(path)?, flags)
    }

    /// Takes a chip from a text; `label` stands for the path in messages.
    ///
    /// # Errors
    /// As [`Chip::read`].
    pub fn parse(label: &str, text: &str) -> Result<Self, Problems> {
        let source = SourceFile {
            path: label.to_owned(),
            text: text.to_owned(),
        };
        Self::from_source(&Arc::new(source), &[])
    }

    fn from_source(source: &Arc<SourceFile>, flags: &[OverrideFlag]) -> Result<Self, Problems> {
        let (raw, origins) = mirror::<RawChip>(source, flags)?;
        let mut findings = Findings::new(origins);
        let chip = chip(&mut findings, &raw);
        let settings = findings.finish()?;
        let mut chip = chip.expect("a value that is refused leaves a problem");
        chip.sources = settings
            .iter()
            .filter(|setting| !matches!(setting.source.as_str(), "file" | "--set" | "default"))
            .map(|setting| Source {
                key: setting.key.clone(),
                value: setting.value.clone(),
                source: setting.source.clone(),
            })
            .collect();
        chip.settings = settings;
        chip.digest = source.digest();
        Ok(chip)
    }
}

fn chip(f: &mut Findings, raw: &RawChip) -> Option<Chip> {
    let name = f.text("name", raw.name.get_ref(), raw.name.span());
    let description = match &raw.description {
        Some(text) => f.text("description", text.get_ref(), text.span()),
        None => {
            f.default("description", "none");
            None
        }
    };
    let clock = clock(f, &raw.clock.frequency_mhz);
    let pe = pe(f, &raw.pe);
    let array = array(f, &raw.array, pe);
    let control = control(f, &raw.array);
    let requantise = requantise(f, &raw.requantise);
    let activation_sram = activation_sram(f, &raw.activation_sram, pe);
    let weight_sram = weight_sram(f, &raw.weight_sram, array);
    let dram = dram(f, &raw.dram, clock);
    let vector = match &raw.vector {
        Some(raw) => Some(vector(f, raw)),
        None => {
            f.default("vector", "none");
            None
        }
    };
    let host = match &raw.host {
        Some(raw) => Some(host(f, raw)),
        None => {
            f.default("host", "none");
            None
        }
    };
    Some(Chip {
        name: name?,
        description,
        clock: clock?,
        array: array?,
        control: control?,
        requantise: requantise?,
        activation_sram: activation_sram?,
        weight_sram: weight_sram?,
        dram: dram?,
        vector: match vector {
            Some(vector) => Some(vector?),
            None => None,
        },
        host: match host {
            Some(host) => Some(host?),
            None => None,
        },
        sources: Vec::new(),
        settings: Vec::new(),
        digest: String::new(),
    })
}

fn clock(f: &mut Findings, raw: &Sourced<Real>) -> Option<Hertz> {
    let frequency = f.decimal(
        "clock.frequency_mhz",
        raw,
        bounds::MAX_MEGAHERTZ,
        bounds::DECIMALS,
    )?;
    whole(frequency, 6).map(Hertz)
}

/// A number of megahertz or gigabytes in the base unit; the bounds on its digits make it whole.
fn whole(decimal: Decimal, power: u32) -> Option<NonZeroU64> {
    decimal.times_ten_to(power).and_then(NonZeroU64::new)
}

fn pe(f: &mut Findings, raw: &RawPe) -> Option<Pe> {
    let kind = f.choice("pe.kind", &raw.kind, &bounds::PE_KINDS);
    let lanes = f.integer("pe.lanes", &raw.lanes, bounds::LANES);
    let accumulators = f.integer("pe.accumulators", &raw.accumulators, bounds::ACCUMULATORS);
    let bits = f.integer(
        "pe.accumulator_bits",
        &raw.accumulator_bits,
        bounds::ACCUMULATOR_BITS,
    );
    let overflow = f.choice("pe.overflow", &raw.overflow, &bounds::OVERFLOWS);
    Some(Pe {
        kind: kind?,
        lanes: lanes?,
        accumulators: accumulators?,
        accumulator: Accumulator {
            bits: bits?,
            overflow: overflow?,
        },
    })
}

fn array(f: &mut Findings, raw: &RawArray, pe: Option<Pe>) -> Option<Array> {
    let rows = f.integer("array.rows", &raw.rows, bounds::ROWS);
    let tile_h = f.integer("array.tile_h", &raw.tile_h, bounds::TILE);
    let tile_w = f.integer("array.tile_w", &raw.tile_w, bounds::TILE);
    let pointwise = f.choice("array.pointwise", &raw.pointwise, &bounds::POINTWISE);
    Some(Array {
        pe: pe?,
        rows: rows?,
        tile_h: tile_h?,
        tile_w: tile_w?,
        pointwise: pointwise?,
    })
}

fn control(f: &mut Findings, raw: &RawArray) -> Option<Control> {
    let pipeline = f.integer(
        "array.pipeline_cycles",
        &raw.pipeline_cycles,
        bounds::CYCLES,
    );
    let start = f.integer(
        "array.layer_start_cycles",
        &raw.layer_start_cycles,
        bounds::CYCLES,
    );
    Some(Control {
        pipeline_cycles: Cycles(pipeline?),
        layer_start_cycles: Cycles(start?),
    })
}

fn requantise(f: &mut Findings, raw: &RawRequantise) -> Option<RequantiserBank> {
    let units = f.integer("requantise.units", &raw.units, bounds::UNITS);
    let words = f.integer(
        "requantise.write_words_per_cycle",
        &raw.write_words_per_cycle,
        bounds::UNITS,
    );
    Some(RequantiserBank {
        units: units?,
        write_words_per_cycle: words?,
    })
}

fn activation_sram(
    f: &mut Findings,
    raw: &RawActivationSram,
    pe: Option<Pe>,
) -> Option<ActivationSram> {
    let kib = f.integer("activation_sram.kib", &raw.kib, bounds::KIB);
    let rows = f.integer("activation_sram.bank_rows", &raw.bank_rows, bounds::TILE);
    let cols = f.integer("activation_sram.bank_cols", &raw.bank_cols, bounds::TILE);
    let channels = f.integer(
        "activation_sram.bank_channels",
        &raw.bank_channels,
        bounds::BANK_CHANNELS,
    );
    let reuse = f.choice("activation_sram.reuse", &raw.reuse, &bounds::REUSE);
    let sram = ActivationSram {
        capacity: Bytes(kib? * 1024),
        bank_rows: rows?,
        bank_cols: cols?,
        bank_channels: channels?,
        reuse: reuse?,
    };
    let banks = count(sram.bank_rows * sram.bank_cols * sram.bank_channels);
    let word = Bytes(count(pe?.lanes));
    let needed = Bytes(banks * word.0);
    if needed > sram.capacity {
        let error = ChipError::ActivationSramTooSmall {
            banks,
            word,
            needed,
            capacity: sram.capacity,
        };
        f.report(error.into(), raw.kib.span.clone(), "too little");
    }
    Some(sram)
}

fn weight_sram(f: &mut Findings, raw: &RawWeightSram, array: Option<Array>) -> Option<WeightSram> {
    let kib = f.integer("weight_sram.kib", &raw.kib, bounds::KIB);
    let port = f.positive(
        "weight_sram.port_bytes",
        &raw.port_bytes,
        bounds::PORT_BYTES,
    );
    let sram = WeightSram {
        capacity: Bytes(kib? * 1024),
        port: BytesPerCycle(port?),
    };
    let array = array?;
    let slots = sram.slots(&array, 8);
    if slots < 2 {
        let error = ChipError::SlotTooSmall {
            slot: WeightSram::slot(&array, 8),
            capacity: sram.capacity,
            slots,
        };
        f.report(error.into(), raw.kib.span.clone(), "too little");
    }
    Some(sram)
}

fn dram(f: &mut Findings, raw: &RawDram, clock: Option<Hertz>) -> Option<Dram> {
    let kind = f.choice("dram.kind", &raw.kind, &bounds::DRAM_KINDS);
    let rate = f.decimal(
        "dram.gigabytes_per_second",
        &raw.gigabytes_per_second,
        bounds::MAX_GIGABYTES,
        bounds::DECIMALS,
    );
    let latency = f.integer("dram.latency_cycles", &raw.latency_cycles, bounds::CYCLES);
    let burst = f.integer("dram.burst_bytes", &raw.burst_bytes, bounds::BURST_BYTES);
    let in_flight = f.integer("dram.in_flight", &raw.in_flight, bounds::UNITS);
    if let Some(burst) = burst.filter(|burst| !burst.is_power_of_two()) {
        let error = ChipError::BurstNotPowerOfTwo { burst };
        f.report(error.into(), raw.burst_bytes.span.clone(), "this size");
    }
    let (burst, bandwidth) = (Bytes(burst?), Bandwidth::exact(whole(rate?, 9)?, clock?));
    if u128::from(bandwidth.numerator.get())
        > u128::from(burst.0) * u128::from(bandwidth.denominator.get())
    {
        let error = ChipError::BandwidthAboveBurst {
            per_cycle: raw.gigabytes_per_second.value.0 * 1e9 / hertz(clock?),
            burst,
        };
        let span = raw.gigabytes_per_second.span.clone();
        f.report(error.into(), span, "this rate");
    }
    kind?;
    Some(Dram::Flat(FlatDram {
        bandwidth,
        latency: Cycles(latency?),
        burst,
        in_flight: in_flight?,
    }))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "for a message that shows three digits"
)]
fn hertz(clock: Hertz) -> f64 {
    clock.0.get() as f64
}

fn vector(f: &mut Findings, raw: &RawVector) -> Option<VectorUnit> {
    let lanes = f.integer("vector.lanes", &raw.lanes, bounds::UNITS);
    let start = f.integer("vector.start_cycles", &raw.start_cycles, bounds::CYCLES);
    let add = f.positive("vector.add_cycles", &raw.add_cycles, bounds::ELEMENT_CYCLES);
    let max_pool = f.positive(
        "vector.max_pool_cycles",
        &raw.max_pool_cycles,
        bounds::ELEMENT_CYCLES,
    );
    let avg_pool = f.positive(
        "vector.avg_pool_cycles",
        &raw.avg_pool_cycles,
        bounds::ELEMENT_CYCLES,
    );
    let table = optional_cycles(f, "vector.table_cycles", raw.table_cycles.as_ref(), 1);
    let same_as_add = add.map_or(1, NonZeroU64::get);
    let multiply = optional_cycles(
        f,
        "vector.multiply_cycles",
        raw.multiply_cycles.as_ref(),
        same_as_add,
    );
    let copy = optional_cycles(f, "vector.copy_cycles", raw.copy_cycles.as_ref(), 1);
    let resize = optional_cycles(f, "vector.resize_cycles", raw.resize_cycles.as_ref(), 4);
    Some(VectorUnit {
        lanes: lanes?,
        start_cycles: Cycles(start?),
        add_cycles: add?.get(),
        max_pool_cycles: max_pool?.get(),
        avg_pool_cycles: avg_pool?.get(),
        table_cycles: table?,
        multiply_cycles: multiply?,
        copy_cycles: copy?,
        resize_cycles: resize?,
    })
}

/// Cycles of one element; `default` where the key is absent.
fn optional_cycles(
    f: &mut Findings,
    key: &str,
    raw: Option<&Sourced<Integer>>,
    default: u64,
) -> Option<u64> {
    match raw {
        Some(raw) => f
            .positive(key, raw, bounds::ELEMENT_CYCLES)
            .map(NonZeroU64::get),
        None => {
            f.default(key, default.to_string());
            Some(default)
        }
    }
}

fn host(f: &mut Findings, raw: &RawHost) -> Option<Host> {
    let port = f.positive(
        "host.bytes_per_cycle",
        &raw.bytes_per_cycle,
        bounds::PORT_BYTES,
    );
    let call = f.integer("host.call_cycles", &raw.call_cycles, bounds::CYCLES);
    let elements = f.positive(
        "host.elements_per_cycle",
        &raw.elements_per_cycle,
        bounds::PER_CYCLE,
    );
    let macs = f.positive(
        "host.macs_per_cycle",
        &raw.macs_per_cycle,
        bounds::PER_CYCLE,
    );
    Some(Host {
        bytes_per_cycle: BytesPerCycle(port?),
        call_cycles: Cycles(call?),
        elements_per_cycle: elements?.get(),
        macs_per_cycle: macs?.get(),
    })
}
