//! How somebody else's text is shown in an error or an explanation: on one line, and as what it is.

use std::fmt::{self, Write as _};

/// A text as it may stand in a sentence: control characters, line breaks, and what is not seen or turns the direction of
/// writing are written as their escapes.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !is_seen(*c)) {
            f.write_str(rest.get(..at).unwrap_or_default())?;
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c => c.escape_unicode().try_for_each(|c| f.write_char(c))?,
            }
            rest = rest.get(at.saturating_add(c.len_utf8())..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// Writes a sentence with such texts in it.
pub(crate) struct Showing<'a, W>(pub(crate) &'a mut W);

impl<W: fmt::Write> fmt::Write for Showing<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(self.0, "{}", Shown(text))
    }
}

/// A sentence of somebody else's, such as a parser's, as it may stand in an error.
pub(crate) fn shown(sentence: impl fmt::Display) -> String {
    Shown(&sentence.to_string()).to_string()
}

/// Whether a character is seen where it stands, and leaves the line and its direction as they are.
pub(crate) fn is_seen(c: char) -> bool {
    !(c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'
            | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{110bd}'
            | '\u{110cd}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'))
}
