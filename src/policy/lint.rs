//! The lint: rules that can never match, and rules that look like a slip (P6).

use super::{
    catalog,
    document::{Document, Effect, Permission},
    index::{counts, is_mixed, targets},
    tuple::{self, Form, Misshape, Principal, PrincipalKind, Role},
};
use crate::value::{Shown, shown};
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It works, and may not be what was meant.
    Warning,
    /// It can never match. A strict compile refuses it.
    Inert,
}

/// Something that the lint found. Its `Display` says where it is and how to mend it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    policy: String,
    severity: Severity,
    pointer: String,
    sentence: String,
    denies_nothing: bool,
}

impl Finding {
    /// The id of the policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Its place in the document, as a JSON pointer (RFC 6901).
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Whether a deny is without effect by it: what it was to deny stays allowed. Its sentence begins with that.
    ///
    /// Rules: [P6](crate::specification).
    pub fn denies_nothing(&self) -> bool {
        self.denies_nothing
    }

    /// What is the matter, and how to mend it.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy `{}` at {}: {}", Shown(&self.policy), self.pointer, self.sentence)
    }
}

/// Checks one document for rules that can never match, and for what looks like a slip.
///
/// With the tenant's anonymous user, every rule that allows it `any` resource of a kind is a warning; without it, such a
/// rule is one if its policy is aimed at all portal users, of whom the anonymous one is one.
///
/// Rules: [P6](crate::specification).
///
/// ```
/// use dashshare::policy::{Document, Severity, lint};
/// let document = Document::parse(r#"{"id": "p1", "targets": [["run_user"]], "permissions": [
///     {"effect": "allow", "action": ["access"], "resource": ["device", "tag.value", "north", "tag.key", "site"]}
/// ]}"#)?;
/// let findings = lint(&document, None);
/// assert_eq!((findings[0].severity(), findings[0].pointer()), (Severity::Inert, "/permissions/0/resource"));
/// assert!(findings[0].sentence().contains("write `tag.key`, the key, `tag.value`, the value"));
/// # Ok::<(), dashshare::policy::DocumentError>(())
/// ```
pub fn lint(document: &Document, anonymous: Option<&Principal>) -> Vec<Finding> {
    let aims = |kind: &PrincipalKind| targets(document).any(|(of, _)| of == *kind);
    let aimed = PrincipalKind::ALL.into_iter().filter(aims).collect();
    let mut lint = Lint { document, mixed: is_mixed(document), aimed, findings: Vec::new() };
    lint.targets();
    if document.permissions().is_empty() {
        lint.inert("/permissions", "the policy has no rules: add one, or delete the policy".to_owned());
    }
    for (index, rule) in document.permissions().iter().enumerate() {
        lint.rule(index, rule);
    }
    lint.overruled();
    lint.wide_for_visitors(anonymous);
    lint.findings
}

struct Lint<'a> {
    document: &'a Document,
    mixed: bool,
    /// The kinds of principals that it is aimed at.
    aimed: Vec<PrincipalKind>,
    findings: Vec<Finding>,
}

impl<'a> Lint<'a> {
    fn note(&mut self, severity: Severity, pointer: &str, sentence: String) {
        let (policy, pointer) = (self.document.id().to_owned(), pointer.to_owned());
        let sentence = shown(sentence);
        self.findings.push(Finding { policy, severity, pointer, sentence, denies_nothing: false });
    }

    /// What can never match in a rule: of a deny that is said first.
    fn inert_rule(&mut self, effect: Effect, pointer: &str, sentence: &str) {
        let deny = Some("this deny denies nothing").filter(|_| effect == Effect::Deny);
        self.inert_of(deny, pointer, sentence);
    }

    fn inert_of(&mut self, deny: Option<&str>, pointer: &str, sentence: &str) {
        let sentence = deny.map_or_else(|| sentence.to_owned(), |deny| format!("{deny}: {sentence}"));
        self.inert(pointer, sentence);
        if let Some(finding) = self.findings.last_mut() {
            finding.denies_nothing = deny.is_some();
        }
    }

    fn inert(&mut self, pointer: &str, sentence: String) {
        self.note(Severity::Inert, pointer, sentence);
    }

    fn warning(&mut self, pointer: &str, sentence: String) {
        self.note(Severity::Warning, pointer, sentence);
    }

    fn targets(&mut self) {
        // Whom a target does not name, the policy's denies deny nothing.
        let denies = self.document.permissions().iter().any(|rule| rule.effect == Effect::Deny);
        let denies =
            Some("the denies of this policy deny nothing to whom this is to name").filter(|_| denies);
        if self.document.targets().is_empty() {
            self.inert_of(denies, "/targets", "the policy is aimed at nobody: add a target");
        }
        let mut seen = HashSet::new();
        for (index, target) in self.document.targets().iter().enumerate() {
            let pointer = format!("/targets/{index}");
            match tuple::read(target, Role::Target) {
                Err(misshape) => self.inert_of(denies, &pointer, &mend(&misshape, target, Role::Target)),
                Ok((head, _)) if PrincipalKind::of_word(head).is_none() => {
                    let sentence = format!("`{head}` is no kind of target: write `run_user` or `analysis`");
                    self.inert_of(denies, &pointer, &sentence);
                }
                Ok((_, form)) => self.words(&pointer, form),
            }
            if !seen.insert(target) {
                self.warning(&pointer, "this target stands here twice: leave one out".to_owned());
            }
        }
    }

    fn rule(&mut self, index: usize, rule: &'a Permission) {
        let resource = format!("/permissions/{index}/resource");
        let actions = format!("/permissions/{index}/action");
        let read = tuple::read(&rule.resource, Role::Resource);
        match &read {
            Err(misshape) => {
                self.inert_rule(rule.effect, &resource, &mend(misshape, &rule.resource, Role::Resource))
            }
            Ok((head, form)) => {
                if !catalog::is_kind(head) {
                    let sentence = format!(
                        "`{head}` is none of the product's kinds of resources: check how it is spelt"
                    );
                    self.warning(&resource, sentence);
                }
                if *head == "file" && !matches!(form, Form::Any | Form::Path(_)) {
                    let sentence =
                        "the product matches files by path or as a whole: write `path` and a prefix";
                    self.warning(&resource, sentence.to_owned());
                }
                self.words(&resource, *form);
            }
        }
        if rule.action.is_empty() {
            self.inert_rule(rule.effect, &actions, "the rule is about no action: name one");
        }
        let mut seen = HashSet::new();
        for (place, action) in rule.action.iter().enumerate() {
            let pointer = format!("{actions}/{place}");
            if !seen.insert(action) {
                self.warning(&pointer, format!("`{action}` stands here twice: leave one out"));
            }
            if action.trim() != &**action || action.is_empty() {
                self.warning(
                    &pointer,
                    format!("`{action}` is empty or has blanks around it, which count: mend it"),
                );
            }
            if let Ok((head, form)) = &read {
                self.action(&pointer, rule.effect, head, *form, action);
            }
        }
    }

    fn action(&mut self, pointer: &str, effect: Effect, head: &str, form: Form<'_>, action: &str) {
        if !catalog::has(head, action) {
            let sentence = format!("`{head}` has no action `{action}`: {}", known(head));
            return self.inert_rule(effect, pointer, &sentence);
        }
        if action == "create" && matches!(form, Form::Id(_)) {
            let sentence = "what is still to be created has no id: match it by tag, or as a whole";
            return self.inert_rule(effect, pointer, sentence);
        }
        for kind in self.aimed.clone() {
            // A deny is for both kinds, and does no harm where there is nothing to deny.
            if catalog::gives(kind, head, action) || (self.mixed && effect == Effect::Deny) {
                continue;
            }
            let whom = match kind {
                PrincipalKind::RunUser => "portal users",
                PrincipalKind::Analysis => "analyses",
            };
            let sentence = if self.mixed {
                format!(
                    "{whom} have no `{action}` on `{head}`, so this is for the other targets alone: write two policies"
                )
            } else {
                format!(
                    "the product gives {whom} no `{action}` on `{head}`: leave it out if it is not your own"
                )
            };
            self.warning(pointer, sentence);
        }
    }

    /// Words that are empty or have blanks around them: they are compared byte for byte (P5).
    fn words(&mut self, pointer: &str, form: Form<'_>) {
        let words: &[(&str, usize)] = &match form {
            Form::Any => [("", 0), ("", 0)],
            Form::Id(word) | Form::TagMatch(word) | Form::Path(word) => [(word, 2), ("", 0)],
            Form::Tag(key, value) => [(key, 2), (value, 4)],
        };
        for (word, place) in words.iter().filter(|(_, place)| *place > 0) {
            let pointer = format!("{pointer}/{place}");
            match (word.is_empty(), form) {
                (true, Form::Path(_)) => {
                    self.warning(
                        &pointer,
                        "every path begins with an empty prefix: write `[\"file\"]` if all are meant"
                            .to_owned(),
                    );
                }
                (true, _) => self.warning(
                    &pointer,
                    "this is empty, and matches only what is empty too: fill it in".to_owned(),
                ),
                (false, _) if word.trim() != *word => {
                    self.warning(
                        &pointer,
                        format!("`{word}` has blanks around it, which count: take them away"),
                    );
                }
                _ => {}
            }
        }
    }

    /// Allows that a deny of the same policy takes back whole.
    fn overruled(&mut self) {
        let rules = self.document.permissions();
        // The first deny of each action, by its resource, and by its kind if it is of all such resources.
        let mut same: HashMap<(&[Box<str>], &str), usize> = HashMap::new();
        for (index, deny) in rules.iter().enumerate().filter(|(_, rule)| rule.effect == Effect::Deny) {
            for action in &deny.action {
                same.entry((&deny.resource, action)).or_insert(index);
            }
        }
        let mut found = Vec::new();
        for (index, allow) in rules.iter().enumerate().filter(|(_, rule)| rule.effect == Effect::Allow) {
            if tuple::read(&allow.resource, Role::Resource).is_err() {
                continue;
            }
            let deny = |action: &str| {
                let whole = allow.resource.get(..1).unwrap_or_default();
                [&allow.resource, whole]
                    .into_iter()
                    .filter_map(|resource| same.get(&(resource, action)).copied())
                    .min()
            };
            let denies: Option<BTreeSet<usize>> = allow.action.iter().map(|action| deny(action)).collect();
            found.extend(denies.filter(|denies| !denies.is_empty()).map(|denies| (index, denies)));
        }
        for (index, denies) in found {
            let by: Vec<String> = denies.iter().map(ToString::to_string).collect();
            let sentence = match by.as_slice() {
                [by] => format!("rule {by} denies all that this one allows: leave one of them out"),
                by => format!("rules {} together deny all that this one allows", by.join(" and ")),
            };
            self.warning(&format!("/permissions/{index}"), sentence);
        }
    }

    fn wide_for_visitors(&mut self, anonymous: Option<&Principal>) {
        let aimed = targets(self.document).any(|(kind, form)| match anonymous {
            Some(principal) => kind == principal.kind && form.aims_at(principal),
            None => (kind, form) == (PrincipalKind::RunUser, Form::Any),
        });
        if !aimed {
            return;
        }
        let kind = anonymous.map_or(PrincipalKind::RunUser, |principal| principal.kind);
        let lives =
            |effect, head: &str, action: &str| counts(kind, !self.mixed, effect, head, Form::Any, action);
        let wide = |rule: &Permission| {
            rule.effect == Effect::Allow
                && matches!(tuple::read(&rule.resource, Role::Resource), Ok((head, Form::Any))
                    if rule.action.iter().any(|action| lives(rule.effect, head, action)))
        };
        let places: Vec<usize> = self
            .document
            .permissions()
            .iter()
            .enumerate()
            .filter(|(_, rule)| wide(rule))
            .map(|(i, _)| i)
            .collect();
        for index in places {
            let head = self.document.permissions().get(index).and_then(|rule| rule.resource.first());
            let head = head.map_or("", |head| head);
            let sentence = format!(
                "this lets every visitor of a public link at any {head} of the tenant: match by tag or by id"
            );
            self.warning(&format!("/permissions/{index}/resource"), sentence);
        }
    }
}

fn known(head: &str) -> String {
    let words: Vec<String> = catalog::known(head).iter().map(|word| format!("`{word}`")).collect();
    format!("it has {}", words.join(", "))
}

/// What to do about a tuple that is none.
fn mend(misshape: &Misshape, tuple: &[Box<str>], role: Role) -> String {
    let head = tuple.first().map_or("", |head| head);
    let is_file = role == Role::Resource && head == "file";
    match misshape {
        Misshape::Empty => match role {
            Role::Target => "this is empty: write `run_user` or `analysis`".to_owned(),
            Role::Resource => "this is empty: write the kind of resource".to_owned(),
        },
        Misshape::Length(length) if *length > 5 => format!(
            "a tuple of {length} words matches nothing, and is never cut to fit: write one, three or five"
        ),
        Misshape::Length(length) => {
            let three = if is_file { "`path`" } else { "`id`, `tag_match`" };
            format!(
                "a tuple of {length} words matches nothing: write one (any), three ({three}) or five (a tag)"
            )
        }
        Misshape::Swapped => {
            "the words of the tag are the wrong way round: write `tag.key`, the key, `tag.value`, the value"
                .to_owned()
        }
        Misshape::PathElsewhere => match role {
            Role::Target => "a target has no path: match it by `id`, `tag_match` or a tag".to_owned(),
            Role::Resource => {
                format!("`{head}` has no path, only a file has: match it by `id`, `tag_match` or a tag")
            }
        },
        Misshape::UnknownSeparator(word) if tuple.len() == 5 => {
            format!("`{word}` does not belong here: write `tag.key`, the key, `tag.value`, the value")
        }
        Misshape::UnknownSeparator(word) if word == "tag.key" => {
            "a tag has a value too: write `tag.key`, the key, `tag.value`, the value".to_owned()
        }
        Misshape::UnknownSeparator(word) => {
            let others = if is_file { "`path`" } else { "`id` or `tag_match`" };
            format!("`{word}` is no way to match: write {others}")
        }
    }
}
