//! The tests that need nothing but the library, its files and its examples: one binary, since linking takes longer than
//! most of them. What needs a server, the corpus or processes of its own is in `staged.rs`.

mod blueprints;
mod cached;
#[cfg(feature = "conformance")]
mod canary;
mod cases;
mod clocks;
#[cfg(feature = "conformance")]
mod conformance;
mod csv;
mod data;
mod days;
mod denials;
mod door;
mod drops;
mod examples;
mod face;
mod faults;
mod governed;
mod histories;
mod ids;
mod instants;
mod layers;
mod limits;
mod links;
mod listed;
mod locks;
mod losses;
mod metering;
#[expect(dead_code, reason = "shared with another binary")]
mod model;
mod names;
mod notes;
mod offers;
mod parsers;
mod policies;
mod policies_example;
mod publishing;
mod randomness;
mod ranges;
mod rates;
mod rules;
mod runtimes;
#[cfg(feature = "conformance")]
mod saboteurs;
mod scenario;
mod secrets;
mod shelf;
mod shown;
#[cfg(all(feature = "sqlite", feature = "conformance"))]
mod sqlite;
mod suspensions;
mod template;
mod template_example;
mod transfer;
mod withdrawals;

/// What several files need.
mod support {
    pub(crate) mod example;
    pub(crate) mod faulty;
    #[cfg(all(feature = "sqlite", feature = "conformance"))]
    pub(crate) mod files;
    #[cfg(all(feature = "sqlite", feature = "conformance"))]
    pub(crate) mod operations;
    #[expect(dead_code, reason = "shared with another binary")]
    pub(crate) mod plans;
    #[cfg(all(feature = "sqlite", feature = "conformance"))]
    pub(crate) mod runtime;
    pub(crate) mod scene;
    pub(crate) mod storm;
    pub(crate) mod table;
}
