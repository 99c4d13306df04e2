//! A dump's description, a TOML file.

use super::raw::{
    Column, Edge, End, Level, RawArray, RawColumns, RawDescription, RawLayout, RawSignals,
    RawTensor, Told, Whose,
};
use super::{Layout, LayoutError, Term};
use crate::dump::{columns, wave};
use crate::problem::{Problem, Problems, SourceFile, mirror, schema};
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;

/// What a dump is, as far as its files do not tell.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// How words hold every tensor that has no layout of its own.
    pub layout: Layout,
    /// How the array makes elements.
    pub mapping: Option<Mapping>,
    /// Signals of a waveform.
    pub signals: Option<Signals>,
    /// Columns of a table; the first column, decimal, without them.
    pub columns: Option<columns::Layout>,
    /// Tensors by name; without them each file is named after its layer.
    pub tensors: Vec<Listed>,
    /// The file and the place of its order, for what is found out later.
    place: Option<(Arc<SourceFile>, Range<usize>)>,
}

/// Which processing element makes an element, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// As the model's schedule has it.
    Schedule,
    /// As told.
    Array(Array),
}

/// Places as counts of an axis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Array {
    /// Row of processing elements.
    pub pe_row: Option<Term>,
    /// Column of processing elements.
    pub pe_column: Option<Term>,
    /// Memory bank.
    pub bank: Option<Term>,
}

/// The handshake of a waveform's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signals(pub wave::Handshake);

/// A tensor in a file that may hold others.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Name of the layer whose output it is.
    pub layer: String,
    /// The file, from the folder of the dump; without it the one that the layer's name gives, or the dump itself.
    pub file: Option<PathBuf>,
    /// How words hold it.
    pub layout: Layout,
    place: (Arc<SourceFile>, Range<usize>),
}

impl Description {
    /// The JSON Schema of such a file (draft 2020-12), as text that ends in a newline.
    #[must_use]
    pub fn schema() -> String {
        schema::document::<RawDescription>()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Those of a configuration file; `layout::strides`, `layout::lanes`, `layout::base`, `layout::array`.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let source = SourceFile::read(path)?;
        let (raw, _): (RawDescription, _) = mirror(&source, &[])?;
        let (own, place) = match raw.layout {
            Some(layout) => {
                let span = layout.span();
                (layout.into_inner(), Some((Arc::clone(&source), span)))
            }
            None => (RawLayout::default(), None),
        };
        let layout = own.clone().layout(&Layout::default(), &source)?;
        let tensors = raw
            .tensors
            .into_iter()
            .map(|tensor| tensor.listed(&layout, &source));
        Ok(Self {
            mapping: raw
                .array
                .map(|array| array.into_inner().mapping(&source))
                .transpose()?,
            signals: raw.signals.map(RawSignals::signals),
            columns: raw
                .columns
                .map(|columns| columns.columns(&layout, &source))
                .transpose()?,
            tensors: tensors.collect::<Result<_, _>>()?,
            layout,
            place,
        })
    }

    /// A layout that does not fit the tensor of a layer, with its place in the file.
    #[must_use]
    pub fn misfit(&self, error: &LayoutError, layer: &str) -> Problem {
        let listed = self.tensors.iter().find(|tensor| tensor.layer == layer);
        let place = listed.map(|tensor| &tensor.place).or(self.place.as_ref());
        let problem = Problem::new(
            "layout::misfit",
            format!("layer `{layer}`: {error}"),
            error.help(),
        );
        match place {
            Some((file, span)) => problem.at(file, first_line(file, span), "this layout"),
            None => problem,
        }
    }

    /// The first tensor listed whose layer is none of `names`.
    ///
    /// # Errors
    /// `layout::layer`.
    pub fn known<'n>(&self, names: impl Iterator<Item = &'n str> + Clone) -> Result<(), Problem> {
        let unknown = self
            .tensors
            .iter()
            .find(|tensor| names.clone().all(|name| name != tensor.layer));
        let Some(tensor) = unknown else { return Ok(()) };
        let help = format!("name one of: {}", names.collect::<Vec<_>>().join(", "));
        let (file, span) = &tensor.place;
        let message = format!("there is no layer `{}`", tensor.layer);
        Err(Problem::new("layout::layer", message, help).at(file, span.clone(), "no such layer"))
    }
}

/// A table spans all its keys: its first line is enough to show.
fn first_line(file: &SourceFile, span: &Range<usize>) -> Range<usize> {
    let shown = &file.text[span.clone()];
    span.start..span.start + shown.find('\n').unwrap_or(shown.len())
}

impl RawLayout {
    /// What is told, over `above`.
    fn layout(self, above: &Layout, source: &Arc<SourceFile>) -> Result<Layout, Problem> {
        let order = self
            .order
            .map(|order| order.iter().map(|told| told.0).collect::<Vec<Term>>());
        let strides = self
            .strides
            .as_ref()
            .map(|strides| strides.get_ref().clone());
        let layout = Layout {
            strides: if order.is_some() || strides.is_some() {
                strides
            } else {
                above.strides.clone()
            },
            order: order.unwrap_or_else(|| above.order.clone()),
            lanes: self.lanes.unwrap_or(above.lanes),
            first_lane_low: self
                .first_lane
                .map_or(above.first_lane_low, |end| matches!(end, End::Low)),
            word_bits: self
                .word_bits
                .as_ref()
                .map(|bits| *bits.get_ref())
                .or(above.word_bits),
            first_word: self.first_word.unwrap_or(above.first_word),
        };
        if let Some(strides) = self.strides
            && strides.get_ref().len() != layout.order.len()
        {
            let message = format!(
                "{} strides for an order of {} loops",
                strides.get_ref().len(),
                layout.order.len()
            );
            let help = "give one stride for each loop of `order`, in elements; leave `strides` out where nothing is padded";
            return Err(Problem::new("layout::strides", message, help).at(
                source,
                strides.span(),
                "here",
            ));
        }
        if let (Some(bits), Some(span)) = (layout.word_bits, self.word_bits.map(|bits| bits.span()))
            && bits.get() % layout.lanes != 0
        {
            let message = format!(
                "{} lanes do not part a word of {bits} bits into equal lanes",
                layout.lanes
            );
            let help =
                "give as `word_bits` a multiple of `lanes`, unused bits of each lane included";
            return Err(Problem::new("layout::lanes", message, help).at(
                source,
                span,
                "not a multiple of `lanes`",
            ));
        }
        Ok(layout)
    }
}

impl RawArray {
    fn mapping(self, source: &Arc<SourceFile>) -> Result<Mapping, Problem> {
        let told = [&self.pe_row, &self.pe_column, &self.bank]
            .iter()
            .any(|term| term.is_some());
        match (self.mapping, told) {
            (Some(Whose::Schedule), false) => Ok(Mapping::Schedule),
            (None, true) => {
                let term = |told: Option<Told>| told.map(|told| told.0);
                Ok(Mapping::Array(Array {
                    pe_row: term(self.pe_row),
                    pe_column: term(self.pe_column),
                    bank: term(self.bank),
                }))
            }
            (Some(Whose::Schedule), true) | (None, false) => {
                let message = "`array` is either the schedule's mapping or tells places of its own";
                let help = "write `mapping = \"schedule\"`, or some of `pe_row`, `pe_column` and `bank`, as `pe_row = \"c%16\"`";
                let table = source
                    .text
                    .find("[array]")
                    .map_or(0..0, |at| at..at + "[array]".len());
                Err(Problem::new("layout::array", message, help).at(source, table, "here"))
            }
        }
    }
}

impl RawSignals {
    fn signals(self) -> Signals {
        let active_low = !matches!(self.reset_active, Some(Level::High));
        Signals(wave::Handshake {
            clock: self.clock,
            edge: match self.edge {
                Some(Edge::Falling) => wave::Edge::Falling,
                Some(Edge::Rising) | None => wave::Edge::Rising,
            },
            reset: self.reset.map(|signal| wave::Reset { signal, active_low }),
            valid: self.valid,
            ready: self.ready,
            data: self.data,
            address: self.address,
        })
    }
}

impl RawColumns {
    fn columns(
        self,
        layout: &Layout,
        source: &Arc<SourceFile>,
    ) -> Result<columns::Layout, Problem> {
        let radix = match self.base.as_ref().map(|base| *base.get_ref()) {
            Some(10) | None => columns::Radix::Decimal,
            Some(16) => columns::Radix::Hexadecimal,
            Some(other) => {
                let message = format!("numbers of base {other} are not read");
                let span = self.base.map_or(0..0, |base| base.span());
                let problem =
                    Problem::new("layout::base", message, "write `base = 10` or `base = 16`");
                return Err(problem.at(source, span, "neither 10 nor 16"));
            }
        };
        let column = |column: Column| match column {
            Column::Number(number) => columns::Column::Number(number.get()),
            Column::Name(name) => columns::Column::Name(name),
        };
        Ok(columns::Layout {
            header: self.header.unwrap_or(matches!(self.words, Column::Name(_))),
            words: column(self.words),
            addresses: self.addresses.map(column),
            radix,
            bits: layout.word_bits.unwrap_or(NonZeroU32::MIN),
        })
    }
}

impl RawTensor {
    fn listed(self, above: &Layout, source: &Arc<SourceFile>) -> Result<Listed, Problem> {
        let own = self.layout.map(Spanned::into_inner);
        let mut layout = own.map_or_else(|| Ok(above.clone()), |own| own.layout(above, source))?;
        layout.first_word = self.first_word.unwrap_or(layout.first_word);
        Ok(Listed {
            place: (Arc::clone(source), self.layer.span()),
            layer: self.layer.into_inner(),
            file: self.file,
            layout,
        })
    }
}
