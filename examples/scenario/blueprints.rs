//! Blueprints: the slots of a dashboard, the devices of a tenant, and what fills the slots for whoever asks.

use super::{
    Answer, Engine, Reading,
    fields::{Fields, Problem, bad},
    play,
    runtime::block_on,
    world::device,
};
use dashshare::{
    Action, Decision,
    blueprint::{
        Blueprint, Candidates, Choices, Compiled, Filter, RESERVED, Resolution, Slot, SlotKind,
        TagoioDashboard,
    },
};
use serde_json::{Map, Value, json};

/// Who asks what fills the slots.
enum Asker<'a> {
    Account(super::fields::Name<'a>),
    Token(&'a str),
}

/// What a line asks of the slots.
struct Asked<'a> {
    choices: Choices,
    kept: Vec<(&'a str, &'a str)>,
}

impl Engine {
    pub(super) fn blueprint<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let dashboard = self.dashboard_in(fields)?;
        let strict = fields.optional("strict", Fields::flag)?.unwrap_or(false);
        let compiled = match fields.optional("document", Fields::get)? {
            Some(document) => of_document(document, strict)?,
            None => {
                let fallback = fields.optional("fallback", Fields::flag)?.unwrap_or(true);
                let slots = fields.list("slots")?.iter().map(|it| slot(it, fields.strict));
                of_slots(slots.collect::<Result<_, _>>()?, fallback, strict)?
            }
        };
        let findings: Vec<String> = compiled.findings.iter().map(ToString::to_string).collect();
        play(move |engine| {
            let dashboard = engine.dashboard_of(dashboard);
            engine.sharing.directory().set_blueprint(dashboard, compiled.blueprint);
            Ok(json!({ "findings": findings }))
        })
    }

    pub(super) fn devices<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let tenant = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        let kind = kind(fields)?;
        let devices = fields.list("devices")?.iter().map(|it| device(it, self.strict));
        let devices = devices.collect::<Result<Vec<_>, _>>()?;
        let gone = fields.optional("gone", Fields::texts)?.unwrap_or_default();
        play(move |engine| {
            let tenant = engine.tenant(tenant);
            for mut device in devices {
                kind.word().clone_into(&mut device.kind);
                engine.sharing.directory().add_device_of(tenant, device);
            }
            gone.iter().for_each(|id| engine.sharing.directory().remove_device_of(tenant, kind, id));
            Ok(json!({}))
        })
    }

    pub(super) fn resolve<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let asked = asked(fields)?;
        let asker = match fields.optional("token", |fields, _| self.token_in(fields))? {
            Some(_) if fields.has("who") => return bad("a line has `who` or `token`, not both"),
            Some(token) => Asker::Token(token),
            None => Asker::Account(self.account_in(fields, "who")?),
        };
        let dashboard = self.dashboard_in(fields)?;
        play(move |engine| {
            let dashboard = engine.dashboard_of(dashboard);
            let decision = match asker {
                Asker::Account(who) => {
                    let who = engine.account(who);
                    block_on(engine.sharing.authorize(who, dashboard, Action::View))?
                }
                Asker::Token(token) => engine.visit_of(dashboard, token)?,
            };
            engine.resolved(&decision, asked)
        })
    }

    fn resolved(&self, decision: &Decision, asked: Asked<'_>) -> Answer {
        let Some(candidates) = block_on(self.sharing.candidates(decision))? else {
            return self.narrowed(decision, None);
        };
        let kept = candidates.kept(asked.kept);
        let resolution = candidates.resolve(&asked.choices.keeping(kept));
        Ok(answer(&candidates, &resolution))
    }
}

fn answer(candidates: &Candidates, resolution: &Resolution) -> Value {
    let words = resolution.open().into_iter().map(|(slot, why)| (slot.to_owned(), json!(why.code())));
    let listed = candidates.blueprint().slots().iter().map(|slot| {
        let listed = resolution.listed(&slot.name, None, usize::MAX);
        (slot.name.clone(), json!(listed.ids().collect::<Vec<_>>()))
    });
    json!({
        "allowed": true,
        "chosen": resolution.chosen(),
        "open": words.collect::<Map<_, _>>(),
        "listed": listed.collect::<Map<_, _>>(),
        "hidden": resolution.hidden(),
        "address": resolution.address(),
    })
}

fn of_slots(slots: Vec<Slot>, fallback: bool, strict: bool) -> Result<Compiled, Problem> {
    let lenient = Blueprint::compile_lenient(slots.clone(), fallback, RESERVED);
    let refused = strict.then(|| Blueprint::compile(slots, fallback, RESERVED).err()).flatten();
    match (lenient, refused) {
        (Ok(compiled), None) => Ok(compiled),
        (Err(error), _) | (_, Some(error)) => bad(error),
    }
}

fn of_document(document: &Value, strict: bool) -> Result<Compiled, Problem> {
    let dashboard = match TagoioDashboard::parse(&document.to_string()) {
        Ok(dashboard) => dashboard,
        Err(error) => return bad(format!("`document`: {error}")),
    };
    let refused = strict.then(|| dashboard.compile(RESERVED).err()).flatten();
    match (dashboard.compile_lenient(RESERVED), refused) {
        (Ok(compiled), None) => Ok(compiled),
        (Err(error), _) | (_, Some(error)) => bad(format!("`document`: {error}")),
    }
}

fn kind(fields: &Fields) -> Result<SlotKind, Problem> {
    match fields.optional("kind", Fields::text)? {
        None | Some("device") => Ok(SlotKind::Device),
        Some("entity") => Ok(SlotKind::Entity),
        Some(other) => bad(format!("`kind` has no value `{other}`")),
    }
}

fn object(value: &Value, what: &str, strict: bool) -> Result<Fields, Problem> {
    match value.as_object() {
        Some(members) => Ok(Fields::new(members.clone(), strict)),
        None => bad(format!("a {what} is an object")),
    }
}

fn slot(value: &Value, strict: bool) -> Result<Slot, Problem> {
    let fields = object(value, "slot", strict)?;
    let mut slot = Slot::new(fields.text("name")?).of_kind(kind(&fields)?);
    slot.conditions = fields.optional("conditions", Fields::tags)?.unwrap_or_default();
    for filter in fields.optional("filters", Fields::list)?.into_iter().flatten() {
        let filter = object(filter, "filter", strict)?;
        let (key, other) = (filter.text("key")?.to_owned(), filter.text("slot")?.to_owned());
        filter.end()?;
        slot.filters.push(Filter { key, slot: other });
    }
    slot.hide_when_empty = fields.optional("hide_when_empty", Fields::flag)?.unwrap_or(false);
    fields.end()?;
    Ok(slot)
}

/// The pairs of a member: a slot with the id that is named for it, with null for nothing, or with a list of all that are.
fn pairs<'a>(fields: &'a Fields, name: &str) -> Result<Vec<(&'a str, &'a str)>, Problem> {
    let Some(members) = fields.optional(name, Fields::get)? else { return Ok(Vec::new()) };
    let Some(members) = members.as_object() else { return bad(format!("`{name}` is not an object")) };
    let mut pairs = Vec::new();
    for (slot, named) in members {
        let ids: Option<Vec<&str>> = match named {
            Value::Null => Some(vec![""]),
            Value::Array(ids) => ids.iter().map(Value::as_str).collect(),
            one => one.as_str().map(|id| vec![id]),
        };
        match ids {
            Some(ids) => pairs.extend(ids.into_iter().map(|id| (slot.as_str(), id))),
            None => return bad(format!("`{name}` names something else than an id for `{slot}`")),
        }
    }
    Ok(pairs)
}

/// The choices of a line that asks for data.
pub(super) fn choices(fields: &Fields) -> Result<Choices, Problem> {
    Choices::of(pairs(fields, "choose")?).map_err(Problem::Unread)
}

fn asked<'a>(fields: &'a Fields) -> Result<Asked<'a>, Problem> {
    let chosen = pairs(fields, "choose")?;
    let read = match fields.optional("address", Fields::text)? {
        Some(_) if fields.has("choose") => return bad("a line has an `address` or `choose`, not both"),
        Some(address) => Choices::parse(address),
        None => Choices::of(chosen),
    };
    let mut choices = read.map_err(Problem::Unread)?;
    if fields.optional("named_only", Fields::flag)? == Some(true) {
        choices = choices.named_only();
    }
    let fixed = fields.optional("fixed", Fields::get)?.map_or(Some(Map::new()), |it| it.as_object().cloned());
    let Some(fixed) = fixed else { return bad("`fixed` is not an object") };
    let ids = Fields::new(fixed.clone(), false);
    for slot in fixed.keys() {
        choices = choices.only(slot.as_str(), ids.texts(slot)?);
    }
    Ok(Asked { choices, kept: pairs(fields, "kept")? })
}
