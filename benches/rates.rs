//! What the guard of visits costs: `cargo bench --bench rates`. Prints lines `RATIO <name> <value>`: a visit with limits and
//! the same visit without take turns on the same links in the same random order, and the median of the rounds' own ratios
//! is printed. Every visit is let in, so each takes of two keys and gives both back. The memory store answers: over a network
//! the guard is a smaller part. 10,000 clients are more than a processor's nearer caches hold.

#[expect(dead_code, reason = "shared with other benches")]
mod support;

use dashshare::{
    AccountId, DashboardId, Dashshare, Expiry, MemoryStore,
    limits::{Client, RateLimits},
    questions::Visit,
};
use std::{hint::black_box, net::Ipv4Addr, sync::Arc, time::Instant};
use support::{Cached, Random, TENANT, median, ready};

const LINKS: [usize; 3] = [100, 10_000, 100_000];
const CLIENTS: usize = 10_000;
const BATCH: usize = 1_000;
const ROUNDS: usize = 400;

type Service = Dashshare<Arc<MemoryStore>, Cached, support::BenchEnv>;

struct World {
    plain: Service,
    limited: Service,
    visits: Vec<(String, Client)>,
}

impl World {
    fn new(links: usize) -> Self {
        let store = Arc::<MemoryStore>::default();
        let service = |first| support::service(Arc::clone(&store), first, false);
        let (plain, limited) = (service(1), service(1 << 40));
        let limited = limited.limited(RateLimits::with_secret(&[7; 32]));
        let mut random = Random(5);
        let clients: Vec<Client> =
            (0..CLIENTS).map(|_| std::net::IpAddr::V4(Ipv4Addr::from(random.next() as u32)).into()).collect();
        let mut visits: Vec<(String, Client)> = (0..links)
            .map(|_| {
                let (dashboard, owner): (DashboardId, AccountId) = (random.id(), random.id());
                ready(plain.register(dashboard, TENANT.into(), owner)).unwrap();
                let link = ready(plain.rotate_link(owner, dashboard, Expiry::Never)).unwrap();
                (link.token.expose().to_owned(), random.pick(&clients))
            })
            .collect();
        random.shuffle(&mut visits);
        // Anew in this order, so that the next text is near at hand.
        Self { plain, limited, visits: visits.to_vec() }
    }
}

/// Nanoseconds that one of a batch takes.
fn time(service: &Service, visits: &mut impl Iterator<Item = (String, Client)>, with_client: bool) -> f64 {
    let batch: Vec<(String, Client)> = visits.take(BATCH).collect();
    let start = Instant::now();
    for (token, client) in &batch {
        let visit = Visit::from(token);
        let visit = if with_client { visit.by(*client) } else { visit };
        assert!(black_box(ready(service.visit(visit))).unwrap().is_allowed());
    }
    start.elapsed().as_secs_f64() * 1e9 / BATCH as f64
}

fn main() {
    for links in LINKS {
        let world = World::new(links);
        let mut ours = world.visits.iter().cycle().cloned();
        let mut floor = world.visits.iter().cycle().cloned();
        let mut measured = Vec::new();
        for round in 0..ROUNDS {
            let pair = if round % 2 == 0 {
                let ours = time(&world.limited, &mut ours, true);
                (ours, time(&world.plain, &mut floor, false))
            } else {
                let floor = time(&world.plain, &mut floor, false);
                (time(&world.limited, &mut ours, true), floor)
            };
            // The first tenth warms up.
            if round >= ROUNDS / 10 {
                measured.push(pair);
            }
        }
        let value = median(measured.iter().map(|(ours, floor)| ours / floor).collect());
        let [ours, floor] = [0, 1].map(|which| {
            median(measured.iter().map(|pair| if which == 0 { pair.0 } else { pair.1 }).collect())
        });
        println!("RATIO visit_guarded_{links} {value:.2}    # {ours:.0} ns beside {floor:.0} ns");
    }
}
