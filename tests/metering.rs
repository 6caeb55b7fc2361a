//! Metering: what leaves is charged before it leaves, exactly, to one edge, and told in time.

mod goldens;
mod periods;
mod traps;
mod world;
