//! A decision in words, for whoever is asked "why can she not see it?".

use dashshare::policy::{Document, Effect, Principal, Resource, Verdict};

/// Which rule decided and what it says, or that none did.
pub(crate) fn sentence(
    verdict: &Verdict<'_>,
    principal: &Principal,
    action: &str,
    resource: &Resource,
) -> String {
    let Some((document, index)) = verdict.document().zip(verdict.rule()) else {
        return "no rule of an active policy allows it".to_owned();
    };
    let tuple = document.permissions().get(index).map(|rule| &*rule.resource);
    let whole = words(tuple.unwrap_or_default(), principal, resource);
    let policy = title(document);
    match verdict.effect() {
        Some(Effect::Deny) => {
            format!("rule {index} of {policy} denies `{action}` on {whole}, whatever allows it")
        }
        _ => format!("rule {index} of {policy} allows `{action}` on {whole}"),
    }
}

fn title(document: &Document) -> String {
    match document.name() {
        "" => format!("policy `{}`", document.id()),
        name => format!("policy `{}` ({name})", document.id()),
    }
}

/// What a rule that matched is about.
fn words(tuple: &[Box<str>], principal: &Principal, resource: &Resource) -> String {
    let tuple: Vec<&str> = tuple.iter().map(|word| &**word).collect();
    match *tuple {
        [kind, "id", id] => format!("the {kind} `{id}`"),
        [kind, "tag.key", key, "tag.value", value] => format!("any {kind} with the tag `{key}` = `{value}`"),
        [kind, "tag_match", key] => {
            let shared = resource.tags.iter().find(|tag| tag.key == *key && principal.tags.contains(tag));
            let value = shared.map_or("", |tag| &tag.value);
            format!("any {kind} that has the principal's `{key}`, here `{value}`")
        }
        [kind, "path", prefix] => format!("any {kind} whose path begins with `{prefix}`"),
        _ => format!("any {}", resource.kind),
    }
}
