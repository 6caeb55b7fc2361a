//! Chance, the same in every run, and the canaries.

use serde_json::{Value, json};

pub(super) fn seed(format: &str, name: &str, number: u64) -> u64 {
    let name = name.rsplit('/').next().unwrap_or(name);
    let bytes = format.bytes().chain(name.bytes());
    bytes.fold(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A value for a slot or an id, hardly ever the same twice.
    pub(super) fn id(&mut self, kind: &str) -> String {
        if kind.starts_with("code:") {
            // As it is when it is not kept: with an id in it.
            return format!("select value_{:016x} from somewhere", self.next());
        }
        let (high, low) = (self.next(), self.next());
        match self.below(4) {
            0 => format!("{high:016x}{:08x}", low >> 32),
            1 => uuid::Uuid::from_u64_pair(high, low).to_string(),
            2 => format!("thing {high:x}"),
            _ => format!("{}", high >> 12),
        }
    }
}

/// Writes a document with its members in any order.
pub(super) fn write(value: &Value, dice: &mut Dice, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            for place in (1..members.len()).rev() {
                members.swap(place, dice.below(place + 1));
            }
            text.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                text.push_str(&json!(name).to_string());
                text.push(':');
                write(value, dice, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                write(item, dice, text);
            }
            text.push(']');
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}

pub(super) const CANARY: &str = "cnryq";

/// What the word looks like in other spellings, in lower case.
pub(super) fn normal_forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    for upper in [word.to_owned(), word.to_uppercase()] {
        forms.push(data_encoding::HEXLOWER.encode(upper.as_bytes()));
        forms.push(upper.bytes().map(|byte| format!("%{byte:02x}")).collect());
        forms.push(upper.bytes().map(|byte| format!("\\u{:04x}", u32::from(byte))).collect());
        for skipped in 0..3 {
            // The bytes beside the word change the first and the last character of it in base64.
            let mut bytes = vec![0; skipped];
            bytes.extend(upper.bytes());
            let encoded = data_encoding::BASE64_NOPAD.encode(&bytes);
            let inside = encoded.get(if skipped == 0 { 0 } else { skipped + 1 }..encoded.len() - 1);
            forms.push(inside.unwrap_or_default().to_lowercase());
        }
    }
    forms
}
