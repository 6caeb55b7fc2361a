//! Pages of lists that nothing bounds.

use crate::value::DashboardId;
use serde::Serialize;
use std::ops::Deref;

/// Which part of a long list is asked for: up to so many entries, from the beginning or after a place.
///
/// Of [`shared_with`](crate::Dashshare::shared_with) and [`owned`](crate::Dashshare::owned), which go through the
/// dashboards of an account by their ids, and of [`offers`](crate::Dashshare::offers) and
/// [`offers_made`](crate::Dashshare::offers_made), which go through clones likewise.
///
/// ```
/// use dashshare::{DashboardId, questions::Page};
/// let first = Page::first(50);
/// let next = Page::first(50).after(DashboardId::from(7u64));
/// assert_ne!(first, next);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The last dashboard of the page before; `None` for the first page.
    pub after: Option<DashboardId>,
    /// How many entries at the most.
    pub limit: usize,
}

impl Page {
    /// The first page, of up to `limit` entries.
    pub const fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// The page that follows: `after` is the [`next`](Paged::next) of the page before.
    #[must_use]
    pub const fn after(self, after: DashboardId) -> Self {
        Self { after: Some(after), ..self }
    }
}

/// A page of a list. It dereferences to the entries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Paged<T> {
    /// The entries, as many as were asked for unless it is the last page.
    pub entries: Vec<T>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<DashboardId>,
}

impl<T> Paged<T> {
    /// The page of these entries, of which there may be one more than was asked for: then it is not the last.
    pub(super) fn of(mut entries: Vec<T>, limit: usize, place: impl Fn(&T) -> DashboardId) -> Self {
        let is_last = entries.len() <= limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| !is_last).map(place);
        Self { entries, next }
    }
}

impl<T> Deref for Paged<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.entries
    }
}

impl<T> IntoIterator for Paged<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
