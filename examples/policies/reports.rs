//! The commands that look at whole policies: lint, audit and diff.

use super::{Out, Trouble, arguments::Arguments, input, say, tell};
use dashshare::policy::{self, Change, Permitted, Principal, Resource, Severity, Usage, Wide};
use serde::Serialize;
use std::{io::Write as _, process::ExitCode};

#[derive(Serialize)]
struct Finding<'a> {
    policy: &'a str,
    severity: Severity,
    pointer: String,
    sentence: &'a str,
    /// Whether a deny is without effect by it, which is the dangerous way round.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    denies_nothing: bool,
}

pub(crate) fn lint(arguments: &mut Arguments, out: &mut Out) -> Result<ExitCode, Trouble> {
    let anonymous = arguments.option("--anonymous")?;
    let path = arguments.next("FILE")?;
    arguments.end()?;
    let documents = input::documents(&path)?;
    let anonymous = anonymous.map(|value| input::principal("--anonymous", value)).transpose()?;

    let (mut inert, mut warnings) = (0_usize, 0_usize);
    for (place, document) in documents.iter().enumerate() {
        for finding in policy::lint(document, anonymous.as_ref()) {
            let count = if finding.severity() == Severity::Inert { &mut inert } else { &mut warnings };
            *count = count.saturating_add(1);
            let pointer = format!("/{place}{}", finding.pointer());
            let (policy, severity, sentence) = (finding.policy(), finding.severity(), finding.sentence());
            let denies_nothing = finding.denies_nothing();
            say(out, &Finding { policy, severity, pointer, sentence, denies_nothing })?;
        }
    }
    out.flush()?;
    let of = counted(documents.len(), "policy", "policies");
    tell(&format!("{inert} inert, {}, in {of}", counted(warnings, "warning", "warnings")));
    Ok(ExitCode::from(u8::from(inert > 0)))
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Finds<'a> {
    May {
        action: &'a str,
        resource: &'a Resource,
        policy: &'a str,
        rule: usize,
    },
    Wide {
        policy: &'a str,
        rule: usize,
        actions: &'a [String],
        /// `kind` is what a line is about.
        resource_kind: &'a str,
        needed_for: usize,
    },
    Unused {
        policy: &'a str,
        rule: usize,
    },
}

pub(crate) fn audit(arguments: &mut Arguments, out: &mut Out) -> Result<ExitCode, Trouble> {
    let principal = arguments.needed("--principal")?;
    let (resources, uses) = (arguments.needed("--resources")?, arguments.option("--uses")?);
    let path = arguments.next("FILE")?;
    arguments.end()?;
    let policies = input::policies(&path, false)?;
    let principal = input::principal("--principal", principal)?;
    let resources: Vec<Resource> = input::file(&resources)?;
    let usage: Option<Usage> = uses.map(|path| input::file(&path)).transpose()?;

    let audit = policies.audit(&principal, &resources);
    for Permitted { resource, action, policy, rule, .. } in &audit.may {
        say(out, &Finds::May { action, resource, policy, rule: *rule })?;
    }
    for Wide { policy, rule, kind, actions, needed_for, .. } in &audit.wide {
        let (rule, needed_for) = (*rule, *needed_for);
        say(out, &Finds::Wide { policy, rule, actions, resource_kind: kind, needed_for })?;
    }
    let unused = usage.map(|usage| policies.unused(&usage));
    for (policy, rule) in unused.iter().flatten() {
        say(out, &Finds::Unused { policy, rule: *rule })?;
    }
    out.flush()?;
    let (may, wide) = (audit.may.len(), counted(audit.wide.len(), "wide rule", "wide rules"));
    let unused = unused.map_or(String::new(), |rules| {
        format!(", {} in all policies", counted(rules.len(), "unused rule", "unused rules"))
    });
    tell(&format!(
        "{may} permitted on {}, {wide}{unused}",
        counted(resources.len(), "resource", "resources")
    ));
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Changed<'a> {
    change: &'a str,
    principal: &'a Principal,
    action: &'a str,
    resource: &'a Resource,
    policy: &'a str,
    rule: usize,
}

pub(crate) fn diff(arguments: &mut Arguments, out: &mut Out) -> Result<ExitCode, Trouble> {
    let (principals, resources) = (arguments.needed("--principals")?, arguments.needed("--resources")?);
    let (old, new) = (arguments.next("OLD")?, arguments.next("NEW")?);
    arguments.end()?;
    let (old, new) = (input::policies(&old, false)?, input::policies(&new, false)?);
    let principals: Vec<Principal> = input::file(&principals)?;
    let resources: Vec<Resource> = input::file(&resources)?;

    let diff = old.diff(&new, &principals, &resources);
    for (name, changes) in [("opened", &diff.opened), ("closed", &diff.closed)] {
        for Change { principal, resource, action, policy, rule, .. } in changes {
            say(out, &Changed { change: name, principal, action, resource, policy, rule: *rule })?;
        }
    }
    out.flush()?;
    let over = counted(principals.len(), "principal", "principals");
    let on = counted(resources.len(), "resource", "resources");
    tell(&format!("{} opened, {} closed, for {over} on {on}", diff.opened.len(), diff.closed.len()));
    Ok(ExitCode::SUCCESS)
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
