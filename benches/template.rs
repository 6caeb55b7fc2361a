//! What extracting and filling a template costs: `cargo bench --bench template`.
//!
//! Each contender and its floor take turns on the same documents, and the median of the rounds' own ratios is printed
//! as `RATIO <name> <value>`. The floor is `serde_json` parsing the same bytes to a value and writing it back. The
//! documents are those of the corpus beside the project if it is there, of the three shipped formats; and one of our own
//! that is grown to sizes from 10 kB to 10 MB. Peak memory is what a
//! process of its own held at most, above what it held before.

use dashshare::template::{
    Extracted, Fills, Limits, Options, Profile, Recipient, Template, Texts, extract_json, fill,
};
use serde_json::{Value, json};
use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

const OPTIONS: Options = Options {
    texts: Texts::LetStand,
    keep_code: false,
    strict: false,
    limits: Limits { document_bytes: usize::MAX, slots: usize::MAX },
};

fn floor(text: &str) -> usize {
    let value: Value = serde_json::from_str(text).expect("a document");
    serde_json::to_string(&value).expect("it can be written").len()
}

fn ours(text: &str, profile: &Profile) -> Extracted {
    extract_json(text, profile, OPTIONS).expect("it can be extracted")
}

fn filled(extracted: &Extracted, profile: &Profile, fills: &Fills) -> usize {
    let mut drawn = 0_u128;
    let mut random = || {
        drawn += 1;
        drawn.to_be_bytes()
    };
    let recipient = Recipient {
        owner: "ann",
        accepts_code: false,
        partial: false,
        may_use: &|_, _| true,
        random: &mut random,
    };
    let made = fill(&extracted.template, profile, fills, recipient).expect("it can be filled");
    made.to_string().len()
}

fn fills_of(extracted: &Extracted) -> Fills {
    let slots = extracted.template.slots().iter().enumerate();
    slots.map(|(index, slot)| (slot.name.clone(), json!(format!("mine-{index}")))).collect()
}

fn time(act: impl FnOnce() -> usize) -> f64 {
    let start = Instant::now();
    black_box(act());
    start.elapsed().as_secs_f64() * 1e6
}

/// The most memory that a process of its own held while it did this once, above what it held before, in kB.
fn peak(what: &str, text: &str) -> f64 {
    let file = std::env::temp_dir().join(format!("template-bench-{}.json", std::process::id()));
    fs::write(&file, text).expect("a temporary file");
    let this = std::env::current_exe().expect("the bench knows where it is");
    let output = Command::new(this).args(["--peak", what]).arg(&file).output().expect("it runs");
    let _ = fs::remove_file(&file);
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(f64::NAN)
}

/// The most memory that this process has held so far, in kB, where the system tells.
fn held() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}

/// What a process of its own does for [`peak`].
fn hold(what: &str, file: &str) {
    let (text, profile) = (fs::read_to_string(file).expect("a document"), Profile::tagoio());
    let before = held();
    let done = if what == "ours" { ours(&text, &profile).report.kept } else { floor(&text) };
    black_box(done);
    println!("{}", held() - before);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const ROUNDS: usize = 15;

/// Prints the ratio of ours to the floor over all documents, round by round.
fn race(name: &str, aim: f64, ours: impl Fn() -> usize, floor: impl Fn() -> usize) -> f64 {
    let mut ratios = Vec::new();
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (one, other) = (time(&ours), time(&floor));
        ratios.push(one / other);
        mine.push(one);
        theirs.push(other);
    }
    let ratio = median(ratios);
    let verdict = if ratio <= aim { "met" } else { "missed" };
    println!(
        "RATIO {name} {ratio:.2} <={aim} {verdict}    # {:.0} µs beside {:.0} µs",
        median(mine),
        median(theirs)
    );
    ratio
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

/// A dashboard of our own of about so many bytes.
fn grown(bytes: usize) -> String {
    let widget = |index: usize| {
        json!({
            "id": format!("{index:024x}"), "type": "line_chart", "label": format!("Room {}", index % 50),
            "data": [{ "origin": format!("{:024x}", 0xd000 + index % 200), "bucket": format!("{:024x}", 0xd000 + index % 200), "qty": 500, "variables": ["temperature", "humidity"] }],
            "display": { "line_curve": "smooth", "stacked": false, "show_values": true,
                "theme": { "color": { "background": "hsla(0, 0%, 100%, 1)", "text": "#336699" } } },
            "mock_data": [{ "result": (0..8).map(|n| json!({ "id": format!("{n:024x}"), "value": n, "time": "2026-01-01T00:00:00Z" })).collect::<Vec<_>>() }],
            "created_at": "2026-01-01T00:00:00Z",
        })
    };
    let one = widget(0).to_string().len() + 120;
    let count = bytes / one + 1;
    let arrangement: Vec<Value> = (0..count)
        .map(|index| json!({ "widget_id": format!("{index:024x}"), "x": index % 4, "y": index % 64, "width": 1, "height": 3 }))
        .collect();
    json!({
        "dashboard": { "id": format!("{:024x}", 0xabc), "label": "Cold rooms", "type": "dashboard", "arrangement": arrangement },
        "widgets": (0..count).map(widget).collect::<Vec<_>>(),
    })
    .to_string()
}

/// A dashboard of our own with so many devices, each of which leaves a slot.
fn of_devices(count: usize) -> String {
    let widget = |index: usize| {
        json!({
            "id": format!("{index:024x}"), "type": "line_chart", "label": "Air",
            "data": [{ "origin": format!("{:024x}", 0xd000 + index), "variables": ["temperature"] }],
        })
    };
    json!({ "dashboard": { "label": "Cold rooms" }, "widgets": (0..count).map(widget).collect::<Vec<_>>() })
        .to_string()
}

/// Prints what a slot costs in a large template, by what it costs in a small one: extracting and reading take as many
/// steps as there are slots, and not as there are pairs of them.
fn slots(profile: &Profile) {
    let mut per_slot = Vec::new();
    for count in [400, 40_000] {
        let text = of_devices(count);
        let template = ours(&text, profile).template;
        assert_eq!(template.slots().len(), count);
        let written = template.to_json().to_string();
        let extracting = (0..5).map(|_| time(|| ours(&text, profile).report.kept)).collect();
        let read = || Template::read(profile, &written).expect("it was extracted").slots().len();
        let reading = (0..5).map(|_| time(read)).collect();
        per_slot.push([median(extracting) / count as f64, median(reading) / count as f64]);
    }
    for (place, name) in ["extract", "read"].iter().enumerate() {
        let ratio = per_slot[1][place] / per_slot[0][place];
        println!("RATIO {name}_slots_linear {ratio:.2}    # time a slot at 40,000 by that at 400");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, flag, what, file] = words.as_slice()
        && flag == "--peak"
    {
        return hold(what, file);
    }
    let profiles = [
        ("tagoio", Profile::tagoio()),
        ("grafana", Profile::grafana()),
        ("thingsboard", Profile::thingsboard()),
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    for (format, profile) in &profiles {
        let mut paths = Vec::new();
        for folder in fs::read_dir(&corpus).into_iter().flatten().flatten() {
            if folder.file_name().to_string_lossy().starts_with(format) {
                documents(&folder.path(), &mut paths);
            }
        }
        let texts: Vec<String> = paths
            .iter()
            .filter(|path| !path.to_string_lossy().contains("template-config"))
            .filter_map(|path| fs::read_to_string(path).ok())
            .filter(|text| extract_json(text, profile, OPTIONS).is_ok())
            .collect();
        if texts.is_empty() {
            println!("# no corpus of {format} beside the project");
            continue;
        }
        let bytes: usize = texts.iter().map(String::len).sum();
        println!("# {format}: {} documents, {} kB", texts.len(), bytes / 1000);
        race(
            &format!("extract_{format}"),
            2.5,
            || texts.iter().map(|text| ours(text, profile).template.slots().len()).sum(),
            || texts.iter().map(|text| floor(text)).sum(),
        );
        let extracted: Vec<Extracted> = texts.iter().map(|text| ours(text, profile)).collect();
        let fills: Vec<Fills> = extracted.iter().map(fills_of).collect();
        let made: Vec<String> = extracted.iter().map(|it| it.template.to_json().to_string()).collect();
        race(
            &format!("fill_{format}"),
            1.5,
            || extracted.iter().zip(&fills).map(|(it, fills)| filled(it, profile, fills)).sum(),
            || made.iter().map(|text| floor(text)).sum(),
        );
    }
    let (_, tagoio) = &profiles[0];
    let mut per_byte = Vec::new();
    for size in [10_000, 100_000, 1_000_000, 10_000_000] {
        let text = grown(size);
        race(&format!("extract_{size}"), 2.5, || ours(&text, tagoio).report.kept, || floor(&text));
        let times = (0..5).map(|_| time(|| ours(&text, tagoio).report.kept)).collect();
        per_byte.push(median(times) / text.len() as f64);
        if size >= 1_000_000 {
            let (ours, floor) = (peak("ours", &text), peak("floor", &text));
            println!("RATIO peak_{size} {:.2} <=3    # {ours:.0} kB beside {floor:.0} kB", ours / floor);
        }
    }
    println!(
        "RATIO extract_linear {:.2}    # time a byte at 10 MB by that at 10 kB",
        per_byte[3] / per_byte[0]
    );
    slots(tagoio);
}
