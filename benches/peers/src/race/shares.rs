//! Share checks: may this account see this dashboard now?
//!
//! So many shares over a tenth as many dashboards and a fifth as many accounts; a fifth of them without an end, half of
//! the others expired. Half of the questions are about a share. What dashshare answers with, and the peers do not: the
//! grant's whole chain, how long the answer holds, the tenant's switches and policies.

use super::{
    Aim,
    casbin::ready,
    judge,
    rego::Rego,
    rounds::{Contender, rounds},
};
use crate::random::Random;
use ::casbin::{
    CoreApi, DefaultModel, EnforceArgs, Enforcer, MgmtApi,
    function_map::OperatorFunction,
    rhai::{Dynamic, ImmutableString},
};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityUid, PolicySet, Request,
    RestrictedExpression as Expression,
};
use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Expiry, FixedEnv, MemoryDirectory, MemoryStore, NewShare,
    Rights, Terms, Timestamp,
};
use hashbrown::HashMap;
use serde_json::{Map, Value, json};

pub(crate) const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Casbin walks through all rows: above this many it would be for seconds.
const ROWS: usize = 100_000;
const QUESTIONS: usize = 4_096;
const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

type Key = (DashboardId, AccountId);

struct Shares {
    owner: AccountId,
    dashboards: Vec<DashboardId>,
    accounts: Vec<AccountId>,
    /// With the day that each ends on.
    shares: Vec<(Key, Option<u32>)>,
    questions: Vec<Key>,
}

fn at(days: u32) -> Timestamp {
    START.plus_days(days)
}

/// When everybody asks, in days.
const NOW: u32 = 2;

fn is_live(ends: Option<u32>) -> bool {
    ends.is_none_or(|ends| NOW < ends)
}

impl Shares {
    fn draw(size: usize) -> Self {
        let mut random = Random::new(size as u64);
        let dashboards: Vec<DashboardId> = (0..size / 10).map(|_| random.id().into()).collect();
        let accounts: Vec<AccountId> = (0..size / 5).map(|_| random.id().into()).collect();
        let mut shares: HashMap<Key, Option<u32>> = HashMap::new();
        while shares.len() < size {
            let ends = match random.below(10) {
                0..2 => None,
                2..6 => Some(1),
                _ => Some(30),
            };
            shares.insert((*random.pick(&dashboards), *random.pick(&accounts)), ends);
        }
        let mut shares: Vec<(Key, Option<u32>)> = shares.into_iter().collect();
        shares.sort_unstable_by_key(|(key, _)| *key);
        random.shuffle(&mut shares);
        let questions = (0..QUESTIONS).map(|at| match at % 2 {
            0 => random.pick(&shares).0,
            _ => (*random.pick(&dashboards), *random.pick(&accounts)),
        });
        let mut questions: Vec<Key> = questions.collect();
        random.shuffle(&mut questions);
        Self { owner: random.id().into(), dashboards, accounts, shares, questions }
    }

    fn dashshare(&self) -> Dashshare<MemoryStore, MemoryDirectory, FixedEnv> {
        let (directory, tenant) = (MemoryDirectory::default(), 1_u64.into());
        directory.set_tenant(tenant, MemoryDirectory::open_tenant());
        directory.add_account(self.owner);
        self.accounts.iter().for_each(|account| directory.add_account(*account));
        let sharing = Dashshare::new(MemoryStore::default(), directory, FixedEnv::new(START, 1));
        for dashboard in &self.dashboards {
            ready(sharing.register(*dashboard, tenant, self.owner)).unwrap();
        }
        for (place, ((dashboard, account), ends)) in self.shares.iter().enumerate() {
            let expiry = ends.map_or(Expiry::Never, |days| Expiry::At(at(days)));
            let terms = Terms::of(Rights::VIEW, expiry);
            ready(sharing.share(self.owner, *dashboard, NewShare::with(*account, terms))).unwrap();
            if place % 512 == 0 {
                deliver(&sharing);
            }
        }
        deliver(&sharing);
        sharing.env().set(at(NOW));
        sharing
    }

    fn floor(&self) -> HashMap<(u128, u128), i64> {
        let ends = |ends: Option<u32>| ends.map_or(i64::MAX, |days| at(days).micros());
        self.shares.iter().map(|((d, a), of)| ((d.to_u128(), a.to_u128()), ends(*of))).collect()
    }

    /// Each dashboard's accounts, with the ends of their shares.
    fn by_dashboard(&self) -> HashMap<String, Vec<(String, i64)>> {
        let mut all: HashMap<String, Vec<(String, i64)>> = HashMap::new();
        for ((dashboard, account), ends) in &self.shares {
            let of = all.entry(dashboard.to_string()).or_default();
            of.push((account.to_string(), ends.map_or(i64::MAX, i64::from)));
        }
        all
    }

    fn rego(&self) -> Rego {
        const TEXT: &str = "
package authz
import rego.v1
default decision := false
decision if data.shares[input.dashboard][input.account] > input.now
";
        let boards = self.by_dashboard().into_iter().map(|(dashboard, accounts)| {
            let accounts = accounts.into_iter().map(|(account, ends)| (account, json!(ends)));
            (dashboard, Value::Object(accounts.collect()))
        });
        let boards: Map<String, Value> = boards.collect();
        let input = |(dashboard, account): &Key| json!({"dashboard": dashboard.to_string(), "account": account.to_string(), "now": NOW});
        Rego::new(TEXT, json!({"shares": boards}), self.questions.iter().map(input).collect())
    }
}

fn deliver(sharing: &Dashshare<MemoryStore, MemoryDirectory, FixedEnv>) {
    loop {
        let page = ready(sharing.outbox(None, 4096)).unwrap();
        if page.is_empty() {
            return;
        }
        let ids: Vec<_> = page.iter().map(|message| message.id).collect();
        ready(sharing.acknowledge(&ids)).unwrap();
    }
}

/// One policy; each dashboard has a tag for each account, with the end of its share.
struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), EntityId::new(id))
}

impl Cedar {
    fn new(shares: &Shares) -> Self {
        let text = "permit(principal, action == Action::\"view\", resource)
            when { resource.hasTag(context.account) && resource.getTag(context.account) > context.now };";
        let board = |(id, accounts): (String, Vec<(String, i64)>)| {
            let tags = accounts.into_iter().map(|(account, ends)| (account, Expression::new_long(ends)));
            Entity::new_with_tags(uid("Dashboard", &id), [], [], tags).unwrap()
        };
        let request = |(dashboard, account): &Key| {
            let account = account.to_string();
            let context = [
                ("account".to_owned(), Expression::new_string(account.clone())),
                ("now".to_owned(), Expression::new_long(NOW.into())),
            ];
            let context = Context::from_pairs(context).unwrap();
            let board = uid("Dashboard", &dashboard.to_string());
            Request::new(uid("Account", &account), uid("Action", "view"), board, context, None).unwrap()
        };
        Self {
            authorizer: Authorizer::new(),
            policies: text.parse().unwrap(),
            entities: Entities::from_entities(shares.by_dashboard().into_iter().map(board), None).unwrap(),
            requests: shares.questions.iter().map(request).collect(),
        }
    }

    fn decide(&self, at: usize) -> bool {
        let answer = self.authorizer.is_authorized(&self.requests[at], &self.policies, &self.entities);
        answer.decision() == Decision::Allow
    }
}

/// Casbin, one row a share; or each share a link between account and dashboard, which has no end: those that have ended
/// were swept away before.
struct Casbin {
    enforcer: Enforcer,
    questions: Vec<[Dynamic; 3]>,
}

struct Question<'a>(&'a [Dynamic]);

impl EnforceArgs for Question<'_> {
    fn try_into_vec(self) -> ::casbin::Result<Vec<Dynamic>> {
        Ok(self.0.to_vec())
    }

    fn cache_key(&self) -> u64 {
        0
    }
}

fn is_later(one: Dynamic, other: Dynamic) -> Dynamic {
    let (one, other) = (one.read_lock::<ImmutableString>(), other.read_lock::<ImmutableString>());
    one.zip(other).is_some_and(|(one, other)| **one > **other).into()
}

impl Casbin {
    fn new(shares: &Shares, matcher: &str) -> Self {
        let text = format!(
            "[request_definition]\nr = account, dashboard, now\n[policy_definition]\np = account, dashboard, ends\n\
             [role_definition]\ng = _, _\n[policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\nm = {matcher}\n"
        );
        let model = ready(DefaultModel::from_str(&text)).unwrap();
        let mut enforcer = ready(Enforcer::new(model, ())).unwrap();
        enforcer.add_function("isLater", OperatorFunction::Arg2(is_later));
        let day = |day: u32| format!("{day:03}");
        let question = |(dashboard, account): &Key| -> [Dynamic; 3] {
            [account.to_string().into(), dashboard.to_string().into(), day(NOW).into()]
        };
        let questions = shares.questions.iter().map(question).collect();
        if matcher.starts_with("g(") {
            let live = shares.shares.iter().filter(|(_, ends)| is_live(*ends));
            let links =
                live.map(|((dashboard, account), _)| vec![account.to_string(), dashboard.to_string()]);
            assert!(ready(enforcer.add_grouping_policies(links.collect())).unwrap());
        } else {
            let rows = shares.shares.iter().map(|((dashboard, account), ends)| {
                vec![account.to_string(), dashboard.to_string(), day(ends.unwrap_or(999))]
            });
            assert!(ready(enforcer.add_policies(rows.collect())).unwrap());
        }
        Self { enforcer, questions }
    }

    fn decide(&self, at: usize) -> bool {
        self.enforcer.enforce(Question(&self.questions[at])).unwrap()
    }
}

pub(crate) fn checks(size: usize) {
    let shares = Shares::draw(size);
    let (sharing, floor) = (shares.dashshare(), shares.floor());
    let (cedar, rego) = (Cedar::new(&shares), shares.rego());
    let links = Casbin::new(&shares, "g(r.account, r.dashboard)");
    let rows = (size <= ROWS).then(|| {
        let matcher = "r.account == p.account && r.dashboard == p.dashboard && isLater(p.ends, r.now)";
        Casbin::new(&shares, matcher)
    });
    let now = at(NOW).micros();
    let bare: Vec<(u128, u128)> = shares
        .questions
        .iter()
        .map(|(dashboard, account)| (dashboard.to_u128(), account.to_u128()))
        .collect();
    let mut contenders = vec![
        Contender::new("dashshare", |at| {
            let (dashboard, account) = shares.questions[at];
            ready(sharing.authorize(account, dashboard, Action::View))
                .is_ok_and(|decision| decision.is_allowed())
        }),
        Contender::new("floor", |at| floor.get(&bare[at]).is_some_and(|ends| now < *ends)),
        Contender::new("cedar", |at| cedar.decide(at)),
        Contender::new("rego", |at| rego.decide(at)),
        Contender::new("casbin, swept", |at| links.decide(at)),
    ];
    contenders.extend(rows.as_ref().map(|rows| Contender::new("casbin", |at| rows.decide(at))));
    // The slowest has only some of the questions.
    let asked = |name: &str| if name == "casbin" { QUESTIONS.min(2_000_000 / size) } else { QUESTIONS };
    let expected: Vec<bool> = (0..QUESTIONS).map(|at| contenders[1].allows(at)).collect();
    for contender in &contenders {
        for (at, expected) in expected.iter().enumerate().take(asked(contender.name)) {
            assert_eq!(contender.allows(at), *expected, "{} at question {at} of {size}", contender.name);
        }
    }
    let allowed = expected.iter().filter(|allowed| **allowed).count() as f64 / QUESTIONS as f64;
    println!("\n{size} shares, {QUESTIONS} questions, {:.0} % allowed, all agree", allowed * 100.0);
    println!("{:<16} {:>12} {:>12} {:>12}", "", "ns", "x dashshare", "x floor");
    let times = rounds(&contenders, QUESTIONS);
    for (contender, time) in contenders.iter().zip(&times) {
        let (ours, floor) = (time.over(&times[0]), time.over(&times[1]));
        println!("{:<16} {:>12.1} {ours:>12.2} {floor:>12.2}", contender.name, time.median());
    }
    let peers = contenders.iter().zip(&times).skip(2);
    let fastest = peers.map(|(contender, time)| (time.over(&times[0]), contender.name));
    if let Some((ratio, name)) = fastest.min_by(|one, other| one.0.total_cmp(&other.0)) {
        judge(
            &format!("share_{size}"),
            ratio,
            Aim::AtLeast(1.0),
            &format!("{name}, the fastest peer, by dashshare"),
        );
    }
}
