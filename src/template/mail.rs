//! Texts that people wrote, made fit for a mail that the host sends in its own name (E17).

use super::{forms::decoded, shape::has_id_shape, words::is_link};
use crate::value::is_seen;

/// How many characters a text may have.
const LONGEST: usize = 200;
/// What stands for what was cut off.
const CUT: char = '…';

/// A text of a person's, such as a name, a title or a message, as it may stand in a mail: one line of at most 200
/// characters, without control characters, without what takes no room or turns the direction of writing, and without the
/// words that look like an address, a link, an e-mail address or an id. Of a longer text the end is cut off, which `…`
/// shows. Nothing may be left of it.
///
/// A fit text stays as it is. It is text: whoever puts it into HTML escapes it as ever.
///
/// Rules: [E17](crate::specification).
pub(crate) fn mail_text(text: &str) -> String {
    let visible: String = text.chars().filter_map(shown).collect();
    let mut fit = String::new();
    let mut length = 0_usize;
    for word in visible.split_whitespace().filter(|word| !is_put_out(word)) {
        if !fit.is_empty() {
            fit.push(' ');
        }
        fit.push_str(word);
        length = length.saturating_add(word.chars().count()).saturating_add(1);
        // Whatever follows is cut off.
        if length > LONGEST.saturating_add(1) {
            return cut(&fit);
        }
    }
    fit
}

/// A character as it is shown; a space for whatever separates words, and `None` for what is not seen.
fn shown(c: char) -> Option<char> {
    if c.is_whitespace() { Some(' ') } else { Some(c).filter(|c| is_seen(*c)) }
}

/// Cuts a text that is too long. Cut off, its last word may look like what it did not before: then it goes whole.
fn cut(text: &str) -> String {
    let front: String = text.chars().take(LONGEST.saturating_sub(1)).collect();
    let mut front = front.trim_end();
    while !front.is_empty() {
        let before = front.rfind(' ').unwrap_or(0);
        let fit = format!("{front}{CUT}");
        if !fit.get(before..).is_some_and(|last| is_put_out(last.trim_start())) {
            return fit;
        }
        front = front.get(..before).unwrap_or_default();
    }
    String::new()
}

/// Whether a word looks like an address, a link, an e-mail address or an id, also once it is decoded.
fn is_put_out(word: &str) -> bool {
    let tells = |word: &str| {
        has_id_shape(word) || word.split_whitespace().any(|word| is_link(word) || leads_somewhere(word))
    };
    let folded: String = word.chars().map(folded).collect();
    let hides = |text: &str| decoded(text).is_some_and(|forms| forms.iter().any(|form| tells(form)));
    tells(word) || tells(&folded) || hides(word) || hides(&folded)
}

/// A character by the one of ASCII that it is written for: the wide letters, digits and signs, and other dots. Other
/// signs are spaces.
fn folded(c: char) -> char {
    match c {
        '\u{3002}' | '\u{ff61}' | '\u{2024}' | '\u{fe52}' => '.',
        '\u{fe6b}' => '@',
        '\u{2215}' | '\u{2044}' => '/',
        '\u{a789}' | '\u{2236}' | '\u{fe55}' => ':',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c).saturating_sub(0xfee0)).unwrap_or(c),
        // A sign, such as a quotation mark, is no part of what it stands beside.
        c if !(c.is_ascii() || c.is_alphanumeric()) => ' ',
        _ => c,
    }
}

/// Schemes that a mail program makes a link of, beside those that are links everywhere.
const SCHEMES: &[&str] = &["tel:", "sms:", "file:", "callto:", "skype:", "magnet:", "geo:"];

/// What a mail program may make a link of: more than what a browser would, which has no text to guess about.
fn leads_somewhere(word: &str) -> bool {
    let word = word.trim_start_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '/' | '\\' | '@')));
    let lower = word.to_lowercase();
    let beside_at = word.split('@').zip(word.split('@').skip(1));
    let mut beside_at = beside_at.map(|(before, behind)| (before.chars().next_back(), behind.chars().next()));
    let is_path = |slash: char| {
        let mut letters = word.chars();
        letters.next() == Some(slash) && letters.next().is_some_and(|c| c.is_alphanumeric() || c == slash)
    };
    is_path('/')
        || is_path('\\')
        || SCHEMES.iter().any(|scheme| lower.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        || lower.contains("localhost")
        || beside_at.any(|(before, behind)| {
            before.is_some_and(char::is_alphanumeric) && behind.is_some_and(char::is_alphanumeric)
        })
        || word.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))).any(is_host)
}

/// Long words at the end of the names of hosts. Shorter ones are too many to list.
const ENDS: &[&str] = &[
    "agency", "business", "center", "click", "cloud", "company", "digital", "email", "finance", "global",
    "group", "media", "mobile", "network", "online", "report", "review", "science", "secure", "server",
    "services", "store", "stream", "studio", "support", "systems", "today", "website", "world",
];

/// Whether it is the name of a host: `St.Gallen` is none, and neither is `e.g.`.
fn is_host(run: &str) -> bool {
    let run = run.trim_matches(|c: char| !c.is_alphanumeric());
    let Some((front, end)) = run.rsplit_once('.') else { return false };
    let is_label = |label: &str| label.chars().any(char::is_alphanumeric);
    let mut letters = end.chars();
    let is_name = letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase);
    front.split('.').all(is_label)
        && end.chars().nth(1).is_some()
        && (end.starts_with("xn--") || end.chars().all(char::is_alphabetic))
        && !(is_name && end.chars().nth(4).is_some() && !ENDS.contains(&end.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::select};

    /// E17: what people mostly write stays as it is.
    #[test]
    fn an_ordinary_text_stays() {
        for text in [
            "Cold rooms, north",
            "Zoë's “Halle 3” (1. OG)",
            "Temperature < 5 °C and/or humidity > 80 %",
            "St.Gallen, e.g. pumps, 1.5 m/s, v2.3",
            "Dr. Meier & Söhne",
            "at 12:30, room:12",
            "冷蔵室 3 号",
            "data: today",
            "two Milesight EM500-PP-868M-LoRaWAN",
            "👩\u{1f3fd} pumps!",
            "",
        ] {
            assert_eq!(mail_text(text), text);
        }
    }

    const LURES: &[&str] = &[
        "https://evil.example/login",
        "HTTPS:\\\\evil.example",
        "www.evil.example",
        "evil.com",
        "Evil.Com",
        "(evil.com)",
        "evil.com.",
        "login.evil.co.uk/path?x=1",
        "//evil.example/x",
        "evil\u{200b}.c\u{202e}om",
        "e\u{ad}vil.com",
        "ｅｖｉｌ．ｃｏｍ",
        "evil。com",
        "evil&#46;com",
        "evil%2ecom",
        "münchen.example",
        "Evil.Support",
        "evil.xn--p1ai",
        "javascript:alert(1)",
        "mailto:ann@example.com",
        "ann@example.com",
        "ann@internal",
        "ann＠example．com",
        "<ann@example.com>",
        "tel:12345",
        "localhost:3000",
        "10.20.30.40",
        "10.20.30.40:8080",
        "[2001:db8::1]",
        "/d/abc?token=1",
        "\\\\server\\share",
        "5f2b9c0d7a1e4b6c8d9e0f1a",
        "0c9d2f5e-13b7-4a68-8f20-5b7e1c3d9a46",
        "dsl_0123456789abcdefghijABCDEFGHIJ0123456789abcdefghi",
        "b8:27:eb:12:34:56",
        "123456789",
    ];

    /// E17: no address, link or id is left, in whatever dress, glued to whatever signs.
    #[test]
    fn whatever_leads_somewhere_is_put_out() {
        for lure in LURES {
            for around in ["", "“", "(", ">", "-", "!"] {
                let text = format!("Pumps {around}{lure}{around} of Ann");
                assert_eq!(mail_text(&text), "Pumps of Ann", "{text:?}");
            }
            assert_eq!(mail_text(lure), "");
        }
    }

    /// E17: a text is one line, and nothing in it is unseen or turns it.
    #[test]
    fn lines_controls_and_what_turns_are_taken_away() {
        let text = "Pumps\r\nBcc: Ann\0\u{7}\u{1b}[31m\u{2028}and\u{85}\t \u{202e}more\u{2069}\u{feff}\u{e0041}\u{3164}";
        assert_eq!(mail_text(text), "Pumps Bcc: Ann[31m and more");
    }

    /// E17: at most 200 characters, and the cut shows.
    #[test]
    fn a_long_text_is_cut() {
        let words = "Kühlraum ".repeat(40);
        let fit = mail_text(&words);
        assert_eq!(fit.chars().count(), 200);
        assert!(fit.ends_with("Kühlraum K…"), "{fit}");
        assert_eq!(mail_text(&"ü".repeat(200)), "ü".repeat(200));
        assert_eq!(mail_text(&"ü".repeat(201)), format!("{}…", "ü".repeat(199)));
        // Cut off here it would be the name of a host.
        let tricky = format!("{} evil.com7", "ü".repeat(190));
        assert_eq!(mail_text(&tricky), tricky);
        let tricky = format!("{} evil.com7777", "ü".repeat(190));
        assert_eq!(mail_text(&tricky), format!("{}…", "ü".repeat(190)));
        assert_eq!(mail_text(&format!("{} x y", "ü".repeat(200))), format!("{}…", "ü".repeat(199)));
        assert_eq!(
            mail_text(&format!("{} 12345678", "ü".repeat(191))),
            format!("{} 12345678", "ü".repeat(191))
        );
        assert_eq!(mail_text(&format!("evil-{}.com7", "e".repeat(191))), "");
    }

    /// Texts of pieces that matter, of letters, and of anything.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            select(LURES).prop_map(str::to_owned),
            select(
                &[
                    " ", "\n", "\u{200d}", "\u{202e}", "\0", ".", "com", "/", "@", "%2e", "&#64;", "…",
                    "\u{3000}"
                ][..]
            )
            .prop_map(str::to_owned),
            "[a-zA-Z0-9ü]{1,12}",
            any::<char>().prop_map(String::from),
        ];
        vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

        /// E17: whatever is written, the text is fit; and a fit text stays as it is.
        #[test]
        fn every_text_is_made_fit(text in texts()) {
            let fit = mail_text(&text);
            prop_assert!(fit.chars().count() <= 200);
            prop_assert_eq!(fit.trim(), fit.as_str());
            let plain = |c: char| c == ' ' || (is_seen(c) && !c.is_whitespace());
            prop_assert!(fit.chars().all(plain), "{:?}", fit);
            prop_assert!(crate::template::is_clean(&fit), "{:?}", fit);
            prop_assert!(!fit.contains("://") && !fit.contains("www."), "{:?}", fit);
            prop_assert_eq!(mail_text(&fit), fit);
        }
    }
}
