//! Decides requests, one a line, and says why.

use super::{
    Out, Trouble,
    arguments::Arguments,
    input::{self, json},
    lines::Lines,
    reason, say,
};
use dashshare::policy::{Considered, Effect, Nearest, PolicySet, Principal, Resource, Usage};
use serde::{Deserialize, Serialize};
use std::{fs, io, io::Write as _, process::ExitCode};

/// A host may tell more about principals and resources than policies ask for. What stands beside these three is
/// refused: it is one of them with a slip in its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    principal: Principal,
    action: String,
    resource: Resource,
}

#[derive(Serialize)]
struct Answer<'a> {
    line: u64,
    allowed: bool,
    effect: Option<Effect>,
    policy: Option<&'a str>,
    rule: Option<usize>,
    reason: String,
    #[serde(flatten)]
    explained: Option<Explained>,
}

#[derive(Serialize)]
struct Explained {
    considered: Vec<Considered>,
    nearest: Option<Remedy>,
    /// Where the explanation stopped, if it had too much to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
}

/// What would change a denial, for people and for programs.
#[derive(Serialize)]
struct Remedy {
    sentence: String,
    change: Nearest,
}

#[derive(Serialize)]
struct BadLine {
    line: u64,
    error: String,
}

pub(crate) fn run(arguments: &mut Arguments, out: &mut Out) -> Result<ExitCode, Trouble> {
    let (strict, explain) = (arguments.flag("--strict"), arguments.flag("--explain"));
    let (path, count) = (arguments.needed("--policies")?, arguments.option("--count")?);
    arguments.end()?;
    let policies = input::policies(&path, strict)?;

    let mut lines = Lines::of(io::stdin().lock());
    let (mut line, mut bad) = (0_u64, false);
    let mut usage = Usage::default();
    loop {
        if lines.must_wait() {
            out.flush()?;
        }
        let Some(text) = lines.next()? else { break };
        line = line.saturating_add(1);
        match text.and_then(request) {
            Ok(None) => {}
            Ok(Some(request)) => say(out, &answer(&policies, line, &request, explain, &mut usage))?,
            Err(error) => {
                bad = true;
                say(out, &BadLine { line, error })?;
            }
        }
    }
    out.flush()?;
    if let Some(path) = count {
        let written = serde_json::to_string(&usage).map_err(io::Error::from);
        written.and_then(|text| fs::write(&path, text + "\n")).map_err(|error| {
            Trouble::File(format!("cannot write the counts to `{}`: {error}", path.display()))
        })?;
    }
    Ok(ExitCode::from(u8::from(bad)))
}

/// A blank line is no request.
fn request(text: &str) -> Result<Option<Request>, String> {
    match text.chars().next() {
        None => Ok(None),
        Some('{') => json(text).map(Some),
        Some(_) => Err("at column 1: a request is a JSON object".to_owned()),
    }
}

fn answer<'a>(
    policies: &'a PolicySet,
    line: u64,
    request: &Request,
    explain: bool,
    usage: &mut Usage,
) -> Answer<'a> {
    let Request { principal, action, resource } = request;
    let verdict = policies.evaluate(principal, action, resource);
    usage.note(&verdict);
    let mut reason = reason::sentence(&verdict, principal, action, resource);
    // What would change a denial is sought in every policy: only for whoever asks.
    let explained = explain.then(|| {
        let explanation = policies.explain(principal, action, resource);
        let remedy = |change: Nearest| Remedy { sentence: change.to_string(), change };
        let stopped = explanation.stopped.map(|stopped| stopped.to_string());
        Explained { considered: explanation.considered, nearest: explanation.nearest.map(remedy), stopped }
    });
    if let Some(remedy) = explained.as_ref().and_then(|explained| explained.nearest.as_ref()) {
        reason.push_str(&format!("; to allow it, {}", remedy.sentence));
    }
    Answer {
        line,
        allowed: verdict.is_allowed(),
        effect: verdict.effect(),
        policy: verdict.policy(),
        rule: verdict.rule(),
        reason,
        explained,
    }
}
