//! A loop of an order: `c/8%4` counts `floor(c / 8) mod 4`.

use std::fmt::{self, Display};
use std::num::NonZeroUsize;
use std::str::FromStr;

/// An axis of an activation tensor, by its place in the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Axis {
    /// Image.
    N,
    /// Row.
    Y,
    /// Column.
    X,
    /// Channel.
    C,
}

impl Axis {
    /// All, in the order of a tensor.
    pub const ALL: [Self; 4] = [Self::N, Self::Y, Self::X, Self::C];

    /// As it is written.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::N => 'n',
            Self::Y => 'y',
            Self::X => 'x',
            Self::C => 'c',
        }
    }

    /// Its place in a tensor.
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }
}

/// `floor(axis / step) mod modulo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// What is counted.
    pub axis: Axis,
    /// Elements of the axis that count as one.
    pub step: NonZeroUsize,
    /// After how many the count begins again; `None`: never.
    pub modulo: Option<NonZeroUsize>,
}

impl Term {
    /// The count at image, row, column, channel.
    #[must_use]
    pub const fn at(&self, at: [usize; 4]) -> usize {
        let count = at[self.axis.place()] / self.step.get();
        match self.modulo {
            Some(modulo) => count % modulo.get(),
            None => count,
        }
    }

    /// How far it counts on an axis of `size` elements: padding of the last group included.
    #[must_use]
    pub fn extent(&self, size: usize) -> usize {
        let all = size.div_ceil(self.step.get()).max(1);
        self.modulo.map_or(all, NonZeroUsize::get)
    }
}

impl FromStr for Term {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (head, modulo) = match text.split_once('%') {
            Some((head, modulo)) => (head, Some(modulo.parse().map_err(|_| ())?)),
            None => (text, None),
        };
        let (axis, step) = match head.split_once('/') {
            Some((axis, step)) => (axis, step.parse().map_err(|_| ())?),
            None => (head, NonZeroUsize::MIN),
        };
        let known = |one: &Axis| axis.chars().eq([one.letter()]);
        let axis = Axis::ALL.into_iter().find(known).ok_or(())?;
        Ok(Self { axis, step, modulo })
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.axis.letter())?;
        if self.step.get() > 1 {
            write!(f, "/{}", self.step)?;
        }
        self.modulo.map_or(Ok(()), |modulo| write!(f, "%{modulo}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_count_as_they_are_written() {
        let term: Term = "c/8%4".parse().unwrap();
        assert_eq!(term.at([0, 0, 0, 39]), 0);
        assert_eq!(term.at([0, 0, 0, 31]), 3);
        assert_eq!((term.extent(5), term.to_string().as_str()), (4, "c/8%4"));
        let row: Term = "y".parse().unwrap();
        assert_eq!((row.at([1, 7, 2, 3]), row.extent(9)), (7, 9));
        assert_eq!("x/7".parse::<Term>().unwrap().extent(15), 3);
    }

    #[test]
    fn other_texts_are_no_terms() {
        for text in [
            "", "k", "c/0", "c%0", "c/", "c%", "c/8/2", "c8", "c/-1", "cc", "c %2",
        ] {
            assert_eq!(text.parse::<Term>(), Err(()), "{text}");
        }
    }
}
