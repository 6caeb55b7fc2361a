//! The token of a public link (L3, L4): one secret has one spelling, and a digest stands for one token.
//!
//! The input is a text as a URL may hold it, or lines of digits, to each of which its checksum is computed here: no
//! mutation would find one.

#![no_main]

use dashshare::{LinkToken, store::LinkDigest};
use libfuzzer_sys::fuzz_target;

const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fuzz_target!(|text: &str| {
    let mut seen: Vec<(String, LinkDigest)> = Vec::new();
    let mut lines: Vec<String> = vec![text.to_owned()];
    lines.extend(text.lines().take(4).flat_map(|line| [line.to_owned(), sealed(line)]));
    for line in lines {
        let Some(digest) = check(&line) else { continue };
        for (other, known) in &seen {
            assert_eq!(*known == digest, *other == line, "`{other}` and `{line}`");
        }
        seen.push((line, digest));
    }
});

/// Reads a text, and compares with what its letters say.
fn check(text: &str) -> Option<LinkDigest> {
    let read = LinkToken::parse(text);
    let Some(secret) = secret_of(text) else {
        assert!(read.is_err(), "`{text}` is read");
        return None;
    };
    let token = read.unwrap_or_else(|error| panic!("`{text}` is refused: {error}"));
    assert_eq!(token.expose(), text);
    let made = LinkToken::from_random(secret);
    assert_eq!((made.expose(), made.digest()), (text, token.digest()));
    assert!(!format!("{token:?}").contains(text.get(4..).unwrap_or(text)), "a token is printed");
    let json = serde_json::to_string(&token.digest()).expect("a digest is written");
    assert_eq!(serde_json::from_str::<LinkDigest>(&json).ok(), Some(token.digest()));
    Some(token.digest())
}

/// The secret that a text spells, if it is a token: by doubling and adding, and with a checksum computed bit by bit.
fn secret_of(text: &str) -> Option<[u8; 32]> {
    let body = text.get(..47).filter(|_| text.len() == 53)?;
    let mut secret = [0u8; 32];
    for digit in body.strip_prefix("dsl_")?.chars() {
        let mut carry = u32::try_from(DIGITS.find(digit)?).ok()?;
        for byte in secret.iter_mut().rev() {
            let value = u32::from(*byte) * 62 + carry;
            (*byte, carry) = ((value & 0xff) as u8, value >> 8);
        }
        if carry > 0 {
            return None;
        }
    }
    (text == sealed(&body[4..])).then_some(secret)
}

/// Digits with the prefix and the checksum that belongs to them.
fn sealed(digits: &str) -> String {
    let body = format!("dsl_{digits}");
    let mut rest = crc32(body.as_bytes());
    let mut checksum = [b'0'; 6];
    for place in checksum.iter_mut().rev() {
        *place = DIGITS.as_bytes()[(rest % 62) as usize];
        rest /= 62;
    }
    body + &checksum.map(char::from).iter().collect::<String>()
}

/// CRC-32 as in ISO 3309.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
