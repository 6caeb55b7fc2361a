//! Ids: 16 bytes that hold a UUID, a ULID, a 64-bit number or a 12-byte object id without loss.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// It holds 16 bytes. A number takes the last 8 of them and an object id the last 12, the rest being
        /// zero, so every conversion comes back as it went in. Ids of different shapes should not be mixed for one
        /// kind of thing: an object id that starts with four zero bytes reads like a number.
        ///
        /// ```
        #[doc = concat!("use dashshare::", stringify!($name), ";")]
        #[doc = concat!("assert_eq!(", stringify!($name), "::from(7u64).to_u64(), Some(7));")]
        #[doc = concat!("let object = ", stringify!($name), "::from([9u8; 12]);")]
        /// assert_eq!(object.to_object_id(), Some([9u8; 12]));
        #[doc = concat!("assert_eq!(object.to_string().parse::<", stringify!($name), ">().unwrap(), object);")]
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes, whatever they mean to the host.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes, as they are compared and stored.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }

            /// The same bytes as a UUID.
            pub const fn to_uuid(self) -> Uuid {
                Uuid::from_bytes(self.0)
            }

            /// The same bytes as a 128-bit number, which is what a ULID is.
            pub const fn to_u128(self) -> u128 {
                u128::from_be_bytes(self.0)
            }

            /// The number this id was made from, or `None` when it does not fit 64 bits.
            pub fn to_u64(self) -> Option<u64> {
                u64::try_from(self.to_u128()).ok()
            }

            /// The 12-byte object id this id was made from, or `None` when it is longer.
            pub fn to_object_id(self) -> Option<[u8; 12]> {
                match self.0 {
                    [0, 0, 0, 0, object @ ..] => Some(object),
                    _ => None,
                }
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid.into_bytes())
            }
        }

        impl From<u128> for $name {
            fn from(number: u128) -> Self {
                Self(number.to_be_bytes())
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self::from(u128::from(number))
            }
        }

        impl From<[u8; 12]> for $name {
            fn from(object: [u8; 12]) -> Self {
                let mut bytes = [0; 16];
                if let Some(tail) = bytes.last_chunk_mut() {
                    *tail = object;
                }
                Self(bytes)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(Uuid::try_parse(text)?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.to_uuid().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.to_uuid().serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Uuid::deserialize(deserializer).map(Self::from)
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
