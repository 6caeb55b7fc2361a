//! The scenario language, documented in `examples/scenario.md`: each line is a command, each answer a JSON object.

// Named, since the tests include this file, too.
#[path = "decisions.rs"]
mod decisions;
#[path = "fields.rs"]
mod fields;
#[path = "offers.rs"]
mod offers;
#[path = "runtime.rs"]
pub(crate) mod runtime;
#[path = "tenants.rs"]
mod tenants;

use dashshare::{
    AccountId, Amendment, Claimed, DashboardId, Dashshare, EmailAddress, Ended, Expiry, FixedEnv, GrantId,
    Holder, MemoryDirectory, NewShare, Refusal, Revision, RevokeMode, Rights, TenantId, Terms, Timestamp,
    directory::Tenant,
    policy::Tag,
    questions::{GrantView, LinkView},
    store::DynStore,
    trail::{Actor, Event, Message},
};
use fields::{Fields, Problem, address, bad, parse};
use runtime::block_on;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A world of its own: every name in it is the scenario's.
pub(crate) struct Engine {
    sharing: Dashshare<Arc<dyn DynStore>, MemoryDirectory, FixedEnv>,
    now: Timestamp,
    line: usize,
    tenants: BTreeMap<String, (TenantId, Tenant)>,
    accounts: Names<AccountId>,
    /// The address that each account last gave, verified or not.
    addresses: BTreeMap<AccountId, EmailAddress>,
    /// The tags that policies know each account by.
    tags: BTreeMap<AccountId, Vec<Tag>>,
    dashboards: Names<DashboardId>,
    grants: Names<(DashboardId, GrantId)>,
    /// The tokens by label, and the label of each dashboard's links by generation.
    tokens: BTreeMap<String, String>,
    links: BTreeMap<(DashboardId, u64), String>,
    next_id: u64,
}

/// Labels and what they stand for, both ways. A label that is given again stands for the newer thing.
struct Names<T> {
    ids: BTreeMap<String, T>,
    labels: BTreeMap<T, String>,
}

impl<T: Ord + Copy> Names<T> {
    fn new() -> Self {
        Self { ids: BTreeMap::new(), labels: BTreeMap::new() }
    }

    fn put(&mut self, label: &str, id: T) {
        self.ids.insert(label.to_owned(), id);
        self.labels.insert(id, label.to_owned());
    }

    fn label(&self, id: T) -> Value {
        self.labels.get(&id).map_or(Value::Null, |label| json!(label))
    }
}

type Answer = Result<Value, Problem>;

impl Engine {
    /// Over a store with nothing in it.
    pub(crate) fn over(store: Arc<dyn DynStore>) -> Self {
        let now = "2026-01-01T00:00:00Z".parse().expect("a constant instant");
        let mut engine = Self {
            sharing: Dashshare::new(store, MemoryDirectory::default(), FixedEnv::new(now, 1)),
            now,
            line: 0,
            tenants: BTreeMap::new(),
            accounts: Names::new(),
            addresses: BTreeMap::new(),
            tags: BTreeMap::new(),
            dashboards: Names::new(),
            grants: Names::new(),
            tokens: BTreeMap::new(),
            links: BTreeMap::new(),
            next_id: 0,
        };
        engine.tenant("default");
        engine
    }

    /// Plays one line and answers it. A line that is not in the language changes nothing, the clock included.
    pub(crate) fn line(&mut self, text: &str) -> Value {
        self.line += 1;
        let mut answer = Map::new();
        answer.insert("line".to_owned(), json!(self.line));
        let played = parse(text).and_then(|fields| self.play(&fields));
        match played {
            Ok(Value::Object(members)) => {
                answer.insert("ok".to_owned(), json!(true));
                answer.extend(members);
            }
            Ok(_) => {
                answer.insert("ok".to_owned(), json!(true));
            }
            Err(problem) => {
                if let Problem::Refused(error) = &problem
                    && let Some(Refusal::SetupIncomplete { missing }) = error.refusal()
                {
                    let steps: Vec<Value> = missing.iter().map(decisions::step).collect();
                    answer.insert("missing".to_owned(), json!(steps));
                }
                if let Problem::Refused(error) = &problem {
                    answer.insert("tell".to_owned(), self.told(&error.tell()));
                }
                let (code, message) = self.describe(problem);
                answer.insert("ok".to_owned(), json!(false));
                answer.insert("refused".to_owned(), json!(code));
                answer.insert("message".to_owned(), json!(message));
            }
        }
        Value::Object(answer)
    }

    fn describe(&self, problem: Problem) -> (&'static str, String) {
        match problem {
            Problem::BadLine(reason) => ("bad_line", reason),
            Problem::BadEmail(text, error) => {
                let text: String = text.chars().take(64).collect();
                ("bad_email", format!("`{text}` is not an e-mail address: {error}"))
            }
            Problem::Refused(error) => match error.refusal() {
                Some(Refusal::OwnsDashboards { dashboards }) => {
                    let labels: Vec<String> = dashboards
                        .iter()
                        .filter_map(|id| self.dashboards.labels.get(id))
                        .map(|label| format!("`{label}`"))
                        .collect();
                    ("owns_dashboards", format!("the account still owns {}", labels.join(", ")))
                }
                Some(refusal) => (refusal.code(), refusal.to_string()),
                None => ("failed", error.to_string()),
            },
        }
    }

    fn play(&mut self, fields: &Fields) -> Answer {
        let verb = fields.text("do")?;
        let at = fields.optional("at", Fields::instant)?;
        if let Some(at) = at
            && at < self.now
        {
            return bad(format!("`at` is {at}, which lies before {}", self.now));
        }
        let before = self.now;
        self.set_clock(at.unwrap_or(self.now));
        let answer = self.run(verb, fields);
        if matches!(answer, Err(Problem::BadLine(_))) {
            self.set_clock(before);
        }
        answer
    }

    fn set_clock(&mut self, now: Timestamp) {
        self.now = now;
        self.sharing.env().set(now);
    }

    fn run(&mut self, verb: &str, fields: &Fields) -> Answer {
        match verb {
            "dashboard" => self.dashboard(fields),
            "rules" => self.rules(fields),
            "portal" => self.portal(fields),
            "anonymous" => self.anonymous(fields),
            "policies" => self.policies(fields),
            "account" => self.account_line(fields),
            "share" => self.share(fields),
            "amend" => self.amend(fields),
            "revoke" => self.revoke(fields),
            "stop_sharing" => self.stop_sharing(fields),
            "renounce" => self.renounce(fields),
            "claim" => self.claim(fields),
            "transfer" => self.transfer(fields),
            "delete_dashboard" => self.delete_dashboard(fields),
            "delete_account" => self.delete_account(fields),
            "offer" => self.offer(fields),
            "offers" => self.offers(fields),
            "offers_made" => self.offers_made(fields),
            "take_offer" => self.take_offer(fields),
            "decline_offer" => self.decline_offer(fields),
            "withdraw_offer" => self.withdraw_offer(fields),
            "rotate_link" => self.rotate_link(fields),
            "pause_link" | "resume_link" | "withdraw_link" => self.change_link(verb, fields),
            "visit" => self.visit(fields),
            "check" => self.check(fields),
            "setup" => self.setup(fields),
            "list" => self.list(fields),
            "impact" => self.impact(fields),
            "shared_with_me" => self.shared_with_me(fields),
            "losing" => self.losing(fields),
            "remind" => self.remind(fields),
            "diagnose_link" => self.diagnose_link(fields),
            "audit" => self.audit(fields),
            "outbox" => self.outbox(),
            other => bad(format!("`do` has no value `{other}`")),
        }
    }

    // What the world is made of.

    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn account(&mut self, label: &str) -> Result<AccountId, Problem> {
        if label.is_empty() || label.contains('@') {
            return bad(format!("`{label}` is not the name of an account"));
        }
        if let Some(id) = self.accounts.ids.get(label) {
            return Ok(*id);
        }
        let id = AccountId::from(self.fresh());
        self.accounts.put(label, id);
        self.sharing.directory().add_account(id);
        self.introduce(id);
        Ok(id)
    }

    fn holder(&mut self, name: &str) -> Result<Holder, Problem> {
        if !name.contains('@') {
            return Ok(self.account(name)?.into());
        }
        address(name).map(Holder::from)
    }

    fn dashboard_named(&mut self, fields: &Fields) -> Result<DashboardId, Problem> {
        Ok(self.dashboard_of(fields.text("dashboard")?))
    }

    fn by(&mut self, fields: &Fields) -> Result<AccountId, Problem> {
        self.account(fields.text("by")?)
    }

    fn grant_named(&mut self, fields: &Fields) -> Result<(DashboardId, GrantId), Problem> {
        let label = fields.text("grant")?;
        // A label that names nothing is an unknown grant, which is for the library to say.
        let unknown = || (DashboardId::from(0u64), GrantId::from(0u64));
        Ok(self.grants.ids.get(label).copied().unwrap_or_else(unknown))
    }

    // The commands.

    fn dashboard(&mut self, fields: &Fields) -> Answer {
        let tenant = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        let owner = fields.text("owner")?;
        let dashboard = self.dashboard_named(fields)?;
        let (tenant, owner) = (self.tenant(tenant), self.account(owner)?);
        let described = Self::description(fields)?;
        block_on(self.sharing.register(dashboard, tenant, owner))?;
        self.describe_dashboard(dashboard, described);
        Ok(json!({}))
    }

    fn account_line(&mut self, fields: &Fields) -> Answer {
        let label = fields.text("account")?;
        let address = fields.optional("email", Fields::text)?.map(address).transpose()?;
        let verified = fields.optional("verified", Fields::flag)?;
        let tags = fields.optional("tags", Fields::tags)?;
        let account = self.account(label)?;
        if let Some(tags) = tags {
            self.tags.insert(account, tags);
            self.introduce(account);
        }
        if let Some(address) = address {
            let before = self.addresses.insert(account, address.clone());
            if let Some(before) = before.filter(|before| *before != address) {
                self.sharing.directory().forget_email(account, &before);
            }
        }
        let address = self.addresses.get(&account).cloned();
        match (address, verified) {
            (Some(address), Some(true)) => self.sharing.directory().verify_email(account, address, self.now),
            (Some(address), Some(false)) => self.sharing.directory().forget_email(account, &address),
            (None, Some(true)) => return bad("`verified` needs an `email`"),
            _ => {}
        }
        Ok(json!({}))
    }

    fn share(&mut self, fields: &Fields) -> Answer {
        let label = fields.optional("as", Fields::text)?.map_or(format!("g{}", self.line), str::to_owned);
        let with = fields.text("with")?;
        let rights = fields.rights("rights")?;
        let reshare = fields.optional("reshare", Fields::flag)?.unwrap_or(false);
        let terms = Terms::of(rights, fields.expiry("expiry")?).reshare(reshare);
        let from = fields.optional("from", Fields::text)?;
        let (dashboard, by, with) = (self.dashboard_named(fields)?, self.by(fields)?, self.holder(with)?);
        let mut share = NewShare::with(with, terms);
        if let Some(from) = from {
            let known = self.grants.ids.get(from).map_or(GrantId::from(0u64), |(_, grant)| *grant);
            share = share.on_from(known);
        }
        let shared = block_on(self.sharing.share(by, dashboard, share))?;
        if !shared.standing {
            self.grants.put(&label, (dashboard, shared.grant));
        }
        Ok(json!({
            "grant": self.grant_label(dashboard, shared.grant),
            "invited": shared.invited,
            "standing": shared.standing,
            "ends": shared.ends.at(),
        }))
    }

    fn amend(&mut self, fields: &Fields) -> Answer {
        let mut amendment = Amendment::default();
        amendment.rights = fields.optional("rights", Fields::rights)?;
        amendment.reshare = fields.optional("reshare", Fields::flag)?;
        amendment.expiry = fields.optional("expiry", Fields::expiry)?;
        let ((dashboard, grant), by) = (self.grant_named(fields)?, self.by(fields)?);
        let amended = block_on(self.sharing.amend(by, dashboard, grant, amendment))?;
        Ok(
            json!({ "ends": amended.ends.at(), "fell": self.grant_labels(dashboard, &amended.fell), "link_fell": amended.link_fell }),
        )
    }

    fn revoke(&mut self, fields: &Fields) -> Answer {
        let mode = match fields.optional("mode", Fields::text)? {
            None | Some("cascade") => RevokeMode::Cascade,
            Some("rebind") => RevokeMode::Rebind,
            Some(other) => return bad(format!("`mode` is `cascade` or `rebind`, not `{other}`")),
        };
        let ((dashboard, grant), by) = (self.grant_named(fields)?, self.by(fields)?);
        let ended = block_on(self.sharing.revoke(by, dashboard, grant, mode))?;
        let mut answer = self.ended(dashboard, &ended);
        if mode == RevokeMode::Rebind {
            let mut rebound = Map::new();
            for (old, new) in &ended.rebound {
                let old = self.grant_text(dashboard, *old);
                let label = self.rebound_label(&old);
                self.grants.put(&label, (dashboard, *new));
                rebound.insert(old, json!(label));
            }
            answer["rebound"] = Value::Object(rebound);
        }
        Ok(answer)
    }

    /// `g3` is re-issued as `g3~2`, that as `g3~3`.
    fn rebound_label(&self, old: &str) -> String {
        let stem = old.split('~').next().unwrap_or(old);
        (2..)
            .map(|n| format!("{stem}~{n}"))
            .find(|label| !self.grants.ids.contains_key(label))
            .unwrap_or_default()
    }

    fn stop_sharing(&mut self, fields: &Fields) -> Answer {
        let with = fields.text("with")?;
        let (dashboard, by, with) = (self.dashboard_named(fields)?, self.by(fields)?, self.holder(with)?);
        let ended = block_on(self.sharing.stop_sharing(by, dashboard, with))?;
        Ok(self.ended(dashboard, &ended))
    }

    fn renounce(&mut self, fields: &Fields) -> Answer {
        let ((dashboard, grant), by) = (self.grant_named(fields)?, self.by(fields)?);
        let ended = block_on(self.sharing.renounce(by, dashboard, grant))?;
        Ok(self.ended(dashboard, &ended))
    }

    fn claim(&mut self, fields: &Fields) -> Answer {
        let address = address(fields.text("email")?)?;
        let account = self.account(fields.text("account")?)?;
        let claimed = block_on(self.sharing.claim(account, &address))?;
        let labels = |found: fn(&Claimed) -> &[GrantId]| -> Vec<Value> {
            claimed.iter().flat_map(|done| self.grant_labels(done.dashboard, found(done))).collect()
        };
        Ok(json!({ "grants": labels(|it| &it.grants), "ended": labels(|it| &it.ended) }))
    }

    fn transfer(&mut self, fields: &Fields) -> Answer {
        let keep = fields.optional("keep", Fields::rights)?.unwrap_or(Rights::NONE);
        let label = fields.optional("as", Fields::text)?.map_or(format!("g{}", self.line), str::to_owned);
        let to = fields.text("to")?;
        let (dashboard, by, to) = (self.dashboard_named(fields)?, self.by(fields)?, self.account(to)?);
        let transferred = block_on(self.sharing.transfer(by, dashboard, to, keep))?;
        if let Some(kept) = transferred.kept {
            self.grants.put(&label, (dashboard, kept));
        }
        let kept = transferred.kept.map(|_| label);
        Ok(json!({ "fell": self.grant_labels(dashboard, &transferred.fell), "kept": kept }))
    }

    fn delete_dashboard(&mut self, fields: &Fields) -> Answer {
        let by = match fields.optional("by", Fields::text)? {
            Some(by) => Actor::Account(self.account(by)?),
            None => Actor::Host,
        };
        let dashboard = self.dashboard_named(fields)?;
        let ended = block_on(self.sharing.delete_dashboard(by, dashboard))?;
        self.forget_dashboard(dashboard);
        Ok(self.ended(dashboard, &ended))
    }

    fn delete_account(&mut self, fields: &Fields) -> Answer {
        let label = fields.text("account")?;
        let account = self.account(label)?;
        let ended = block_on(self.sharing.delete_account(account))?;
        self.sharing.directory().remove_account(account);
        // The name is free again, for somebody else.
        self.accounts.ids.remove(label);
        self.addresses.remove(&account);
        let fell: Vec<Value> =
            ended.iter().flat_map(|done| self.grant_labels(done.dashboard, &done.fell)).collect();
        Ok(json!({ "fell": fell }))
    }

    fn rotate_link(&mut self, fields: &Fields) -> Answer {
        let label = fields.optional("as", Fields::text)?.map_or(format!("k{}", self.line), str::to_owned);
        let expiry = fields.expiry("expiry")?;
        let (dashboard, by) = (self.dashboard_named(fields)?, self.by(fields)?);
        let link = block_on(self.sharing.rotate_link(by, dashboard, expiry))?;
        self.tokens.insert(label.clone(), link.token.expose().to_owned());
        self.links.insert((dashboard, link.generation), label.clone());
        Ok(json!({ "token": label, "ends": link.ends.at() }))
    }

    fn change_link(&mut self, verb: &str, fields: &Fields) -> Answer {
        let (dashboard, by) = (self.dashboard_named(fields)?, self.by(fields)?);
        match verb {
            "pause_link" => block_on(self.sharing.pause_link(by, dashboard))?,
            "resume_link" => block_on(self.sharing.resume_link(by, dashboard))?,
            _ => block_on(self.sharing.withdraw_link(by, dashboard))?,
        };
        Ok(json!({}))
    }

    // The questions.

    /// A sentence of the library names grants by their ids; here they have labels.
    fn with_labels(&self, sentence: String) -> String {
        self.grants.labels.iter().fold(sentence, |text, ((_, grant), label)| {
            let id = grant.to_string();
            if text.contains(&id) { text.replace(&id, label) } else { text }
        })
    }

    fn list(&mut self, fields: &Fields) -> Answer {
        let as_of = fields.optional("as_of", Fields::instant)?;
        let (dashboard, by) = (self.dashboard_named(fields)?, self.by(fields)?);
        let list = match as_of {
            Some(at) => block_on(self.sharing.as_of(at).access_list(by, dashboard))?,
            None => block_on(self.sharing.access_list(by, dashboard))?,
        };
        let grants: Vec<Value> = list.grants.iter().map(|grant| self.grant_view(dashboard, grant)).collect();
        let link = list.link.as_ref().map(|link| self.link_view(dashboard, link));
        Ok(json!({ "owner": self.accounts.label(list.owner), "grants": grants, "link": link }))
    }

    fn grant_view(&self, dashboard: DashboardId, view: &GrantView) -> Value {
        json!({
            "grant": self.grant_label(dashboard, view.grant),
            "grantor": self.accounts.label(view.grantor),
            "grantee": self.holder_label(&view.grantee),
            "pending": view.pending,
            "rights": view.rights,
            "reshare": view.reshare,
            "expiry": expiry(view.expiry),
            "ends": view.ends.at(),
            "depth": view.depth(),
            "path": self.grant_labels(dashboard, &view.path),
        })
    }

    fn link_view(&self, dashboard: DashboardId, link: &LinkView) -> Value {
        json!({
            "token": self.link_label(dashboard, link.generation),
            "maker": self.accounts.label(link.maker),
            "grant": link.grant.map(|grant| self.grant_label(dashboard, grant)),
            "expiry": expiry(link.expiry),
            "ends": link.ends.at(),
            "paused": link.paused,
        })
    }

    fn impact(&mut self, fields: &Fields) -> Answer {
        let ((dashboard, grant), by) = (self.grant_named(fields)?, self.by(fields)?);
        let impact = block_on(self.sharing.impact_of_revoking(by, dashboard, grant))?;
        let names = |accounts: Vec<AccountId>| {
            let mut names: Vec<String> =
                accounts.iter().filter_map(|account| self.accounts.labels.get(account).cloned()).collect();
            names.sort();
            names
        };
        let links: Vec<Value> =
            impact.link.iter().map(|link| self.link_label(dashboard, link.generation)).collect();
        let invitations: Vec<Value> =
            impact.invitations.iter().map(|holder| self.holder_label(holder)).collect();
        Ok(json!({
            "lose": names(impact.lose),
            "keep": names(impact.keep.into_iter().map(|(account, _)| account).collect()),
            "invitations": invitations,
            "links": links,
        }))
    }

    fn shared_with_me(&mut self, fields: &Fields) -> Answer {
        let as_of = fields.optional("as_of", Fields::instant)?;
        let who = self.account(fields.text("who")?)?;
        let shared = match as_of {
            Some(at) => block_on(self.sharing.as_of(at).shared_with(who))?,
            None => block_on(self.sharing.shared_with(who))?,
        };
        let dashboards: Vec<Value> = shared
            .iter()
            .map(|shared| {
                json!({
                    "dashboard": self.dashboards.label(shared.dashboard),
                    "owner": self.accounts.label(shared.owner),
                    "rights": shared.rights,
                    "reshare": shared.reshare,
                    "ends": shared.ends.at(),
                    "grants": self.grant_labels(shared.dashboard, &shared.grants),
                })
            })
            .collect();
        Ok(json!({ "dashboards": dashboards }))
    }

    fn losing(&mut self, fields: &Fields) -> Answer {
        let until = self.now.plus_days(fields.days("days")?);
        let dashboard = self.dashboard_named(fields)?;
        let losing = block_on(self.sharing.losing_access(dashboard, until))?;
        let losing: Vec<Value> = losing
            .iter()
            .map(|losing| json!({ "who": self.accounts.label(losing.account), "ends": losing.ends }))
            .collect();
        Ok(json!({ "losing": losing }))
    }

    fn remind(&mut self, fields: &Fields) -> Answer {
        let until = self.now.plus_days(fields.days("days")?);
        let dashboard = self.dashboard_named(fields)?;
        let told = block_on(self.sharing.remind(dashboard, until))?;
        Ok(json!({ "grants": self.grant_labels(dashboard, &told) }))
    }

    fn audit(&mut self, fields: &Fields) -> Answer {
        let dashboard = self.dashboard_named(fields)?;
        let mut records = Vec::new();
        let mut after = Revision::ZERO;
        loop {
            let page = block_on(self.sharing.audit(Actor::Host, dashboard, after, 100))?;
            let Some(last) = page.last() else { break };
            after = last.revision;
            records.extend(page);
        }
        let records: Vec<Value> = records
            .iter()
            .map(|record| {
                let by = match record.actor {
                    Actor::Account(account) => self.accounts.label(account),
                    Actor::Host => json!("host"),
                };
                let (event, grants) = self.event(dashboard, &record.event);
                json!({
                    "revision": record.revision,
                    "at": record.at,
                    "by": by,
                    "event": event,
                    "grants": grants,
                    "fell": self.grant_labels(dashboard, &record.fell),
                    "link_fell": record.link_fell.map(|generation| self.link_label(dashboard, generation)),
                })
            })
            .collect();
        Ok(json!({ "records": records }))
    }

    /// An event's name, and the grants that it is about.
    fn event(&self, dashboard: DashboardId, event: &Event) -> (&'static str, Vec<Value>) {
        let (name, grants) = match event {
            Event::Registered { .. } => ("registered", vec![]),
            Event::Shared { grant, .. } => ("shared", vec![*grant]),
            Event::Amended { grant, .. } => ("amended", vec![*grant]),
            Event::Revoked { grant, rebound } => {
                ("revoked", [*grant].into_iter().chain(rebound.iter().map(|(_, new)| *new)).collect())
            }
            Event::Stopped { .. } => ("stopped", vec![]),
            Event::Renounced { grant } => ("renounced", vec![*grant]),
            Event::Claimed { grants, .. } => ("claimed", grants.clone()),
            Event::Transferred { kept, .. } => ("transferred", kept.iter().copied().collect()),
            Event::Deleted => ("deleted", vec![]),
            Event::AccountDeleted { .. } => ("account_deleted", vec![]),
            Event::LinkRotated { .. } => ("link_rotated", vec![]),
            Event::LinkPaused { .. } => ("link_paused", vec![]),
            Event::LinkResumed { .. } => ("link_resumed", vec![]),
            Event::LinkWithdrawn { .. } => ("link_withdrawn", vec![]),
            Event::Offered { .. } => ("offered", vec![]),
            Event::OfferTaken { .. } => ("offer_taken", vec![]),
            Event::OfferDeclined => ("offer_declined", vec![]),
            Event::OfferWithdrawn => ("offer_withdrawn", vec![]),
            Event::Reminded { grants } => ("reminded", grants.clone()),
            Event::Fell { .. } => ("fell", Vec::new()),
            _ => ("unknown", vec![]),
        };
        (name, self.grant_labels(dashboard, &grants))
    }

    fn outbox(&mut self) -> Answer {
        let mut messages = Vec::new();
        let mut after = None;
        loop {
            let page = block_on(self.sharing.outbox(after, 100))?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            messages.extend(page);
        }
        // The store orders by dashboard; a reader of a story wants it by time.
        messages.sort_by_key(|message| (message.at, message.id));
        let messages: Vec<Value> = messages
            .iter()
            .map(|sent| {
                let dashboard = sent.id.dashboard;
                let mut said = self.message(dashboard, &sent.message);
                said["at"] = json!(sent.at);
                said["dashboard"] = self.dashboards.label(dashboard);
                said
            })
            .collect();
        Ok(json!({ "messages": messages }))
    }

    fn message(&self, dashboard: DashboardId, message: &Message) -> Value {
        match message {
            Message::Invited { grant, by, address, lapses } => json!({
                "kind": "invited", "grant": self.grant_label(dashboard, *grant), "by": self.accounts.label(*by),
                "to": address, "lapses": lapses,
            }),
            Message::Shared { grant, by, to, terms } => json!({
                "kind": "shared", "grant": self.grant_label(dashboard, *grant), "by": self.accounts.label(*by),
                "to": self.accounts.label(*to), "rights": terms.rights, "expiry": expiry(terms.expiry),
            }),
            Message::Offered { by, to, ends, message, devices } => json!({
                "kind": "offered", "by": self.accounts.label(*by), "to": self.holder_label(to),
                "ends": ends.at(), "message": message, "devices": devices,
            }),
            Message::OfferAnswered { to, taken } => json!({
                "kind": "offer_answered", "to": self.accounts.label(*to), "taken": taken,
            }),
            Message::OfferWithdrawn { to } => {
                json!({ "kind": "offer_withdrawn", "to": self.holder_label(to) })
            }
            Message::Expiring { grant, to, ends } => json!({
                "kind": "expiring", "grant": self.grant_label(dashboard, *grant), "to": self.holder_label(to), "ends": ends,
            }),
            Message::Ended { lost } => {
                let lost: Vec<Value> = lost
                    .iter()
                    .map(|(who, grants)| {
                        json!({ "to": self.holder_label(who), "grants": self.grant_labels(dashboard, grants) })
                    })
                    .collect();
                json!({ "kind": "ended", "lost": lost })
            }
            _ => json!({}),
        }
    }

    // Labels for ids.

    fn ended(&self, dashboard: DashboardId, ended: &Ended) -> Value {
        json!({ "fell": self.grant_labels(dashboard, &ended.fell), "link_fell": ended.link_fell })
    }

    fn grant_label(&self, dashboard: DashboardId, grant: GrantId) -> Value {
        self.grants.label((dashboard, grant))
    }

    fn grant_text(&self, dashboard: DashboardId, grant: GrantId) -> String {
        self.grants.labels.get(&(dashboard, grant)).cloned().unwrap_or_default()
    }

    fn grant_labels(&self, dashboard: DashboardId, grants: &[GrantId]) -> Vec<Value> {
        grants.iter().map(|grant| self.grant_label(dashboard, *grant)).collect()
    }

    fn holder_label(&self, holder: &Holder) -> Value {
        match holder {
            Holder::Account(account) => self.accounts.label(*account),
            Holder::Address(address) => json!(address),
        }
    }

    fn link_label(&self, dashboard: DashboardId, generation: u64) -> Value {
        self.links.get(&(dashboard, generation)).map_or(Value::Null, |label| json!(label))
    }
}

fn expiry(expiry: Expiry) -> Value {
    expiry.at().map_or(json!("never"), |end| json!(end))
}
