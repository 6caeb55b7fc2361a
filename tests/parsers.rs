//! What comes in as text or bytes: tokens, e-mail addresses, ids, instants. Whatever the input, there is an answer, and
//! one thing has one spelling.

use dashshare::{
    AccountId, DashboardId, EmailAddress, Expiry, GrantId, LinkToken, Right, Rights, TenantId, Timestamp,
    store::LinkDigest,
};
use proptest::{collection::vec, prelude::*, sample::select};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// A number in base 62, most significant digit first, computed another way than the library does: by doubling.
fn base62(bytes: &[u8], width: usize) -> String {
    let mut digits = vec![0u32; width];
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| u32::from(byte >> i & 1))) {
        let mut carry = bit;
        for digit in digits.iter_mut().rev() {
            let value = *digit * 2 + carry;
            (*digit, carry) = (value % 62, value / 62);
        }
        assert_eq!(carry, 0, "it fits");
    }
    digits.iter().map(|digit| ALPHABET.as_bytes()[*digit as usize]).map(char::from).collect()
}

/// CRC-32 as in ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Digits with the checksum that belongs to them.
fn sealed(digits: &str) -> String {
    let body = format!("dsl_{digits}");
    let checksum = base62(&crc32(body.as_bytes()).to_be_bytes(), 6);
    body + &checksum
}

/// 2^256 - 1 and 2^256 as 43 digits.
fn limits() -> (String, String) {
    let largest = base62(&[0xff; 32], 43);
    let mut digits: Vec<usize> =
        largest.bytes().map(|c| ALPHABET.find(char::from(c)).expect("a digit")).collect();
    let mut at = digits.len() - 1;
    while digits[at] == 61 {
        digits[at] = 0;
        at -= 1;
    }
    digits[at] += 1;
    (largest, digits.iter().map(|digit| char::from(ALPHABET.as_bytes()[*digit])).collect())
}

fn secrets() -> impl Strategy<Value = [u8; 32]> {
    prop_oneof![
        any::<[u8; 32]>(),
        // With leading or trailing zeros, as far as to zero itself.
        (any::<[u8; 32]>(), 0..=32usize).prop_map(|(mut secret, zeros)| {
            secret[..zeros].fill(0);
            secret
        }),
        (any::<[u8; 32]>(), 0..=32usize).prop_map(|(mut secret, zeros)| {
            secret[zeros..].fill(0);
            secret
        }),
        any::<u8>().prop_map(|byte| [byte; 32]),
    ]
}

/// Texts that a browser, a mail client or an attacker might send.
fn texts() -> impl Strategy<Value = String> {
    const SNIPPETS: &[&str] = &[
        "dsl_",
        "DSL_",
        "0",
        "z",
        "@",
        ".",
        "..",
        "+",
        "\0",
        "\r\n",
        "\u{7f}",
        "\u{202e}",
        "\u{200d}",
        "💥",
        "K",
        "ı",
        "İ",
        "ß",
        "ﬀ",
        "Ａ",
        "＠",
        "．",
        "。",
        "xn--",
        "[127.0.0.1]",
        "\"",
        "\\",
        " ",
        "\u{a0}",
        "é",
        "e\u{301}",
        "example.com",
        "ann",
        "-",
        "_",
        "%40",
        "<",
        ">",
        ",",
        ";",
        ":",
        "(",
        ")",
        "1.2.3.4",
        "com.",
    ];
    prop_oneof![
        any::<String>(),
        vec(any::<char>(), 0..80).prop_map(String::from_iter),
        vec(select(SNIPPETS), 0..12).prop_map(|parts| parts.concat()),
        (vec(select(SNIPPETS), 1..6), 1..2000usize).prop_map(|(parts, times)| parts
            .concat()
            .repeat(times)
            .chars()
            .take(10_240)
            .collect()),
        (secrets(), vec((0..60usize, any::<char>()), 0..4)).prop_map(|(secret, changes)| {
            let mut text: Vec<char> = LinkToken::from_random(secret).expose().chars().collect();
            for (at, c) in changes {
                let end = text.len();
                text.splice(at.min(end)..(at + 1).min(end), [c]);
            }
            text.into_iter().collect()
        }),
    ]
}

proptest! {
    #![proptest_config(config(4000))]

    /// L3: a token is its prefix, 43 digits of its secret and 6 of the CRC-32 of all before; it reads back as the same.
    #[test]
    fn every_secret_is_written_one_way_and_reads_back(secret in secrets()) {
        let token = LinkToken::from_random(secret);
        prop_assert_eq!(token.expose(), sealed(&base62(&secret, 43)));
        let read = LinkToken::parse(token.expose());
        prop_assert_eq!(read.map(|read| (read.digest(), read.expose().to_owned())),
            Ok((token.digest(), token.expose().to_owned())));
    }

    /// L3: any text gives a token or a refusal, and a token only if it is written the one way.
    #[test]
    fn any_text_is_a_token_or_refused_and_a_token_is_written_one_way(text in texts()) {
        if let Ok(token) = LinkToken::parse(&text) {
            prop_assert_eq!(token.expose(), text.as_str());
            prop_assert_eq!(text.len(), 53);
            prop_assert_eq!(sealed(&text[4..47]), text);
        }
    }

    /// L3: different secrets have different tokens and different digests.
    #[test]
    fn different_secrets_have_different_tokens(one in secrets(), bit in 0..256usize) {
        let mut other = one;
        other[bit / 8] ^= 1 << (bit % 8);
        let (one, other) = (LinkToken::from_random(one), LinkToken::from_random(other));
        prop_assert_ne!(one.expose(), other.expose());
        prop_assert_ne!(one.digest(), other.digest());
    }

    /// L4: a digest reads back from its bytes and from its JSON, and from nothing else.
    #[test]
    fn a_digest_reads_back_and_nothing_else_does(bytes in any::<[u8; 32]>(), text in texts()) {
        let digest = LinkDigest::from_bytes(bytes);
        prop_assert_eq!(digest.as_bytes(), &bytes);
        let json = serde_json::to_string(&digest).expect("it is written");
        prop_assert_eq!(serde_json::from_str::<LinkDigest>(&json).ok(), Some(digest));
        prop_assert!(serde_json::from_value::<LinkDigest>(text.into()).is_err());
    }
}

/// L3: any change of one character of a token, to whatever else, is refused, and so are two characters swapped, one
/// too many and one too few.
#[test]
fn any_single_change_of_a_token_is_refused() {
    let foreign = "-_/+=. \0\n\u{7f}éKａ٣💥";
    let mut changes = 0u32;
    for seed in 0..12u8 {
        let token = LinkToken::from_random([seed.wrapping_mul(21); 32].map(|b: u8| b.wrapping_add(seed)));
        let text: Vec<char> = token.expose().chars().collect();
        let mut refused = |changed: Vec<char>| {
            let changed: String = changed.into_iter().collect();
            assert!(changed == token.expose() || LinkToken::parse(&changed).is_err(), "{changed}");
            changes += 1;
        };
        for at in 0..text.len() {
            for c in ALPHABET.chars().chain(foreign.chars()) {
                let mut changed = text.clone();
                changed[at] = c;
                refused(changed);
                let mut longer = text.clone();
                longer.insert(at, c);
                refused(longer);
            }
            refused([&text[..at], &text[at + 1..]].concat());
            let mut swapped = text.clone();
            swapped.swap(at, (at + 1) % text.len());
            refused(swapped);
        }
    }
    println!("{changes} changes");
    assert!(changes > 90_000);
}

/// L3: digits that spell 2^256 or more are refused, with a checksum that fits; the largest secret below is not. So no
/// secret has two spellings.
#[test]
fn digits_beyond_256_bits_are_refused_although_their_checksum_fits() {
    let (largest, beyond) = limits();
    let read = LinkToken::parse(&sealed(&largest)).expect("the largest secret");
    assert_eq!(read.digest(), LinkToken::from_random([0xff; 32]).digest());
    for digits in [beyond.clone(), "z".repeat(43), format!("z{}", &beyond[1..])] {
        assert!(LinkToken::parse(&sealed(&digits)).is_err(), "{digits}");
    }
    // The same value with a digit more or less, and a checksum of more than 32 bits.
    let zero = LinkToken::from_random([0; 32]);
    assert_eq!(&zero.expose()[4..47], "0".repeat(43));
    assert!(LinkToken::parse(&sealed(&"0".repeat(42))).is_err());
    assert!(LinkToken::parse(&sealed(&"0".repeat(44))).is_err());
    assert!(LinkToken::parse(&format!("dsl_{}zzzzzz", "0".repeat(43))).is_err());
}

/// Addresses that are accepted, and their one form.
#[test]
fn an_address_is_folded_in_ascii_and_its_domain_goes_through_idna() {
    // I2: what is typed, what it becomes.
    for (typed, canonical) in [
        ("Ann@Example.COM", "ann@example.com"),
        ("ANN+Home@example.com", "ann+home@example.com"),
        ("a.n.n@gmail.com", "a.n.n@gmail.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u{308}cher.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("ann@faß.example", "ann@xn--fa-hia.example"),
        ("ann@fass.example", "ann@fass.example"),
        ("ann@ＥＸＡＭＰＬＥ.com", "ann@example.com"),
        ("ann@example。com", "ann@example.com"),
        ("!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"),
        ("ann@3com.example", "ann@3com.example"),
        ("a@b.c", "a@b.c"),
    ] {
        let address: EmailAddress = typed.parse().unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(address.as_str(), canonical, "{typed}");
        assert_eq!(address.domain(), canonical.rsplit_once('@').expect("a domain").1);
        assert_eq!(canonical.parse(), Ok(address), "{typed}: read again");
    }
}

/// I2: what is no address, or one that cannot be told apart safely, is refused.
#[test]
fn what_is_no_plain_address_is_refused() {
    let (long_local, long_domain) = ("a".repeat(65), format!("{}.com", "a".repeat(64)));
    let long = format!("a@{}com", "abcdefg.".repeat(32));
    let huge = "a".repeat(10_240);
    let refused = [
        "",
        "@",
        "a@",
        "@b.c",
        "ann",
        "ann@",
        "a@b@c.com",
        "ann@localhost@example.com",
        "a b@example.com",
        " ann@example.com",
        "ann@example.com ",
        "ann@example.com\n",
        "ann@example.com\r\nBcc: x@y.z",
        "a\0@example.com",
        "ann@exa\0mple.com",
        "ann\t@example.com",
        "\u{7f}@example.com",
        "\"ann\"@example.com",
        "\"a b\"@example.com",
        "\"a@b\"@example.com",
        "ann\\@example.com",
        "ann(x)@example.com",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "a,b@example.com",
        "a;b@example.com",
        "a:b@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "a..b@example.com",
        "ann@[127.0.0.1]",
        "ann@[IPv6:::1]",
        "ann@127.0.0.1",
        "ann@1.2.3.4",
        "ann@::1",
        "ann@0x7f.1",
        "ann@example..com",
        "ann@.example.com",
        "ann@example.com.",
        "ann@example.",
        "ann@.",
        "ann@-a.com",
        "ann@a-.com",
        "ann@exa_mple.com",
        "ann@exa mple.com",
        "ann@exam%70le.com",
        "ann@example.com/x",
        "ann@example.com:25",
        "ann@ex\u{200d}ample.com",
        "ann@xn--.com",
        "ann@xn--a.com",
        "ann@xn--bcher-kva\u{301}.com",
        "ann@\u{202e}moc.com",
        // Kelvin sign, dotless and dotted i, long s, full-width, Cyrillic, combining, emoji: not in a local part.
        "ı@example.com",
        "\u{212a}im@example.com",
        "İ@example.com",
        "ſam@example.com",
        "ａnn@example.com",
        "аnn@example.com",
        "e\u{301}va@example.com",
        "é@example.com",
        "💥@example.com",
        "ann＠example.com",
        "ann@exam💥\u{fe0f}\u{200d}ple.com",
        long_local.as_str(),
        long_domain.as_str(),
        long.as_str(),
        huge.as_str(),
    ];
    let long_local_address = format!("{long_local}@example.com");
    let long_label = format!("ann@{long_domain}");
    let huge_local = format!("{huge}@example.com");
    let huge_domain = format!("ann@{huge}.com");
    for text in refused
        .into_iter()
        .chain([&long_local_address, &long_label, &huge_local, &huge_domain].map(String::as_str))
    {
        let parsed = text.parse::<EmailAddress>();
        assert!(parsed.is_err(), "`{text:.80}` is read as {parsed:?}");
        assert!(serde_json::from_value::<EmailAddress>(text.into()).is_err());
    }
    // 64 octets before the `@` and 254 in all are allowed.
    assert!(format!("{}@example.com", "a".repeat(64)).parse::<EmailAddress>().is_ok());
    let longest = format!("ab@{}com", "abcdefgh.".repeat(27));
    assert_eq!(longest.len(), 249);
    assert!(longest.parse::<EmailAddress>().is_ok());
    assert!(format!("abcdefg{longest}").parse::<EmailAddress>().is_err());
}

/// Local parts and domains that are near each other.
fn near_addresses(most: usize) -> impl Strategy<Value = String> {
    let local = vec(
        select(&["a", "A", "b", ".", "+", "-", "_", "k", "K", "\u{212a}", "ı", "i", "I", "é", "1"][..]),
        1..=most,
    );
    let domain = vec(
        select(
            &[
                "a", "A", "ä", "Ä", "a\u{308}", "ß", "ss", "k", "\u{212a}", "1", "-", "xn--4ca", "ａ", "i",
                "İ",
            ][..],
        ),
        1..=most,
    );
    let end = select(&[".com", ".COM", "。com", ".example", ".co\u{200d}m", ""][..]);
    (local, domain, end)
        .prop_map(|(local, domain, end)| format!("{}@{}{end}", local.concat(), domain.concat()))
}

/// I2: any text gives an address or a refusal; what is accepted is ASCII, lower case and short, and reads as itself.
#[test]
fn any_text_is_an_address_or_refused_and_the_form_is_stable() {
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    proptest!(config(8000), |(text in prop_oneof![texts(), near_addresses(4), near_addresses(4)])| {
        let Ok(address) = text.parse::<EmailAddress>() else {
            refused.set(refused.get() + 1);
            return Ok(());
        };
        accepted.set(accepted.get() + 1);
        let form = address.as_str();
        prop_assert!(form.len() <= 254 && form.bytes().all(|c| (b'!'..=b'~').contains(&c)), "{}", form);
        prop_assert!(!form.bytes().any(|c| c.is_ascii_uppercase()));
        prop_assert_eq!(form.matches('@').count(), 1);
        prop_assert_eq!(form.parse::<EmailAddress>().ok(), Some(address.clone()));
        prop_assert_eq!(form.to_ascii_uppercase().parse::<EmailAddress>().ok(), Some(address.clone()));
        let json = serde_json::to_value(&address).expect("it is written");
        prop_assert_eq!(serde_json::from_value::<EmailAddress>(json).ok(), Some(address.clone()));
        // The local part is what was typed, ASCII letter case apart: dots, tags and all else stay.
        let typed = text.split_once('@').expect("an `@`").0;
        prop_assert_eq!(form.split_once('@').expect("an `@`").0, typed.to_ascii_lowercase());
    });
    println!("{} accepted, {} refused", accepted.get(), refused.get());
    assert!(accepted.get() > 500 && refused.get() > 2000, "too few");
}

/// I2: two addresses become one only if their local parts differ in ASCII letter case alone.
#[test]
fn no_two_addresses_become_one_but_by_letter_case() {
    let merged = Cell::new(0);
    proptest!(config(1500), |(all in vec(near_addresses(2), 60))| {
        let mut known: BTreeMap<EmailAddress, String> = BTreeMap::new();
        for text in all {
            let Ok(address) = text.parse::<EmailAddress>() else { continue };
            let local = text.split_once('@').expect("an `@`").0.to_owned();
            if let Some(other) = known.insert(address, local.clone()) {
                prop_assert!(other.eq_ignore_ascii_case(&local), "{} and {}", other, local);
                merged.set(merged.get() + 1);
            }
        }
    });
    println!("{} times two became one", merged.get());
    assert!(merged.get() > 100, "too few");
}

/// Checks every conversion of one type of id.
macro_rules! check_id {
    ($id:ident, $number:expr, $wide:expr, $object:expr) => {{
        let (number, wide, object): (u64, u128, [u8; 12]) = ($number, $wide, $object);
        prop_assert_eq!($id::from(number).to_u64(), Some(number));
        prop_assert_eq!($id::from(wide).to_u128(), wide);
        prop_assert_eq!($id::from(wide).to_u64(), u64::try_from(wide).ok());
        prop_assert_eq!($id::from(object).to_object_id(), Some(object));
        let id = $id::from(wide);
        prop_assert_eq!($id::from_bytes(id.to_bytes()), id);
        prop_assert_eq!($id::from(id.to_uuid()), id);
        prop_assert_eq!(id.to_string().parse::<$id>().ok(), Some(id));
        prop_assert_eq!(id.to_string().to_uppercase().parse::<$id>().ok(), Some(id));
        let json = serde_json::to_string(&id).expect("it is written");
        prop_assert_eq!(serde_json::from_str::<$id>(&json).ok(), Some(id));
        // S3: ids order as their bytes do.
        prop_assert_eq!(id.cmp(&$id::from(number)), wide.cmp(&u128::from(number)));
    }};
}

proptest! {
    #![proptest_config(config(2000))]

    /// S3: a UUID, a ULID, a 64-bit number and a 12-byte object id come back from every kind of id as they went in, and
    /// ids compare byte for byte.
    #[test]
    fn an_id_gives_back_what_it_was_made_from(
        number in any::<u64>(), wide in any::<u128>(), object in any::<[u8; 12]>(), text in texts(),
    ) {
        check_id!(TenantId, number, wide, object);
        check_id!(AccountId, number, wide, object);
        check_id!(DashboardId, number, wide, object);
        check_id!(GrantId, number, wide, object);
        let _ = text.parse::<GrantId>();
    }

    /// S3: an instant is rounded down to the microsecond, also before 1970, and comes back as it was stored.
    #[test]
    fn an_instant_is_rounded_down_and_comes_back(
        seconds in -62_135_596_800i64..253_402_300_800, nanos in 0u32..1_000_000_000, shift in any::<i64>(),
    ) {
        let exact = written(seconds, nanos);
        let instant: Timestamp = exact.parse().expect("an instant");
        let micros = i128::from(seconds) * 1_000_000 + i128::from(nanos / 1000);
        prop_assert_eq!(i128::from(instant.micros()), micros, "{}", exact);
        prop_assert_eq!(instant.to_string().parse::<Timestamp>().ok(), Some(instant));
        let json = serde_json::to_string(&instant).expect("it is written");
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).ok(), Some(instant));
        let moved = instant.plus_micros(shift);
        let (first, last) = (Timestamp::MIN.micros().into(), Timestamp::MAX.micros().into());
        let expected = (i128::from(instant.micros()) + i128::from(shift)).clamp(first, last);
        prop_assert_eq!(i128::from(moved.micros()), expected);
        // G6: what expires at an instant is dead at it and not a microsecond before.
        prop_assert!(Expiry::At(instant).is_over(instant));
        prop_assert!(!Expiry::At(instant).is_over(instant.plus_micros(-1)) || instant == Timestamp::MIN);
    }

    /// S3: any number of microseconds becomes an instant that can be moved, written and read back, never a later one but
    /// for those before the calendar begins; and any text is an instant or refused in a short sentence.
    #[test]
    fn any_instant_comes_back_and_any_text_is_read(micros in any::<i64>(), days in any::<u32>(), text in texts()) {
        let instant = Timestamp::from_micros(micros);
        prop_assert!(instant.micros() <= micros || instant == Timestamp::MIN);
        let moved = instant.plus_days(days);
        prop_assert!(moved >= instant);
        for instant in [instant, moved] {
            prop_assert_eq!(instant.to_string().parse::<Timestamp>().ok(), Some(instant));
        }
        if let Err(error) = text.parse::<Timestamp>() {
            // Of a text that nobody wrote each character may be an escape.
            prop_assert!(error.to_string().chars().count() < 800);
        }
    }

    /// G6: an end orders before every later one and before never, in whatever order it is asked.
    #[test]
    fn an_expiry_orders_by_its_end_and_never_comes_last(one in any::<Option<i64>>(), two in any::<Option<i64>>()) {
        let within = |micros: i64| micros % Timestamp::MAX.micros();
        let (one, two) = (one.map(within), two.map(within));
        let expiry = |micros: Option<i64>| Expiry::from(micros.map(Timestamp::from_micros));
        let rank = |micros: Option<i64>| micros.map_or(i64::MAX, |micros| micros.max(Timestamp::MIN.micros()));
        prop_assert_eq!(expiry(one).cmp(&expiry(two)), rank(one).cmp(&rank(two)));
        prop_assert_eq!(expiry(one).at(), one.map(Timestamp::from_micros));
        let json = serde_json::to_string(&expiry(one)).expect("it is written");
        if one.is_none() {
            prop_assert_eq!(&json, "\"never\"");
            prop_assert!(!expiry(one).is_over(Timestamp::from_micros(i64::MAX)));
        }
    }
}

/// An instant with nanoseconds in RFC 3339, by the civil calendar (days from civil, proleptic Gregorian).
fn written(seconds: i64, nanos: u32) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_part + 2) / 5 + 1;
    let month = if month_part < 10 { month_part + 3 } else { month_part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// G5: a set of rights is what is in it: there are four sets, in one order, and no right to move, resize or edit.
#[test]
fn rights_are_sets_of_two_and_no_text_adds_a_third() {
    let all = [Rights::NONE, Rights::VIEW, Rights::EXPORT, Rights::ALL];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
    for (one, two) in all.into_iter().flat_map(|one| all.map(|two| (one, two))) {
        let (a, b): (BTreeSet<Right>, BTreeSet<Right>) = (one.iter().collect(), two.iter().collect());
        assert_eq!(one.covers(two), a.is_superset(&b));
        assert_eq!((one | two).iter().collect::<BTreeSet<_>>(), a.union(&b).copied().collect());
        assert_eq!(
            one.intersection(two).iter().collect::<BTreeSet<_>>(),
            a.intersection(&b).copied().collect()
        );
        assert_eq!(one.is_empty(), a.is_empty());
        assert!(!one.covers(two) || two <= one, "a larger set never orders before what it covers");
        let json = serde_json::to_string(&one).expect("it is written");
        assert_eq!(serde_json::from_str::<Rights>(&json).ok(), Some(one));
    }
    for text in [
        r#"["edit"]"#,
        r#"["move"]"#,
        r#"["resize"]"#,
        r#"["VIEW"]"#,
        r#"["view","edit"]"#,
        "3",
        "255",
        "null",
    ] {
        assert!(serde_json::from_str::<Rights>(text).is_err(), "{text}");
    }
}
