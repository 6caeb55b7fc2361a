//! The words that texts and the names of fields are of, and what the name of a field tells of what stands in it.
//!
//! Two files ask. The detector asks of what was removed what it is, and looks for it accordingly. The linter asks of what
//! a profile keeps whether it is hardly ever structure. What both know of stands in one list; a list that only one of
//! them asks says so.

/// Words of which the names of credentials are: for the detector the last one of a name, for the linter any of it, also as
/// plural.
const CREDENTIAL_WORDS: &[&str] = &["pin", "pw", "pwd", "otp", "auth", "session", "cookie"];
/// The same for the detector alone: the linter takes `token` wherever it stands, and lets a `bearer` pass.
const CREDENTIAL_LAST_WORDS: &[&str] = &["token", "bearer"];
/// Parts of the names of credentials, also within words.
const CREDENTIAL_PARTS: &[&str] = &["passw", "passphrase", "secret", "credential", "authorization"];
/// What makes a credential of a name that ends with `key`. For the linter each such name is suspicious.
const KEY_PARTS: &[&str] =
    &["api", "access", "private", "shared", "auth", "app", "license", "encrypt", "sign"];

/// What formats of all kinds call their members, and write where nothing or nothing special is meant.
const WORDS_OF_EVERY_FORMAT: &[&str] = &[
    "value",
    "text",
    "key",
    "name",
    "type",
    "kind",
    "mode",
    "id",
    "uid",
    "none",
    "null",
    "undefined",
    "true",
    "false",
    "default",
    "basic",
    "custom",
    "anonymous",
];

/// Words that say who somebody is: for the linter also as plural.
const PARTY_WORDS: &[&str] =
    &["customer", "company", "tenant", "org", "organization", "organisation", "author"];
/// The same, and where, for the detector alone: the linter takes `owner` and `user` wherever they stand, and lets the
/// others pass.
const PARTY_AND_PLACE_WORDS: &[&str] =
    &["owner", "user", "username", "assigned", "assignee", "person", "contact", "site", "location"];

/// Parts of names that say what something is called, for the detector alone.
const TITLE_PARTS: &[&str] = &["name", "alias", "label", "title", "host", "instance"];

/// Parts of names whose values are hardly ever structure, for the linter alone.
const SUSPICIOUS_PARTS: &[&str] = &[
    "token",
    "mail",
    "owner",
    "user",
    "created",
    "updated",
    "host",
    "url",
    "serial",
    "phone",
    "address",
    "account",
    "profile",
    "latitude",
    "longitude",
    "deveui",
    "joineui",
    "appeui",
];
/// Words in names, alone or as plural, of which the same is true.
const SUSPICIOUS_WORDS: &[&str] = &["mac", "imei", "iban", "eui", "link", "lat", "lng", "lon"];
/// Ends of names of which the same is true.
const SUSPICIOUS_ENDS: &[&str] = &["key", "_at", "ip", "id", "name"];

/// What the name of a field tells of what stands in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    Credential,
    /// Who it is, or where.
    Who,
    /// What it is called.
    What,
    Other,
}

impl Field {
    pub(super) fn of(name: &str) -> Self {
        let words = words_of_name(name);
        let joined = words.concat();
        let holds = |list: &[&str]| list.iter().any(|part| joined.contains(part));
        let has = |word: &String, lists: [&[&str]; 2]| lists.iter().any(|list| list.contains(&word.as_str()));
        if words.last().is_some_and(|last| has(last, [CREDENTIAL_WORDS, CREDENTIAL_LAST_WORDS]))
            || holds(CREDENTIAL_PARTS)
            || (joined.ends_with("key") && holds(KEY_PARTS))
        {
            Self::Credential
        } else if words.iter().any(|word| has(word, [PARTY_WORDS, PARTY_AND_PLACE_WORDS])) {
            Self::Who
        } else if holds(TITLE_PARTS) {
            Self::What
        } else {
            Self::Other
        }
    }
}

/// Whether a word, in lower case, is one that documents of every format are of: a way to sign in is called by its name,
/// and that is no credential.
pub(super) fn is_of_every_format(word: &str) -> bool {
    [WORDS_OF_EVERY_FORMAT, CREDENTIAL_WORDS, CREDENTIAL_LAST_WORDS].iter().any(|list| list.contains(&word))
}

/// Whether a leaf of this name is hardly ever structure.
pub(super) fn is_suspicious(name: &str) -> bool {
    let is_one = |word: &str| {
        [CREDENTIAL_WORDS, PARTY_WORDS, SUSPICIOUS_WORDS].iter().any(|list| list.contains(&word))
    };
    let words = words_of_name(name);
    let name = name.to_ascii_lowercase();
    [CREDENTIAL_PARTS, SUSPICIOUS_PARTS].iter().any(|list| list.iter().any(|part| name.contains(part)))
        || words.iter().any(|word| is_one(word) || word.strip_suffix('s').is_some_and(is_one))
        || SUSPICIOUS_ENDS.iter().any(|end| name.ends_with(end))
}

/// The words that the name of a field is of, in lower case.
pub(super) fn words_of_name(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if (c.is_uppercase() && !before.is_uppercase()) || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(last) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            last.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The words of a text in lower case, with a space between them.
pub(super) fn words_of_text(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        if word.is_ascii() {
            words.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            words.push_str(&word.to_lowercase());
        }
    }
    words
}
