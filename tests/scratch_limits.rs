//! Scratch.
#![allow(dead_code, unused_imports)]
mod denials;
mod rates;
mod support {
    pub(crate) mod faulty;
    pub(crate) mod scene;
}
