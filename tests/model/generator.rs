//! Random histories in which most commands mean something.

use std::collections::VecDeque;

use super::{
    Account, Address, Command, DASHBOARDS, DAY, Dashboard, Expiry, Grant, Instant, Limits, Lock, Mode, Model,
    Past, People, Policies, Rights, Rules, SECOND, START, Step, With,
    lock::{self, Clauses, Form},
};

/// SplitMix64: small, fast, and the same everywhere.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }
}

pub(crate) const ACCOUNTS: u8 = 6;
pub(crate) const ADDRESSES: u8 = 4;

/// What makes one history unlike another.
#[derive(Clone, Copy)]
struct Mood {
    /// Shares go on from the deepest grant.
    deep: bool,
    /// Days pass rather than minutes.
    fast: bool,
    /// Most commands concern the first dashboard.
    focused: bool,
    /// The tenant's rules change often.
    restless: bool,
}

pub(crate) struct Generator {
    rng: Rng,
    mood: Mood,
    now: Instant,
    n: u32,
    accounts: u8,
    /// What is still to come of a story.
    planned: VecDeque<Command>,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mood = Mood {
            deep: rng.percent(15),
            fast: rng.percent(30),
            focused: rng.percent(70),
            restless: rng.percent(30),
        };
        Self { rng, mood, now: START, n: 0, accounts: 0, planned: VecDeque::new() }
    }

    /// How many commands this history has after the opening.
    pub(crate) fn length(&mut self) -> usize {
        20 + self.rng.below(41)
    }

    /// The people and dashboards that a history begins with.
    pub(crate) fn opening(&mut self) -> Vec<Step> {
        let mut opening = Vec::new();
        for _ in 0..ACCOUNTS {
            let command = self.join();
            opening.push(self.step(command));
        }
        for i in 0..DASHBOARDS {
            let command = Command::Register { dashboard: Dashboard(i), owner: Account(i) };
            opening.push(self.step(command));
        }
        if self.mood.deep && self.rng.percent(40) {
            let rules = Rules { depth: 16, ..Rules::OPEN };
            opening.push(self.step(Command::SetRules { dashboard: Dashboard(0), rules }));
        }
        opening
    }

    /// The next command, chosen by what stands.
    pub(crate) fn next(&mut self, model: &Model) -> Step {
        let past = model.past();
        self.pass_time(past);
        let dashboard = if self.mood.focused && self.rng.percent(85) {
            Dashboard(0)
        } else {
            Dashboard(self.rng.below(usize::from(DASHBOARDS)) as u8)
        };
        // A suspended dashboard is not suspended for long.
        let command = if past.suspended(dashboard) && self.rng.percent(25) {
            Command::Resume { dashboard }
        } else if self.rng.percent(90)
            && let Some(command) = self.planned.pop_front()
        {
            command
        } else {
            self.command(past, dashboard)
        };
        self.step(command)
    }

    fn step(&mut self, command: Command) -> Step {
        let n = self.n;
        self.n += 1;
        let host = command.may_be_the_hosts() && self.rng.percent(4);
        Step { n, at: self.now, command, host }
    }

    fn join(&mut self) -> Command {
        let account = Account(self.accounts);
        self.accounts += 1;
        Command::Join { account }
    }

    /// Time stands, passes, or comes right to an end.
    fn pass_time(&mut self, past: Past<'_>) {
        let roll = self.rng.below(100);
        let span = if self.mood.fast { DAY } else { 60 * SECOND };
        self.now += match roll {
            0..60 => 0,
            60..75 => 1,
            75..87 => span * (1 + self.rng.below(2) as Instant),
            87..88 => 2 * DAY,
            _ => {
                let ends = past.critical_instants(self.now);
                // The nearest ends come first; only they leave something for the rest of the history.
                let near = ends.len().min(4);
                self.rng.pick(&ends[..near]).map_or(0, |t| t - self.now)
            }
        };
    }

    fn command(&mut self, past: Past<'_>, d: Dashboard) -> Command {
        let now = self.now;
        let Some(owner) = past.owner(d) else {
            if self.rng.percent(60) {
                return Command::Register { dashboard: d, owner: self.somebody_but(past, &[]) };
            }
            return self.people(past, d);
        };
        let live: Vec<Grant> = past.standing(d, now).collect();
        if self.mood.restless && self.rng.percent(8) {
            return self.rules_or_policies(past, d);
        }
        // Without anything to change, every second command would be about nothing.
        let few = live.len() < 2 + self.rng.below(6);
        if (few && self.rng.percent(65)) || (self.mood.deep && self.rng.percent(60)) {
            return self.share(past, d, owner, &live);
        }
        if self.rng.percent(10) {
            return self.story(past, d, owner, &live);
        }
        match self.rng.below(100) {
            0..5 => set_in_place(self.share(past, d, owner, &live)),
            5..8 => {
                let waiting: Vec<Grant> =
                    live.iter().copied().filter(|grant| past.invited(*grant).is_some()).collect();
                let grant = self.rng.pick(&waiting).unwrap_or_else(|| self.any_grant(past, &live));
                if past.grants().all(|issued| issued.grant != grant) {
                    return Command::Wait;
                }
                Command::RemindInvitation { grant, by: self.above(past, grant, owner) }
            }
            8..34 => self.share(past, d, owner, &live),
            34..49 => self.amend(past, d, owner, &live),
            49..59 => self.revoke(past, d, owner, &live),
            59..62 => Command::StopSharing {
                dashboard: d,
                by: self.actor(past, d, owner, &live),
                with: self.whom(past, d, &live, None),
            },
            62..65 => self.renounce(past, owner, &live),
            65..68 => Command::Verify { account: self.anybody(), address: self.address(past, &live) },
            68..75 => self.claim(past, &live),
            75..79 => self.hand_over(past, d, owner, &live),
            79..86 => self.rotate(past, d, owner, &live),
            86..92 if past.link_stands(d, now) || self.rng.percent(20) => {
                self.link_command(past, d, owner, &live)
            }
            86..91 => self.rotate(past, d, owner, &live),
            92..93 => self.rules_or_policies(past, d),
            98..99 => Command::Suspend { dashboard: d },
            93..94 => Command::DeleteDashboard {
                dashboard: d,
                by: match self.rng.below(4) {
                    0 => None,
                    1 => Some(self.anybody()),
                    _ => Some(owner),
                },
            },
            94..96 => self.people(past, d),
            96..98 => {
                let ends = past.critical_instants(now);
                let end = self.rng.pick(&ends[..ends.len().min(12)]).unwrap_or(now);
                Command::Remind { dashboard: d, until: end + DAY * self.rng.below(2) as Instant }
            }
            _ => Command::Wait,
        }
    }

    /// Several commands that mean something only one after the other.
    fn story(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        let address = self.address(past, live);
        let one = self.somebody_but(past, &[owner]);
        let other = self.somebody_but(past, &[owner, one]);
        let give = |by, with, rights, parent| Command::Share {
            dashboard: d,
            by,
            with,
            rights,
            reshare: true,
            expiry: None,
            lock: Lock::NONE,
            parent,
        };
        let verify = |account, address| Command::Verify { account, address };
        let claim = |account| Command::Claim { account, address };
        let stop = |by, with| Command::StopSharing { dashboard: d, by, with };
        let sharer = self.actor(past, d, owner, live);
        let invite = give(sharer, With::Address(address), Rights::VIEW, None);
        let story = match self.rng.below(25) {
            // The address is claimed, and by another account after it.
            0 => vec![invite, verify(one, address), claim(one), verify(other, address), claim(other)],
            // Stopping between the verifying and the claim.
            1 => vec![invite, verify(one, address), stop(owner, With::Account(one)), claim(one)],
            // Stopping with an address that its claimer has left.
            2 => vec![
                invite,
                verify(one, address),
                claim(one),
                Command::Leave { account: one, address },
                stop(owner, With::Address(address)),
            ],
            // An invitation comes back to somebody above it.
            3 => {
                let claimer = if self.rng.percent(70) { one } else { owner };
                vec![
                    give(owner, With::Account(one), Rights::ALL, None),
                    give(one, With::Account(other), Rights::VIEW, None),
                    give(other, With::Address(address), Rights::VIEW, None),
                    verify(claimer, address),
                    claim(claimer),
                ]
            }
            // A second grant for somebody who shared on from the first, which is then revoked.
            4..=6 => {
                let carrying = live.iter().copied().filter(|g| past.terms(*g).reshare);
                let first = self.rng.pick(&carrying.collect::<Vec<_>>());
                let Some((first, With::Account(holder))) = first.map(|g| (g, past.grantee(g))) else {
                    return self.share(past, d, owner, live);
                };
                let one = self.somebody_but(past, &[owner, holder]);
                let other = self.somebody_but(past, &[owner, holder, one]);
                let rights = past.grant_rights(first, self.now);
                let less = if self.rng.percent(60) { rights } else { self.some_rights() };
                let mut story = vec![
                    give(holder, With::Account(one), rights, Some(first)),
                    give(one, With::Account(other), less, None),
                    give(owner, With::Account(holder), less.or(Rights::VIEW), None),
                ];
                // What was narrowed meanwhile must not be wide again by the rebind.
                if self.rng.percent(40) {
                    story.push(Command::Amend {
                        grant: first,
                        by: owner,
                        rights: Some(if self.rng.percent(70) { Rights::VIEW } else { Rights::EXPORT }),
                        reshare: None,
                        expiry: None,
                        narrow: None,
                    });
                }
                // Neither is a share the same again when its path gives less than it says.
                if self.rng.percent(20) {
                    story.push(give(holder, With::Account(one), rights, None));
                }
                if self.rng.percent(15) {
                    let depth = 2 + self.rng.below(3) as u8;
                    let rules = Rules { depth, ..past.rules(d) };
                    story.push(Command::SetRules { dashboard: d, rules });
                }
                let by = self.above(past, first, owner);
                story.push(Command::Revoke { grant: first, by, mode: Mode::Rebind });
                story
            }
            // Somebody gets the same again after losing it with what hung on it.
            7 => {
                let Some(holder) = self.holder(past, live) else {
                    return self.share(past, d, owner, live);
                };
                vec![
                    give(holder, With::Account(one), Rights::VIEW, None),
                    stop(owner, With::Account(holder)),
                    give(owner, With::Account(holder), Rights::ALL, None),
                ]
            }
            // A link dies with the reshare right of its maker, who then becomes the owner.
            8 => {
                let carrying = live.iter().copied().filter(|g| past.terms(*g).reshare);
                let grant = self.rng.pick(&carrying.collect::<Vec<_>>());
                let Some((grant, With::Account(maker))) = grant.map(|g| (g, past.grantee(g))) else {
                    return self.share(past, d, owner, live);
                };
                let link = |by| Command::RotateLink { dashboard: d, by, expiry: None, lock: Lock::NONE };
                let mut story = vec![Command::WithdrawLink { dashboard: d, by: owner }];
                story.push(link(maker));
                if self.rng.percent(60) {
                    story.push(Command::Amend {
                        grant,
                        by: owner,
                        rights: None,
                        reshare: Some(false),
                        expiry: None,
                        narrow: None,
                    });
                }
                story.push(Command::Transfer { dashboard: d, by: owner, to: maker, keep: None });
                story
            }
            // Somebody gets a dashboard back that it shared on, for less long, and prolongs it.
            9 => {
                let third = self.somebody_but(past, &[owner, one]);
                let soon = Some(self.now + 60 * SECOND);
                // The label of the grant that the third command makes, when nothing comes between.
                let grant = Grant::of(self.n + 2, 0);
                vec![
                    give(owner, With::Account(one), Rights::ALL, None),
                    give(one, With::Account(third), Rights::ALL, None),
                    Command::Share {
                        dashboard: d,
                        by: third,
                        with: With::Account(one),
                        rights: Rights::VIEW,
                        reshare: true,
                        expiry: soon,
                        lock: Lock::NONE,
                        parent: None,
                    },
                    Command::Amend {
                        grant,
                        by: one,
                        rights: None,
                        reshare: None,
                        expiry: Some(soon.map(|t| t + DAY).filter(|_| self.rng.percent(80))),
                        narrow: None,
                    },
                ]
            }
            // A paused link is resumed under other rules.
            10 => {
                let maker = self.actor(past, d, owner, live);
                let by = if self.rng.percent(50) { maker } else { owner };
                let closed = match self.rng.below(3) {
                    0 => Rules { resharing: false, ..Rules::OPEN },
                    1 => Rules { private: false, ..Rules::OPEN },
                    _ => Rules { public: false, ..Rules::OPEN },
                };
                let set = |rules| Command::SetRules { dashboard: d, rules };
                vec![
                    Command::WithdrawLink { dashboard: d, by: owner },
                    Command::RotateLink { dashboard: d, by: maker, expiry: None, lock: Lock::NONE },
                    Command::PauseLink { dashboard: d, by },
                    set(closed),
                    Command::ResumeLink { dashboard: d, by },
                    set(Rules::OPEN),
                ]
            }
            // One person under two names, and the address asked for once more.
            11 => {
                let by_name = |rights| give(sharer, With::Account(one), rights, None);
                let by_address = |rights| give(sharer, With::Address(address), rights, None);
                let other = if self.rng.percent(50) { Rights::VIEW } else { Rights::ALL };
                let mut story = vec![
                    by_name(Rights::VIEW),
                    by_address(other),
                    by_address(other),
                    by_address(self.some_rights()),
                    by_name(self.some_rights()),
                    claim(one),
                    by_address(self.some_rights()),
                    stop(sharer, With::Address(address)),
                ];
                story.insert(self.rng.below(5), verify(one, address));
                story
            }
            // An invitation of the owner's own address, or of somebody above.
            12 => {
                let above = if self.rng.percent(60) { owner } else { one };
                vec![
                    verify(above, address),
                    give(owner, With::Account(one), Rights::ALL, None),
                    give(one, With::Account(other), Rights::ALL, None),
                    give(other, With::Address(address), Rights::VIEW, None),
                    claim(above),
                ]
            }
            // An owner who invites itself and gives the dashboard away.
            13 => {
                let mut story = vec![
                    give(owner, With::Address(address), Rights::ALL, None),
                    Command::Transfer {
                        dashboard: d,
                        by: owner,
                        to: one,
                        keep: self.rng.percent(30).then_some(Rights::VIEW),
                    },
                    claim(owner),
                ];
                story.insert(1 + self.rng.below(2), verify(owner, address));
                story
            }
            // The rules are tightened between an invitation and its claim, or before a transfer.
            14 => {
                let closed = Rules { blocked: 1 << address.domain(), ..past.rules(d) };
                let tight = match self.rng.below(4) {
                    0 => Rules { max_days: Some(1), ..past.rules(d) },
                    1 => Rules { resharing: false, ..past.rules(d) },
                    _ => closed,
                };
                let set = |rules| Command::SetRules { dashboard: d, rules };
                vec![
                    invite,
                    verify(one, address),
                    set(tight),
                    claim(one),
                    Command::Transfer { dashboard: d, by: owner, to: one, keep: None },
                    set(Rules::OPEN),
                    claim(one),
                ]
            }
            // An owner whom the rules or policies do not let be shared with.
            15 => {
                let to = if self.rng.percent(50) { owner } else { one };
                let keep = Some(Rights::VIEW).filter(|_| self.rng.percent(70));
                let mut story = vec![verify(to, address)];
                story.push(match self.rng.percent(50) {
                    true => Command::SetRules {
                        dashboard: d,
                        rules: Rules { blocked: 1 << address.domain(), ..past.rules(d) },
                    },
                    false => Command::SetPolicies {
                        dashboard: d,
                        policies: Policies { denied: People::are(to), ..Policies::default() },
                    },
                });
                story.push(Command::Transfer { dashboard: d, by: owner, to: one, keep });
                story.push(Command::SetRules { dashboard: d, rules: Rules::OPEN });
                story.push(Command::SetPolicies { dashboard: d, policies: Policies::default() });
                story
            }
            // A link that one pauses and another resumes.
            16 => {
                let maker = self.actor(past, d, owner, live);
                let mut by = || if self.rng.percent(50) { maker } else { owner };
                let (one, other, third) = (by(), by(), by());
                vec![
                    Command::WithdrawLink { dashboard: d, by: owner },
                    Command::RotateLink { dashboard: d, by: maker, expiry: None, lock: Lock::NONE },
                    Command::PauseLink { dashboard: d, by: one },
                    Command::PauseLink { dashboard: d, by: other },
                    Command::ResumeLink { dashboard: d, by: third },
                    Command::ResumeLink { dashboard: d, by: maker },
                ]
            }
            // Two grants that show different things, and a share from either.
            17 => {
                let (first, second) = (self.lock(), self.lock());
                let wanted = if self.rng.percent(50) { first } else { second };
                let third = self.lock();
                let locked = |command, lock| with_lock(command, lock);
                let mut story = vec![
                    locked(give(owner, With::Account(one), Rights::VIEW, None), first),
                    locked(give(owner, With::Account(one), Rights::ALL, None), second),
                    locked(give(one, With::Account(other), Rights::VIEW, None), wanted),
                    locked(give(one, With::Account(other), Rights::VIEW, None), wanted),
                    Command::Amend {
                        grant: Grant::of(self.n + self.rng.below(2) as u32, 0),
                        by: owner,
                        rights: None,
                        reshare: None,
                        expiry: None,
                        narrow: Some(third),
                    },
                    locked(give(one, With::Account(other), Rights::VIEW, None), wanted),
                ];
                let (grant, mode) = (Grant::of(self.n + self.rng.below(2) as u32, 0), Mode::Rebind);
                story.push(Command::Revoke { grant, by: owner, mode });
                self.planned = story.into();
                return self.planned.pop_front().unwrap_or(Command::Wait);
            }
            // A link of somebody who sees only a part, and who then becomes the owner.
            18 => {
                let seen = self.lock();
                let lock = if self.rng.percent(50) { Lock::NONE } else { self.lock() };
                self.planned = vec![
                    with_lock(give(owner, With::Account(one), Rights::ALL, None), seen),
                    Command::WithdrawLink { dashboard: d, by: owner },
                    Command::RotateLink { dashboard: d, by: one, expiry: None, lock },
                    Command::NarrowLink { dashboard: d, by: one, lock: self.written_lock(false) },
                    Command::Transfer { dashboard: d, by: owner, to: one, keep: None },
                ]
                .into();
                return self.planned.pop_front().unwrap_or(Command::Wait);
            }
            // What a policy lets somebody see who holds a locked grant.
            19 => {
                let policies = Policies {
                    allowed: People::are(one),
                    sighted: if self.rng.percent(70) { People::are(one) } else { People::NOBODY },
                    ..Policies::default()
                };
                self.planned = vec![
                    Command::SetPolicies { dashboard: d, policies },
                    with_lock(give(owner, With::Account(one), self.some_rights(), None), self.lock()),
                    Command::SetPolicies { dashboard: d, policies: Policies::default() },
                ]
                .into();
                return self.planned.pop_front().unwrap_or(Command::Wait);
            }
            // What was given to a domain that is blocked since is prolonged.
            20 => {
                let soon = self.now + DAY;
                let blocked = Rules { blocked: 1 << address.domain(), ..past.rules(d) };
                self.planned = vec![
                    Command::Share {
                        dashboard: d,
                        by: owner,
                        with: With::Address(address),
                        rights: Rights::VIEW,
                        reshare: true,
                        expiry: Some(soon),
                        lock: Lock::NONE,
                        parent: None,
                    },
                    Command::SetRules { dashboard: d, rules: blocked },
                    Command::Amend {
                        grant: Grant::of(self.n, 0),
                        by: owner,
                        rights: None,
                        reshare: None,
                        expiry: Some(Some(soon + DAY)),
                        narrow: None,
                    },
                    Command::SetRules { dashboard: d, rules: past.rules(d) },
                ]
                .into();
                return self.planned.pop_front().unwrap_or(Command::Wait);
            }
            // The tenant locks what is shared on, or every link, while somebody shares on and publishes.
            21 => {
                let tenants = if self.rng.percent(40) { Lock::UNREADABLE } else { self.lock() };
                let mut rules = past.rules(d);
                match self.rng.below(3) {
                    0 => rules.link_lock = tenants,
                    _ => rules.reshare_lock = tenants,
                }
                let lock = self.written_lock(false);
                self.planned = vec![
                    with_lock(give(owner, With::Account(one), Rights::ALL, None), self.lock()),
                    Command::SetRules { dashboard: d, rules },
                    with_lock(give(one, With::Account(other), Rights::VIEW, None), self.lock()),
                    Command::WithdrawLink { dashboard: d, by: owner },
                    Command::RotateLink { dashboard: d, by: one, expiry: None, lock },
                    Command::SetRules { dashboard: d, rules: Rules::OPEN },
                ]
                .into();
                return self.planned.pop_front().unwrap_or(Command::Wait);
            }
            // A rebind that may choose among grants which show different things.
            22 => {
                let locks = [self.lock(), self.lock(), self.lock()];
                let ends = |grants: usize| Some(self.now + DAY * (9 - grants as Instant));
                let mut story: Vec<Command> = Vec::new();
                for (i, lock) in locks.into_iter().enumerate() {
                    let mut command = with_lock(give(owner, With::Account(one), Rights::ALL, None), lock);
                    if let Command::Share { expiry, .. } = &mut command {
                        *expiry = ends(i);
                    }
                    story.push(command);
                }
                let first = Grant::of(self.n, 0);
                let below = locks[1 + self.rng.below(2)];
                story.push(with_lock(give(one, With::Account(other), Rights::VIEW, Some(first)), below));
                story.push(Command::Revoke { grant: first, by: owner, mode: Mode::Rebind });
                self.planned = story.into();
                return self.planned.pop_front().unwrap_or(Command::Wait);
            }
            // Somebody has an address of a domain that may not be shared with, and is invited by another one.
            23 => {
                let second = Address((address.0 + 1) % ADDRESSES);
                let rules = Rules { blocked: 1 << second.domain(), ..past.rules(d) };
                vec![
                    verify(one, address),
                    verify(one, second),
                    Command::SetRules { dashboard: d, rules },
                    give(owner, With::Address(address), Rights::VIEW, None),
                    claim(one),
                    Command::SetRules { dashboard: d, rules: past.rules(d) },
                    claim(one),
                ]
            }
            // The dashboard goes to a holder and comes back.
            _ => {
                let Some(holder) = self.holder(past, live) else {
                    return self.share(past, d, owner, live);
                };
                let hand = |by, to| Command::Transfer { dashboard: d, by, to, keep: None };
                vec![
                    give(holder, With::Account(one), Rights::VIEW, None),
                    hand(owner, holder),
                    hand(holder, owner),
                ]
            }
        };
        self.planned = story.into();
        // In some stories locks have a part.
        if self.rng.percent(35) {
            for i in 0..self.planned.len() {
                let open = self.rng.percent(50);
                let given = if open { Lock::NONE } else { self.lock() };
                if let Command::Share { lock, .. } | Command::RotateLink { lock, .. } = &mut self.planned[i] {
                    *lock = given;
                }
            }
        }
        self.planned.pop_front().unwrap_or(Command::Wait)
    }

    fn people(&mut self, past: Past<'_>, d: Dashboard) -> Command {
        let missing = (0..self.accounts).filter(|a| !past.account_exists(Account(*a))).count();
        match self.rng.below(10) {
            0..3 if missing > 0 && self.accounts < ACCOUNTS + 4 => self.join(),
            0..4 => Command::DeleteAccount { account: self.anybody() },
            4..6 => {
                let address = Address(self.rng.below(usize::from(ADDRESSES)) as u8);
                let account = past.verified_by(address).unwrap_or_else(|| self.anybody());
                Command::Leave { account, address }
            }
            6..7 => Command::Register { dashboard: d, owner: self.somebody_but(past, &[]) },
            _ => Command::Verify {
                account: self.anybody(),
                address: Address(self.rng.below(usize::from(ADDRESSES)) as u8),
            },
        }
    }

    fn anybody(&mut self) -> Account {
        Account(self.rng.below(usize::from(self.accounts)) as u8)
    }

    fn holder(&mut self, past: Past<'_>, grants: &[Grant]) -> Option<Account> {
        match past.grantee(self.rng.pick(grants)?) {
            With::Account(account) => Some(account),
            With::Address(_) => None,
        }
    }

    fn somebody_but(&mut self, past: Past<'_>, not: &[Account]) -> Account {
        let others: Vec<Account> =
            (0..self.accounts).map(Account).filter(|a| !not.contains(a) && past.account_exists(*a)).collect();
        self.rng.pick(&others).unwrap_or(Account(0))
    }

    /// Mostly somebody who may do something there.
    fn actor(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Account {
        let now = self.now;
        match self.rng.below(10) {
            0..4 => owner,
            4..9 => {
                let sharers: Vec<Account> = (0..self.accounts)
                    .map(Account)
                    .filter(|a| *a != owner && past.may_share(*a, d, now))
                    .collect();
                let sharer = self.rng.pick(&sharers);
                sharer.or_else(|| self.holder(past, live)).unwrap_or(owner)
            }
            _ => self.anybody(),
        }
    }

    /// Often somebody who has something already, so that rights are unions and rebinds find another grant; seldom
    /// the actor itself.
    fn whom(&mut self, past: Past<'_>, d: Dashboard, live: &[Grant], by: Option<Account>) -> With {
        let mut with = With::Account(self.anybody());
        for _ in 0..3 {
            with = match self.rng.below(10) {
                0..3 => match self.holder(past, live) {
                    Some(account) => With::Account(account),
                    None => With::Account(self.anybody()),
                },
                3..7 => With::Account(self.anybody()),
                _ => With::Address(self.address(past, live)),
            };
            let useless = match with {
                With::Account(account) => {
                    Some(account) == by || past.owner(d) == Some(account) || !past.account_exists(account)
                }
                With::Address(_) => false,
            };
            if !useless {
                break;
            }
        }
        with
    }

    fn address(&mut self, past: Past<'_>, live: &[Grant]) -> Address {
        let invited: Vec<Address> = live
            .iter()
            .filter_map(|grant| match past.grantee(*grant) {
                With::Address(address) => Some(address),
                With::Account(_) => None,
            })
            .collect();
        match self.rng.pick(&invited) {
            Some(address) if self.rng.percent(60) => address,
            _ => Address(self.rng.below(usize::from(ADDRESSES)) as u8),
        }
    }

    /// A lock of one part or a few.
    fn lock(&mut self) -> Lock {
        let mut lock = Lock::NONE;
        let hour = 3600 * SECOND;
        for _ in 0..1 + self.rng.below(3) {
            match self.rng.below(8) {
                0..2 => {
                    let clause = 1 + self.rng.below(usize::from(lock::DEVICE_CLAUSES) - 1) as u8;
                    lock.devices = Clauses::one(clause);
                }
                2 => {
                    let clause = 1 + self.rng.below(usize::from(lock::VARIABLE_CLAUSES) - 1) as u8;
                    lock.variables = Clauses::one(clause);
                }
                3 => lock.last = self.rng.pick(&[hour, 6 * hour, 24 * hour, 72 * hour]),
                4 => lock.days = Some(1 + self.rng.below(3) as u16),
                5 => {
                    // Of the days about the first one.
                    let from = START - 2 * DAY + DAY / 2 * self.rng.below(8) as Instant;
                    let until = from + DAY / 2 * (1 + self.rng.below(6)) as Instant;
                    let sides = self.rng.below(4);
                    lock.from = (sides != 0).then_some(from);
                    lock.until = (sides != 1).then_some(until);
                }
                6 => lock.site = Some(1 + self.rng.below(3) as u8),
                _ => lock.max_range = self.rng.pick(&[hour, 24 * hour, 72 * hour]),
            }
        }
        lock
    }

    /// One that somebody writes: now and then one that makes no sense.
    fn written_lock(&mut self, as_terms: bool) -> Lock {
        let lock = self.lock();
        let written = match self.rng.below(60) {
            0 => Lock { devices: Clauses::one(0), ..lock },
            1 => Lock { site: Some(0), ..lock },
            2 => Lock { from: Some(START), until: Some(START - self.rng.below(2) as Instant), ..lock },
            3 => Lock { form: Form::TooLarge, ..lock },
            4 if as_terms => Lock::UNREADABLE,
            _ => lock,
        };
        written.canonical()
    }

    /// As the tenant's rules may hold it.
    fn tenants_lock(&mut self) -> Lock {
        if self.rng.percent(10) { Lock::UNREADABLE } else { self.lock() }
    }

    fn some_rights(&mut self) -> Rights {
        match self.rng.below(20) {
            0..9 => Rights::ALL,
            9..16 => Rights::VIEW,
            16..19 => Rights::EXPORT,
            _ => Rights::NONE,
        }
    }

    /// Mostly soon, often right at the bound.
    fn expiry(&mut self, past: Past<'_>, d: Dashboard, bound: Option<Instant>) -> Expiry {
        let span = if self.mood.fast { DAY } else { 60 * SECOND };
        match self.rng.below(20) {
            0..6 => None,
            6..14 => Some(self.now + span * (1 + self.rng.below(12) as Instant)),
            14..15 => Some(self.now + 1 + self.rng.below(2) as Instant),
            15..16 => Some(self.now - self.rng.below(2) as Instant),
            16..17 => {
                let days = past.rules(d).max_days.unwrap_or(30);
                let max = self.now + Instant::from(days) * DAY;
                Some(max + self.rng.below(2) as Instant)
            }
            _ => match bound.filter(|bound| *bound < self.now + 1000 * DAY) {
                Some(bound) => Some(bound - 1 + self.rng.below(3) as Instant),
                None => Some(self.now + 40 * DAY),
            },
        }
    }

    fn share(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        // Now and then the same again.
        if self.rng.percent(8)
            && let Some(grant) = self.rng.pick(live)
        {
            let terms = past.terms(grant);
            return Command::Share {
                dashboard: d,
                by: past.grantor(grant).unwrap_or(owner),
                with: past.grantee(grant),
                rights: terms.rights,
                reshare: terms.reshare,
                expiry: terms.expiry,
                lock: terms.lock,
                parent: past.parent(grant).filter(|_| self.rng.percent(30)),
            };
        }
        let mut parent = None;
        let mut by = self.actor(past, d, owner, live);
        if self.rng.percent(if self.mood.deep { 70 } else { 35 }) {
            let carrying =
                live.iter().copied().filter(|grant| past.terms(*grant).reshare && !past.is_pending(*grant));
            let from = if self.mood.deep {
                carrying.max_by_key(|grant| past.depth(*grant))
            } else {
                self.rng.pick(&carrying.collect::<Vec<_>>())
            };
            if let Some(from) = from
                && let With::Account(account) = past.grantee(from)
            {
                parent = Some(from);
                by = account;
            }
        } else if self.rng.percent(4) {
            parent = self.rng.pick(live);
        }
        let held: Vec<Grant> = past.held(by, d, self.now).collect();
        let from = parent.or_else(|| self.rng.pick(&held));
        let rights = match from {
            Some(from) if self.rng.percent(75) => {
                let wanted = self.some_rights();
                let covered = wanted.and(past.grant_rights(from, self.now));
                if covered == Rights::NONE { wanted } else { covered }
            }
            _ => self.some_rights(),
        };
        let mut with = self.whom(past, d, live, Some(by));
        if self.mood.deep && matches!(with, With::Address(_)) {
            with = With::Account(self.anybody());
        }
        // Now and then back to somebody it came from.
        if let Some(from) = from
            && self.rng.percent(15)
            && let path = past.path(from)
            && let Some(account) = self.holder(past, &path[..path.len() - 1])
            && account != by
        {
            with = With::Account(account);
        }
        Command::Share {
            dashboard: d,
            by,
            with,
            rights,
            reshare: self.rng.percent(if self.mood.deep { 92 } else { 70 }),
            expiry: if self.mood.deep && self.rng.percent(70) {
                None
            } else {
                self.expiry(past, d, from.map(|grant| past.chain_end(grant)))
            },
            lock: if self.rng.percent(45) { self.written_lock(true) } else { Lock::NONE },
            parent,
        }
    }

    /// Somebody with power over the grant, mostly.
    fn above(&mut self, past: Past<'_>, grant: Grant, owner: Account) -> Account {
        let path = past.path(grant);
        match self.rng.below(10) {
            0..4 => owner,
            4..8 => self.holder(past, &path[..path.len() - 1]).unwrap_or(owner),
            8..9 => self.holder(past, &path).unwrap_or(owner),
            _ => self.anybody(),
        }
    }

    fn any_grant(&mut self, past: Past<'_>, live: &[Grant]) -> Grant {
        if self.rng.percent(94)
            && let Some(grant) = self.rng.pick(live)
        {
            return grant;
        }
        let all: Vec<Grant> = past.grants().map(|issued| issued.grant).collect();
        self.rng.pick(&all).unwrap_or(Grant(0))
    }

    fn amend(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        let mut grant = self.any_grant(past, live);
        if self.rng.percent(50) {
            let parents = with_children(past, live);
            grant = self.rng.pick(&parents).unwrap_or(grant);
        }
        let Some(terms) = past.grants().any(|g| g.grant == grant).then(|| past.terms(grant)) else {
            return Command::Wait;
        };
        let mut by = self.above(past, grant, owner);
        // Who stands above its own grant has power over it, but not to prolong it.
        if let With::Account(holder) = past.grantee(grant)
            && past.is_above(holder, grant)
        {
            by = holder;
        }
        let (mut rights, mut reshare, mut expiry) = (None, None, None);
        match self.rng.below(10) {
            0..3 => rights = Some(self.some_rights()),
            3..5 => reshare = Some(self.rng.percent(20)),
            5..9 => {
                let bound = past.parent(grant).map(|parent| past.chain_end(parent));
                expiry = Some(self.expiry(past, d, bound));
                if let (Some(end), true) = (terms.expiry, self.rng.percent(30)) {
                    expiry = Some(Some(end + SECOND * 60));
                }
            }
            _ => {
                rights = Some(terms.rights);
                reshare = Some(terms.reshare);
                expiry = self.rng.percent(50).then_some(terms.expiry);
            }
        }
        let narrow = self.rng.percent(30).then(|| self.written_lock(false));
        if narrow.is_some() && self.rng.percent(70) {
            (rights, reshare, expiry) = (None, None, None);
        }
        Command::Amend { grant, by, rights, reshare, expiry, narrow }
    }

    fn revoke(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        let mut grant = self.any_grant(past, live);
        let mode = if self.rng.percent(55) { Mode::Rebind } else { Mode::Cascade };
        // A grant with something below it says more; for a rebind its holder should hold another one.
        let parents = with_children(past, live);
        let twice: Vec<Grant> = parents
            .iter()
            .copied()
            .filter(|g| match past.grantee(*g) {
                With::Account(holder) => past.held(holder, d, self.now).count() > 1,
                With::Address(_) => false,
            })
            .collect();
        if mode == Mode::Rebind && self.rng.percent(80) {
            grant = self.rng.pick(&twice).unwrap_or(grant);
        } else if self.rng.percent(40) {
            grant = self.rng.pick(&parents).unwrap_or(grant);
        }
        if past.grants().all(|issued| issued.grant != grant) {
            return Command::Wait;
        }
        Command::Revoke { grant, by: self.above(past, grant, owner), mode }
    }

    fn renounce(&mut self, past: Past<'_>, owner: Account, live: &[Grant]) -> Command {
        let grant = self.any_grant(past, live);
        if past.grants().all(|issued| issued.grant != grant) {
            return Command::Wait;
        }
        let own = match past.grantee(grant) {
            With::Account(account) => Some(account),
            With::Address(address) => past.verified_by(address),
        };
        let by = match own {
            Some(account) if self.rng.percent(80) => account,
            _ => self.above(past, grant, owner),
        };
        Command::Renounce { grant, by }
    }

    fn claim(&mut self, past: Past<'_>, live: &[Grant]) -> Command {
        let address = self.address(past, live);
        match past.verified_by(address) {
            Some(account) if self.rng.percent(85) => Command::Claim { account, address },
            // A claim needs the address verified first.
            _ if self.rng.percent(70) => {
                let account = self.anybody();
                self.planned.push_back(Command::Claim { account, address });
                Command::Verify { account, address }
            }
            _ => Command::Claim { account: self.anybody(), address },
        }
    }

    fn hand_over(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        let asked = past.asked_to_take(d, self.now).map(|(to, _)| to);
        let answers = match asked {
            Some(to) if self.rng.percent(70) => to,
            _ => self.anybody(),
        };
        match self.rng.below(10) {
            0..4 if asked.is_some() => Command::TakeTransfer { dashboard: d, account: answers },
            4..6 if asked.is_some() => Command::DeclineTransfer {
                dashboard: d,
                account: if self.rng.percent(30) { owner } else { answers },
            },
            0..6 => match self.transfer(past, d, owner, live) {
                Command::Transfer { dashboard, by, to, keep } => {
                    self.planned.push_front(match self.rng.below(4) {
                        0 => Command::DeclineTransfer { dashboard, account: to },
                        _ => Command::TakeTransfer { dashboard, account: to },
                    });
                    Command::OfferTransfer { dashboard, by, to, keep }
                }
                other => other,
            },
            _ => self.transfer(past, d, owner, live),
        }
    }

    fn transfer(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        let holder = self.holder(past, live);
        Command::Transfer {
            dashboard: d,
            by: if self.rng.percent(88) { owner } else { self.actor(past, d, owner, live) },
            to: match holder {
                Some(holder) if self.rng.percent(70) => holder,
                _ => self.anybody(),
            },
            keep: self.rng.percent(40).then(|| self.some_rights()).filter(|keep| *keep != Rights::NONE),
        }
    }

    fn rotate(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        let by = self.actor(past, d, owner, live);
        let held = past.held(by, d, self.now);
        let bound = held.map(|grant| past.chain_end(grant)).max();
        let expiry = if self.rng.percent(40) { None } else { self.expiry(past, d, bound) };
        let lock = if self.rng.percent(40) { self.written_lock(false) } else { Lock::NONE };
        Command::RotateLink { dashboard: d, by, expiry, lock }
    }

    fn link_command(&mut self, past: Past<'_>, d: Dashboard, owner: Account, live: &[Grant]) -> Command {
        let by = match past.link_maker(d) {
            Some(maker) if self.rng.percent(45) => maker,
            _ => self.actor(past, d, owner, live),
        };
        let resume = if past.link_paused(d) { 70 } else { 25 };
        match self.rng.below(100) {
            0..15 => Command::WithdrawLink { dashboard: d, by },
            15..32 => Command::NarrowLink { dashboard: d, by, lock: self.written_lock(false) },
            32..52 => {
                let bound = past.link_hangs_on(d).map(|grant| past.chain_end(grant));
                Command::MoveLinkEnd { dashboard: d, by, expiry: self.expiry(past, d, bound) }
            }
            _ if self.rng.percent(resume) => Command::ResumeLink { dashboard: d, by },
            _ => Command::PauseLink { dashboard: d, by },
        }
    }

    /// Few of one kind.
    fn limits(&mut self) -> Limits {
        let few = 1 + self.rng.below(3) as u16;
        let open = Rules::OPEN.limits;
        match self.rng.below(4) {
            0 => Limits { of_person: few, ..open },
            1 => Limits { grants: 3 * few, ..open },
            2 => Limits { shared_on: few, ..open },
            _ => Limits { invitations: few, ..open },
        }
    }

    fn rules_or_policies(&mut self, past: Past<'_>, d: Dashboard) -> Command {
        if self.rng.percent(60) {
            return self.set_rules(past, d);
        }
        let mut denied = People::NOBODY;
        for _ in 0..self.rng.below(3) {
            denied = denied.and(self.anybody());
        }
        let mut blind = People::NOBODY;
        for _ in 0..self.rng.below(3) {
            blind = blind.and(if self.rng.percent(30) {
                past.owner(d).unwrap_or(Account(0))
            } else {
                self.anybody()
            });
        }
        let mut allowed = People::NOBODY;
        for _ in 0..self.rng.below(2) {
            allowed = allowed.and(self.anybody());
        }
        let mut sighted = if self.rng.percent(60) { allowed } else { People::NOBODY };
        if self.rng.percent(30) {
            sighted = sighted.and(self.anybody());
        }
        Command::SetPolicies { dashboard: d, policies: Policies { denied, allowed, blind, sighted } }
    }

    fn set_rules(&mut self, past: Past<'_>, d: Dashboard) -> Command {
        let now = past.rules(d);
        // Closed rules do not stay for long, or nothing would happen any more.
        let on = |rng: &mut Rng, was: bool| rng.percent(if was { 75 } else { 85 });
        let rules = Rules {
            private: on(&mut self.rng, now.private),
            public: on(&mut self.rng, now.public),
            resharing: on(&mut self.rng, now.resharing),
            max_days: self.rng.pick(&[None, None, None, Some(1), Some(10), Some(60)]).flatten(),
            invitation_days: self.rng.pick(&[None, None, Some(1), Some(3), Some(90)]).flatten(),
            depth: self.rng.pick(&[8, 8, 8, 8, 8, 2, 3, 4, 12, 200]).unwrap_or(8),
            blocked: self.rng.pick(&[0, 0, 0, 1, 2]).unwrap_or(0),
            allowed: self.rng.pick(&[0, 0, 0, 0, 0, 1, 2]).unwrap_or(0),
            limits: if self.rng.percent(65) { Rules::OPEN.limits } else { self.limits() },
            link_lock: if self.rng.percent(25) { self.tenants_lock() } else { Lock::NONE },
            reshare_lock: if self.rng.percent(25) { self.tenants_lock() } else { Lock::NONE },
        };
        Command::SetRules { dashboard: d, rules }
    }
}

fn set_in_place(command: Command) -> Command {
    match command {
        Command::Share { dashboard, by, with, rights, reshare, expiry, lock, parent } => {
            Command::SetShare { dashboard, by, with, rights, reshare, expiry, lock, parent }
        }
        other => other,
    }
}

fn with_lock(mut command: Command, given: Lock) -> Command {
    if let Command::Share { lock, .. } = &mut command {
        *lock = given;
    }
    command
}

fn with_children(past: Past<'_>, live: &[Grant]) -> Vec<Grant> {
    let has_child = |grant: &Grant| live.iter().any(|child| past.parent(*child) == Some(*grant));
    live.iter().copied().filter(has_child).collect()
}
