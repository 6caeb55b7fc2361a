//! Lines of standard input, whatever bytes they have and however long they are.

use super::Trouble;
use std::io::{BufRead as _, BufReader, Read};

/// A longer line is not kept.
const LONGEST: usize = 16 << 20;

pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn of(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, reader), line: Vec::new() }
    }

    /// Whether the next line has not arrived yet, so that it is time to show what was answered.
    pub(crate) fn must_wait(&self) -> bool {
        !self.reader.buffer().contains(&b'\n')
    }

    /// The next line without blanks around it, or why it cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Result<&str, String>>, Trouble> {
        let unreadable = |error| Trouble::File(format!("cannot read standard input: {error}"));
        self.line.clear();
        let mut some = self.reader.by_ref().take(LONGEST as u64);
        if some.read_until(b'\n', &mut self.line).map_err(unreadable)? == 0 {
            return Ok(None);
        }
        if self.line.len() == LONGEST && !self.line.ends_with(b"\n") {
            self.reader.skip_until(b'\n').map_err(unreadable)?;
            return Ok(Some(Err(format!("the line is longer than {} MiB", LONGEST >> 20))));
        }
        let text = std::str::from_utf8(&self.line).map(str::trim_ascii).map_err(|error| {
            let column = error.valid_up_to().saturating_add(1);
            format!("at column {column}: not UTF-8")
        });
        Ok(Some(text))
    }
}
