//! Blueprint dashboards: what fills the slots for whom, by the golden examples and the traps of the research, random ones against a
//! model, and what a host does wrong.

mod compiling;
mod goldens;
mod hosts;
mod locked;
mod model;
mod owners;
mod random;
mod traps;
mod world;
