//! A pickle of a state dict: dicts, lists, texts, numbers and tensors over named storages; all else is refused by name.
//!
//! Nothing is called and nothing is imported: the few names that state dicts need are known here. Items lie in one
//! list and refer to each other by place. What is copied out of them is small: a tensor has at most 8 axes and the name of
//! its storage at most 256 bytes, so that memory grows with the pickle's length and with nothing else.
//! Opcodes: those that protocols 2 to 5 of Python's `pickle` use for such values.

use std::collections::BTreeMap;

/// The most axes of a tensor.
const MOST_AXES: usize = 8;
/// The most bytes of a storage's name and of a name that is called.
const MOST_NAME: usize = 256;

/// An item, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ItemId(usize);

/// Element type of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    /// As safetensors writes it.
    pub(super) name: &'static str,
    pub(super) bytes: usize,
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    /// Name of the storage's file.
    pub(super) storage: String,
    pub(super) dtype: Dtype,
    /// First element.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    /// In elements, one an axis.
    pub(super) strides: Vec<usize>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Int(i64),
    Text(String),
    List(Vec<ItemId>),
    Dict(Vec<(ItemId, ItemId)>),
    Tensor(Tensor),
    Storage {
        dtype: Dtype,
        name: String,
    },
    Known(Known),
    /// None, a truth value, a float: of no use here.
    Other,
}

/// A name that a state dict may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    OrderedDict,
    Tensor,
    Parameter,
    Storage(Dtype),
}

/// All items of a pickle.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    items: Vec<Item>,
    stack: Vec<ItemId>,
    /// Heights of the stack at open marks.
    marks: Vec<usize>,
    memo: BTreeMap<u32, ItemId>,
    root: Option<ItemId>,
}

impl Pickle {
    /// Runs a pickle to its end.
    ///
    /// # Errors
    /// A pickle that ends early, an opcode or a name that state dicts do not need.
    pub(super) fn load(bytes: &[u8]) -> Result<Self, String> {
        let mut pickle = Self::default();
        let mut input = Input { bytes, at: 0 };
        loop {
            let at = input.at;
            let opcode = input.byte()?;
            if opcode == b'.' {
                pickle.root = pickle.pop().map(Some)?;
                return Ok(pickle);
            }
            (pickle.step(opcode, &mut input))
                .map_err(|cause| format!("byte {at} of its pickle: {cause}"))?;
        }
    }

    /// The value that the pickle stands for.
    ///
    /// # Panics
    /// Never for a pickle made by [`Self::load`].
    pub(super) fn root(&self) -> ItemId {
        self.root.expect("a pickle that was loaded has a root")
    }

    pub(super) fn get(&self, id: ItemId) -> &Item {
        &self.items[id.0]
    }

    fn step(&mut self, opcode: u8, input: &mut Input<'_>) -> Result<(), String> {
        match opcode {
            0x80 => input.skip(1)?,
            0x95 => input.skip(8)?,
            b'N' | 0x88 | 0x89 => self.push(Item::Other),
            b'G' => {
                input.skip(8)?;
                self.push(Item::Other);
            }
            b'K' | b'M' | b'J' | 0x8a => {
                let number = input.number(opcode)?;
                self.push(Item::Int(number));
            }
            b'X' | 0x8c | b'T' | b'U' => {
                let text = input.text(opcode)?;
                self.push(Item::Text(text));
            }
            b'c' => {
                let (module, name) = (input.line()?, input.line()?);
                self.push(Item::Known(known(&module, &name)?));
            }
            0x93 => {
                let (name, module) = (self.pop_text()?, self.pop_text()?);
                self.push(Item::Known(known(&module, &name)?));
            }
            b'}' => self.push(Item::Dict(Vec::new())),
            b']' | b')' => self.push(Item::List(Vec::new())),
            b'(' => self.marks.push(self.stack.len()),
            b't' => {
                let items = self.pop_mark()?;
                self.push(Item::List(items));
            }
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(opcode, input)?,
            b's' | b'u' | b'a' | b'e' => self.fill(opcode)?,
            b'Q' => self.storage()?,
            b'R' => self.reduce()?,
            // The state of a dict: versions of modules.
            b'b' => self.pop().map(|_| ())?,
            other => return Err(format!("opcode {other:#04x} is not needed for tensors")),
        }
        Ok(())
    }

    fn push(&mut self, item: Item) {
        self.items.push(item);
        self.stack.push(ItemId(self.items.len() - 1));
    }

    fn pop(&mut self) -> Result<ItemId, String> {
        let open = self
            .marks
            .last()
            .is_some_and(|mark| *mark >= self.stack.len());
        (self.stack.pop().filter(|_| !open)).ok_or_else(|| "a value is missing".to_owned())
    }

    fn pop_mark(&mut self) -> Result<Vec<ItemId>, String> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or("a mark is missing")?))
    }

    fn pop_text(&mut self) -> Result<String, String> {
        let id = self.pop()?;
        match self.get(id) {
            Item::Text(text) if text.len() <= MOST_NAME => Ok(text.clone()),
            Item::Text(text) => Err(format!("a name of {} bytes is called", text.len())),
            _ => Err("a text is missing".to_owned()),
        }
    }

    fn tuple(&mut self, length: usize) -> Result<(), String> {
        let mut items = (0..length)
            .map(|_| self.pop())
            .collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Item::List(items));
        Ok(())
    }

    /// Puts the last value into the memo, or a value of the memo back.
    fn remember(&mut self, opcode: u8, input: &mut Input<'_>) -> Result<(), String> {
        let place = match opcode {
            b'q' | b'h' => u32::from(input.byte()?),
            0x94 => u32::try_from(self.memo.len()).map_err(|_| "too many values")?,
            _ => u32::from_le_bytes(input.array()?),
        };
        if matches!(opcode, b'h' | b'j') {
            let id = self.memo.get(&place).copied();
            self.stack
                .push(id.ok_or_else(|| format!("value {place} of the memo is missing"))?);
            return Ok(());
        }
        let last = self.pop()?;
        self.stack.push(last);
        self.memo.insert(place, last);
        Ok(())
    }

    /// Puts values into the list or dict before them.
    fn fill(&mut self, opcode: u8) -> Result<(), String> {
        let values = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        let into = self.pop()?;
        self.stack.push(into);
        match (&mut self.items[into.0], opcode) {
            (Item::List(list), b'a' | b'e') => list.extend(values),
            (Item::Dict(entries), b's' | b'u') => {
                let (pairs, rest) = values.as_chunks::<2>();
                if !rest.is_empty() {
                    return Err("a key has no value".to_owned());
                }
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            (_, _) => return Err("values are put into what is no list or dict".to_owned()),
        }
        Ok(())
    }

    /// `('storage', type, name, device, elements)` becomes a storage.
    fn storage(&mut self) -> Result<(), String> {
        let id = self.pop()?;
        let Item::List(parts) = self.get(id) else {
            return Err("a storage is no tuple".to_owned());
        };
        let item = match parts.as_slice() {
            [_, kind, name, ..] => (self.get(*kind), self.get(*name)),
            _ => return Err("a storage has too few parts".to_owned()),
        };
        let (Item::Known(Known::Storage(dtype)), Item::Text(name)) = item else {
            return Err("a storage has no type or name".to_owned());
        };
        if name.len() > MOST_NAME {
            return Err(format!("the name of a storage has {} bytes", name.len()));
        }
        let (dtype, name) = (*dtype, name.clone());
        self.push(Item::Storage { dtype, name });
        Ok(())
    }

    /// What a known name makes of its arguments.
    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let (Item::Known(known), Item::List(arguments)) = (self.get(callee), self.get(arguments))
        else {
            return Err("something is called that is no known name".to_owned());
        };
        let made = match (known, arguments.as_slice()) {
            (Known::OrderedDict, []) => Item::Dict(Vec::new()),
            (Known::Parameter, [data, ..]) => {
                let data = *data;
                self.stack.push(data);
                return Ok(());
            }
            (Known::Tensor, [storage, offset, shape, strides, ..]) => {
                Item::Tensor(self.tensor([*storage, *offset, *shape, *strides])?)
            }
            (known, list) => return Err(format!("{known:?} is given {} values", list.len())),
        };
        self.push(made);
        Ok(())
    }

    fn tensor(&self, [storage, offset, shape, strides]: [ItemId; 4]) -> Result<Tensor, String> {
        let Item::Storage { dtype, name } = self.get(storage) else {
            return Err("a tensor has no storage".to_owned());
        };
        let length = |id: ItemId| match self.get(id) {
            Item::Int(value) => usize::try_from(*value).map_err(|_| format!("a length is {value}")),
            _ => Err("a length is no number".to_owned()),
        };
        let lengths = |id: ItemId| match self.get(id) {
            Item::List(list) if list.len() > MOST_AXES => {
                Err(format!("a tensor has {} axes", list.len()))
            }
            Item::List(list) => list
                .iter()
                .map(|id| length(*id))
                .collect::<Result<Vec<_>, _>>(),
            _ => Err("a shape is no tuple".to_owned()),
        };
        let (shape, strides) = (lengths(shape)?, lengths(strides)?);
        if shape.len() != strides.len() {
            return Err(format!(
                "{} axes have {} strides",
                shape.len(),
                strides.len()
            ));
        }
        Ok(Tensor {
            storage: name.clone(),
            dtype: *dtype,
            offset: length(offset)?,
            shape,
            strides,
        })
    }
}

/// What a name means.
fn known(module: &str, name: &str) -> Result<Known, String> {
    let storage = |name, bytes| Known::Storage(Dtype { name, bytes });
    Ok(match (module, name) {
        ("collections", "OrderedDict") => Known::OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2") => Known::Tensor,
        ("torch._utils", "_rebuild_parameter") => Known::Parameter,
        ("torch", "FloatStorage") => storage("F32", 4),
        ("torch", "DoubleStorage") => storage("F64", 8),
        ("torch", "HalfStorage") => storage("F16", 2),
        ("torch", "BFloat16Storage") => storage("BF16", 2),
        ("torch", "LongStorage") => storage("I64", 8),
        ("torch", "IntStorage") => storage("I32", 4),
        ("torch", "ShortStorage") => storage("I16", 2),
        ("torch", "CharStorage") => storage("I8", 1),
        ("torch", "ByteStorage") => storage("U8", 1),
        ("torch", "BoolStorage") => storage("BOOL", 1),
        _ => {
            return Err(format!(
                "it holds an object `{module}.{name}`, only dicts of tensors are read"
            ));
        }
    })
}

/// The bytes still to be read.
struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Input<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken =
            taken.ok_or_else(|| format!("its pickle ends after {} bytes", self.bytes.len()))?;
        self.at += count;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<(), String> {
        self.take(count).map(|_| ())
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        Ok(*taken.first_chunk().expect("as many bytes were taken"))
    }

    /// A whole number of 1, 2, 4 or up to 8 bytes, little-endian.
    fn number(&mut self, opcode: u8) -> Result<i64, String> {
        Ok(match opcode {
            b'K' => i64::from(self.byte()?),
            b'M' => i64::from(u16::from_le_bytes(self.array()?)),
            b'J' => i64::from(i32::from_le_bytes(self.array()?)),
            _ => {
                let length = usize::from(self.byte()?);
                let bytes = self.take(length)?;
                if length > 8 {
                    return Err(format!("a number of {length} bytes is too large"));
                }
                let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
                let mut word = [if negative { 0xff } else { 0 }; 8];
                word[..length].copy_from_slice(bytes);
                i64::from_le_bytes(word)
            }
        })
    }

    /// A text with its length in 4 bytes or in 1 before it.
    fn text(&mut self, opcode: u8) -> Result<String, String> {
        let length = match opcode {
            b'X' | b'T' => usize::try_from(u32::from_le_bytes(self.array()?)),
            _ => Ok(usize::from(self.byte()?)),
        };
        let bytes = self.take(length.map_err(|_| "a text is too long")?)?;
        let text = std::str::from_utf8(bytes).map_err(|_| "a text is not valid")?;
        Ok(text.to_owned())
    }

    /// A text up to the end of its line.
    fn line(&mut self) -> Result<String, String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        let bytes = self.take(length)?;
        self.skip(1)?;
        let text = std::str::from_utf8(bytes).map_err(|_| "a name is not valid")?;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(bytes: &[u8]) -> String {
        Pickle::load(bytes).unwrap_err()
    }

    #[test]
    fn values_and_the_memo_are_followed() {
        // {"a": -2, "b": (1, "a")} with "a" taken from the memo.
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01J\xfe\xff\xff\xffX\x01\x00\x00\x00bK\x01h\x01\x86u.";
        let pickle = Pickle::load(bytes).unwrap();
        let Item::Dict(entries) = pickle.get(pickle.root()) else {
            panic!("it is a dict");
        };
        let [(a, minus_two), (_, pair)] = entries.as_slice() else {
            panic!("it has two entries");
        };
        assert_eq!(pickle.get(*minus_two), &Item::Int(-2));
        let Item::List(pair) = pickle.get(*pair) else {
            panic!("it is a tuple");
        };
        assert_eq!(pickle.get(pair[0]), &Item::Int(1));
        assert_eq!(pair[1], *a);
    }

    #[test]
    fn nothing_is_called_but_what_state_dicts_need() {
        for (bytes, want) in [
            (
                &b"cos\nsystem\n."[..],
                "byte 0 of its pickle: it holds an object `os.system`, only dicts of tensors are read",
            ),
            (
                b"\x8c\x08builtins\x8c\x04eval\x93.",
                "byte 16 of its pickle: it holds an object `builtins.eval`, only dicts of tensors are read",
            ),
            (
                b"i",
                "byte 0 of its pickle: opcode 0x69 is not needed for tensors",
            ),
            (
                b"\x80",
                "byte 0 of its pickle: its pickle ends after 1 bytes",
            ),
            (b"", "its pickle ends after 0 bytes"),
            (b".", "a value is missing"),
            (b"(.", "a value is missing"),
            (b"u", "byte 0 of its pickle: a mark is missing"),
            (
                b"K\x01K\x02a",
                "byte 4 of its pickle: values are put into what is no list or dict",
            ),
            (b"}(K\x01u", "byte 4 of its pickle: a key has no value"),
            (
                b"h\x07",
                "byte 0 of its pickle: value 7 of the memo is missing",
            ),
            (
                b"K\x01)R",
                "byte 3 of its pickle: something is called that is no known name",
            ),
            (
                b"ccollections\nOrderedDict\nK\x01\x85R",
                "byte 28 of its pickle: OrderedDict is given 1 values",
            ),
            (
                b"\x8a\x09",
                "byte 0 of its pickle: its pickle ends after 2 bytes",
            ),
        ] {
            assert_eq!(cause(bytes), want);
        }
    }
}
