//! The scenario language, documented in `examples/scenario.md`: each line is a command, each answer a JSON object.
//!
//! A line is read whole before anything is done: what reads borrows the world and cannot change it, and what it gives
//! back to be done can be refused by the library and no longer be a bad line.

// Named, since the tests include this file, too.
#[path = "blueprints.rs"]
mod blueprints;
#[path = "data.rs"]
mod data;
#[path = "decisions.rs"]
mod decisions;
#[path = "fields.rs"]
mod fields;
#[path = "links.rs"]
mod links;
#[path = "mails.rs"]
mod mails;
#[path = "meters.rs"]
mod meters;
#[path = "offers.rs"]
mod offers;
#[path = "questions.rs"]
mod questions;
#[path = "runtime.rs"]
pub(crate) mod runtime;
#[path = "sharing.rs"]
mod sharing;
#[path = "tenants.rs"]
mod tenants;
#[path = "transfers.rs"]
mod transfers;
#[path = "wanted.rs"]
mod wanted;
#[path = "world.rs"]
mod world;

use dashshare::{
    AccountId, DashboardId, Dashshare, EmailAddress, Error, FixedEnv, GrantId, MemoryDirectory, Meter,
    Refusal, TenantId, Timestamp,
    directory::Tenant,
    limits::Client,
    metering::{MemoryLedger, MemoryPlans},
    policy::Tag,
    store::DynStore,
};
use fields::{Fields, Problem, bad, parse};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A world of its own: every name in it is the scenario's.
pub(crate) struct Engine {
    sharing: Dashshare<Arc<dyn DynStore>, MemoryDirectory, FixedEnv>,
    /// Asks for its plans each time, so that what a line says of one counts for the next.
    meter: Meter<MemoryLedger, MemoryPlans, FixedEnv>,
    /// How many plans each tenant has had.
    versions: BTreeMap<TenantId, u32>,
    tickets: meters::Tickets,
    /// Whether unknown members and labels are mistakes.
    strict: bool,
    now: Timestamp,
    line: usize,
    tenants: BTreeMap<String, (TenantId, Tenant)>,
    accounts: Names<AccountId>,
    /// The addresses that each account last gave, verified or not, the last one last.
    addresses: BTreeMap<AccountId, Vec<EmailAddress>>,
    /// The tags that policies know each account by.
    tags: BTreeMap<AccountId, Vec<Tag>>,
    dashboards: Names<DashboardId>,
    /// The clones that are offered, and not yet dashboards of anybody's.
    clones: BTreeMap<String, DashboardId>,
    grants: Names<(DashboardId, GrantId)>,
    /// The tokens by label, and the label of each dashboard's links by generation.
    tokens: BTreeMap<String, String>,
    links: BTreeMap<(DashboardId, u64), String>,
    next_id: u64,
    /// Who visits, where a line has said so.
    client: Option<Client>,
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

/// What the library answers to a line.
type Answer = Result<Value, Error>;
/// What a line does.
type Play<'a> = Box<dyn FnOnce(&mut Engine) -> Answer + 'a>;
/// What has been read of a line.
type Reading<'a> = Result<Play<'a>, Problem>;

fn play<'a>(step: impl FnOnce(&mut Engine) -> Answer + 'a) -> Reading<'a> {
    Ok(Box::new(step))
}

/// Why a line has no answer of its own.
enum No {
    Bad(Problem),
    Refused(Error),
}

impl From<Problem> for No {
    fn from(problem: Problem) -> Self {
        Self::Bad(problem)
    }
}

impl Engine {
    /// Over a store with nothing in it. With `strict`, unknown members and labels make a bad line.
    pub(crate) fn over(store: Arc<dyn DynStore>, strict: bool) -> Self {
        let now = "2026-01-01T00:00:00Z".parse().expect("a constant instant");
        let mut engine = Self {
            sharing: links::limited(Dashshare::new(store, MemoryDirectory::default(), FixedEnv::new(now, 1))),
            meter: Meter::new(MemoryLedger::default(), MemoryPlans::default(), FixedEnv::new(now, 2))
                .with_staleness(Duration::ZERO),
            versions: BTreeMap::new(),
            tickets: meters::Tickets::new(),
            strict,
            now,
            line: 0,
            tenants: BTreeMap::new(),
            accounts: Names::new(),
            addresses: BTreeMap::new(),
            tags: BTreeMap::new(),
            dashboards: Names::new(),
            clones: BTreeMap::new(),
            grants: Names::new(),
            tokens: BTreeMap::new(),
            links: BTreeMap::new(),
            next_id: 0,
            client: None,
        };
        engine.tenant("default");
        engine
    }

    /// Plays one line and answers it; a comment has no answer. A line that is not in the language changes nothing, the
    /// clock included.
    pub(crate) fn line(&mut self, text: &str) -> Option<Value> {
        self.line += 1;
        if text.trim_start().starts_with('#') || text.trim_start().starts_with("//") {
            return None;
        }
        let fields = match parse(text, self.strict) {
            Ok(fields) => fields,
            Err(problem) => return Some(self.answer(Err(problem.into()))),
        };
        let wanted = wanted::of(&fields);
        let played = match &wanted {
            Ok(_) => self.play(&fields),
            Err(reason) => Err(Problem::BadLine(reason.clone()).into()),
        };
        let mut answer = self.answer(played);
        let unmet = match wanted {
            Ok(None) => return Some(answer),
            Ok(Some(wanted)) => wanted::difference(wanted, &answer),
            Err(reason) => Some(reason),
        };
        answer["met"] = json!(unmet.is_none());
        if let Some(unmet) = unmet {
            answer["unmet"] = json!(unmet);
        }
        Some(answer)
    }

    fn answer(&self, played: Result<Value, No>) -> Value {
        let mut answer = Map::new();
        answer.insert("line".to_owned(), json!(self.line));
        answer.insert("ok".to_owned(), json!(played.is_ok()));
        match played {
            Ok(Value::Object(members)) => answer.extend(members),
            Ok(_) => {}
            Err(no) => {
                if let No::Refused(error) = &no {
                    answer.insert("tell".to_owned(), self.told(&error.tell()));
                    if let Some(Refusal::SetupIncomplete { missing }) = error.refusal() {
                        let steps: Vec<Value> = missing.iter().map(decisions::step).collect();
                        answer.insert("missing".to_owned(), json!(steps));
                    }
                }
                let (code, message) = self.describe(no);
                answer.insert("refused".to_owned(), json!(code));
                answer.insert("message".to_owned(), json!(message));
            }
        }
        Value::Object(answer)
    }

    fn describe(&self, no: No) -> (&'static str, String) {
        match no {
            No::Bad(Problem::BadLine(reason)) => ("bad_line", reason),
            No::Bad(Problem::BadEmail(text, error)) => {
                let text: String = text.chars().take(64).collect();
                ("bad_email", format!("`{text}` is not an e-mail address: {error}"))
            }
            No::Bad(Problem::Unread(error)) => (error.code(), error.to_string()),
            No::Refused(error) => match error.refusal() {
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

    fn play(&mut self, fields: &Fields) -> Result<Value, No> {
        let verb = fields.text("do")?;
        let at = fields.optional("at", Fields::instant)?.unwrap_or(self.now);
        if at < self.now {
            return Err(Problem::BadLine(format!("`at` is {at}, which lies before {}", self.now)).into());
        }
        let read = self.read(verb, fields).and_then(|play| fields.end().map(|()| play));
        if !matches!(read, Err(Problem::BadLine(_))) {
            self.now = at;
            self.sharing.env().set(at);
            self.meter.env().set(at);
        }
        read?(self).map_err(No::Refused)
    }

    fn read<'a>(&self, verb: &str, fields: &'a Fields) -> Reading<'a> {
        match verb {
            "dashboard" => self.dashboard(fields),
            "suspend" => self.suspend(fields),
            "resume" => self.resume(fields),
            "rules" => self.rules(fields),
            "portal" => self.portal(fields),
            "anonymous" => self.anonymous(fields),
            "policies" => self.policies(fields),
            "account" => self.account_line(fields),
            "blueprint" => self.blueprint(fields),
            "devices" => self.devices(fields),
            "resolve" => self.resolve(fields),
            "share" => self.share(fields),
            "set_share" => self.set_share(fields),
            "remind_invitation" => self.remind_invitation(fields),
            "amend" => self.amend(fields),
            "revoke" => self.revoke(fields),
            "stop_sharing" => self.stop_sharing(fields),
            "renounce" => self.renounce(fields),
            "claim" => self.claim(fields),
            "transfer" => self.transfer(fields),
            "offer_transfer" => self.offer_transfer(fields),
            "withdraw_transfer" => self.withdraw_transfer(fields),
            "take_transfer" => self.take_transfer(fields),
            "decline_transfer" => self.decline_transfer(fields),
            "delete_dashboard" => self.delete_dashboard(fields),
            "delete_account" => self.delete_account(fields),
            "offer" => self.offer(fields),
            "offers" => self.offers(fields),
            "offers_made" => self.offers_made(fields),
            "take_offer" => self.take_offer(fields),
            "decline_offer" => self.decline_offer(fields),
            "withdraw_offer" => self.withdraw_offer(fields),
            "rotate_link" => self.rotate_link(fields),
            "pause_link" => self.pause_link(fields),
            "resume_link" => self.resume_link(fields),
            "withdraw_link" => self.withdraw_link(fields),
            "move_link_end" => self.move_link_end(fields),
            "client" => self.client(fields),
            "visit" => self.visit(fields),
            "check" => self.check(fields),
            "setup" => self.setup(fields),
            "narrow_link" => self.narrow_link(fields),
            "data" => self.data(fields),
            "viewers" => self.viewers(fields),
            "plan" => self.plan(fields),
            "load" => self.load(fields),
            "hand_back" => self.hand_back(fields),
            "meter" => self.meter(fields),
            "list" => self.list(fields),
            "impact" => self.impact(fields),
            "shared_with_me" => self.shared_with_me(fields),
            "losing" => self.losing(fields),
            "remind" => self.remind(fields),
            "diagnose_link" => self.diagnose_link(fields),
            "audit" => self.audit(fields),
            "outbox" => self.outbox(fields),
            other => bad(format!("`do` has no value `{other}`")),
        }
    }
}
