//! The secret of a public link, and the digest that is all a store ever sees of it.

use super::id::DashboardId;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// How many bytes of a text that is no token are read.
const TEXT_READ: usize = 64;
const PREFIX: &str = "dsl_";
const SECRET_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;
const LENGTH: usize = PREFIX.len() + SECRET_DIGITS + CHECKSUM_DIGITS;
/// That of a token whose link is still to be made.
const NEW_PREFIX: &str = "dsn_";
const GENERATION_DIGITS: usize = 11;
const NEW_LENGTH: usize = LENGTH + GENERATION_DIGITS;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DOMAIN: &[u8] = b"dashshare:v1:link\0";
const NEW_DOMAIN: &[u8] = b"dashshare:v1:token\0";

/// The secret in the URL of a public link.
///
/// It is `dsl_`, then 256 random bits as 43 base-62 characters, then the CRC-32 of all before as 6 more. One secret
/// is one string: any other spelling is refused. The type has no `Display`, no `Serialize` and no `Clone`, its
/// `Debug` prints a redaction, and [`expose`](Self::expose) is the only way to the text.
///
/// Rules: [L3](crate::specification).
///
/// ```
/// use dashshare::LinkToken;
/// let token = LinkToken::from_random([7; 32]);
/// assert_eq!(token.expose().len(), 53);
/// assert_eq!(format!("{token:?}"), "LinkToken(redacted)");
/// let read = LinkToken::parse(token.expose()).unwrap();
/// assert_eq!(read.digest(), token.digest());
/// ```
///
/// ```compile_fail
/// let token = dashshare::LinkToken::from_random([7; 32]);
/// println!("{token}");
/// ```
///
/// ```compile_fail
/// let token = dashshare::LinkToken::from_random([7; 32]);
/// serde_json::to_string(&token).unwrap();
/// ```
///
/// ```compile_fail
/// let token = dashshare::LinkToken::from_random([7; 32]);
/// let twice = token.clone();
/// ```
pub struct LinkToken {
    text: Zeroizing<String>,
    digest: LinkDigest,
}

/// A text that is not a token. It never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a link token")]
pub struct MalformedToken;

impl LinkToken {
    /// The token of 32 bytes, which must come from a secure generator.
    pub fn from_random(secret: [u8; 32]) -> Self {
        let secret = Zeroizing::new(secret);
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        text.push_str(PREFIX);
        push_base62(&mut text, *secret);
        push_checksum(&mut text);
        Self { text, digest: LinkDigest::of_secret(&secret) }
    }

    /// Reads a token from the text of a URL. Total: any text gives a token or [`MalformedToken`].
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        Ok(Self { text: Zeroizing::new(text.to_owned()), digest: LinkDigest::of_text(text)? })
    }

    /// The text to put into the URL. Whoever has it can visit: hand it to the person who asked for the link and
    /// keep it nowhere.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The same token once more, for whoever brought it.
    pub(crate) fn copy(&self) -> Self {
        Self { text: self.text.clone(), digest: self.digest }
    }

    /// What a store keeps in place of the token.
    ///
    /// Rules: [L4](crate::specification).
    pub const fn digest(&self) -> LinkDigest {
        self.digest
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(redacted)")
    }
}

/// The token of a link that is still to be made: made by [`new_token`](crate::Dashshare::new_token) for one dashboard and
/// for its next link, and brought to [`rotate_link`](crate::Dashshare::rotate_link) with
/// [`with_token`](crate::NewLink::with_token).
///
/// A rotation whose caller goes away before the answer arrives kills the old link, and nobody holds the token of the new
/// one. With a token that was there before, nothing is lost: whoever has it asks again, and is answered with the link
/// that it opens.
///
/// To ask again from another process, keep the text of [`expose`](Self::expose). It is as secret as the token, which is
/// made from it, from the dashboard's id and from the number of the link: so no text makes a token that was another
/// dashboard's or an older link's. It holds 256 random bits. The type has no `Display`, no `Serialize` and no `Clone`,
/// and its `Debug` prints a redaction.
///
/// Rules: [L2](crate::specification), [L3](crate::specification).
pub struct NewToken {
    dashboard: DashboardId,
    generation: u64,
    text: Zeroizing<String>,
    token: LinkToken,
}

impl NewToken {
    /// The token for the link of this generation, from 32 bytes of a secure generator.
    pub(crate) fn from_random(dashboard: DashboardId, generation: u64, seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let mut text = Zeroizing::new(String::with_capacity(NEW_LENGTH));
        text.push_str(NEW_PREFIX);
        push_base62(&mut text, *seed);
        push_number::<GENERATION_DIGITS>(&mut text, generation);
        push_checksum(&mut text);
        let secret = Sha256::new()
            .chain_update(NEW_DOMAIN)
            .chain_update(dashboard.to_bytes())
            .chain_update(generation.to_be_bytes())
            .chain_update(*seed)
            .finalize();
        Self { dashboard, generation, text, token: LinkToken::from_random(secret.into()) }
    }

    /// Reads the text that [`expose`](Self::expose) gave, for the dashboard that it was made for. For another one it
    /// makes another token.
    ///
    /// # Errors
    /// [`MalformedToken`] for any other text, that of a [`LinkToken`] too.
    pub fn parse(dashboard: DashboardId, text: &str) -> Result<Self, MalformedToken> {
        let digits = checked_digits(text, NEW_PREFIX, NEW_LENGTH)?;
        let (seed, generation) = digits.split_at_checked(SECRET_DIGITS).ok_or(MalformedToken)?;
        let seed = Zeroizing::new(base62_bytes(seed).ok_or(MalformedToken)?);
        let generation = base62_number(generation).ok_or(MalformedToken)?;
        Ok(Self::from_random(dashboard, generation, *seed))
    }

    /// The text to keep until the rotation has answered, and no longer.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The token that will open the link.
    pub const fn token(&self) -> &LinkToken {
        &self.token
    }

    /// The dashboard that it was made for.
    pub const fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    /// The number of the link that it was made for.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }
}

/// Two are the same if they open the same link.
impl PartialEq for NewToken {
    fn eq(&self, other: &Self) -> bool {
        self.token.digest == other.token.digest
    }
}

impl Eq for NewToken {}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewToken(redacted)")
    }
}

/// The SHA-256 digest of a token's secret, domain separated: all that is ever stored of it.
///
/// Its `Debug` shows the first eight hexadecimal digits, enough to recognise a link in a log.
///
/// Rules: [L4](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkDigest([u8; 32]);

impl LinkDigest {
    /// The digest with these bytes, for a store that reads one back.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store and to look up by.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of the token that a text is, without keeping the text.
    pub(crate) fn of_text(text: &str) -> Result<Self, MalformedToken> {
        let digits = checked_digits(text, PREFIX, LENGTH)?;
        let secret = Zeroizing::new(base62_bytes(digits).ok_or(MalformedToken)?);
        Ok(Self::of_secret(&secret))
    }

    fn of_secret(secret: &[u8; 32]) -> Self {
        Self(Sha256::new().chain_update(DOMAIN).chain_update(secret).finalize().into())
    }

    /// A digest that no token has, so that a malformed token costs the same look-up as an unknown one (L9). Of a longer
    /// text than any token, no more is read (G23).
    pub(crate) fn of_malformed(text: &str) -> Self {
        let read = text.as_bytes().get(..TEXT_READ).unwrap_or(text.as_bytes());
        Self(Sha256::new().chain_update(b"dashshare:v1:malformed\0").chain_update(read).finalize().into())
    }
}

impl fmt::Debug for LinkDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkDigest(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

impl Serialize for LinkDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for LinkDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("a link digest is 64 hexadecimal digits"))
    }
}

/// What stands between a prefix and a checksum that is right.
fn checked_digits<'t>(text: &'t str, prefix: &str, length: usize) -> Result<&'t [u8], MalformedToken> {
    let bytes = Some(text.as_bytes()).filter(|bytes| bytes.len() == length).ok_or(MalformedToken)?;
    let (body, checksum) =
        bytes.split_at_checked(length.saturating_sub(CHECKSUM_DIGITS)).ok_or(MalformedToken)?;
    let digits = body.strip_prefix(prefix.as_bytes()).ok_or(MalformedToken)?;
    let is_right = base62_number(checksum) == Some(u64::from(crc32fast::hash(body)));
    if is_right { Ok(digits) } else { Err(MalformedToken) }
}

fn push_checksum(text: &mut String) {
    let checksum = crc32fast::hash(text.as_bytes());
    push_number::<CHECKSUM_DIGITS>(text, u64::from(checksum));
}

/// Appends the big-endian number in `bytes`, most significant digit first, padded to 43 digits.
fn push_base62(text: &mut String, mut bytes: [u8; 32]) {
    let mut digits = [0u8; SECRET_DIGITS];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u16;
        for byte in &mut bytes {
            let value = rest << 8 | u16::from(*byte);
            // `rest` is below 62, so the quotient is below 256.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *digit = u8::try_from(rest).unwrap_or(0);
    }
    text.extend(digits.iter().filter_map(|digit| ALPHABET.get(usize::from(*digit))).map(|c| char::from(*c)));
}

fn push_number<const DIGITS: usize>(text: &mut String, mut number: u64) {
    let mut digits = [0usize; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = usize::try_from(number % 62).unwrap_or(0);
        number /= 62;
    }
    text.extend(digits.iter().filter_map(|digit| ALPHABET.get(*digit)).map(|c| char::from(*c)));
}

const NO_DIGIT: u8 = u8::MAX;

/// The value of each character: a table has no branches to guess wrong.
#[expect(clippy::indexing_slicing, reason = "the compiler runs it")]
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 62 {
        values[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    values
};

fn digit_value(c: u8) -> Option<u8> {
    VALUES.get(usize::from(c)).copied().filter(|value| *value != NO_DIGIT)
}

fn base62_number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, c| number.checked_mul(62)?.checked_add(u64::from(digit_value(*c)?)))
}

/// How many digits a 64-bit number surely holds.
const DIGITS_AT_ONCE: usize = 10;

/// The 256-bit number that 43 digits spell, or `None` when a character is foreign or the number is too large.
fn base62_bytes(digits: &[u8]) -> Option<[u8; 32]> {
    // Least significant first.
    let mut limbs = Zeroizing::new([0u64; 4]);
    for digits in digits.chunks(DIGITS_AT_ONCE) {
        let scale = digits.iter().fold(1u128, |scale, _| scale.wrapping_mul(62));
        let mut carry = u128::from(base62_number(digits)?);
        for limb in limbs.iter_mut() {
            let value = u128::from(*limb).checked_mul(scale)?.checked_add(carry)?;
            *limb = u64::try_from(value & u128::from(u64::MAX)).ok()?;
            carry = value >> 64;
        }
        if carry != 0 {
            return None;
        }
    }
    let mut bytes = [0u8; 32];
    for (eight, limb) in bytes.chunks_exact_mut(8).zip(limbs.iter().rev()) {
        eight.copy_from_slice(&limb.to_be_bytes());
    }
    Some(bytes)
}
