//! dashshare's policies beside other engines.

mod allocated;
mod race;
mod random;

#[global_allocator]
static ALLOCATOR: allocated::Counting = allocated::Counting;

fn main() {
    race::run();
}
