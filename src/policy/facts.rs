//! A request, with what its tags say of targets and resources: looked up, where a decision of one rule goes through them.

use super::tuple::{Form, Principal, Resource};
use crate::value::Tag;
use hashbrown::{HashMap, HashSet};

/// The tags of a principal or a resource.
#[derive(Default)]
pub(super) struct Tags<'a> {
    pairs: HashSet<(&'a str, &'a str)>,
    values: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Tags<'a> {
    fn of(tags: &'a [Tag]) -> Self {
        let mut found = Self::default();
        for tag in tags {
            found.pairs.insert((&tag.key, &tag.value));
            found.values.entry(&tag.key).or_default().push(&tag.value);
        }
        found
    }

    pub(super) fn has(&self, key: &str, value: &str) -> bool {
        self.pairs.contains(&(key, value))
    }

    /// The values of a key, in their order.
    pub(super) fn values(&self, key: &str) -> &[&'a str] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }
}

/// What is asked, by whom.
pub(super) struct Facts<'a> {
    pub(super) principal: &'a Principal,
    pub(super) action: &'a str,
    pub(super) resource: &'a Resource,
    pub(super) of_principal: Tags<'a>,
    pub(super) of_resource: Tags<'a>,
    /// The keys of which principal and resource share a value.
    common: HashSet<&'a str>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(principal: &'a Principal, action: &'a str, resource: &'a Resource) -> Self {
        let (of_principal, of_resource) = (Tags::of(&principal.tags), Tags::of(&resource.tags));
        let shared = of_resource.pairs.iter().filter(|pair| of_principal.pairs.contains(*pair));
        let common = shared.map(|(key, _)| *key).collect();
        Self { principal, action, resource, of_principal, of_resource, common }
    }

    /// Whether a target of this form aims at the principal, if it is of the right kind.
    pub(super) fn aims(&self, form: Form<'_>) -> bool {
        match form {
            Form::Tag(key, value) => self.of_principal.has(key, value),
            Form::TagMatch(key) => !self.of_principal.values(key).is_empty(),
            form => form.aims_at(self.principal),
        }
    }

    /// Whether a rule of this form is about the resource, if it is of the right kind.
    pub(super) fn is_about(&self, form: Form<'_>) -> bool {
        match form {
            Form::Tag(key, value) => self.of_resource.has(key, value),
            Form::TagMatch(key) => self.common.contains(key),
            form => form.is_about(self.principal, self.resource),
        }
    }
}
