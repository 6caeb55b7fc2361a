//! What may be written as a lock.

use super::{
    meet::Lock,
    selectors::{DeviceSelector, VariableSelector},
    span::MOST_PERIODS,
};
use crate::value::Tag;

/// Why a lock is refused when it is written.
///
/// Rules: [K13](crate::specification), [K25](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LockFault {
    /// Its form alone lets nothing through.
    Empty,
    /// It has more of something than a lock may have.
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

const SELECTORS: usize = 256;
const CLAUSES: usize = 32;
const PARAMETERS: usize = 64;
const NAME_BYTES: usize = 255;
const BYTES: usize = 16 * 1024;
/// As many locks as a path may have.
const MOST_MET: usize = 16;

impl Lock {
    /// Whether it may be written.
    ///
    /// # Errors
    ///
    /// What is the matter, if it may not.
    pub fn check(&self) -> Result<(), LockFault> {
        self.check_size(1)?;
        if self.is_empty() { Err(LockFault::Empty) } else { Ok(()) }
    }

    /// Whether what is left of one lock under others may be kept: the limits are as much larger as a path may have locks,
    /// so that narrowing is not refused because of what was narrowed before.
    pub(crate) fn check_met(&self) -> Result<(), LockFault> {
        self.check_size(MOST_MET)?;
        if self.is_empty() { Err(LockFault::Empty) } else { Ok(()) }
    }

    fn check_size(&self, times: usize) -> Result<(), LockFault> {
        let clauses = self.devices.iter().len().saturating_add(self.variables.iter().len());
        let longest = self.devices.iter().map(<[_]>::len).chain(self.variables.iter().map(<[_]>::len)).max();
        let name = self.names().map(str::len).max();
        let periods = self.time.rolling.whole().chain(self.max_range.whole()).map(|(n, ..)| n).max();
        let bytes = serde_json::to_vec(self).map_or(usize::MAX, |text| text.len());
        let limits = [
            ("clauses", clauses, CLAUSES),
            ("selectors in a clause", longest.unwrap_or(0), SELECTORS),
            ("parameters", self.parameters.len(), PARAMETERS),
            ("bytes of a name", name.unwrap_or(0), NAME_BYTES),
            ("periods", usize::from(periods.unwrap_or(0)), MOST_PERIODS.into()),
            ("bytes in all", bytes, BYTES),
        ];
        let over = limits.into_iter().map(|(what, found, limit)| (what, found, limit.saturating_mul(times)));
        match over.into_iter().find(|(_, found, limit)| found > limit) {
            Some((what, _, limit)) => Err(LockFault::TooLarge { what, limit }),
            None => Ok(()),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let devices = self.devices.iter().flatten().flat_map(|selector| match selector {
            DeviceSelector::Id(id) => [id.as_str(), ""],
            DeviceSelector::Tag(Tag { key, value }) => [key.as_str(), value.as_str()],
        });
        let variables = self.variables.iter().flatten().flat_map(|selector| match selector {
            VariableSelector::Named(name) => [name.as_str(), ""],
            VariableSelector::Of { device, name } => [device.as_str(), name.as_str()],
        });
        let parameters = self
            .parameters
            .iter()
            .flat_map(|(name, values)| [name.as_str()].into_iter().chain(values.iter().map(String::as_str)));
        devices.chain(variables).chain(parameters)
    }
}
