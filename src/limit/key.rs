//! Whom a limit counts, and the keyed hash that is kept of it.

use super::purpose::Purpose;
use crate::value::{AccountId, DashboardId, EmailAddress, TenantId};
use sha2::{Digest as _, Sha256};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
// The addresses of `core` have no sockets beside them.
use core::net::IpAddr;
use std::{fmt, hash::Hasher as _};

/// Whoever visits without an account, as far as an IP address tells: an IPv4 address, or the /64 of an IPv6 one, since
/// that is what one household or one machine has to itself. IPv4 in an IPv6 spelling (`::ffff:192.0.2.7`) is IPv4.
///
/// The host says which address it is. No header is read here: what a client writes into one is the client's to choose,
/// so take the address from the connection, or from what a proxy of your own has written. Its `Debug` does not show it.
///
/// ```
/// use dashshare::limits::Client;
/// use std::net::IpAddr;
///
/// let client = |text: &str| Client::from(text.parse::<IpAddr>().expect("an address"));
/// assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
/// assert_eq!(client("::ffff:192.0.2.7"), client("192.0.2.7"));
/// assert_ne!(client("2001:db8:1:3::1"), client("2001:db8:1:2::1"));
/// ```
///
/// Rules: [R2](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(Prefix);

/// The network of a client: the /24 of an IPv4 address, the /48 of an IPv6 one. Its `Debug` does not show it.
///
/// Rules: [R2](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(Prefix);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Prefix {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Client {
    /// The client's network.
    pub const fn network(self) -> Network {
        Network(match self.0 {
            Prefix::V4([a, b, c, _]) => Prefix::V4([a, b, c, 0]),
            Prefix::V6([a, b, c, d, e, f, ..]) => Prefix::V6([a, b, c, d, e, f, 0, 0]),
        })
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => Prefix::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Prefix::V6([a, b, c, d, e, f, g, h])
            }
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(redacted)")
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network(redacted)")
    }
}

/// One of those that a limit of a purpose counts.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    Client(Client),
    Network(Network),
    /// All visitors of whom the host gives no address, together.
    Unknown,
    Link(DashboardId, u64),
    LinkClient(DashboardId, u64, Option<Client>),
    Dashboard(DashboardId),
    Account(AccountId),
    Address(&'a EmailAddress),
    Tenant(TenantId),
}

/// A purpose and whom it counts, as a limiter knows them: by a keyed hash. Neither an address nor an id can be read out of
/// it, nor found by trying all of them, without the secret.
///
/// Rules: [R2](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitKey {
    purpose: Purpose,
    hash: [u8; 16],
}

impl LimitKey {
    /// The key of a hash, for the tests of a limiter. A service makes its own, under its secret.
    pub const fn of_hash(purpose: Purpose, hash: [u8; 16]) -> Self {
        Self { purpose, hash }
    }

    /// What it is for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The hash, in which the purpose is hashed too: what a shared limiter keeps it by.
    pub const fn hash(&self) -> [u8; 16] {
        self.hash
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitKey").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// Makes keys under a secret: SipHash-2-4 with 16 bytes of output, whose own key of 16 bytes is a digest of the secret. It
/// is made for short texts under a key, and takes a tenth of the time of HMAC-SHA-256.
pub(crate) struct Keys(SipHasher24);

impl Keys {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let digest = Sha256::new_with_prefix(b"dashshare rate limit\0").chain_update(secret).finalize();
        let mut key = [0; 16];
        for (byte, digested) in key.iter_mut().zip(digest) {
            *byte = digested;
        }
        Self(SipHasher24::new_with_key(&key))
    }

    pub(super) fn key(&self, purpose: Purpose, by: By<'_>) -> LimitKey {
        // What is hashed has one reading: a byte for the purpose, one for the kind, and then parts of a fixed length; the
        // address alone has not, and is the last.
        let mut parts = Parts { bytes: [0; 64], length: 0 };
        parts.put(&[purpose as u8]);
        let mut keyed = self.0;
        match by {
            By::Client(Client(prefix)) => parts.prefix(0, prefix),
            By::Network(Network(prefix)) => parts.prefix(2, prefix),
            By::Unknown => parts.put(&[4]),
            By::Link(dashboard, generation) => {
                parts.put(&[5]);
                parts.link(dashboard, generation);
            }
            By::LinkClient(dashboard, generation, client) => {
                parts.put(&[6]);
                parts.link(dashboard, generation);
                if let Some(Client(prefix)) = client {
                    parts.prefix(0, prefix);
                }
            }
            By::Dashboard(dashboard) => {
                parts.put(&[7]);
                parts.put(&dashboard.to_bytes());
            }
            By::Account(account) => {
                parts.put(&[8]);
                parts.put(&account.to_bytes());
            }
            By::Tenant(tenant) => {
                parts.put(&[9]);
                parts.put(&tenant.to_bytes());
            }
            By::Address(_) => parts.put(&[10]),
        }
        keyed.write(parts.bytes.get(..parts.length).unwrap_or_default());
        if let By::Address(address) = by {
            keyed.write(address.as_str().as_bytes());
        }
        LimitKey { purpose, hash: keyed.finish128().as_bytes() }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(redacted)")
    }
}

/// What is hashed, put together without asking for memory.
struct Parts {
    bytes: [u8; 64],
    length: usize,
}

impl Parts {
    fn put(&mut self, part: &[u8]) {
        for (byte, given) in self.bytes.iter_mut().skip(self.length).zip(part) {
            *byte = *given;
            self.length = self.length.saturating_add(1);
        }
    }

    fn prefix(&mut self, kind: u8, prefix: Prefix) {
        match prefix {
            Prefix::V4(bytes) => {
                self.put(&[kind]);
                self.put(&bytes);
            }
            Prefix::V6(bytes) => {
                self.put(&[kind.saturating_add(1)]);
                self.put(&bytes);
            }
        }
    }

    fn link(&mut self, dashboard: DashboardId, generation: u64) {
        self.put(&dashboard.to_bytes());
        self.put(&generation.to_be_bytes());
    }
}
