//! Attributes of a node, asked for by name and type.

use super::external::Folder;
use super::message::{self, attribute_kind as kind};
use super::tensor::OnnxTensor;
use std::collections::BTreeMap;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AttributeValue {
    Float(f32),
    Int(i64),
    Text(String),
    Tensor(OnnxTensor),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
    /// Of a type that no operator read here has: a graph, a sparse tensor, a type.
    Other,
}

/// All attributes of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Attributes(BTreeMap<String, AttributeValue>);

impl Attributes {
    /// # Errors
    /// Two attributes of one name, and a tensor that cannot be read.
    pub(super) fn new(list: Vec<message::Attribute>, folder: &Folder) -> Result<Self, String> {
        let mut all = BTreeMap::new();
        for attribute in list {
            let name = attribute.name.clone();
            let value = value(attribute, folder).map_err(|why| format!("its `{name}`: {why}"))?;
            if all.insert(name.clone(), value).is_some() {
                return Err(format!("two of its attributes are named `{name}`"));
            }
        }
        Ok(Self(all))
    }

    /// The names that are there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The attribute `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    /// The whole number `name`, or `default` where it is absent.
    ///
    /// # Errors
    /// An attribute of another type.
    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        match self.get(name) {
            None => Ok(default),
            Some(AttributeValue::Int(value)) => Ok(*value),
            Some(_) => Err(format!("`{name}` is not a whole number")),
        }
    }

    /// The number `name`, or `default` where it is absent.
    ///
    /// # Errors
    /// An attribute of another type.
    pub(crate) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        match self.get(name) {
            None => Ok(default),
            Some(AttributeValue::Float(value)) => Ok(*value),
            Some(_) => Err(format!("`{name}` is not a number")),
        }
    }

    /// The text `name`, or `default` where it is absent.
    ///
    /// # Errors
    /// An attribute of another type.
    pub(crate) fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, String> {
        match self.get(name) {
            None => Ok(default),
            Some(AttributeValue::Text(value)) => Ok(value),
            Some(_) => Err(format!("`{name}` is not a text")),
        }
    }

    /// The list of whole numbers `name`, where it is there.
    ///
    /// # Errors
    /// An attribute of another type.
    pub(crate) fn ints(&self, name: &str) -> Result<Option<&[i64]>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(AttributeValue::Ints(values)) => Ok(Some(values)),
            Some(_) => Err(format!("`{name}` is not a list of whole numbers")),
        }
    }
}

fn value(attribute: message::Attribute, folder: &Folder) -> Result<AttributeValue, String> {
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| "it is not valid text".to_owned())
    };
    Ok(match attribute.kind {
        kind::FLOAT => AttributeValue::Float(attribute.f.unwrap_or_default()),
        kind::INT => AttributeValue::Int(attribute.i.unwrap_or_default()),
        kind::STRING => AttributeValue::Text(text(&attribute.s.unwrap_or_default())?),
        kind::TENSOR => {
            let tensor = attribute.t.ok_or("it holds no tensor")?;
            AttributeValue::Tensor(OnnxTensor::new(tensor, folder)?)
        }
        kind::FLOATS => AttributeValue::Floats(attribute.floats),
        kind::INTS => AttributeValue::Ints(attribute.ints),
        kind::STRINGS => {
            let texts = attribute.strings.iter().map(|bytes| text(bytes));
            AttributeValue::Texts(texts.collect::<Result<_, _>>()?)
        }
        _ => AttributeValue::Other,
    })
}
