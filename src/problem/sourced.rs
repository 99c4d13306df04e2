//! A value that is bare (`rows = 8`) or carries its source (`rows = { value = 8, source = "data sheet" }`).

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use toml::Spanned;

/// A value, its place, and the source when the file tells one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// As written.
    pub value: T,
    /// Place of the value alone.
    pub span: Range<usize>,
    /// Where the figure comes from.
    pub source: Option<Spanned<String>>,
}

/// A whole number of any size up to 128 bits: whether it is in range is judged later, with a good message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer(pub i128);

/// A number that may have a fraction; `nan` and `inf` are judged later.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Real(pub f64);

/// What can stand as a single value in TOML.
pub trait Scalar: Sized {
    /// "a whole number".
    const EXPECTED: &'static str;
    /// The name of the type in a JSON Schema.
    const JSON_TYPE: &'static str;
    /// From a whole number, when that is of this type.
    fn from_integer(_: i128) -> Option<Self> {
        None
    }
    /// From a number with a fraction.
    fn from_real(_: f64) -> Option<Self> {
        None
    }
    /// From `true` or `false`.
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
    /// From a text.
    fn from_text(_: &str) -> Option<Self> {
        None
    }
}

impl Scalar for Integer {
    const EXPECTED: &'static str = "a whole number";
    const JSON_TYPE: &'static str = "integer";
    fn from_integer(value: i128) -> Option<Self> {
        Some(Self(value))
    }
}

impl Scalar for Real {
    const EXPECTED: &'static str = "a number";
    const JSON_TYPE: &'static str = "number";
    fn from_integer(value: i128) -> Option<Self> {
        // Digits to digits: exact up to 2^53, and larger numbers are out of every range.
        value.to_string().parse().ok().map(Self)
    }
    fn from_real(value: f64) -> Option<Self> {
        Some(Self(value))
    }
}

impl Scalar for String {
    const EXPECTED: &'static str = "a text";
    const JSON_TYPE: &'static str = "string";
    fn from_text(value: &str) -> Option<Self> {
        Some(value.to_owned())
    }
}

impl Scalar for bool {
    const EXPECTED: &'static str = "true or false";
    const JSON_TYPE: &'static str = "boolean";
    fn from_flag(value: bool) -> Option<Self> {
        Some(value)
    }
}

struct Bare<T>(T);

enum Form<T> {
    Bare(T),
    Table(Spanned<Bare<T>>, Spanned<String>),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Scalar")]
struct WithSource<T> {
    value: Spanned<Bare<T>>,
    source: Spanned<String>,
}

struct ScalarVisitor<T> {
    table: bool,
    scalar: PhantomData<T>,
}

impl<'de, T: Scalar> Visitor<'de> for ScalarVisitor<T> {
    type Value = Form<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)?;
        if self.table {
            f.write_str(" or { value = ..., source = \"...\" }")?;
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Self::Value, E> {
        self.visit_i128(i128::from(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Self::Value, E> {
        self.visit_i128(i128::from(v))
    }

    fn visit_i128<E: Error>(self, v: i128) -> Result<Self::Value, E> {
        T::from_integer(v)
            .map(Form::Bare)
            .ok_or_else(|| self.refuse(&format!("the whole number `{v}`")))
    }

    fn visit_u128<E: Error>(self, v: u128) -> Result<Self::Value, E> {
        self.visit_i128(i128::try_from(v).unwrap_or(i128::MAX))
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Self::Value, E> {
        T::from_real(v)
            .map(Form::Bare)
            .ok_or_else(|| self.refuse(&format!("the number `{v:?}`")))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Self::Value, E> {
        T::from_text(v)
            .map(Form::Bare)
            .ok_or_else(|| self.refuse(&format!("the text \"{v}\"")))
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<Self::Value, E> {
        T::from_flag(v)
            .map(Form::Bare)
            .ok_or_else(|| self.refuse(&format!("`{v}`")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        if !self.table {
            return Err(self.refuse("a table"));
        }
        let form = WithSource::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Form::Table(form.value, form.source))
    }
}

impl<T: Scalar> ScalarVisitor<T> {
    fn refuse<E: Error>(&self, found: &str) -> E {
        struct Expected<'a, T>(&'a ScalarVisitor<T>);
        impl<T: Scalar> fmt::Display for Expected<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.expecting(f)
            }
        }
        E::custom(format!("found {found}, expected {}", Expected(self)))
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Bare<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = ScalarVisitor {
            table: false,
            scalar: PhantomData,
        };
        match deserializer.deserialize_any(visitor)? {
            Form::Bare(value) => Ok(Self(value)),
            Form::Table(..) => Err(D::Error::custom("found a table inside a table")),
        }
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Form<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor {
            table: true,
            scalar: PhantomData,
        })
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Sourced<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form: Spanned<Form<T>> = Deserialize::deserialize(deserializer)?;
        let span = form.span();
        Ok(match form.into_inner() {
            Form::Bare(value) => Self {
                value,
                span,
                source: None,
            },
            Form::Table(value, source) => Self {
                span: value.span(),
                value: value.into_inner().0,
                source: Some(source),
            },
        })
    }
}
