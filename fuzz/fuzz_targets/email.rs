//! E-mail addresses (I2): one form, which is stable, and no two people become one.
//!
//! The input is a list of addresses as people type them, one a line.

#![no_main]

use dashshare::EmailAddress;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    check(text);
    let mut known: Vec<(EmailAddress, &str)> = Vec::new();
    for line in text.split('\n').take(8) {
        let Some(address) = check(line) else { continue };
        let local = local(line);
        for (other, typed) in &known {
            assert!(*other != address || typed.eq_ignore_ascii_case(local), "`{typed}` and `{local}`");
        }
        known.push((address, local));
    }
});

fn local(text: &str) -> &str {
    text.split_once('@').expect("an `@`").0
}

fn check(text: &str) -> Option<EmailAddress> {
    let Ok(address) = text.parse::<EmailAddress>() else {
        assert!(
            serde_json::from_value::<EmailAddress>(text.into()).is_err(),
            "`{text}` is read from JSON alone"
        );
        return None;
    };
    let form = address.as_str();
    assert!(form.len() <= 254 && form.bytes().all(|byte| (b'!'..=b'~').contains(&byte)), "`{form}`");
    assert!(!form.bytes().any(|byte| byte.is_ascii_uppercase()), "`{form}`");
    assert_eq!(form.matches('@').count(), 1, "`{form}`");
    // The form reads as itself, in capitals as well.
    assert_eq!(form.parse().as_ref(), Ok(&address));
    assert_eq!(form.to_ascii_uppercase().parse().as_ref(), Ok(&address));
    // What was typed before the `@` stays, letter case apart.
    assert_eq!(local(form), local(text).to_ascii_lowercase());
    assert_eq!(form.split_once('@').map(|(_, domain)| domain), Some(address.domain()));
    is_domain(address.domain());
    let json = serde_json::to_string(&address).expect("an address is written");
    assert_eq!(json, format!("\"{}\"", form.replace('\\', "\\\\").replace('"', "\\\"")));
    assert_eq!(serde_json::from_str::<EmailAddress>(&json).ok().as_ref(), Some(&address));
    // Nothing may stand around it.
    for around in
        [format!(" {text}"), format!("{text} "), format!("{text}\n"), format!("<{text}>"), format!("{text}.")]
    {
        assert!(around.parse::<EmailAddress>().is_err(), "`{around}`");
    }
    Some(address)
}

/// Letters, digits and inner hyphens between dots, and no number at the end, which would be an IPv4 address.
fn is_domain(domain: &str) {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    for label in domain.split('.') {
        assert!(!label.is_empty() && label.len() <= 63 && label.bytes().all(is_inner), "`{domain}`");
        assert!(!label.starts_with('-') && !label.ends_with('-'), "`{domain}`");
    }
    let last = domain.rsplit('.').next().unwrap_or_default();
    assert!(!last.bytes().all(|byte| byte.is_ascii_digit()), "`{domain}`");
}
