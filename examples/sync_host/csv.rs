//! Lines of CSV (RFC 4180) that a spreadsheet reads as what they are: no text in them begins a formula.

/// A cell of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// What somebody wrote: a label, an address, a name.
    Text(&'a str),
    /// A number of the host's own, which may be negative.
    Number(f64),
}

/// A line with its end. It has as many cells as are given, whatever stands in them.
pub(crate) fn line(cells: &[Cell<'_>]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| written(*cell)).collect();
    cells.join(",") + "\r\n"
}

fn written(cell: Cell<'_>) -> String {
    let text = match cell {
        Cell::Number(number) => return number.to_string(),
        Cell::Text(text) => text,
    };
    let guard = if begins_formula(text) { "'" } else { "" };
    let is_plain = |c: char| !(c.is_control() || matches!(c, ',' | '"' | ';'));
    if guard.is_empty() && text.chars().all(is_plain) && text.trim() == text {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// Whether a spreadsheet would calculate, or start a program, instead of showing the text. Blanks before it do not help,
/// and neither does a wide form of the sign.
fn begins_formula(text: &str) -> bool {
    let is_blank =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}');
    let starts = |c: char| {
        matches!(c, '-' | '=' | '+' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠' | '｜' | '\u{2212}')
    };
    text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(is_blank).starts_with(starts)
}
