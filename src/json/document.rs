//! Where in a JSON document something is wrong: line, column and path.
//!
//! Owns the errors about documents; which documents there are is for their readers.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A document that is not what its reader expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Bytes that are no UTF-8, or text that is no JSON, or JSON of another shape.
    #[error("{name}:{line}:{column}: {}, at {path}", one_line(message))]
    Json {
        /// The file, or archive and member.
        name: String,
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
        /// What was found and what was expected.
        message: String,
        /// Where in the document, as a JSON path.
        path: String,
    },
    /// Well-formed JSON whose values do not fit together.
    #[error("{name}: {}, at {path}", one_line(message))]
    Value {
        /// The file, or archive and member.
        name: String,
        /// What was found and what was expected.
        message: String,
        /// Where in the document, as a JSON path.
        path: String,
    },
}

impl DocumentError {
    /// A parser's error, with the place it points at.
    pub fn json(name: &str, bytes: &[u8], error: &serde_json::Error) -> Self {
        let full = error.to_string();
        let message = match full.rfind(" at line ") {
            Some(end) => &full[..end],
            None => &full,
        };
        let (line, column) = (error.line().max(1), error.column().max(1));
        Self::Json {
            name: name.to_owned(),
            line,
            column,
            message: message.to_owned(),
            path: path_at(bytes, offset_of(bytes, line, column)),
        }
    }

    /// A fault of a value that is a part of the document's text.
    pub fn at_part(name: &str, bytes: &[u8], part: &RawValue, message: String) -> Self {
        Self::Value {
            name: name.to_owned(),
            message,
            path: path_at(bytes, start_of(bytes, part)),
        }
    }

    /// Bytes that are not UTF-8.
    pub fn utf8(name: &str, bytes: &[u8], valid_up_to: usize) -> Self {
        let (line, column) = line_and_column(bytes, valid_up_to);
        Self::Json {
            name: name.to_owned(),
            line,
            column,
            message: format!(
                "not UTF-8 text (byte 0x{:02x}), expected JSON",
                bytes[valid_up_to]
            ),
            path: path_at(bytes, valid_up_to),
        }
    }
}

/// The most characters of a message that are shown, and of a key in a path: both can hold whatever
/// the document holds.
const MESSAGE_CHARS_SHOWN: usize = 300;
const KEY_CHARS_SHOWN: usize = 64;

/// A message as one line that is not too long.
fn one_line(message: &str) -> String {
    let mut line = String::new();
    for shown in cut(message, MESSAGE_CHARS_SHOWN).chars() {
        if shown.is_control() {
            line.extend(shown.escape_default());
        } else {
            line.push(shown);
        }
    }
    line
}

/// The beginning of a text, with `…` in place of the rest.
fn cut(text: &str, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// The byte offset of a line and column, both from 1. A colon there is passed: the parser counts what
/// it has read, so it points at one when the value behind it is wrong.
fn offset_of(bytes: &[u8], line: usize, column: usize) -> usize {
    let start: usize = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .take(line - 1)
        .map(<[u8]>::len)
        .sum();
    let offset = (start + column - 1).min(bytes.len());
    offset + usize::from(bytes.get(offset) == Some(&b':'))
}

/// How many levels of a path are shown at either end.
const PATH_LEVELS_SHOWN: usize = 8;

enum Level {
    Object(String),
    Array(usize),
}

/// The JSON path of the value that lies at `offset`, as far as the text before it is JSON.
///
/// One pass over the text with a stack on the heap: it is used on hostile files, where the real
/// parser has given up.
pub fn path_at(bytes: &[u8], offset: usize) -> String {
    let bytes = &bytes[..offset.min(bytes.len())];
    let mut levels: Vec<Level> = Vec::new();
    let mut last_string = String::new();
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        index += 1;
        match byte {
            b'"' => {
                let start = index;
                while index < bytes.len() && bytes[index] != b'"' {
                    index += if bytes[index] == b'\\' { 2 } else { 1 };
                }
                let end = index.min(bytes.len());
                last_string = String::from_utf8_lossy(&bytes[start..end]).into_owned();
                index += 1;
            }
            b':' => {
                if let Some(Level::Object(key)) = levels.last_mut() {
                    *key = std::mem::take(&mut last_string);
                }
            }
            b',' => match levels.last_mut() {
                Some(Level::Array(position)) => *position += 1,
                Some(Level::Object(key)) => key.clear(),
                None => {}
            },
            b'{' => levels.push(Level::Object(String::new())),
            b'[' => levels.push(Level::Array(0)),
            b'}' | b']' => {
                levels.pop();
            }
            _ => {}
        }
    }
    render(&levels)
}

fn render(levels: &[Level]) -> String {
    let mut path = String::from("$");
    for (depth, level) in levels.iter().enumerate() {
        let from_end = levels.len() - depth;
        if depth == PATH_LEVELS_SHOWN && from_end > PATH_LEVELS_SHOWN {
            path.push_str(&format!("…({} levels)", levels.len()));
        }
        if depth >= PATH_LEVELS_SHOWN && from_end > PATH_LEVELS_SHOWN {
            continue;
        }
        match level {
            Level::Object(key) if key.is_empty() => {}
            Level::Object(key) => push_key(&mut path, key),
            Level::Array(position) => path.push_str(&format!("[{position}]")),
        }
    }
    path
}

/// Reads a whole document.
///
/// # Errors
/// [`DocumentError::Json`] names the place.
pub fn parse<'a, T: serde::Deserialize<'a>>(
    name: &str,
    bytes: &'a [u8],
) -> Result<T, DocumentError> {
    let text = text(name, bytes)?;
    serde_json::from_str(text).map_err(|error| DocumentError::json(name, bytes, &error))
}

/// Reads a part of a document.
///
/// # Errors
/// [`DocumentError::Json`] names the place in the whole document.
pub fn parse_part<'a, T: serde::Deserialize<'a>>(
    name: &str,
    bytes: &[u8],
    part: &'a RawValue,
) -> Result<T, DocumentError> {
    serde_json::from_str(part.get()).map_err(|error| {
        let inside = DocumentError::json(name, part.get().as_bytes(), &error);
        let DocumentError::Json { name, message, .. } = inside else {
            return inside;
        };
        let (line, column) = (error.line().max(1), error.column().max(1));
        let offset = start_of(bytes, part) + offset_of(part.get().as_bytes(), line, column);
        let (line, column) = line_and_column(bytes, offset);
        DocumentError::Json {
            name,
            line,
            column,
            message,
            path: path_at(bytes, offset),
        }
    })
}

/// Where a part of a document's text begins: zero where it is none.
fn start_of(bytes: &[u8], part: &RawValue) -> usize {
    part.get()
        .as_ptr()
        .addr()
        .checked_sub(bytes.as_ptr().addr())
        .filter(|start| *start < bytes.len())
        .unwrap_or(0)
}

/// The line and the column of a byte, both from 1.
fn line_and_column(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = &bytes[..offset.min(bytes.len())];
    let line_start = before
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    (line, 1 + before.len() - line_start)
}

/// The text of a document.
///
/// # Errors
/// [`DocumentError::Json`] names the first byte that is not UTF-8.
pub fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, DocumentError> {
    std::str::from_utf8(bytes)
        .map_err(|error| DocumentError::utf8(name, bytes, error.valid_up_to()))
}

/// Appends a key to a JSON path: plain after a dot, else in brackets and quotes.
pub fn push_key(path: &mut String, key: &str) {
    let plain = key
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let key = cut(key, KEY_CHARS_SHOWN);
    if plain {
        path.push('.');
        path.push_str(&key);
    } else {
        path.push_str(&format!("[{key:?}]"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_place_through_objects_and_arrays() {
        let text = br#"{"a b": {"post": {"Cancun": [{"x": "}"}, {"hash": 7"#;
        assert_eq!(path_at(text, text.len()), r#"$["a b"].post.Cancun[1].hash"#);
        assert_eq!(path_at(text, 0), "$");
        assert_eq!(path_at(b"[[1,2],[3,", 10), "$[1][1]");
    }

    #[test]
    fn a_deep_path_is_shortened() {
        let text = "[".repeat(200_000);
        let path = path_at(text.as_bytes(), text.len());
        assert!(path.contains("(200000 levels)"), "{path}");
        assert!(path.len() < 200);
    }

    #[test]
    fn a_parser_error_names_file_line_column_and_path() {
        let text = b"{\n \"t\": {\"env\": [1,\n true]}}";
        let error = serde_json::from_slice::<
            std::collections::HashMap<String, std::collections::HashMap<String, Vec<u8>>>,
        >(text)
        .unwrap_err();
        let line = DocumentError::json("a.json", text, &error).to_string();
        assert!(line.starts_with("a.json:3:"), "{line}");
        assert!(line.contains("invalid type: boolean"), "{line}");
        assert!(line.ends_with("at $.t.env[1]"), "{line}");
    }

    #[test]
    fn the_path_leads_to_the_value_where_no_space_stands_before_it() {
        let text = br#"{"a":1,"b":[]}"#;
        let error = serde_json::from_slice::<std::collections::HashMap<String, u8>>(text);
        let error = DocumentError::json("a.json", text, &error.unwrap_err());
        assert!(error.to_string().ends_with("at $.b"), "{error}");
    }

    #[test]
    fn what_a_document_holds_cannot_make_the_line_long_or_two() {
        let long = "x".repeat(100_000);
        for name in ["a\nb", &long] {
            let error = DocumentError::Value {
                name: "a.json".to_owned(),
                message: format!("unknown fork `{name}`"),
                path: "$".to_owned(),
            };
            let line = error.to_string();
            assert!(line.len() < 400 && !line.contains('\n'), "{line}");
        }
        let mut path = String::from("$");
        push_key(&mut path, &long);
        assert_eq!(path, format!("$.{}…", &long[..64]));
    }

    #[test]
    fn bytes_that_are_not_text_are_named_with_their_place() {
        let bytes = b"{\n\"a\": \xff";
        let line = DocumentError::utf8("r.json", bytes, 7).to_string();
        assert_eq!(
            line,
            "r.json:2:6: not UTF-8 text (byte 0xff), expected JSON, at $.a"
        );
    }
}
