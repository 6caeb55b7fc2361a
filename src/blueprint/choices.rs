//! What is asked for: choices by name, kept selections, and how little is to be filled (B5, B9, B11).

use super::{
    address::{self, AddressError, LONGEST, MOST_PAIRS},
    kept::Kept,
};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

/// What a page asks of the slots of a blueprint.
///
/// ```
/// use dashshare::blueprint::Choices;
/// let choices = Choices::parse("Site=siteA&Sensor=b1&tab=3")?;
/// assert!(Choices::parse(&"x=1&".repeat(65)).is_err());
/// # let _ = choices;
/// # Ok::<(), dashshare::blueprint::AddressError>(())
/// ```
///
/// Its `Debug` shows no pair: other parts of an address may be secrets.
///
/// Rules: [B5](crate::specification), [B9](crate::specification).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// Names with values, in any order; `None` for a value that names nothing.
    pairs: Vec<(String, Option<String>)>,
    pub(super) kept: Option<Kept>,
    pub(super) named_only: bool,
    pub(super) fixed: BTreeMap<String, BTreeSet<String>>,
}

/// What was said of a slot by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named<'a> {
    /// Nothing.
    Not,
    /// To leave it open.
    Nothing,
    /// Something that cannot be: it was named twice, or the value is no text.
    Wrongly,
    Device(&'a str),
}

impl fmt::Debug for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Choices({} pairs)", self.pairs.len())
    }
}

impl Choices {
    /// The choices of an address: the part behind the `?`, as it came. Names and values are decoded once; names that are
    /// no slot's take no part, and neither does their order.
    ///
    /// # Errors
    /// For more than 64 pairs or 8,192 bytes.
    ///
    /// Rules: [B9](crate::specification).
    pub fn parse(query: &str) -> Result<Self, AddressError> {
        let pairs = address::read(query)?;
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
        Ok(Self { pairs, ..Self::default() })
    }

    /// Choices whose names and values somebody else has decoded, such as a web framework. To drop what is named twice
    /// is not for that framework: give every pair that it has read.
    ///
    /// # Errors
    /// For more than 64 pairs, or 8,192 bytes of names and values.
    ///
    /// Rules: [B9](crate::specification).
    pub fn of<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, AddressError> {
        let (mut read, mut bytes) = (Vec::new(), 0_usize);
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
            if read.len() >= MOST_PAIRS {
                return Err(AddressError::TooManyPairs);
            }
            if bytes > LONGEST {
                return Err(AddressError::TooLong { bytes });
            }
            read.push((name, Some(value)));
        }
        Ok(Self { pairs: read, ..Self::default() })
    }

    /// The same with a device for one slot. A slot that was named already is named twice by that, and refused.
    #[must_use]
    pub fn choose(mut self, slot: impl Into<String>, device: impl Into<String>) -> Self {
        self.pairs.push((slot.into(), Some(device.into())));
        self
    }

    /// The same for whoever reads a device in a slot: the page that it stands on may have named it there already.
    pub(crate) fn reading(self, slot: &str, device: &str) -> Self {
        if self.names(slot, device) { self } else { self.choose(slot, device) }
    }

    /// Whether they name this device for a slot, and nothing else.
    pub(crate) fn names(&self, slot: &str, device: &str) -> bool {
        self.of_slot(slot) == Named::Device(device)
    }

    /// The same with what was chosen before, for the slots that are not named now.
    ///
    /// Rules: [B10](crate::specification).
    #[must_use]
    pub fn keeping(self, kept: Kept) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// The same, with nothing filled that is not named.
    ///
    /// Rules: [B6](crate::specification).
    #[must_use]
    pub fn named_only(self) -> Self {
        Self { named_only: true, ..self }
    }

    /// The same, with nothing but these devices for a slot, as a lock does it: it can only narrow. One device alone counts as named.
    /// Said twice of a slot, only what both times was among them is left.
    ///
    /// Rules: [B11](crate::specification).
    #[must_use]
    pub fn only<D: Into<String>>(
        mut self,
        slot: impl Into<String>,
        devices: impl IntoIterator<Item = D>,
    ) -> Self {
        let devices: BTreeSet<String> = devices.into_iter().map(Into::into).collect();
        match self.fixed.entry(slot.into()) {
            Entry::Vacant(place) => {
                place.insert(devices);
            }
            Entry::Occupied(mut place) => {
                place.get_mut().retain(|device| devices.contains(device));
            }
        }
        self
    }

    /// What was said of a slot by name (B5, B9).
    pub(super) fn of_slot(&self, slot: &str) -> Named<'_> {
        let mut found = self.pairs.iter().filter(|(name, _)| name == slot);
        match (found.next(), found.next()) {
            (None, _) => Named::Not,
            (Some((_, Some(device))), None) if device.is_empty() => Named::Nothing,
            (Some((_, Some(device))), None) => Named::Device(device),
            _ => Named::Wrongly,
        }
    }
}
