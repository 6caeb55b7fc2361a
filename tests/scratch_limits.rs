//! Scratch.
#![allow(dead_code, unused_imports)]
mod denials;
mod face;
mod layers;
mod listed;
mod rates;
mod rules;
mod support {
    pub(crate) mod faulty;
    pub(crate) mod scene;
    pub(crate) mod table;
}
