//! E-mail addresses in canonical form (I2), and the proof that an account owns one (I3).

use super::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr, sync::Arc};

/// A canonical e-mail address: what invitations are made to, claimed by and mailed to.
///
/// The local part is folded to lower case in ASCII only and the domain goes through IDNA to ASCII; dots and `+tag`
/// stay. So two spellings are equal only when every mail system delivers them alike, letter case apart.
///
/// Rules: [I2](crate::specification).
///
/// ```
/// use dashshare::EmailAddress;
/// let typed: EmailAddress = "Ann.Lee+Home@EXAMPLE.com".parse()?;
/// assert_eq!(typed.as_str(), "ann.lee+home@example.com");
/// assert!("ann@localhost@example.com".parse::<EmailAddress>().is_err());
/// # Ok::<(), dashshare::EmailError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(Arc<str>);

/// Why a text is not an e-mail address that can be invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// Not exactly one `@` with something on both sides.
    #[error("an e-mail address has exactly one `@`, with a name before it and a domain after it")]
    Shape,
    /// Longer than 254 octets in all, or 64 before the `@`.
    #[error("an e-mail address is at most 254 octets long, with at most 64 before the `@`")]
    TooLong,
    /// A character before the `@` that is not allowed there unquoted, a stray dot, a control character or a quote.
    #[error(
        "the part before the `@` may hold ASCII letters, digits, single dots inside, and !#$%&'*+/=?^_`{{|}}~-"
    )]
    LocalPart,
    /// The domain is an address literal, is not a domain name, or does not survive IDNA.
    #[error("the part after the `@` is not a domain name")]
    Domain,
}

const MAX_OCTETS: usize = 254;
const MAX_LOCAL_OCTETS: usize = 64;

impl EmailAddress {
    /// The canonical text, which is also the address to send to.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical domain.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_OCTETS {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailError::Shape)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(EmailError::Shape);
        }
        if local.len() > MAX_LOCAL_OCTETS {
            return Err(EmailError::TooLong);
        }
        if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_octet)) {
            return Err(EmailError::LocalPart);
        }
        let domain = canonical_domain(domain).ok_or(EmailError::Domain)?;
        let address = format!("{}@{domain}", local.to_ascii_lowercase());
        if address.len() > MAX_OCTETS {
            return Err(EmailError::TooLong);
        }
        Ok(Self(address.into()))
    }
}

/// The ASCII form of a domain name, lower case, or `None` when it is not one. Also used for the domains in a
/// tenant's rules, so that both sides of the comparison are spelt alike.
pub(crate) fn canonical_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let mut labels = ascii.split('.');
    // A purely numeric last label would be an IPv4 address; brackets, colons and blanks never pass strict IDNA.
    let is_name = !ascii.is_empty()
        && labels.clone().all(|label| !label.is_empty() && label.len() <= 63)
        && labels.next_back().is_some_and(|top| !top.bytes().all(|c| c.is_ascii_digit()));
    is_name.then_some(ascii)
}

fn is_atom_octet(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&c)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.0)
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Proof that an account controls an address, and since when.
///
/// Only an [`Attestor`] makes one, and only the host's [`Directory`](crate::Directory) is ever handed an attestor.
///
/// Rules: [I3](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedEmail {
    address: EmailAddress,
    verified_at: Timestamp,
}

impl VerifiedEmail {
    /// The address that was verified.
    pub const fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// When the host saw the proof.
    pub const fn verified_at(&self) -> Timestamp {
        self.verified_at
    }
}

/// Handed to the host's [`Directory`](crate::Directory) so that it, and nothing else, can vouch for addresses.
///
/// Rules: [I3](crate::specification).
///
/// ```compile_fail
/// let attestor = dashshare::directory::Attestor { _sealed: () };
/// ```
#[derive(Debug)]
pub struct Attestor {
    _sealed: (),
}

impl Attestor {
    pub(crate) const fn new() -> Self {
        Self { _sealed: () }
    }

    /// Vouches that the account in question proved control of `address` at `verified_at`, for example by following
    /// a link mailed to it. An address that was only typed in must not be vouched for.
    pub fn verified(&self, address: EmailAddress, verified_at: Timestamp) -> VerifiedEmail {
        VerifiedEmail { address, verified_at }
    }
}
