//! JSON Schemas of configuration files (draft 2020-12), so that an editor knows every key before a run does.
//!
//! A schema is derived from the raw mirror of a file: the doc comment of a key is its description. Ranges and
//! choices are laid over it from the constants that the reader judges by, so the two cannot drift apart.

use super::Sourced;
use super::sourced::Scalar;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// The schema of the file that `T` mirrors, as JSON text that ends in a newline.
#[must_use]
pub fn document<T: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12()
        .for_deserialize()
        .with_transform(RecursiveTransform(without_null))
        .with_transform(RecursiveTransform(on_one_line));
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text + "\n"
}

/// The words that say where a figure comes from.
struct SourceWords;

impl JsonSchema for SourceWords {
    fn schema_name() -> Cow<'static, str> {
        "source".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where the figure comes from: a data sheet and its table, or `assumed: ` and why.",
            "type": "string",
            "pattern": "\\S",
        })
    }
}

impl<T: Scalar> JsonSchema for Sourced<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("sourced_{}", T::JSON_TYPE).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": T::JSON_TYPE },
                {
                    "type": "object",
                    "properties": {
                        "value": { "type": T::JSON_TYPE },
                        "source": generator.subschema_for::<SourceWords>(),
                    },
                    "required": ["value", "source"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// The value lies in `range`.
pub fn within<T: Serialize>(range: &RangeInclusive<T>) -> impl Transform + use<T> {
    keywords(json!({ "minimum": range.start(), "maximum": range.end() }))
}

/// The value is above 0 and at most `high`.
pub fn above_zero(high: u32) -> impl Transform {
    keywords(json!({ "exclusiveMinimum": 0, "maximum": high }))
}

/// The value is one of the names.
pub fn one_of<'n>(names: impl IntoIterator<Item = &'n str>) -> impl Transform {
    let names: Vec<&str> = names.into_iter().collect();
    keywords(json!({ "enum": names }))
}

/// The value is the name of one of the choices.
pub fn choice<T>(choices: &[(&str, T)]) -> impl Transform {
    one_of(choices.iter().map(|(name, _)| *name))
}

/// The text is not blank.
pub fn not_blank(schema: &mut Schema) {
    keywords(json!({ "pattern": "\\S" })).transform(schema);
}

/// The list has at least one entry.
pub fn not_empty(schema: &mut Schema) {
    schema.insert("minItems".to_owned(), json!(1));
}

/// Lays `keywords` over the value, bare or in a table beside its source; in a list, over every item.
pub fn keywords(keywords: Value) -> impl Transform {
    move |schema: &mut Schema| {
        if let (Some(schema), Some(words)) = (schema.as_object_mut(), keywords.as_object()) {
            lay_over(schema, words);
        }
    }
}

fn lay_over(schema: &mut Map<String, Value>, words: &Map<String, Value>) {
    let scalar = ["integer", "number", "string"];
    let own = schema.get("type").map(|own| match own {
        Value::Array(types) => types.first().and_then(Value::as_str),
        one => one.as_str(),
    });
    if own.flatten().is_some_and(|own| scalar.contains(&own)) {
        schema.extend(words.clone());
        return;
    }
    let inner = schema
        .iter_mut()
        .flat_map(|(key, inner)| match key.as_str() {
            "anyOf" => inner.as_array_mut().into_iter().flatten().collect(),
            "properties" => inner.get_mut("value").into_iter().collect(),
            "items" => vec![inner],
            _ => Vec::new(),
        });
    for inner in inner.filter_map(Value::as_object_mut) {
        lay_over(inner, words);
    }
}

/// TOML has no null: a key that may be absent is only not required.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(forms)) = object.get_mut("anyOf") else {
        return;
    };
    forms.retain(|form| form.get("type") != Some(&json!("null")));
    if let [Value::Object(only)] = forms.as_slice() {
        let only = only.clone();
        object.shift_remove("anyOf");
        object.extend(only);
    }
}

/// A description is one line: an editor wraps it to its own width.
fn on_one_line(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Integer;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is asked for")]
    struct File {
        /// Rows of the array.
        #[schemars(transform = within(&(1..=8)))]
        rows: Sourced<Integer>,
        /// A choice.
        #[schemars(transform = choice(&[("a", 1), ("b", 2)]))]
        kind: Option<Sourced<String>>,
        /// A text in
        /// two lines.
        #[schemars(transform = not_blank)]
        text: Option<String>,
    }

    #[test]
    fn bounds_reach_the_bare_value_and_the_one_with_a_source() {
        let schema: Value = serde_json::from_str(&document::<File>()).unwrap();
        let rows = &schema["properties"]["rows"];
        assert_eq!(rows["description"], "Rows of the array.");
        assert_eq!(rows["anyOf"][0]["maximum"], 8);
        assert_eq!(rows["anyOf"][1]["properties"]["value"]["minimum"], 1);
        assert_eq!(schema["required"], json!(["rows"]));
    }

    #[test]
    fn a_key_that_may_be_absent_is_never_null() {
        let text = document::<File>();
        assert!(!text.contains("null"), "{text}");
        let schema: Value = serde_json::from_str(&text).unwrap();
        let kind = &schema["properties"]["kind"]["anyOf"];
        assert_eq!(kind[0]["enum"], json!(["a", "b"]));
        assert_eq!(kind.as_array().unwrap().len(), 2);
        let text = json!({
            "description": "A text in two lines.", "type": "string", "pattern": "\\S",
        });
        assert_eq!(schema["properties"]["text"], text);
    }
}
