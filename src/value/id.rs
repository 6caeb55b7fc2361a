//! Ids: 16 bytes that hold a UUID, a ULID, a 64-bit number or a 12-byte object id without loss.

use super::spelling::{self, IdError, Spelling};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// It holds 16 bytes: those of a UUID or a ULID, or a number of 64 bits, or a 12-byte object id. Each comes
        /// back as it went in, and no two of different kinds are one id: numbers and object ids take bytes that no
        /// UUID of versions 1 to 8 has, and no ULID of a time after 1970's first millisecond and before the year
        /// 10000. A UUID and a ULID of the same bytes *are* one id, so use one of the two for one kind of thing.
        ///
        /// # Text
        ///
        /// An id has one text, in `Display` and in JSON: decimal for a number, 24 lower-case hexadecimal digits for an
        /// object id, a hyphenated UUID for all else. `FromStr` also reads upper case, the 26 characters of a ULID, and
        /// a UUID without hyphens; a UUID or ULID that spells the bytes of a number or an object id is refused. Serde
        /// reads the same from a string, and from an integer where the format has them; a format that is not for people
        /// gets the 16 bytes. Where a format cannot tell what stands in it, read a `String` and parse that.
        ///
        /// ```
        #[doc = concat!("use dashshare::", stringify!($name), ";")]
        #[doc = concat!("assert_eq!(", stringify!($name), "::from(7u64).to_string(), \"7\");")]
        #[doc = concat!("assert_eq!(", stringify!($name), "::from(-7i64).to_i64(), Some(-7));")]
        #[doc = concat!("let object: ", stringify!($name), " = \"65d0aa11bb22cc33dd44ee55\".parse()?;")]
        /// assert_eq!(object.to_object_id(), Some(*b"\x65\xd0\xaa\x11\xbb\x22\xcc\x33\xdd\x44\xee\x55"));
        #[doc = concat!("let ulid: ", stringify!($name), " = \"01ARZ3NDEKTSV4RRFFQ69G5FAV\".parse()?;")]
        /// assert_eq!(ulid.to_ulid(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        /// assert_eq!(ulid.to_string(), "01563e3a-b5d3-d676-4c61-efb99302bd5b");
        /// # Ok::<(), dashshare::IdError>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes, as [`to_bytes`](Self::to_bytes) gave them.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes, as they are compared and stored.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }

            /// The same bytes as a UUID, whatever they stand for: a column of UUIDs holds every id.
            pub const fn to_uuid(self) -> Uuid {
                Uuid::from_bytes(self.0)
            }

            /// The same bytes as a 128-bit number, whatever they stand for.
            pub const fn to_u128(self) -> u128 {
                u128::from_be_bytes(self.0)
            }

            /// The same bytes as the 26 characters of a ULID, in upper case, whatever they stand for.
            pub fn to_ulid(self) -> String {
                spelling::ulid(self.0)
            }

            /// The number that this id was made from, or `None` when it is no number or below zero.
            pub fn to_u64(self) -> Option<u64> {
                match Spelling::of(self.0) {
                    Spelling::Number(number) => Some(number),
                    _ => None,
                }
            }

            /// The number that this id was made from, or `None` when it is no number or above [`i64::MAX`].
            pub fn to_i64(self) -> Option<i64> {
                match Spelling::of(self.0) {
                    Spelling::Number(number) => number.try_into().ok(),
                    Spelling::Negative(number) => Some(number),
                    _ => None,
                }
            }

            /// The 12-byte object id that this id was made from, or `None` when it is none.
            pub fn to_object_id(self) -> Option<[u8; 12]> {
                match Spelling::of(self.0) {
                    Spelling::Object(object) => Some(object),
                    _ => None,
                }
            }
        }

        /// The bytes as they are. The nil UUID is the number 0.
        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid.into_bytes())
            }
        }

        /// The bytes as they are, which is how a ULID comes in. A number below 2<sup>64</sup> is that number.
        impl From<u128> for $name {
            fn from(number: u128) -> Self {
                Self(number.to_be_bytes())
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(spelling::from_number(number))
            }
        }

        /// From 0 on the same id as that of the `u64`.
        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(spelling::from_signed(number))
            }
        }

        impl From<[u8; 12]> for $name {
            fn from(object: [u8; 12]) -> Self {
                Self(spelling::from_object(object))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                spelling::parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Spelling::of(self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                spelling::serialize(self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                spelling::deserialize(deserializer).map(Self)
            }
        }
    };
}

id! {
    /// Names a tenant: the host's customer that dashboards belong to.
    TenantId
}
id! {
    /// Names an account: a person known to the host. Never an e-mail address, which is [`EmailAddress`](crate::EmailAddress).
    AccountId
}
id! {
    /// Names a dashboard of the host.
    DashboardId
}
id! {
    /// Names one grant, which is never merged with another and never reused (G1).
    GrantId
}
