//! The template-only clone at the command line: extract, fill, lint, slots. The page is `examples/template.md`.

use dashshare::template::{
    ExtractError, Fills, Options, Profile, Recipient, Template, Texts, extract_json, fill,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Write as _},
    process::ExitCode,
};

const USAGE: &str = "\
template extract --profile tagoio|grafana|thingsboard|FILE IN.json
         [--report FILE] [--owner-lets-stand | --blank-texts] [--keep-code] [--strict]
    writes the template on standard output and the report on standard error
template fill TEMPLATE.json --fills FILE --owner NAME [--profile …] [--partial] [--accept-code]
    writes a dashboard of the recipient's
template slots TEMPLATE.json
    lists what a recipient has to fill
template lint PROFILE.json
    checks a profile
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem::Usage(what)) => {
            eprintln!("{what}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Problem::Failed(what)) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

enum Problem {
    Usage(String),
    Failed(String),
}

fn failed(what: impl std::fmt::Display) -> Problem {
    Problem::Failed(what.to_string())
}

fn run(arguments: &[String]) -> Result<(), Problem> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Problem::Usage("say what to do".to_owned()));
    };
    if matches!(command.as_str(), "help" | "--help" | "-h")
        || rest.iter().any(|word| matches!(word.as_str(), "--help" | "-h"))
    {
        print!("{USAGE}");
        return Ok(());
    }
    let arguments = Arguments::read(command, rest)?;
    match command.as_str() {
        "extract" => extract(&arguments),
        "fill" => fill_in(&arguments),
        "slots" => slots(&arguments),
        "lint" => lint(&arguments),
        other => Err(Problem::Usage(format!("there is no command `{other}`"))),
    }
}

/// The options of a command: those with a value, and those without.
fn options(command: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match command {
        "extract" => {
            (&["--profile", "--report"], &["--owner-lets-stand", "--blank-texts", "--keep-code", "--strict"])
        }
        "fill" => (&["--profile", "--fills", "--owner"], &["--partial", "--accept-code"]),
        "slots" => (&["--profile"], &[]),
        "lint" => (&[], &[]),
        _ => return None,
    })
}

struct Arguments {
    file: String,
    values: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Arguments {
    fn read(command: &str, words: &[String]) -> Result<Self, Problem> {
        let Some((with_value, flags)) = options(command) else {
            return Err(Problem::Usage(format!("there is no command `{command}`")));
        };
        let mut found = Self { file: String::new(), values: Vec::new(), flags: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if found.flags.contains(word) || found.value(word).is_some() {
                return Err(Problem::Usage(format!("`{word}` stands there twice")));
            }
            if with_value.contains(&word.as_str()) {
                let value = words.next().ok_or_else(|| Problem::Usage(format!("`{word}` needs a value")))?;
                found.values.push((word.clone(), value.clone()));
            } else if flags.contains(&word.as_str()) {
                found.flags.push(word.clone());
            } else if word.starts_with('-') {
                return Err(Problem::Usage(format!("`{command}` has no option `{word}`")));
            } else if found.file.is_empty() {
                found.file.clone_from(word);
            } else {
                return Err(Problem::Usage(format!("one file is enough: `{word}` is another")));
            }
        }
        Ok(found)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    fn text(&self) -> Result<String, Problem> {
        if self.file.is_empty() {
            return Err(Problem::Usage("name a file".to_owned()));
        }
        read(&self.file)
    }

    fn profile(&self, otherwise: Option<&str>) -> Result<Profile, Problem> {
        let name = self.value("--profile").or(otherwise);
        match name.ok_or_else(|| Problem::Usage("name a `--profile`".to_owned()))? {
            "tagoio" => Ok(Profile::tagoio()),
            "grafana" => Ok(Profile::grafana()),
            "thingsboard" => Ok(Profile::thingsboard()),
            // Which file is read is for who runs this to say, not for a template that somebody has sent.
            other if self.value("--profile").is_none() => {
                Err(failed(format_args!("the template is of the format `{other}`: name its `--profile`")))
            }
            file => Profile::parse(&read(file)?)
                .map_err(|error| failed(format_args!("{file}: {}", whole(&error)))),
        }
    }
}

fn read(file: &str) -> Result<String, Problem> {
    let text = fs::read_to_string(file).map_err(|error| failed(format_args!("{file}: {error}")))?;
    // Some editors put a byte order mark first, which is no part of the text.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// An error with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

fn print(value: &Value) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(value).map_err(failed)?;
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(()),
    }
}

fn extract(arguments: &Arguments) -> Result<(), Problem> {
    let (profile, text) = (arguments.profile(None)?, arguments.text()?);
    let texts = match (arguments.has("--owner-lets-stand"), arguments.has("--blank-texts")) {
        (true, true) => return Err(Problem::Usage("texts either stand or are blanked".to_owned())),
        (true, false) => Texts::LetStand,
        (false, true) => Texts::Blank,
        (false, false) => Texts::Ask,
    };
    let options = Options {
        texts,
        keep_code: arguments.has("--keep-code"),
        strict: arguments.has("--strict"),
        ..Options::default()
    };
    match extract_json(&text, &profile, options) {
        Ok(extracted) => {
            report(arguments, &extracted.report)?;
            print(&extracted.template.to_json())
        }
        Err(error) => {
            if let ExtractError::AskOwner(of) | ExtractError::Unknown(of) | ExtractError::Foreign(of) = &error
            {
                report(arguments, of)?;
            }
            if let ExtractError::Leak(leaks) = &error {
                report(arguments, &json!({ "leaks": leaks }))?;
            }
            let hint = match &error {
                ExtractError::AskOwner(_) => " (`--owner-lets-stand` or `--blank-texts`)".to_owned(),
                ExtractError::Foreign(_)
                | ExtractError::TooLarge { .. }
                | ExtractError::TooManySlots { .. } => format!(" (`{}`)", error.code()),
                _ => String::new(),
            };
            Err(failed(format_args!("{}{hint}", whole(&error))))
        }
    }
}

fn report(arguments: &Arguments, report: &impl Serialize) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(report).map_err(failed)?;
    match arguments.value("--report") {
        Some(file) => fs::write(file, text + "\n").map_err(|error| failed(format_args!("{file}: {error}"))),
        None => {
            eprintln!("{text}");
            Ok(())
        }
    }
}

/// The profile that a template names, unless another one is given.
fn template(arguments: &Arguments) -> Result<(Profile, Template), Problem> {
    let text = arguments.text()?;
    let named: Value =
        serde_json::from_str(&text).map_err(|error| failed(format_args!("not a template: {error}")))?;
    let Some(format) = named.get("format").and_then(Value::as_str) else {
        return Err(failed("not a template: it does not say of which format it is"));
    };
    let profile = arguments.profile(Some(format))?;
    let template = Template::read(&profile, &text).map_err(failed)?;
    Ok((profile, template))
}

fn slots(arguments: &Arguments) -> Result<(), Problem> {
    let (_, template) = template(arguments)?;
    print(&json!(template.slots()))
}

fn fill_in(arguments: &Arguments) -> Result<(), Problem> {
    let (profile, template) = template(arguments)?;
    let owner = arguments.value("--owner").ok_or_else(|| Problem::Usage("name an `--owner`".to_owned()))?;
    let fills: Fills = match arguments.value("--fills") {
        Some(file) => {
            let once: Once = serde_json::from_str(&read(file)?)
                .map_err(|error| failed(format_args!("{file}: {error}")))?;
            once.0
        }
        None => Fills::new(),
    };
    let mut random = || uuid::Builder::from_random_bytes(bytes()).into_uuid().into_bytes();
    let recipient = Recipient {
        owner,
        accepts_code: arguments.has("--accept-code"),
        partial: arguments.has("--partial"),
        // At the command line there is no host to ask: whoever runs it may use what they name.
        may_use: &|_, _| true,
        random: &mut random,
    };
    match fill(&template, &profile, &fills, recipient) {
        Ok(dashboard) => print(&dashboard),
        Err(errors) => {
            for error in &errors {
                eprintln!("{error}");
            }
            let wrong = if errors.len() == 1 { "fill is" } else { "fills are" };
            Err(failed(format_args!("{} {wrong} wrong", errors.len())))
        }
    }
}

/// Fills of which none stands there twice.
struct Once(Fills);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> de::Visitor<'de> for Members {
            type Value = Once;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of fills")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut members: A) -> Result<Once, A::Error> {
                let mut fills = Fills::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if fills.contains_key(&name) {
                        return Err(de::Error::custom(format_args!("`{name}` stands there twice")));
                    }
                    fills.insert(name, value);
                }
                Ok(Once(fills))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Bytes of the operating system's generator.
fn bytes() -> [u8; 16] {
    use dashshare::Env as _;
    let mut bytes = [0; 16];
    if let Err(error) = dashshare::SystemEnv.fill(&mut bytes) {
        eprintln!("no randomness: {error}");
        std::process::exit(1);
    }
    bytes
}

fn lint(arguments: &Arguments) -> Result<(), Problem> {
    let profile = Profile::parse(&arguments.text()?).map_err(|error| failed(whole(&error)))?;
    println!("{} version {}: nothing to mend", profile.format(), profile.version());
    Ok(())
}
