//! The story of one dashboard, from the first share to the last look at its audit trail.
//!
//! `cargo run --example quickstart`, or with a dashboard document of your own: `cargo run --example quickstart -- FILE`.
//! With `--store sqlite:FILE` (and `--features sqlite`) it keeps the story in that file, and the next time goes on from
//! there.
//!
//! Each chapter is one small function that calls the library as a host would; `page.rs` only lays out what is printed,
//! and `document.rs` only reads the file.

mod document;
mod page;
#[path = "../scenario/runtime.rs"]
mod runtime;
#[path = "../scenario/stores.rs"]
mod stores;

use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Decision, Done, EmailAddress, Env as _, Error, Expiry,
    FixedEnv, GrantId, Holder, LinkToken, MemoryDirectory, NewShare, Revision, RevokeMode, Rotated, TenantId,
    Terms, Timestamp,
    directory::Tenant,
    policy::{self, PolicySet, Resource},
    store::{DynStore, Freshness, Head, Store as _},
    trail::{Actor, AuditRecord, Event, Message, OutboxMessage},
};
use document::Document;
use page::{Page, day, until};
use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

// The accounts of the story. In a host they are rows of its own: an id may be a UUID, a number or an object id.
const OLGA: AccountId = person(1); // owns the dashboard
const ANN: AccountId = person(2); // checks the quality of the goods
const BEN: AccountId = person(3); // Ann's deputy
const DORA: AccountId = person(4); // the inspector
const CARL: AccountId = person(5); // drives the truck, and has no account at first
const MALLORY: AccountId = person(6); // a stranger

const fn person(number: u128) -> AccountId {
    AccountId::from_bytes(number.to_be_bytes())
}

const TENANT: TenantId = TenantId::from_bytes([1; 16]);

/// The tenant's policies, as its administrator wrote them: what visitors of public links may see.
const LOBBY: &str = r#"{
    "id": "lobby", "name": "Visitors see what stands in the lobby",
    "targets": [["run_user", "id", "anonymous"]],
    "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["dashboard"]},
        {"effect": "allow", "action": ["access"], "resource": ["device", "tag.key", "room", "tag.value", "lobby"]}
    ]
}"#;
const STORE: &str = r#"{
    "id": "store", "name": "Visitors see the store, too",
    "targets": [["run_user", "id", "anonymous"]],
    "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["device", "tag.key", "room", "tag.value", "store"]}
    ]
}"#;

/// A tenant for which sharing of every kind is on, with these policies.
fn tenant(policies: &[&str]) -> Tenant {
    let documents: Result<Vec<policy::Document>, _> =
        policies.iter().map(|text| policy::Document::parse(text)).collect();
    let policies =
        PolicySet::compile(&documents.expect("constant documents")).expect("each with its own id").set;
    Tenant { policies, ..MemoryDirectory::open_tenant() }
}

const CARLS_ADDRESS: &str = "carl@haulage.example";
const AUDITORS_ADDRESS: &str = "desk@audit.example";

fn main() -> ExitCode {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/cold_room.json");
    let (mut path, mut store) = (default, "memory".to_owned());
    let mut arguments = std::env::args();
    arguments.next();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--store" => store = arguments.next().unwrap_or_default(),
            option if option.starts_with("--") => {
                eprintln!("quickstart [--store memory|sqlite:FILE|postgres:URL] [DASHBOARD.json]");
                return ExitCode::from(2);
            }
            file => path = PathBuf::from(file),
        }
    }
    let document = match Document::read(&path) {
        Ok(document) => document,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::FAILURE;
        }
    };
    // The library depends on no runtime. An async host awaits these calls on its own.
    let told = runtime::block_on(async {
        let store = stores::open(&store).await?;
        tell(document, store).await.map_err(|error| format!("the story broke off: {}", stores::whole(&error)))
    });
    match told {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        },
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

async fn tell(document: Document, store: Arc<dyn DynStore>) -> Result<String, Error> {
    // What the store has of it, if the story was told before.
    let before = store.read(document.id, &[], Freshness::Latest).await.map_err(Error::Store)?;
    let before = before.map(|snapshot| snapshot.head);
    let mut story = Story::new(document, store, before.as_deref());
    if let Some(before) = before {
        story.it_goes_on(&before).await?;
        return Ok(story.page.into_text());
    }
    story.the_dashboard().await?;
    let anns = story.sharing_with_people().await?;
    story.what_is_refused().await?;
    story.the_invitation().await?;
    story.the_public_link().await?;
    story.who_has_access().await?;
    story.time_passes().await?;
    story.taking_it_back(anns).await?;
    story.the_audit_trail().await?;
    Ok(story.page.into_text())
}

struct Story {
    sharing: Dashshare<Arc<dyn DynStore>, MemoryDirectory, FixedEnv>,
    dashboard: DashboardId,
    document: Document,
    page: Page,
}

impl Story {
    /// A store, a directory of accounts, and an environment: these three a host brings.
    ///
    /// The story uses the ones that are made for tests, so that it goes the same way each time. A real host passes
    /// `SystemEnv`, whose clock runs and whose tokens nobody can guess, and its own `Store` and `Directory`
    /// (`own_store.rs` and `sync_host.rs` show how).
    fn new(document: Document, store: Arc<dyn DynStore>, before: Option<&Head>) -> Self {
        let directory = MemoryDirectory::default();
        for account in [OLGA, ANN, BEN, DORA, MALLORY] {
            directory.add_account(account);
        }
        // The devices that the dashboard shows, with their tags, which policies match.
        for (index, device) in document.devices.keys().enumerate() {
            let room = if index > 0 { "lobby" } else { "store" };
            directory.add_device(document.id, Resource::new("device", device).with_tag("room", room));
        }
        directory.set_tenant(TENANT, tenant(&[LOBBY]));
        // A story that goes on does so a day later, and draws what was not drawn before.
        let env = match before {
            None => FixedEnv::new(instant("2026-03-02T00:00:00Z"), 7),
            Some(head) => {
                directory.add_account(CARL);
                FixedEnv::new(head.clock.plus_days(1), 7 + head.revision.number())
            }
        };
        let sharing = Dashshare::new(store, directory, env);
        Self { sharing, dashboard: document.id, document, page: Page::default() }
    }

    async fn the_dashboard(&mut self) -> Result<(), Error> {
        let Document { label, is_blueprint, widgets, tabs, devices, .. } = &self.document;
        let count: usize = widgets.values().sum();
        let kinds = widgets.iter().map(|(kind, count)| match count {
            1 => kind.clone(),
            _ => format!("{kind} × {count}"),
        });
        let kinds = list(kinds, "none");
        let tabs = list(tabs.iter().cloned(), "none");
        let devices = list(devices.iter().map(|(id, name)| format!("{name} {id}").trim().to_owned()), "none");
        let kind = if *is_blueprint { "a blueprint dashboard" } else { "a dashboard" };

        self.page.chapter("The dashboard");
        self.page.say(format!("“{label}”, {kind} of {count} widgets. It belongs to Olga."));
        self.page.answer(format!("widgets: {kinds}"));
        self.page.answer(format!("tabs: {tabs}"));
        self.page.answer(format!("devices: {devices}"));

        self.sharing.register(self.dashboard, TENANT, OLGA).await?;
        Ok(())
    }

    /// Answers with Ann's grant, which a later chapter comes back to.
    async fn sharing_with_people(&mut self) -> Result<GrantId, Error> {
        self.page.chapter("Sharing with people");
        let april = Expiry::At(instant("2026-04-01T00:00:00Z"));

        self.page.say("Olga shares it with Ann, who may also share it on, until April.");
        let terms = Terms::view(april).and_export().and_reshare();
        let anns = self.share(OLGA, ANN, terms).await?;

        self.page.say("Ann shares it on with Ben, with no end of his own: so he has it as long as she has.");
        let terms = Terms::view(Expiry::Never).and_reshare();
        self.share(ANN, BEN, terms).await?;

        self.page.say("Dora gets it twice: from Ben for some days, and from Olga herself.");
        let days = Expiry::At(instant("2026-03-20T00:00:00Z"));
        self.share(BEN, DORA, Terms::view(days)).await?;
        self.share(OLGA, DORA, Terms::view(Expiry::Never)).await?;

        self.page.say("Addresses that no account has are invited: a driver's by Olga, an auditor's by Ann.");
        let ten_days = Expiry::At(instant("2026-03-12T00:00:00Z"));
        self.share(OLGA, address(CARLS_ADDRESS), Terms::view(ten_days)).await?;
        self.share(ANN, address(AUDITORS_ADDRESS), Terms::view(Expiry::Never)).await?;

        self.page.say("Each share left a message in the outbox, which the host sends, for example so:");
        self.deliver().await?;
        Ok(anns)
    }

    async fn share(
        &mut self,
        by: AccountId,
        with: impl Into<Holder>,
        terms: Terms,
    ) -> Result<GrantId, Error> {
        let with = with.into();
        let who = holder_name(&with);
        let (rights, on) = (terms.rights, if terms.reshare { ", and share it on" } else { "" });
        let shared = self.sharing.share(by, self.dashboard, NewShare::with(with, terms)).await?;
        let invited = if shared.invited { "invited: " } else { "" };
        self.page.answer(format!("{invited}{who} may {rights}{on}, {}", until(shared.ends)));
        Ok(shared.grant)
    }

    /// Whoever asked is told what is theirs to know, and the owner or support the whole of it.
    fn explain(&mut self, decision: &Decision) {
        self.page.answer(format!("told: {}", decision.tell().sentence_with(&name)));
        self.page.answer(format!("to support: {}", decision.explain_with(&name)));
    }

    /// What a host's mailer does: take the messages, deliver each, acknowledge them.
    async fn deliver(&mut self) -> Result<(), Error> {
        let waiting = self.sharing.outbox(None, 100).await?;
        // In a store that others use as well, theirs are not this story's to deliver.
        let is_ours = |message: &OutboxMessage| message.id.dashboard == self.dashboard;
        let messages: Vec<OutboxMessage> = waiting.into_iter().filter(is_ours).collect();
        for message in &messages {
            self.page.mail(mail(message, &self.document.label));
        }
        let delivered: Vec<_> = messages.iter().map(|message| message.id).collect();
        self.sharing.acknowledge(&delivered).await
    }

    async fn what_is_refused(&mut self) -> Result<(), Error> {
        self.page.chapter("What is refused");

        self.page.say("Ben, who may only view, tries to let Carl export.");
        let terms = Terms::view(Expiry::Never).and_export();
        self.refused_share(BEN, terms).await?;

        self.page.say("Ann tries to share for longer than she has it herself.");
        let june = Expiry::At(instant("2026-06-01T00:00:00Z"));
        self.refused_share(ANN, Terms::view(june)).await?;

        self.page.say("Dora may not share on. Mallory was given nothing, and learns nothing.");
        self.refused_share(DORA, Terms::view(Expiry::Never)).await?;
        self.refused_share(MALLORY, Terms::view(Expiry::Never)).await?;

        self.page.say("A decision says why, in words that a support engineer can send to a customer.");
        for (who, action) in [(BEN, Action::View), (ANN, Action::Edit), (MALLORY, Action::View)] {
            let decision = self.sharing.authorize(who, self.dashboard, action).await?;
            self.explain(&decision);
        }
        Ok(())
    }

    async fn refused_share(&mut self, by: AccountId, terms: Terms) -> Result<(), Error> {
        let result =
            self.sharing.share(by, self.dashboard, NewShare::with(address(CARLS_ADDRESS), terms)).await;
        self.note_refusal(result)
    }

    /// A refusal is a typed value with a stable code and a sentence. All other errors are about the machinery.
    fn note_refusal<T>(&mut self, result: Result<T, Error>) -> Result<(), Error> {
        match result {
            Ok(_) => self.page.answer("accepted"),
            Err(Error::Refused(refusal)) => {
                self.page.answer(format!("refused ({}): {}", refusal.code(), refusal.tell()));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn the_invitation(&mut self) -> Result<(), Error> {
        self.page.chapter("The invitation");
        let carls = address(CARLS_ADDRESS);

        self.page.say("Carl signs up. While he has only typed his address in, the invitation is not his.");
        self.sharing.directory().add_account(CARL);
        let result = self.sharing.claim(CARL, &carls).await;
        self.note_refusal(result)?;

        self.page.say("He follows the link in a confirmation mail. Now the host vouches for the address.");
        self.sharing.directory().verify_email(CARL, carls.clone(), self.sharing.env().now());
        let claimed = self.sharing.claim(CARL, &carls).await?;
        self.page.answer(format!(
            "{} invitation became his",
            claimed.iter().map(|done| done.grants.len()).sum::<usize>()
        ));
        let decision = self.sharing.authorize(CARL, self.dashboard, Action::View).await?;
        self.explain(&decision);
        Ok(())
    }

    async fn the_public_link(&mut self) -> Result<(), Error> {
        self.page.chapter("The public link");
        let june = Expiry::At(instant("2026-06-01T00:00:00Z"));

        self.page.say("Olga asks for a link.");
        if !self.document.devices.is_empty() {
            let result = self.sharing.rotate_link(OLGA, self.dashboard, june).await;
            self.note_refusal(result)?;
            self.page.say("An administrator lets visitors see that device too, and she asks again.");
            self.sharing.directory().set_tenant(TENANT, tenant(&[LOBBY, STORE]));
        }
        let old = self.rotate_link(june).await?;
        self.note_visit(&old.token).await?;

        self.page.say("The link has spread too far. She rotates it, and the old token is dead at once.");
        let new = self.rotate_link(june).await?;
        self.note_visit(&old.token).await?;
        self.note_visit(&new.token).await?;

        self.page
            .say("Visitors get the same answer whatever the cause. Olga, with the old token, is told it.");
        let tried = Some(old.token.expose());
        let diagnosis = self.sharing.diagnose_link(OLGA, self.dashboard, tried).await?;
        for cause in &diagnosis.causes {
            self.page.answer(cause.to_string());
        }

        self.page.say("Each device behind the dashboard is asked for by itself.");
        let visitor = self.sharing.visit(new.token.expose()).await?;
        let shown = self.document.devices.keys().next().map(String::as_str);
        for device in shown.into_iter().chain(["another-device"]) {
            let decision = self.sharing.authorize_device(&visitor, device).await?;
            self.page.answer(format!("{device}: {}", decision.tell()));
            self.page.answer(format!("to support: {}", decision.explain_with(&name)));
        }
        Ok(())
    }

    /// Makes the link or replaces it. This is the only time that its token is to be had: a host puts it into the URL
    /// for the person who asked, and keeps it nowhere. The store has only its digest.
    async fn rotate_link(&mut self, expiry: Expiry) -> Result<Done<Rotated>, Error> {
        let link = self.sharing.rotate_link(OLGA, self.dashboard, expiry).await?;
        let token = short(&link.token);
        self.page.answer(format!("link no. {}: {token}, {}", link.generation, until(link.ends)));
        Ok(link)
    }

    async fn note_visit(&mut self, token: &LinkToken) -> Result<(), Error> {
        let visitor = self.sharing.visit(token.expose()).await?;
        let verdict = if visitor.is_allowed() { "opens" } else { "denied" };
        self.page.answer(format!("{} {verdict}: {}", short(token), visitor.tell()));
        Ok(())
    }

    async fn who_has_access(&mut self) -> Result<(), Error> {
        self.page.chapter("Who has access");
        self.tree().await
    }

    async fn tree(&mut self) -> Result<(), Error> {
        let list = self.sharing.access_list(OLGA, self.dashboard).await?;
        self.page.tree(&list, &name);
        Ok(())
    }

    async fn time_passes(&mut self) -> Result<(), Error> {
        self.page.chapter("Time passes");
        let (a_week_before, the_end) = (instant("2026-03-05T00:00:00Z"), instant("2026-03-12T00:00:00Z"));

        self.page.say("A week before an end, the host's daily job reminds whom it concerns.");
        self.sharing.env().set(a_week_before);
        self.sharing.remind(self.dashboard, a_week_before.plus_days(7)).await?;
        self.deliver().await?;

        self.page.say(format!("{}: what ends at an instant is over at that instant.", day(the_end)));
        self.sharing.env().set(the_end);
        let decision = self.sharing.authorize(CARL, self.dashboard, Action::View).await?;
        self.explain(&decision);

        self.page.say("The question can be asked of any instant, for example a microsecond before:");
        let before = the_end.plus_micros(-1);
        let decision = self.sharing.as_of(before).authorize(CARL, self.dashboard, Action::View).await?;
        self.page.answer(decision.explain_with(&name));
        Ok(())
    }

    async fn taking_it_back(&mut self, anns: GrantId) -> Result<(), Error> {
        self.page.chapter("Taking it back");

        self.page.say("Ann leaves the company. Before Olga revokes, she looks at what that would do.");
        let impact = self.sharing.impact_of_revoking(OLGA, self.dashboard, anns).await?;
        let invitations = list(impact.invitations.iter().map(holder_name), "none");
        let keep = impact.keep.iter().map(|(who, rights)| format!("{} (may {rights})", name(*who)));
        self.page.answer(format!("would lose it: {}", list(impact.lose.iter().copied().map(name), "nobody")));
        self.page.answer(format!("would keep it another way: {}", list(keep, "nobody")));
        self.page.answer(format!("invitations that would end: {invitations}"));

        self.page.say("She revokes Ann's grant. All that hangs on it ends with it.");
        let revoked = self.sharing.revoke(OLGA, self.dashboard, anns, RevokeMode::Cascade).await?;
        self.page.answer(format!("{} grants ended", revoked.fell.len()));
        // A check that must not be answered by a replica which lags behind demands the revision of the change.
        let decision =
            self.sharing.at_least(revoked.revision).authorize(BEN, self.dashboard, Action::View).await?;
        self.explain(&decision);
        self.deliver().await?;
        self.tree().await
    }

    async fn the_audit_trail(&mut self) -> Result<(), Error> {
        self.page.chapter("The audit trail");
        self.page.say("Every change left one record, in the same commit. From the eighth on they are:");
        self.records_after(Revision::new(7)).await
    }

    async fn records_after(&mut self, revision: Revision) -> Result<(), Error> {
        let records = self.sharing.audit(OLGA, self.dashboard, revision, 100).await?;
        for record in &records {
            self.page.line(format!("     {}", audit_line(record)));
        }
        Ok(())
    }
}

// Another day, from a store that has kept everything.
impl Story {
    async fn it_goes_on(&mut self, before: &Head) -> Result<(), Error> {
        self.page.chapter("The story goes on");
        let today = day(self.sharing.env().now());
        self.page.say(format!(
            "{today}: the store has kept “{}” and {} changes to it.",
            self.document.label,
            before.revision.number()
        ));
        self.tree().await?;

        self.page.say("Olga shares it with Ann for a month. What hung on Ann's first grant stays dead.");
        let month = Expiry::At(self.sharing.env().now().plus_days(30));
        self.share(OLGA, ANN, Terms::view(month).and_reshare()).await?;
        let decision = self.sharing.authorize(BEN, self.dashboard, Action::View).await?;
        self.explain(&decision);

        self.page.say("The old link's token was shown once and kept nowhere, so Olga makes a new one.");
        self.sharing.directory().set_tenant(TENANT, tenant(&[LOBBY, STORE]));
        let link = self.rotate_link(Expiry::Never).await?;
        self.note_visit(&link.token).await?;
        self.deliver().await?;

        self.page.say("These changes were added:");
        self.records_after(before.revision).await
    }
}

// Words for values.

fn name(account: AccountId) -> String {
    let known =
        [(OLGA, "Olga"), (ANN, "Ann"), (BEN, "Ben"), (DORA, "Dora"), (CARL, "Carl"), (MALLORY, "Mallory")];
    known
        .iter()
        .find(|(id, _)| *id == account)
        .map_or_else(|| account.to_string(), |(_, name)| (*name).to_owned())
}

fn holder_name(holder: &Holder) -> String {
    match holder {
        Holder::Account(account) => name(*account),
        Holder::Address(address) => address.to_string(),
    }
}

/// Enough of a token to tell two apart, and too little to use: a terminal is no place for a secret.
fn short(token: &LinkToken) -> String {
    format!("{}…", token.expose().chars().take(6).collect::<String>())
}

/// A message as an e-mail: to whom, the subject, and what else there is to say.
fn mail(message: &OutboxMessage, label: &str) -> [String; 3] {
    match &message.message {
        Message::Shared { by, to, terms, .. } => {
            [name(*to), format!("{} lets you {} “{label}”", name(*by), terms.rights), String::new()]
        }
        Message::Invited { by, address, lapses, .. } => [
            address.to_string(),
            format!("{} invites you to “{label}”", name(*by)),
            format!(
                "Sign up with this address before {}, and you will find the dashboard there.",
                day(*lapses)
            ),
        ],
        Message::Claimed { to, by, address, .. } => [
            name(*to),
            format!("{} is {} and has what was shared with it", name(*by), address),
            String::new(),
        ],
        Message::Expiring { to, ends, .. } => [
            holder_name(to),
            format!("Your access to “{label}” ends soon"),
            format!("It ends at {}. Whoever gave it to you can prolong it.", day(*ends)),
        ],
        Message::Ended { lost } => {
            let lost = list(lost.iter().map(|(who, _)| holder_name(who)), "nobody");
            [lost, format!("A share of “{label}” has ended"), String::new()]
        }
        other => unreachable!("this story leaves no such message: {other:?}"),
    }
}

fn audit_line(record: &AuditRecord) -> String {
    let actor = match record.actor {
        Actor::Account(account) => name(account),
        Actor::Host => "the host".to_owned(),
    };
    let event = match &record.event {
        Event::Registered { owner } => format!("registered it for {}", name(*owner)),
        Event::Shared { with, terms, .. } => {
            format!("shared it with {} to {}", holder_name(with), terms.rights)
        }
        Event::Claimed { grants, .. } => format!("claimed {} invitation", grants.len()),
        Event::LinkRotated { generation, .. } => format!("made link no. {generation}"),
        Event::Reminded { .. } => "reminded whose access ends soon".to_owned(),
        Event::Revoked { .. } => "revoked a grant".to_owned(),
        Event::Fell { with } => format!("ended {} more with no. {with}", record.fell.len()),
        _ => "did something else".to_owned(),
    };
    format!("{:>2}  {}  {actor} {event}", record.revision.number(), day(record.at))
}

fn list(items: impl Iterator<Item = String>, none: &str) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { none.to_owned() } else { items.join(", ") }
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("a constant instant")
}

fn address(text: &str) -> EmailAddress {
    text.parse().expect("a constant address")
}
