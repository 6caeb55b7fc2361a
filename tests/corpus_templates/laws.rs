//! What holds for every document.

use super::{
    Format,
    chance::{CANARY, Dice, normal_forms, seed, write},
    hand::{Counts, Hand, Mode},
    parse,
    schema::Schema,
    template,
};
use dashshare::template::{
    ExtractError, Fills, Options, Profile, Recipient, Template, Texts, extract_json, fill,
};
use libtest_mimic::Failed;
use serde_json::{Value, json};

pub(super) fn mutants(
    format: &Format,
    profile: &Profile,
    schema: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let wanted = std::env::var("DASHSHARE_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_u64);
    let (mut made, mut changed) = (0, 0);
    for (name, json) in documents {
        let document = parse(json)?;
        let expected = template(name, json, profile)?.template.to_json().to_string();
        for number in 0..wanted {
            let mut hand = Hand::new(schema, &document, Mode::Mutant, seed(format.name, name, number));
            let mutant = hand.rewrite(&schema.root, &document).unwrap_or(Value::Null);
            changed += hand.changed;
            let mut text = String::with_capacity(json.len());
            write(&mutant, &mut hand.dice, &mut text);
            let found = template(name, &text, profile)?.template.to_json().to_string();
            if found != expected {
                return Err(format!("{name}: mutant {number}: {}", difference(&expected, &found)).into());
            }
            made += 1;
        }
    }
    Ok(format!("{made} mutants with {changed} changes, all of the same template"))
}

pub(super) fn canaries(
    format: &Format,
    profile: &Profile,
    schema: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let mut planted = 0;
    let mut total = Counts::default();
    for (name, json) in documents {
        if json.to_lowercase().contains(CANARY) {
            return Err(format!("{name} has canaries of its own").into());
        }
        let document = parse(json)?;
        let mut hand = Hand::new(schema, &document, Mode::Canaries, seed(format.name, name, 0));
        let with = hand.rewrite(&schema.root, &document).unwrap_or(Value::Null);
        planted += hand.planted;
        total.add(&hand.counts);
        let found = template(name, &with.to_string(), profile)?.template.to_json().to_string();
        if let Some(form) = normal_forms(CANARY).into_iter().find(|form| found.to_lowercase().contains(form))
        {
            return Err(format!("{name}: a canary survives as {form}").into());
        }
        let expected = template(name, json, profile)?.template.to_json().to_string();
        if found != expected {
            return Err(format!("{name}: {}", difference(&expected, &found)).into());
        }
    }
    let all = (total.kept + total.slotted + total.dropped).max(1);
    let share = |part: usize| part * 1000 / all;
    let percent = |part: usize| format!("{}.{} %", share(part) / 10, share(part) % 10);
    Ok(format!(
        "{planted} canaries planted, 0 surviving; of {all} places {} kept, {} slots, ids or code, {} dropped",
        percent(total.kept),
        percent(total.slotted),
        percent(total.dropped)
    ))
}

/// T5: the detector asks about few of the texts and names that stay, or nobody would read what it asks. The documents
/// are published ones, so that hardly any of these names is anybody's.
pub(super) fn questions(
    format: &Format,
    profile: &Profile,
    _: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let (mut kept, mut asked, mut silent) = (0, 0, 0);
    for (name, json) in documents {
        let found = template(name, json, profile)?;
        kept += found.report.kept;
        asked += found.report.texts.len();
        silent += usize::from(found.report.texts.is_empty());
        if std::env::var_os("DASHSHARE_SHOW_QUESTIONS").is_some() {
            found.report.texts.iter().for_each(|of| println!("{:?} in {:?}", of.name, of.text));
        }
    }
    if asked > documents.len() * format.questions {
        return Err(format!("{asked} questions about {} documents", documents.len()).into());
    }
    Ok(format!("{asked} questions, {silent} documents without any, {kept} leaves kept"))
}

fn filled(template: &Template, profile: &Profile, dice: &mut Dice) -> Result<Value, Failed> {
    let fills: Fills =
        template.slots().iter().map(|slot| (slot.name.clone(), json!(dice.id(&slot.kind)))).collect();
    let recipient = Recipient {
        owner: "ann",
        accepts_code: true,
        partial: false,
        may_use: &|_, _| true,
        random: &mut || {
            let mut bytes = [0; 16];
            bytes.fill_with(|| dice.next().to_le_bytes()[0]);
            bytes
        },
    };
    fill(template, profile, &fills, recipient).map_err(|errors| format!("{errors:?}").into())
}

pub(super) fn round_trip(
    format: &Format,
    profile: &Profile,
    _: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let (mut slots, mut bytes, mut with_code) = (0, 0, 0);
    for (name, json) in documents {
        let first = template(name, json, profile)?.template;
        // Code may name what was removed: then nothing is given out.
        let options = Options { texts: Texts::LetStand, keep_code: true, ..Options::default() };
        match extract_json(json, profile, options) {
            Ok(extracted) => {
                reads_and_returns(name, profile, &extracted.template, seed(format.name, name, 3))?;
                with_code += 1;
            }
            Err(ExtractError::Leak(_)) => {}
            Err(error) => return Err(format!("{name}: with its code: {error}").into()),
        }
        reads_and_returns(name, profile, &first, seed(format.name, name, 1))?;
        slots += first.slots().len();
        bytes += first.to_json().to_string().len();
    }
    Ok(format!(
        "{slots} slots, templates of {bytes} bytes; {with_code} documents may keep their code, the others are refused with it"
    ))
}

fn reads_and_returns(name: &str, profile: &Profile, first: &Template, seed: u64) -> Result<(), Failed> {
    let written = first.to_json().to_string();
    let read = Template::read(profile, &written).map_err(|error| format!("{name}: {error}"))?;
    if read != *first {
        let found = read.to_json().to_string();
        return Err(format!("{name}: read again: {}", difference(&written, &found)).into());
    }
    let mut dice = Dice(seed);
    let made = filled(first, profile, &mut dice)?;
    let mut text = String::new();
    write(&made, &mut dice, &mut text);
    let options =
        Options { texts: Texts::LetStand, keep_code: written.contains("\"$code\""), ..Options::default() };
    let again = extract_json(&text, profile, options).map_err(|error| format!("{name}: filled: {error}"))?;
    if again.template != *first {
        let found = again.template.to_json().to_string();
        return Err(format!("{name}: filled and extracted again: {}", difference(&written, &found)).into());
    }
    Ok(())
}

pub(super) fn same_frame(
    format: &Format,
    profile: &Profile,
    _: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let mut facts = 0;
    for (name, json) in documents {
        let first = template(name, json, profile)?.template;
        let made = filled(&first, profile, &mut Dice(seed(format.name, name, 2)))?;
        let (of_source, of_clone) = ((format.frame)(&parse(json)?), (format.frame)(&made));
        let lost = of_source.iter().find(|fact| !of_clone.contains(fact));
        if of_source != of_clone {
            return Err(
                format!("{name}: {} facts, {} left; {lost:?}", of_source.len(), of_clone.len()).into()
            );
        }
        facts += of_source.len();
    }
    Ok(format!("{facts} facts of frames: widgets, types, places, tabs, variables"))
}

fn difference(one: &str, other: &str) -> String {
    let at = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| -> String { text.chars().skip(at.saturating_sub(120)).take(240).collect() };
    format!("differ at byte {at}:\n  {}\n  {}", around(one), around(other))
}
