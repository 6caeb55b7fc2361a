//! The index of a policy set: from a principal to the rules aimed at it, and from those to the ones about a resource.

use super::{
    catalog,
    cow::CowMap,
    document::{Document, Effect},
    keys::{CACHED, Hash, Keys, Request, mix},
    tuple::{self, Form, Principal, PrincipalKind, Resource, Role},
};
use hashbrown::HashSet;
use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

/// Above this many rules, what is aimed at one target gets an index of its own.
const SMALL: usize = 96;
/// Up to this many clauses are looked at before the keys of a request are computed.
const TINY: usize = 3;
/// Above this many clauses, a policy's rules are kept once and not under each of its targets.
const COPIED: usize = 4096;

/// One action of one rule of a policy, under one of its targets.
#[derive(Clone)]
pub(super) struct Clause {
    /// The hash of kind, action and form: only what has the request's is looked at closer.
    key: u64,
    pub(super) part: Arc<Part>,
}

/// One action of one rule of a policy, with copies of its words: the document's own are more steps away.
pub(super) struct Part {
    pub(super) document: Document,
    pub(super) rule: u32,
    action: u32,
    /// The first bytes of the policy's id, which mostly tell the order.
    front: u64,
    word: Box<str>,
    kind: Box<str>,
    form: OwnForm,
}

impl Clause {
    fn effect(&self) -> Effect {
        let rule = self.part.document.permissions().get(self.part.rule as usize);
        rule.map_or(Effect::Deny, |rule| rule.effect)
    }

    /// The order in which matching rules are named as the one that decided: whatever was built first (P4).
    fn order(&self, other: &Self) -> Ordering {
        let (one, other) = (&self.part, &other.part);
        let ids = || one.document.id().cmp(other.document.id());
        let places = || (one.rule, one.action).cmp(&(other.rule, other.action));
        one.front.cmp(&other.front).then_with(ids).then_with(places)
    }

    fn matches(&self, request: &Request<'_>) -> bool {
        let Part { word, kind, form, .. } = &*self.part;
        **word == *request.action
            && **kind == *request.resource.kind
            && form.as_form().is_about(request.principal, request.resource)
    }
}

/// Entries by effect, each half in order.
#[derive(Clone, Default)]
struct List {
    denies: Vec<Clause>,
    allows: Vec<Clause>,
}

impl List {
    fn len(&self) -> usize {
        self.denies.len().saturating_add(self.allows.len())
    }

    fn put(&mut self, clause: Clause) {
        let half = match clause.effect() {
            Effect::Deny => &mut self.denies,
            Effect::Allow => &mut self.allows,
        };
        // A set that is built whole comes in order, so that this is the end.
        let place = half.partition_point(|before| before.order(&clause).is_lt());
        half.insert(place, clause);
    }

    /// Takes a document's clauses away, and says how many.
    fn take(&mut self, gone: &Document) -> usize {
        let before = self.len();
        self.denies.retain(|clause| !clause.part.document.is_same(gone));
        self.allows.retain(|clause| !clause.part.document.is_same(gone));
        before.saturating_sub(self.len())
    }

    fn look<'a>(&'a self, found: &mut Found<'a>, mut matches: impl FnMut(&Clause) -> bool) {
        if let Some(deny) = self.denies.iter().find(|clause| matches(clause)) {
            Found::note(&mut found.deny, deny);
        } else if found.deny.is_none()
            && let Some(allow) = self.allows.iter().find(|clause| matches(clause))
        {
            Found::note(&mut found.allow, allow);
        }
    }
}

/// What matched so far.
#[derive(Default)]
pub(super) struct Found<'a> {
    pub(super) deny: Option<&'a Clause>,
    pub(super) allow: Option<&'a Clause>,
}

impl<'a> Found<'a> {
    fn note(found: &mut Option<&'a Clause>, clause: &'a Clause) {
        if found.is_none_or(|before| clause.order(before).is_lt()) {
            *found = Some(clause);
        }
    }
}

/// The rules that are aimed at one target.
#[derive(Clone)]
enum Rules {
    Few(List),
    Many(Box<Many>),
}

#[derive(Clone, Default)]
struct Many {
    by_key: CowMap<(u64, List)>,
    /// How many clauses are about a path of this many bytes; paths are found by their prefixes.
    prefixes: BTreeMap<usize, usize>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::Few(List::default())
    }
}

impl Rules {
    fn is_empty(&self) -> bool {
        match self {
            Self::Few(list) => list.len() == 0,
            Self::Many(many) => many.by_key.len() == 0,
        }
    }

    fn put(&mut self, hasher: &Hash, clauses: Vec<Clause>) {
        if let Self::Few(list) = self
            && list.len().saturating_add(clauses.len()) > SMALL
        {
            let mut many = Many::default();
            let List { denies, allows } = std::mem::take(list);
            denies.into_iter().chain(allows).for_each(|clause| many.put(hasher, clause));
            *self = Self::Many(Box::new(many));
        }
        match self {
            Self::Few(list) => clauses.into_iter().for_each(|clause| list.put(clause)),
            Self::Many(many) => clauses.into_iter().for_each(|clause| many.put(hasher, clause)),
        }
    }

    /// Takes a document away, whose clauses these are.
    fn take(&mut self, hasher: &Hash, gone: &Document, clauses: &[Clause]) {
        match self {
            Self::Few(list) => {
                list.take(gone);
            }
            Self::Many(many) => clauses.iter().for_each(|clause| many.take(hasher, clause)),
        }
    }
}

impl Many {
    /// The key that a clause is kept under, and the length of its path's prefix, if it has one: that takes part.
    fn key(hasher: &Hash, clause: &Clause) -> (u64, Option<usize>) {
        match &clause.part.form {
            OwnForm::Path(prefix) => (mix(clause.key, hasher.word(prefix.as_bytes())), Some(prefix.len())),
            _ => (clause.key, None),
        }
    }

    fn put(&mut self, hasher: &Hash, clause: Clause) {
        let (key, prefix) = Self::key(hasher, &clause);
        if let Some(length) = prefix {
            let count = self.prefixes.entry(length).or_default();
            *count = count.saturating_add(1);
        }
        let put = |(_, list): &mut (u64, List)| {
            list.put(clause);
            true
        };
        self.by_key.change(key, |(of, _)| *of == key, || (key, List::default()), put);
    }

    fn take(&mut self, hasher: &Hash, gone: &Clause) {
        let (key, prefix) = Self::key(hasher, gone);
        let mut taken = 0;
        let take = |(_, list): &mut (u64, List)| {
            taken = list.take(&gone.part.document);
            list.len() > 0
        };
        self.by_key.change(key, |(of, _)| *of == key, || (key, List::default()), take);
        if let Some(length) = prefix
            && let Some(count) = self.prefixes.get_mut(&length)
        {
            *count = count.saturating_sub(taken);
            if *count == 0 {
                self.prefixes.remove(&length);
            }
        }
    }

    fn look<'a>(&'a self, found: &mut Found<'a>, request: &Request<'_>, keys: &Keys) {
        let mut probe = |key: u64| {
            if let Some((_, list)) = self.by_key.find(key, |(of, _)| *of == key) {
                list.look(found, |clause| clause.matches(request));
            }
        };
        match keys.cached() {
            Some(cached) => cached.iter().copied().for_each(&mut probe),
            None => keys.each(request, &mut probe),
        }
        let Some(path) = request.resource.path.as_deref().filter(|_| !self.prefixes.is_empty()) else {
            return;
        };
        for prefix in self.prefixes.keys().map_while(|length| path.as_bytes().get(..*length)) {
            probe(mix(keys.path(), request.hasher.word(prefix)));
        }
    }
}

/// A target, and what is aimed at it.
#[derive(Clone)]
struct Bucket {
    kind: PrincipalKind,
    form: OwnForm,
    rules: Rules,
    /// The rules of policies with many targets, each kept once.
    shared: Vec<(Document, Arc<Rules>)>,
}

#[derive(Clone)]
enum OwnForm {
    Any,
    Id(Box<str>),
    Tag(Box<str>, Box<str>),
    TagMatch(Box<str>),
    Path(Box<str>),
}

impl OwnForm {
    fn of(form: Form<'_>) -> Self {
        match form {
            Form::Any => Self::Any,
            Form::Id(id) => Self::Id(id.into()),
            Form::Tag(key, value) => Self::Tag(key.into(), value.into()),
            Form::TagMatch(key) => Self::TagMatch(key.into()),
            Form::Path(prefix) => Self::Path(prefix.into()),
        }
    }

    fn as_form(&self) -> Form<'_> {
        match self {
            Self::Any => Form::Any,
            Self::Id(id) => Form::Id(id),
            Self::Tag(key, value) => Form::Tag(key, value),
            Self::TagMatch(key) => Form::TagMatch(key),
            Self::Path(prefix) => Form::Path(prefix),
        }
    }

    fn is(&self, form: Form<'_>) -> bool {
        match (self, form) {
            (Self::Any, Form::Any) => true,
            (Self::Id(id), Form::Id(other)) => **id == *other,
            (Self::Tag(key, value), Form::Tag(k, v)) => **key == *k && **value == *v,
            (Self::TagMatch(key), Form::TagMatch(other)) => **key == *other,
            _ => false,
        }
    }
}

/// From targets to rules.
#[derive(Clone, Default)]
pub(super) struct Index {
    hasher: Hash,
    buckets: CowMap<Bucket>,
    kinds: [Counts; 2],
    /// How many policies have a rule that asks for a tag in common.
    matching: usize,
    /// How many have a rule that denies.
    denying: usize,
}

/// What is aimed at principals of one kind.
#[derive(Clone, Copy, Default)]
struct Counts {
    any: usize,
    id: usize,
    tag: usize,
    tag_match: usize,
}

/// What a document aims at, each target once, by kind.
pub(super) fn targets(document: &Document) -> impl Iterator<Item = (PrincipalKind, Form<'_>)> {
    let mut seen = HashSet::new();
    document.targets().iter().filter_map(move |target| {
        let (kind, form) = tuple::read(target, Role::Target).ok()?;
        let kind = PrincipalKind::of_word(kind)?;
        seen.insert((kind, form)).then_some((kind, form))
    })
}

/// Whether a document is aimed at both kinds of principals (P7).
pub(super) fn is_mixed(document: &Document) -> bool {
    PrincipalKind::ALL.into_iter().all(|kind| targets(document).any(|(of, _)| of == kind))
}

/// Whether an action of a rule can ever match for principals of a kind (P6, P7). A policy aimed at both kinds gives to
/// each only what the catalogue has for it; what it denies, it denies to both.
pub(super) fn counts(
    kind: PrincipalKind,
    lends: bool,
    effect: Effect,
    head: &str,
    form: Form<'_>,
    action: &str,
) -> bool {
    catalog::has(head, action)
        && !(action == "create" && matches!(form, Form::Id(_)))
        && (lends || effect == Effect::Deny || catalog::gives(kind, head, action))
}

/// The clauses of a document for principals of a kind.
fn clauses(hasher: &Hash, document: &Document, kind: PrincipalKind) -> Vec<Clause> {
    let lends = !is_mixed(document);
    let mut front = [0; 8];
    front.iter_mut().zip(document.id().bytes()).for_each(|(byte, of)| *byte = of);
    let front = u64::from_be_bytes(front);
    let mut clauses = Vec::new();
    for (rule, permission) in (0_u32..).zip(document.permissions()) {
        let Ok((head, form)) = tuple::read(&permission.resource, Role::Resource) else { continue };
        let hash = hasher.form(form);
        for (action, word) in (0_u32..).zip(&permission.action) {
            if counts(kind, lends, permission.effect, head, form, word) {
                let key = mix(hasher.pair(head, word), hash);
                let part = Part {
                    document: document.clone(),
                    rule,
                    action,
                    front,
                    word: word.clone(),
                    kind: head.into(),
                    form: OwnForm::of(form),
                };
                clauses.push(Clause { key, part: Arc::new(part) });
            }
        }
    }
    clauses
}

impl Index {
    /// An empty index with room for so many targets.
    pub(super) fn with_room_for(targets: usize) -> Self {
        Self { buckets: CowMap::with_room_for(targets), ..Self::default() }
    }

    pub(super) fn hasher(&self) -> &Hash {
        &self.hasher
    }

    /// Puts a document under its targets, or takes it away.
    pub(super) fn put(&mut self, document: &Document, present: bool) {
        if !document.is_active() {
            return;
        }
        let step = |count: &mut usize| {
            *count = if present { count.saturating_add(1) } else { count.saturating_sub(1) };
        };
        let asks_match =
            |tuple: &[Box<str>]| matches!(tuple::read(tuple, Role::Resource), Ok((_, Form::TagMatch(_))));
        if document.permissions().iter().any(|rule| asks_match(&rule.resource)) {
            step(&mut self.matching);
        }
        if document.permissions().iter().any(|rule| rule.effect == Effect::Deny) {
            step(&mut self.denying);
        }
        for kind in PrincipalKind::ALL {
            let aims: Vec<Form<'_>> =
                targets(document).filter(|(of, _)| *of == kind).map(|(_, form)| form).collect();
            let clauses = clauses(&self.hasher, document, kind);
            if aims.is_empty() || clauses.is_empty() {
                continue;
            }
            let Some(counts) = self.kinds.get_mut(kind as usize) else { continue };
            let shared = (aims.len().saturating_mul(clauses.len()) > COPIED && aims.len() > 1).then(|| {
                let mut rules = Rules::default();
                rules.put(&self.hasher, clauses.clone());
                Arc::new(rules)
            });
            for form in aims {
                match form {
                    Form::Any => step(&mut counts.any),
                    Form::Id(_) => step(&mut counts.id),
                    Form::Tag(..) => step(&mut counts.tag),
                    Form::TagMatch(_) => step(&mut counts.tag_match),
                    Form::Path(_) => continue,
                }
                let own = OwnForm::of(form);
                let hasher = &self.hasher;
                self.buckets.change(
                    mix(kind as u64, hasher.form(form)),
                    |bucket| bucket.kind == kind && bucket.form.is(form),
                    || Bucket { kind, form: own, rules: Rules::default(), shared: Vec::new() },
                    |bucket| {
                        match (&shared, present) {
                            (Some(shared), true) => {
                                bucket.shared.push((document.clone(), Arc::clone(shared)));
                            }
                            (Some(_), false) => bucket.shared.retain(|(of, _)| !of.is_same(document)),
                            (None, true) => bucket.rules.put(hasher, clauses.clone()),
                            (None, false) => bucket.rules.take(hasher, document, &clauses),
                        }
                        !bucket.rules.is_empty() || !bucket.shared.is_empty()
                    },
                );
            }
        }
    }

    /// Whether an active policy has a rule that denies.
    pub(super) fn has_denies(&self) -> bool {
        self.denying > 0
    }

    /// The rules that match a request: the first deny and the first allow, by policy id and place.
    pub(super) fn look(&self, principal: &Principal, action: &str, resource: &Resource) -> Found<'_> {
        let request = Request { hasher: &self.hasher, principal, action, resource };
        let mut found = Found::default();
        let Some(counts) = self.kinds.get(principal.kind as usize) else { return found };
        let (mut tiny, mut keys) = (TINY, None);
        let mut aim = |form: Form<'_>| {
            let hash = mix(principal.kind as u64, self.hasher.form(form));
            let Some(bucket) =
                self.buckets.find(hash, |bucket| bucket.kind == principal.kind && bucket.form.is(form))
            else {
                return;
            };
            if let Rules::Few(list) = &bucket.rules
                && keys.is_none()
                && bucket.shared.is_empty()
                && let Some(rest) = tiny.checked_sub(list.len())
            {
                tiny = rest;
                return list.look(&mut found, |clause| clause.matches(&request));
            }
            let keys = keys.get_or_insert_with(|| Keys::of(&request, self.matching > 0));
            look(&bucket.rules, &mut found, &request, keys);
            for (_, rules) in &bucket.shared {
                look(rules, &mut found, &request, keys);
            }
        };
        if counts.any > 0 {
            aim(Form::Any);
        }
        if counts.id > 0 {
            aim(Form::Id(&principal.id));
        }
        if counts.tag > 0 {
            for tag in &principal.tags {
                aim(Form::Tag(&tag.key, &tag.value));
            }
        }
        if counts.tag_match > 0 {
            // A key is looked for once, however often it is carried: what is aimed at it may ask for all its values.
            let many = principal.tags.len() > CACHED;
            let mut seen = HashSet::new();
            for (place, tag) in principal.tags.iter().enumerate() {
                let again = match many {
                    true => !seen.insert(&tag.key),
                    false => principal.tags.iter().take(place).any(|before| before.key == tag.key),
                };
                if !again {
                    aim(Form::TagMatch(&tag.key));
                }
            }
        }
        found
    }
}

fn look<'a>(rules: &'a Rules, found: &mut Found<'a>, request: &Request<'_>, keys: &Keys) {
    match rules {
        Rules::Many(many) => many.look(found, request, keys),
        Rules::Few(list) => match keys.cached() {
            Some(cached) => {
                let bits = keys.bits;
                let may = |key: u64| bits >> (key & 63) & 1 == 1 && cached.contains(&key);
                list.look(found, |clause| may(clause.key) && clause.matches(request));
            }
            None => list.look(found, |clause| clause.matches(request)),
        },
    }
}
