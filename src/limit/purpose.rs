//! What limits are for.

/// What a limit is for.
///
/// Rules: [R4](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Purpose {
    /// Visits that are not let in.
    Visits,
    /// Passphrases that are tried.
    Passphrases,
    /// Claims of invitations.
    Claims,
    /// Invitations and offers that are mailed to an address.
    Invitations,
    /// Links that are made.
    Rotations,
    /// Downloads.
    Exports,
    /// Loads of data.
    Loads,
}

impl Purpose {
    /// How many there are.
    pub(super) const COUNT: usize = 7;

    /// Whether it keeps somebody from guessing. What guards is judged in the process when a shared limiter does not answer,
    /// and never let pass.
    ///
    /// Rules: [R6](crate::specification).
    pub const fn guards(self) -> bool {
        matches!(self, Self::Visits | Self::Passphrases | Self::Claims)
    }

    /// Its place among all.
    pub(super) const fn place(self) -> usize {
        self as usize
    }
}
