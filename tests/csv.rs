//! The CSV that the example `sync_host` hands out: whoever chose a label, an address or a name in it, a spreadsheet shows
//! it and calculates nothing.

#[path = "../examples/sync_host/csv.rs"]
mod writer;

use proptest::{collection::vec, prelude::*, sample::select};
use writer::{Cell, line};

/// A second reading of RFC 4180: the cells of one line, with its end.
fn cells(text: &str) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut rest = text;
    loop {
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let (part, after) = quoted.split_once('"')?;
                cells.last_mut()?.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        cells.last_mut()?.push('"');
                        quoted = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
        } else {
            let end = rest.find([',', '"', '\r', '\n'])?;
            cells.last_mut()?.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        if rest == "\r\n" {
            return Some(cells);
        }
        rest = rest.strip_prefix(',')?;
        cells.push(String::new());
    }
}

const STARTS: [&str; 7] = ["-", "=", "+", "@", "|", "\t", "\r"];

#[test]
fn a_cell_that_begins_a_formula_is_shown() {
    for (text, shown) in [
        ("Air", "Air\r\n"),
        ("Halle 3, Nord", "\"Halle 3, Nord\"\r\n"),
        ("the \"cold\" room", "\"the \"\"cold\"\" room\"\r\n"),
        ("=HYPERLINK(\"https://evil.example\")", "\"'=HYPERLINK(\"\"https://evil.example\"\")\"\r\n"),
        ("-ann@example.com", "\"'-ann@example.com\"\r\n"),
        ("|calc", "\"'|calc\"\r\n"),
        (" +1", "\"' +1\"\r\n"),
        ("\tAir", "\"'\tAir\"\r\n"),
        ("＝1", "\"'＝1\"\r\n"),
        ("ann-marie=x", "ann-marie=x\r\n"),
        ("", "\r\n"),
    ] {
        assert_eq!(line(&[Cell::Text(text)]), shown);
    }
    assert_eq!(line(&[Cell::Text("Air"), Cell::Number(-18.4)]), "Air,-18.4\r\n");
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(&STARTS[..]).prop_map(str::to_owned),
        select(&[",", "\"", "\"\"", "\n", "\r\n", " ", ";", "'", "\u{feff}", "1+1", "cmd"][..])
            .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    /// Whatever the texts are, the line has so many cells, each text is there whole, and none begins a formula.
    #[test]
    fn every_line_reads_back_and_calculates_nothing(all in vec(texts(), 1..6)) {
        let written = line(&all.iter().map(|text| Cell::Text(text)).collect::<Vec<_>>());
        let read = cells(&written);
        prop_assert!(read.is_some(), "{written:?}");
        let read = read.unwrap_or_default();
        prop_assert_eq!(read.len(), all.len(), "{:?}", written);
        for (cell, text) in read.iter().zip(&all) {
            prop_assert!(!STARTS.iter().any(|start| cell.trim_start().starts_with(start)), "{:?}", written);
            prop_assert!(!cell.starts_with(['\t', '\r', '\n']), "{:?}", written);
            prop_assert!(cell == text || cell.strip_prefix('\'') == Some(text.as_str()), "{:?}", written);
        }
    }
}
