//! Ids of a host: each comes back as it went in, and no two of them are one.

use dashshare::{AccountId, DashboardId, GrantId, IdError, TenantId};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_test::{Configure as _, Token, assert_de_tokens, assert_de_tokens_error, assert_tokens};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An id as a host has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Number(u64),
    Signed(i64),
    Object([u8; 12]),
    /// Of one of the versions 1 to 8.
    Uuid(Uuid),
    /// Of a time after 1970's first millisecond and before the year 10000.
    Ulid(u128),
}

const YEAR_10000: u128 = 253_402_300_800_000;

/// What two ids of a host have in common when they may be one: the number, or the 16 bytes.
#[derive(PartialEq, Eq, Debug)]
enum Meaning {
    Number(i128),
    Object([u8; 12]),
    Bits(u128),
}

impl Host {
    fn meaning(self) -> Meaning {
        match self {
            Self::Number(number) => Meaning::Number(number.into()),
            Self::Signed(number) => Meaning::Number(number.into()),
            Self::Object(object) => Meaning::Object(object),
            Self::Uuid(uuid) => Meaning::Bits(uuid.as_u128()),
            Self::Ulid(bits) => Meaning::Bits(bits),
        }
    }

    fn id(self) -> DashboardId {
        match self {
            Self::Number(number) => number.into(),
            Self::Signed(number) => number.into(),
            Self::Object(object) => object.into(),
            Self::Uuid(uuid) => uuid.into(),
            Self::Ulid(bits) => bits.into(),
        }
    }

    /// How the host writes it.
    fn text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Signed(number) => number.to_string(),
            Self::Object(object) => object.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Uuid(uuid) => uuid.to_string(),
            Self::Ulid(bits) => ulid(bits),
        }
    }
}

/// The text of a ULID, computed another way than the library does: digit by digit from a string of bits.
fn ulid(bits: u128) -> String {
    let bits = format!("{bits:0130b}");
    let digit = |five: &[u8]| {
        let value = five.iter().fold(0, |value, bit| value * 2 + usize::from(bit - b'0'));
        char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[value])
    };
    bits.as_bytes().chunks(5).map(digit).collect()
}

/// Ids of every kind made of the same bytes, as near to each other as they come.
fn relatives(bytes: [u8; 16]) -> Vec<Host> {
    let tail: [u8; 8] = bytes[8..].try_into().expect("8 bytes");
    let mut hosts = vec![
        Host::Number(u64::from_be_bytes(tail)),
        Host::Signed(i64::from_be_bytes(tail)),
        Host::Object(bytes[..12].try_into().expect("12 bytes")),
        Host::Object(bytes[2..14].try_into().expect("12 bytes")),
        Host::Object(bytes[4..].try_into().expect("12 bytes")),
    ];
    hosts.extend((1..=8).map(|version| {
        let mut bytes = bytes;
        bytes[6] = bytes[6] & 0x0F | version << 4;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        Host::Uuid(Uuid::from_bytes(bytes))
    }));
    let bits = u128::from_be_bytes(bytes);
    let time = (bits >> 80).clamp(1, YEAR_10000 - 1);
    hosts.push(Host::Ulid(time << 80 | bits & ((1 << 80) - 1)));
    hosts
}

/// Relatives of these bytes, and of the bytes that each of them is laid out as.
fn family(bytes: [u8; 16], layout: impl Fn(Host) -> [u8; 16]) -> Vec<Host> {
    let first = relatives(bytes);
    let second = first.iter().flat_map(|host| relatives(layout(*host))).collect::<Vec<_>>();
    first.into_iter().chain(second).collect()
}

/// Two ids of the host that a layout makes one though they differ, or makes two though they are the same.
fn confused(hosts: &[Host], layout: impl Fn(Host) -> [u8; 16]) -> Option<(Host, Host)> {
    let laid: Vec<_> = hosts.iter().map(|host| (*host, host.meaning(), layout(*host))).collect();
    laid.iter().enumerate().find_map(|(at, (a, meaning, bytes))| {
        let other = laid[at..].iter().find(|(_, other, laid)| (meaning == other) != (bytes == laid));
        other.map(|(b, _, _)| (*a, *b))
    })
}

/// Bytes in which the edges of every range are likely.
fn bytes() -> impl Strategy<Value = [u8; 16]> {
    let edge = select(vec![0, 0, 0, 1, 0x7F, 0x80, 0xC0, 0xFE, 0xFF, 0xFF]);
    let byte = prop_oneof![3 => edge, 1 => any::<u8>()];
    prop_oneof![any::<[u8; 16]>(), proptest::array::uniform16(byte)]
}

fn host() -> impl Strategy<Value = Host> {
    (bytes(), any::<prop::sample::Index>()).prop_map(|(bytes, index)| *index.get(&relatives(bytes)))
}

/// Texts that are nearly ids.
fn texts() -> impl Strategy<Value = String> {
    let of = |alphabet: &str, sizes: &[usize]| {
        let chars: Vec<char> = alphabet.chars().collect();
        (select(sizes.to_vec()), vec(select(chars), 40))
            .prop_map(|(size, chars)| chars[..size].iter().collect::<String>())
    };
    prop_oneof![
        ".{0,48}",
        of("0123456789-+", &[0, 1, 2, 3, 19, 20, 21]),
        of("0123456789abcdefABCDEF", &[23, 24, 25, 31, 32, 33]),
        of("0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz", &[25, 26, 27]),
        of("0001234567ilouILOU", &[26]),
        bytes().prop_map(|bytes| Uuid::from_bytes(bytes).to_string()),
        bytes().prop_map(|bytes| Uuid::from_bytes(bytes).simple().to_string()),
        bytes().prop_map(|bytes| ulid(u128::from_be_bytes(bytes))),
        (bytes(), 0..36usize, any::<char>()).prop_map(|(bytes, at, c)| {
            let text = Uuid::from_bytes(bytes).to_string();
            text.chars().enumerate().map(|(i, old)| if i == at { c } else { old }).collect()
        }),
    ]
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Every type of id reads and writes alike.
macro_rules! check_type {
    ($($id:ident)*) => {
        |host: Host| {
            let (bytes, text) = (host.id().to_bytes(), host.id().to_string());
            $(
                let id: $id = host.text().parse().expect("an id");
                prop_assert_eq!((id.to_bytes(), id.to_string()), (bytes, text.clone()));
                prop_assert_eq!(id, $id::from_bytes(bytes));
                prop_assert_eq!(format!("{id:?}"), format!(concat!(stringify!($id), "({})"), text));
            )*
            Ok(())
        }
    };
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn two_ids_of_a_host_are_never_one(bytes in bytes()) {
        let layout = |host: Host| host.id().to_bytes();
        prop_assert_eq!(confused(&family(bytes, layout), layout), None);
    }

    #[test]
    fn the_order_of_object_ids_and_of_numbers_below_zero_is_kept(
        objects in any::<[[u8; 12]; 2]>(), common in 0..12usize, numbers in (i64::MIN..0, i64::MIN..0),
    ) {
        let [a, mut b] = objects;
        b[..common].copy_from_slice(&a[..common]);
        prop_assert_eq!(DashboardId::from(a).cmp(&DashboardId::from(b)), a.cmp(&b));
        let (a, b) = numbers;
        prop_assert_eq!(DashboardId::from(a).cmp(&DashboardId::from(b)), a.cmp(&b));
    }
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn an_id_comes_back_through_its_own_accessor_and_no_other(host in host()) {
        let id = host.id();
        let (number, object) = match host.meaning() {
            Meaning::Number(number) => (Some(number), None),
            Meaning::Object(object) => (None, Some(object)),
            Meaning::Bits(bits) => {
                prop_assert_eq!((id.to_u128(), id.to_uuid().as_u128()), (bits, bits));
                prop_assert_eq!(id.to_ulid(), ulid(bits));
                (None, None)
            }
        };
        prop_assert_eq!(id.to_u64(), number.and_then(|number| number.try_into().ok()));
        prop_assert_eq!(id.to_i64(), number.and_then(|number| number.try_into().ok()));
        prop_assert_eq!(id.to_object_id(), object);
    }

    #[test]
    fn an_id_comes_back_through_text_and_json(host in host()) {
        let (id, text) = (host.id(), host.text());
        for text in [text.clone(), text.to_uppercase(), text.to_lowercase(), id.to_string()] {
            prop_assert_eq!(text.parse(), Ok(id), "{}", text);
        }
        // Only a ULID has a text of its own beside that of the id.
        prop_assert_eq!(id.to_string() == text, !matches!(host, Host::Ulid(_)));
        check_type!(TenantId AccountId DashboardId GrantId)(host)?;

        let json = serde_json::to_string(&id).expect("it is written");
        prop_assert_eq!(&json, &format!("\"{id}\""));
        prop_assert_eq!(serde_json::from_str::<DashboardId>(&json).ok(), Some(id));
        prop_assert_eq!(serde_json::from_str::<DashboardId>(&format!("\"{text}\"")).ok(), Some(id));
        let keyed = BTreeMap::from([(id, id)]);
        let json = serde_json::to_string(&keyed).expect("it is written");
        prop_assert_eq!(serde_json::from_str::<BTreeMap<DashboardId, DashboardId>>(&json).ok(), Some(keyed));
        if let Host::Number(_) | Host::Signed(_) = host {
            prop_assert_eq!(serde_json::from_str::<DashboardId>(&text).ok(), Some(id));
        }
    }

    /// Whatever is read is the text of its id, or one of the other spellings of those very bytes.
    #[test]
    fn a_text_is_an_id_in_one_way_or_refused(text in texts()) {
        let read = text.parse::<DashboardId>();
        prop_assert_eq!(serde_json::from_value::<DashboardId>(text.as_str().into()).ok(), read.clone().ok());
        match read {
            Ok(id) => {
                let (canonical, lower) = (id.to_string(), text.to_lowercase());
                prop_assert_eq!(canonical.parse(), Ok(id));
                let simple = id.to_uuid().simple().to_string();
                let number = id.to_i64().is_some() || id.to_u64().is_some();
                let alike = if number { text == canonical } else { lower == canonical };
                let other = !number && id.to_object_id().is_none()
                    && (lower == simple || text.to_uppercase() == id.to_ulid());
                prop_assert!(alike || other, "{} was read as {}", text, canonical);
            }
            Err(refused) => {
                let cut: String = text.chars().take(64).collect();
                let said = refused.to_string();
                // What is not seen is written as its escape, which `tests/shown.rs` looks at.
                let is_plain = cut.chars().all(|c| c.is_ascii_graphic() || c == ' ');
                prop_assert!(!is_plain || said.starts_with(&format!("`{cut}` is not an id")), "{}", said);
                prop_assert!(!said.chars().any(char::is_control), "{:?}", said);
                if let IdError::Reserved { id, .. } = refused {
                    prop_assert!(id.parse::<DashboardId>().is_ok());
                }
            }
        }
    }
}

/// The layout before: the last 12 bytes for an object id, the last 8 for a number.
#[test]
fn an_object_id_that_is_laid_out_like_a_number_is_found() {
    let layout = |host| match host {
        Host::Object([a, b, c, d, e, f, g, h, i, j, k, l]) => {
            [0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j, k, l]
        }
        other => other.id().to_bytes(),
    };
    let found = confused(&family([7; 16], layout), layout);
    assert!(matches!(found, Some((Host::Number(_) | Host::Signed(_), Host::Object(_)))), "{found:?}");
}

#[test]
fn bytes_of_another_kind_are_refused_and_the_right_text_is_named() {
    for (text, right) in [
        ("00000000-0000-0000-0000-000000000000", "0"),
        ("00000000000000000000000000000007", "7"),
        ("00000000-0000-0000-ffff-ffffffffffff", "18446744073709551615"),
        ("0000000000000000000000007Z", "255"),
        ("fffe0000-0000-0000-ffff-ffffffffffff", "-1"),
        ("FFFE0000000000008000000000000000", "-9223372036854775808"),
        ("ffff65d0-aa11-00bb-c022-cc33dd44ee55", "65d0aa11bb22cc33dd44ee55"),
    ] {
        match text.parse::<AccountId>() {
            Err(IdError::Reserved { id, .. }) => assert_eq!(id, right),
            other => panic!("{text} was read: {other:?}"),
        }
    }
    let said = "00000000-0000-0000-0000-000000000007".parse::<AccountId>().expect_err("a number").to_string();
    assert_eq!(
        said,
        "`00000000-0000-0000-0000-000000000007` is not an id: its bytes are those of `7`, and an id has one text"
    );
}

#[test]
fn bytes_beside_a_range_are_those_of_a_uuid() {
    for text in [
        "00000000-0000-0001-0000-000000000007",
        "fffe0000-0000-0000-7fff-ffffffffffff",
        "fffe0000-0000-0001-ffff-ffffffffffff",
        "fffd0000-0000-0000-ffff-ffffffffffff",
        "ffff65d0-aa11-01bb-c022-cc33dd44ee55",
        "ffff65d0-aa11-00bb-c122-cc33dd44ee55",
        "ffff65d0-aa11-00bb-8022-cc33dd44ee55",
        "fffe65d0-aa11-00bb-c022-cc33dd44ee55",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ] {
        let id: AccountId = text.parse().expect("a UUID");
        assert_eq!(id.to_string(), text);
        assert_eq!((id.to_u64(), id.to_i64(), id.to_object_id()), (None, None, None), "{text}");
    }
}

#[test]
fn other_spellings_are_refused() {
    let long = "9".repeat(100);
    for text in [
        "",
        "-",
        "+7",
        "07",
        "00",
        "-0",
        "-07",
        " 7",
        "7 ",
        "7.0",
        "1e3",
        "0x7",
        "18446744073709551616",
        "-9223372036854775809",
        "٧",
        "65d0aa11bb22cc33dd44ee5",
        "65d0aa11bb22cc33dd44ee5g",
        "65d0aa11bb22cc33dd44éé",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
        "01ARZ3NDEKTSV4RRFFQ69G5FAI",
        "01ARZ3NDEKTSV4RRFFQ69G5FAL",
        "01ARZ3NDEKTSV4RRFFQ69G5FAO",
        "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        "{7d44cf0e-5b1c-4c5f-9f3e-0d9a3b7c1e2f}",
        "urn:uuid:7d44cf0e-5b1c-4c5f-9f3e-0d9a3b7c1e2f",
        "7d44cf0e5b1c-4c5f-9f3e-0d9a-3b7c1e2f",
        &long,
    ] {
        let refused = text.parse::<TenantId>();
        assert!(matches!(refused, Err(IdError::Malformed(_))), "{text} was read: {refused:?}");
    }
    let said = long.parse::<TenantId>().expect_err("too long").to_string();
    assert!(said.starts_with(&format!("`{}` is not", "9".repeat(64))), "{said}");
}

#[test]
fn json_has_integers_and_strings_and_nothing_else() {
    let read = serde_json::from_str::<AccountId>;
    assert_eq!(read("7").ok(), Some(AccountId::from(7u64)));
    assert_eq!(read("-7").ok(), Some(AccountId::from(-7i64)));
    assert_eq!(read("18446744073709551615").ok(), Some(AccountId::from(u64::MAX)));
    for json in [
        "7.0",
        "1e3",
        "18446744073709551616",
        "null",
        "true",
        "[7]",
        "{}",
        "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,7]",
    ] {
        let refused = read(json).map_err(|error| error.to_string());
        assert!(
            refused.as_ref().is_err_and(|said| said.contains("an id: a 64-bit number")),
            "{json}: {refused:?}"
        );
    }
}

#[test]
fn a_format_that_is_not_for_people_gets_the_16_bytes() {
    const BYTES: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2];
    let id = GrantId::from(258u64);
    assert_tokens(&id.compact(), &[Token::Bytes(&BYTES)]);
    assert_tokens(&id.readable(), &[Token::Str("258")]);
    assert_de_tokens(&id.readable(), &[Token::U16(258)]);
    assert_de_tokens_error::<serde_test::Compact<GrantId>>(
        &[Token::Bytes(&BYTES[1..])],
        "invalid length 15, expected the 16 bytes of an id",
    );
    // 16 bytes for people would be a second reading of a text of 16 digits.
    assert_de_tokens_error::<serde_test::Readable<GrantId>>(
        &[Token::Bytes(&BYTES)],
        "invalid type: byte array, expected an id: a 64-bit number, 24 hexadecimal digits, a ULID or a UUID",
    );
}
