//! Profiles of document formats (T2): what is loaded passes the linter again, and extraction under it is total.
//!
//! The input is a profile and, after a line `---`, a document of its format. Without that line the profile is itself
//! taken for a document.

#![no_main]

use dashshare::template::{Options, Profile, ProfileError, Template, Texts, extract_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (json, document) = text.split_once("\n---\n").unwrap_or((text, text));
    let (first, again) = (Profile::parse(json), Profile::parse(json));
    let profile = match (first, again) {
        (Ok(profile), Ok(again)) => {
            assert_eq!((profile.format(), profile.version()), (again.format(), again.version()));
            profile
        }
        (Err(ProfileError::Refused(findings)), Err(ProfileError::Refused(again))) => {
            assert!(!findings.is_empty() && findings == again, "{findings:?} and {again:?}");
            return;
        }
        (Err(ProfileError::Malformed(_)), Err(ProfileError::Malformed(_))) => return,
        (one, other) => panic!("{one:?} and {other:?}"),
    };
    for texts in [Texts::Ask, Texts::LetStand, Texts::Blank] {
        for keep_code in [false, true] {
            let options = Options { texts, keep_code, ..Options::default() };
            let Ok(extracted) = extract_json(document, &profile, options) else { continue };
            let written = extracted.template.to_json().to_string();
            let read = Template::read(&profile, &written);
            assert_eq!(read.as_ref(), Ok(&extracted.template), "{written}");
            assert_eq!(extracted.report.slots, extracted.template.slots());
        }
    }
});
