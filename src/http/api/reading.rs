//! The document of the API as people read it: operations by tag, with what they take and an
//! example of it.

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::{Map, Value};

use super::super::access::{Need, route};
use super::described;
use super::document::finished;
use crate::domain::Permission;

/// How deep an example goes into shapes that hold one another.
const DEPTH_MAX: usize = 6;
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const JSON: &str = "application/json";

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) tag: String,
    /// In capital letters.
    pub(crate) method: String,
    pub(crate) path: String,
    /// What it does, in a sentence or two.
    pub(crate) says: String,
    /// What a token needs for it; none where any will do.
    pub(crate) may: Option<Permission>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) answers: Vec<(String, String)>,
}

/// A part of an address, or a field of a body.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// path, query, header or body.
    pub(crate) place: String,
    pub(crate) kind: String,
    pub(crate) required: bool,
    pub(crate) note: String,
}

/// What is sent along.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) media_type: String,
    /// An example of it; empty for files.
    pub(crate) example: String,
    pub(crate) fields: Vec<Parameter>,
}

impl Body {
    /// Whether it is written, not chosen as a file.
    pub(crate) fn is_json(&self) -> bool {
        self.media_type == JSON
    }
}

/// Every operation, in the order of the document.
pub(crate) static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let (_, document) = described().split_for_parts();
    let document = serde_json::to_value(finished(document)).unwrap_or_default();
    let reader = Reader {
        document: &document,
    };
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| {
            let operation = item.get(*method)?;
            Some((path, method.to_uppercase(), operation))
        })
    });
    operations
        .map(|(path, method, operation)| reader.operation(path, method, operation))
        .collect()
});

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn permission(method: &str, path: &str) -> Option<Permission> {
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    match route(&method, path)?.need {
        Need::May(permission) | Need::Everywhere(permission) => Some(permission),
        Need::Login | Need::Public => None,
    }
}

struct Reader<'a> {
    document: &'a Value,
}

impl<'a> Reader<'a> {
    fn operation(&self, path: &str, method: String, of: &'a Value) -> Operation {
        let parts = [&of["summary"], &of["description"]].map(text);
        let says: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let parameters = of["parameters"].as_array().into_iter().flatten();
        let answers = of["responses"].as_object().into_iter().flatten();
        Operation {
            id: text(&of["operationId"]),
            tag: text(&of["tags"][0]),
            may: permission(&method, path),
            method,
            path: path.to_owned(),
            says: says.join(" "),
            parameters: parameters.map(|one| self.parameter(one)).collect(),
            body: self.body(&of["requestBody"]["content"]),
            answers: answers
                .map(|(status, answer)| (status.clone(), text(&answer["description"])))
                .collect(),
        }
    }

    fn parameter(&self, of: &Value) -> Parameter {
        Parameter {
            name: text(&of["name"]),
            place: text(&of["in"]),
            kind: self.kind(&of["schema"], 0),
            required: of["required"].as_bool().unwrap_or(false),
            note: text(&of["description"]),
        }
    }

    fn body(&self, content: &'a Value) -> Option<Body> {
        let (media_type, body) = content.as_object()?.iter().next()?;
        let schema = self.resolved(&body["schema"]);
        let example = if media_type == JSON {
            let example = self.example(&body["schema"], 0);
            serde_json::to_string_pretty(&example).unwrap_or_default()
        } else {
            String::new()
        };
        let required = |name: &str| required(schema).any(|one| one == name);
        let field = |(name, of): (&String, &'a Value)| Parameter {
            name: name.clone(),
            place: "body".to_owned(),
            kind: self.kind(of, 0),
            required: required(name),
            note: text(&of["description"]),
        };
        Some(Body {
            media_type: media_type.clone(),
            example,
            fields: properties(schema).map(field).collect(),
        })
    }

    /// The shape itself, where only its name is given; of several that may be, the first that is
    /// not null.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEPTH_MAX {
            let choice = ["oneOf", "anyOf", "allOf"].iter().find_map(|name| {
                let choices = schema[*name].as_array()?;
                choices.iter().find(|one| one["type"] != "null")
            });
            let named = schema["$ref"].as_str().and_then(|name| {
                let place = name.strip_prefix('#')?;
                self.document.pointer(place)
            });
            match choice.or(named) {
                Some(next) => schema = next,
                None => return schema,
            }
        }
        schema
    }

    /// string, integer, list of string and the like.
    fn kind(&self, schema: &Value, depth: usize) -> String {
        if let Some(name) = schema["$ref"].as_str() {
            return name.rsplit('/').next().unwrap_or_default().to_owned();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").map(text),
            kind => kind.as_str().map(str::to_owned),
        };
        match kind.as_deref() {
            Some("array") if depth < DEPTH_MAX => {
                format!("list of {}", self.kind(&schema["items"], depth + 1))
            }
            Some(kind) => kind.to_owned(),
            None => {
                let choices = schema["oneOf"].as_array().into_iter().flatten();
                let mut named = choices.filter(|one| one["type"] != "null");
                match named.next() {
                    Some(one) if depth < DEPTH_MAX => self.kind(one, depth + 1),
                    _ => "any".to_owned(),
                }
            }
        }
    }

    /// What has to be there, filled with something; all of it where nothing has to.
    fn example(&self, schema: &'a Value, depth: usize) -> Value {
        for given in [&schema["example"], &schema["examples"][0]] {
            if !given.is_null() {
                return given.clone();
            }
        }
        let schema = self.resolved(schema);
        if depth >= DEPTH_MAX {
            return Value::Null;
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find_map(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("string") => match &schema["enum"][0] {
                Value::Null => Value::from("string"),
                first => first.clone(),
            },
            Some("integer" | "number") => match &schema["minimum"] {
                Value::Null => Value::from(1),
                least => least.clone(),
            },
            Some("boolean") => Value::from(false),
            Some("array") => Value::from(vec![self.example(&schema["items"], depth + 1)]),
            _ => self.object(schema, depth),
        }
    }

    fn object(&self, schema: &'a Value, depth: usize) -> Value {
        let anything = required(schema).next().is_none();
        let wanted = properties(schema)
            .filter(|(name, _)| anything || required(schema).any(|one| one == name.as_str()));
        let fields = wanted.map(|(name, of)| (name.clone(), self.example(of, depth + 1)));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let names = schema["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str)
}
