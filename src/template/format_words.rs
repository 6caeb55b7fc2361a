//! The words of a format itself, which are nobody's names, ids or credentials (T5).

use super::{
    forms::joined,
    lexicon::{is_of_every_format, words_of_name, words_of_text},
    schema::{Node, Schema},
    shape::has_id_shape,
    vocabulary::is_relative_time,
};
use hashbrown::HashSet;
use serde_json::Value;

/// What the fields of a format are called, and the words that it keeps.
#[derive(Clone, Debug)]
pub(super) struct FormatWords {
    /// Word by word, in lower case: for names, which are compared like that.
    plain: HashSet<String>,
    /// As they are spelt, in lower case: for ids and credentials.
    spelt: HashSet<String>,
    /// Whether it keeps relative times.
    times: bool,
}

impl FormatWords {
    pub(super) fn of(schema: &Schema) -> Self {
        let mut words = Self { plain: HashSet::new(), spelt: HashSet::new(), times: false };
        schema.types.values().chain([&schema.root]).for_each(|node| words.fields(node));
        for vocabulary in schema.vocabularies.values() {
            vocabulary.tell(&mut |word| words.put(word));
            vocabulary.tell_named(&mut |word| words.spell(word));
            vocabulary.tell_constants(&mut |word| words.constant(word));
            words.times |= vocabulary.has_times();
        }
        words
    }

    /// Whether a text is of the same words as one of the format's.
    pub(super) fn is_plain(&self, text: &str) -> bool {
        self.plain.contains(&words_of_text(text))
    }

    /// Whether a text is a word of the format, or of every format. One that looks like an id is only if the profile says
    /// that it is a constant.
    pub(super) fn is_own(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        self.spelt.contains(&text) || is_of_every_format(&text) || (self.times && is_relative_time(&text))
    }

    fn put(&mut self, word: &str) {
        self.plain.insert(words_of_text(word));
        self.plain.insert(words_of_name(word).join(" "));
        self.spell(word);
    }

    fn spell(&mut self, word: &str) {
        if !has_id_shape(word) {
            self.spelt.insert(word.trim().to_lowercase());
        }
    }

    fn constant(&mut self, word: &str) {
        let word = word.to_lowercase();
        self.spelt.insert(joined(&word));
        self.spelt.insert(word);
    }

    fn fields(&mut self, node: &Node) {
        match node {
            Node::Object(fields) => {
                for (name, node) in fields.iter() {
                    self.put(name);
                    self.fields(node);
                }
            }
            Node::Map { values: node, .. }
            | Node::Array(node)
            | Node::Json(node)
            | Node::Acknowledged(node) => self.fields(node),
            Node::Variant { cases, other, .. } => {
                cases.values().chain([&**other]).for_each(|node| self.fields(node));
            }
            Node::Either(nodes) => nodes.iter().for_each(|node| self.fields(node)),
            Node::Neutral(Value::String(word)) => self.spell(word),
            _ => {}
        }
    }
}
