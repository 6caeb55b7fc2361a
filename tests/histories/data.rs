//! Data questions on both sides, datum by datum: at every boundary of every window one unit before, at, and after it.

use super::{Counts, Sides, alike, dashboards, same};
use crate::model::{
    self, Account, Command, Dashboard, Instant, Mode, Outcome, Past, Step,
    data::{Asker, By, Source, around},
    generator::Rng,
    lock::{DEVICES, Lock, Question, VARIABLES, is_shown, sieve},
    locks::{Answer, Denied, Piece, Seen, shows},
};

/// How many questions for data follow each command.
const QUESTIONS: usize = 3;
const HOUR: Instant = 3600 * model::SECOND;

/// A question for data that is asked before and after a command.
pub(super) struct Watched {
    asker: Asker,
    dashboard: Dashboard,
    question: Question,
    before: Option<Answer>,
}

/// What a command may do to what is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    /// Show more, and hide nothing.
    Add,
    /// Hide, and show nothing more; what only one of these ways admitted is hidden.
    Remove,
    /// Show nothing more.
    Narrow,
    Anything,
}

impl May {
    fn of(command: Command) -> Self {
        match command {
            Command::Share { .. } => Self::Add,
            Command::Revoke { mode: Mode::Cascade, .. }
            | Command::StopSharing { .. }
            | Command::Renounce { .. } => Self::Remove,
            Command::Revoke { mode: Mode::Rebind, .. }
            | Command::Amend { .. }
            | Command::NarrowLink { .. } => Self::Narrow,
            _ => Self::Anything,
        }
    }
}

impl Sides {
    fn rng(&self, n: u32) -> Rng {
        Rng::new(self.seed.wrapping_mul(1_000_003).wrapping_add(n.into()))
    }

    /// The questions that are asked about a command.
    pub(super) fn watch(&self, step: Step) -> Vec<Watched> {
        let mut rng = self.rng(step.n);
        let asks_before = May::of(step.command) != May::Anything
            || matches!(step.command, Command::Transfer { .. } | Command::TakeTransfer { .. });
        if asks_before {
            self.library.set_now(step.at);
        }
        let past = self.model.past();
        (0..QUESTIONS)
            .map(|_| {
                let dashboard = Dashboard(u8::from(rng.percent(25)));
                let asker = self.asker(past, &mut rng, dashboard, step.at);
                let question = question(&mut rng, step.at);
                let before = asks_before.then(|| self.library.data(asker, dashboard, &question));
                Watched { asker, dashboard, question, before }
            })
            .collect()
    }

    /// Mostly somebody who holds something.
    fn asker(&self, past: Past<'_>, rng: &mut Rng, dashboard: Dashboard, t: Instant) -> Asker {
        if rng.percent(12) {
            return Asker::Visitor;
        }
        let mut who = Account(0);
        let people: Vec<Account> = self.people.iter().copied().collect();
        for _ in 0..3 {
            who = rng.pick(&people).unwrap_or(who);
            let holds = past.owner(dashboard) != Some(who) && past.is_party(who, dashboard, t);
            if holds || past.let_in(who, dashboard) {
                break;
            }
        }
        Asker::Account(who)
    }

    /// Asks again, and compares with the model and with what was answered before.
    pub(super) fn compare_data(
        &self,
        step: Step,
        outcome: Option<&Outcome>,
        watched: Vec<Watched>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        for Watched { asker, dashboard, question, before } in watched {
            let decision = self.library.about_device(asker, dashboard, &question);
            let answer = self.library.later(&decision, &question, self.now);
            let about = About { asker, dashboard, question, now: self.now };
            let past = self.model.past();
            // A link is asked for leave to view, whatever is read by it.
            let export = question.export && asker != Asker::Visitor;
            let sources = past.door(asker, dashboard, &Question { export, ..question }, self.now);
            let sees = sources.is_ok_and(|all| !past.passing(all, question.device).is_empty());
            let what = || format!("whether it sees the device: {about:?}");
            alike(self.now, dashboard, what, &sees, &decision.is_allowed())?;
            self.compare_answer(&about, &answer, counts)?;
            if let (Some(before), Some(outcome)) = (before, outcome) {
                self.compare_change(step, outcome, &about, &before, &answer, counts)?;
            }
        }
        Ok(())
    }

    /// Adding a grant hides nothing, and the end of one hides only what it alone admitted (K14); a narrowing and a rebind
    /// show nobody more (K20, K21), nor does a link by another owner's hand.
    fn compare_change(
        &self,
        step: Step,
        outcome: &Outcome,
        about: &About,
        before: &Answer,
        after: &Answer,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let may = match (about.asker, step.command) {
            // What the tenant's rules say of what is shared on they do not say of an owner's link.
            (Asker::Visitor, Command::Transfer { .. } | Command::TakeTransfer { .. })
                if self.model.past().rules(about.dashboard).reshare_lock == Lock::NONE =>
            {
                May::Narrow
            }
            (_, command) => May::of(command),
        };
        if may == May::Narrow && self.leaves_open(about) {
            return Ok(());
        }
        let sides = [before, after].into_iter().flatten().flat_map(|seen| &seen.pieces);
        for t in around(sides.flat_map(|piece| [piece.from, piece.until]).flatten().chain([about.now])) {
            let (was, is) = (shows(before, t), shows(after, t));
            let wrong = match may {
                May::Anything => None,
                May::Add => (was && !is).then_some("a share hides"),
                May::Narrow => (!was && is).then_some("what only takes away shows"),
                May::Remove if !was && is => Some("what ends shows"),
                May::Remove => {
                    let stays = |by: &By| match by {
                        By::Grant(grant) => !outcome.fell.contains(grant),
                        By::Link => !outcome.link_fell,
                        By::Owner | By::Policy => true,
                    };
                    let by_others = before.as_ref().is_ok_and(|seen| {
                        seen.pieces.iter().any(|piece| piece.has(t) && piece.by.iter().any(stays))
                    });
                    (was && !is && by_others).then_some("what ends hides more than it alone admitted:")
                }
            };
            if let Some(wrong) = wrong {
                let at = t.saturating_sub(model::START);
                return Err(format!("{step:?}\n{wrong} +{at}us\n{about:?}\n{before:?}\n{after:?}"));
            }
        }
        let hid = may != May::Anything && shows_more(before, after, about.now);
        counts.count_many("changes that hid data", u64::from(hid));
        Ok(())
    }

    /// Whether something is left to the lock to fill in: a side of the range where one may not be longer than so much, or
    /// the value of a parameter. With less in the lock that may be what could only be asked for by name before.
    fn leaves_open(&self, about: &About) -> bool {
        let &About { asker, dashboard, question, now } = about;
        let sources = self.model.past().door(asker, dashboard, &question, now);
        let has = |part: fn(&Lock) -> bool| {
            let paths = sources.iter().flatten().flat_map(|source| &source.path);
            paths.into_iter().any(|(_, lock)| part(lock))
        };
        let is_open = question.from.is_none() || question.until.is_none();
        (is_open && has(|lock| lock.max_range.is_some()))
            || (question.site.is_none() && has(|lock| lock.site.is_some()))
    }

    /// The pieces against the model's predicate, at every boundary.
    pub(super) fn compare_answer(
        &self,
        about: &About,
        answer: &Answer,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let past = self.model.past();
        compare(past, about, answer.as_ref().map(|seen| seen.pieces.as_slice()), counts)?;
        match answer {
            Ok(seen) => self.compare_rest(past, about, seen),
            Err(denied) => self.compare_told(about, denied, counts),
        }
    }

    /// How long it can be relied on, and whether it is less than was asked for.
    fn compare_rest(&self, past: Past<'_>, about: &About, seen: &Seen) -> Result<(), String> {
        let &About { dashboard, question, now, .. } = about;
        let lasts = |by: &By| past.lasts(*by, dashboard);
        let needed = seen.pieces.iter().filter_map(|piece| piece.by.iter().map(lasts).max()).min();
        let what = || format!("until when it can be relied on: {about:?}\n{seen:?}");
        alike(now, dashboard, what, &needed.filter(|end| *end != model::FOREVER), &seen.valid_until)?;
        let is_ordered = seen.pieces.iter().all(|piece| piece.by.is_sorted_by_key(|by| -lasts(by)));
        alike(
            now,
            dashboard,
            || format!("whether what ends last comes first: {seen:?}"),
            &true,
            &is_ordered,
        )?;

        let whole = around(
            [question.from, question.until]
                .into_iter()
                .flatten()
                .chain(seen.pieces.iter().flat_map(|piece| [piece.from, piece.until]).flatten()),
        );
        let asked = Piece { from: question.from, until: question.until, site: None, by: Vec::new() };
        let misses = whole.iter().any(|t| asked.has(*t) && !seen.shows(*t));
        let cut = match question.asks_for_all() {
            false => misses,
            true => misses && self.is_shortened(past, about),
        };
        alike(now, dashboard, || format!("whether less is shown: {about:?}\n{seen:?}"), &cut, &seen.cut)
    }

    fn is_shortened(&self, past: Past<'_>, about: &About) -> bool {
        let sources = past.door(about.asker, about.dashboard, &about.question, about.now);
        let sieves = sources.into_iter().flatten().filter_map(|source| {
            let sieve = source.sieve(&about.question, about.now).ok()?;
            around(sieve.boundaries()).iter().any(|t| sieve.admits(*t)).then_some(sieve)
        });
        sieves.into_iter().any(|sieve| sieve.is_newest_part)
    }

    /// The element that shuts it does so, and what a lock hides is told like what the dashboard does not show (K22).
    fn compare_told(&self, about: &About, denied: &Denied, counts: &mut Counts) -> Result<(), String> {
        let &About { asker, dashboard, question, now } = about;
        let past = self.model.past();
        if let Some(element) = denied.shut_by
            && denied.code != "range_too_long"
            && let Ok(sources) = past.door(asker, dashboard, &question, now)
        {
            let is_shut = sources.iter().any(|source| source.is_shut_at(element, &question, now));
            let what = || format!("whether {element:?} shuts it: {about:?}\n{denied:?}\n{sources:?}");
            alike(now, dashboard, what, &true, &is_shut)?;
        }
        if ["device_not_shown", "locked_empty", "lock_unreadable"].contains(&denied.code) {
            counts.count("hidden by a lock or not shown");
            let nowhere = Question { device: DEVICES, ..question };
            let other = self.library.data(asker, dashboard, &nowhere);
            let what = || format!("what is told of a device that is hidden: {about:?}");
            alike(now, dashboard, what, &other.map(|_| ()).map_err(|it| it.told), &Err(denied.told.clone()))?;
        }
        Ok(())
    }

    /// What the lists say of locks, streams as time goes on, the viewers of a device, and the past.
    pub(super) fn end_data(&self, counts: &mut Counts) -> Result<(), String> {
        let (past, now) = (self.model.past(), self.now);
        let mut rng = self.rng(u32::MAX);
        for dashboard in dashboards() {
            self.compare_paths(dashboard, &mut rng)?;
            for device in 0..DEVICES {
                let people = self.people.iter().copied();
                let expected = past.viewers_of_device(people, dashboard, device, now, false);
                let told = self.library.viewers_of_device(dashboard, device, None);
                counts.count("viewers of a device compared");
                same(now, dashboard, &format!("who sees p{device}"), expected, told)?;
            }
            for _ in 0..2 {
                self.compare_stream(dashboard, &mut rng, counts)?;
            }
        }
        Ok(())
    }

    /// What the list says that a grant shows, the grant above it shows too, datum by datum (K12).
    fn compare_paths(&self, dashboard: Dashboard, rng: &mut Rng) -> Result<(), String> {
        let Some(owner) = self.model.past().owner(dashboard) else { return Ok(()) };
        let Some(view) = self.library.view(owner, dashboard, self.now) else { return Ok(()) };
        for line in &view.grants {
            let above =
                view.grants.iter().filter(|it| line.path.contains(&it.grant) && it.grant != line.grant);
            for above in above {
                for _ in 0..4 {
                    // How long a range may be is asked of a whole one: an open side is the window's, which may differ.
                    let whole =
                        (Some(self.now - 80 * HOUR), Some(self.now - HOUR * rng.below(80) as Instant));
                    let question = Question { from: whole.0, until: whole.1, ..question(rng, self.now) };
                    let Ok(below) = sieve(&[line.effective_lock], &question, self.now) else { continue };
                    // A value that is filled in below has to be given above.
                    let question = Question { site: below.value, ..question };
                    let above = sieve(&[above.effective_lock], &question, self.now);
                    let more = around(below.boundaries())
                        .into_iter()
                        .find(|t| below.admits(*t) && !above.as_ref().is_ok_and(|above| above.admits(*t)));
                    if let Some(t) = more {
                        return Err(format!("below shows more at {t}: {line:?} for {question:?}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// A decision that is kept, asked as time goes on: windows slide, and what ended admits nothing (K17).
    fn compare_stream(&self, dashboard: Dashboard, rng: &mut Rng, counts: &mut Counts) -> Result<(), String> {
        let past = self.model.past();
        let asker = self.asker(past, rng, dashboard, self.now);
        let mut question = question(rng, self.now);
        question.export &= asker != Asker::Visitor;
        let decision = self.library.about_device(asker, dashboard, &question);
        if !decision.is_allowed() {
            return Ok(());
        }
        let until = decision.valid_until().map_or(model::FOREVER, |end| end.micros());
        let mut instants = past.critical_instants(self.now);
        instants.truncate(20);
        instants.extend([self.now + HOUR, self.now + 30 * HOUR, self.now - HOUR]);
        for t in instants {
            counts.count("instants of streams compared");
            let answer = self.library.later(&decision, &question, t);
            // An earlier instant counts as the decision's own.
            let about = About { asker, dashboard, question, now: t.max(self.now) };
            if t >= until {
                let code = answer.as_ref().err().map(|denied| denied.code);
                same(t, dashboard, &format!("what is stale: {about:?}"), Some("stale"), code)?;
                continue;
            }
            let pieces = answer.as_ref().map(|seen| seen.pieces.as_slice());
            compare(past, &about, pieces, counts)?;
        }
        Ok(())
    }

    /// What was seen at an instant of the past, by the locks as they were (D7).
    pub(super) fn compare_past_data(
        &self,
        dashboard: Dashboard,
        t: Instant,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let then = self.model.past().until(t);
        let mut rng = self.rng((t % 1_000_000_007) as u32);
        for _ in 0..2 {
            let asker = self.asker(then, &mut rng, dashboard, t);
            let Asker::Account(who) = asker else { continue };
            let about = About { asker, dashboard, question: question(&mut rng, t), now: t };
            let answer = self.library.data_as_of(who, dashboard, &about.question, t);
            counts.count("past questions for data");
            compare(then, &about, answer.as_deref(), counts)?;
        }
        if rng.percent(20) {
            let device = rng.below(DEVICES.into()) as u8;
            let expected = then.viewers_of_device(self.people.iter().copied(), dashboard, device, t, true);
            let told = self.library.viewers_of_device(dashboard, device, Some(t));
            same(t, dashboard, &format!("who saw p{device}"), expected, told)?;
        }
        Ok(())
    }
}

/// One question of somebody at an instant.
#[derive(Debug)]
pub(super) struct About {
    asker: Asker,
    dashboard: Dashboard,
    question: Question,
    now: Instant,
}

fn shows_more(before: &Answer, after: &Answer, now: Instant) -> bool {
    let sides = before.iter().flat_map(|seen| &seen.pieces);
    let sides = sides.flat_map(|piece| [piece.from, piece.until]).flatten().chain([now]);
    around(sides).into_iter().any(|t| shows(before, t) && !shows(after, t))
}

/// The pieces, or the word of a denial, against the model.
fn compare(
    past: Past<'_>,
    about: &About,
    answer: Result<&[Piece], &Denied>,
    counts: &mut Counts,
) -> Result<(), String> {
    let &About { asker, dashboard, question, now } = about;
    counts.count("questions for data");
    let pieces = answer.unwrap_or_default();
    let sources = past.door(asker, dashboard, &question, now);
    let is_asked = is_shown(question.device, question.variable) && !question.is_empty();
    let sieves: Vec<(&Source, _)> = (sources.iter().flatten())
        .filter_map(|source| Some((source, source.sieve(&question, now).ok()?)))
        .filter(|_| is_asked)
        .collect();
    // Where a grant shows all, a policy need not be named.
    let is_open = sources.iter().flatten().any(|it| matches!(it.by, By::Grant(_)) && it.is_open());
    let told_sides = pieces.iter().flat_map(|piece| [piece.from, piece.until]).flatten();
    let sides = sieves.iter().flat_map(|(_, sieve)| sieve.boundaries()).chain(told_sides).chain([now]);
    let mut is_seen = false;
    for t in around(sides) {
        let mut expected: Vec<(By, Option<u8>)> = sieves
            .iter()
            .filter(|(source, sieve)| sieve.admits(t) && !(is_open && source.by == By::Policy))
            .map(|(source, sieve)| (source.by, sieve.value))
            .collect();
        let having = pieces.iter().filter(|piece| piece.has(t));
        let mut told: Vec<(By, Option<u8>)> =
            having.flat_map(|piece| piece.by.iter().map(|by| (*by, piece.site))).collect();
        expected.sort_unstable();
        told.sort_unstable();
        is_seen |= !expected.is_empty();
        let at = t.saturating_sub(model::START);
        let what = || format!("what admits the datum of +{at}us: {about:?}\n{sources:?}\n{answer:?}\nat");
        alike(now, dashboard, what, &expected, &told)?;
    }
    match answer {
        Ok(pieces) => {
            let merges = |(one, next): (&Piece, &Piece)| {
                one.site == next.site && one.until == next.from && one.by == next.by
            };
            let is_maximal = !pieces.iter().zip(pieces.iter().skip(1)).any(merges);
            let is_some = !pieces.is_empty() && is_seen;
            let what = || format!("whether the pieces are as long as can be: {about:?}\n{pieces:?}");
            alike(now, dashboard, what, &(true, true), &(is_maximal, is_some))?;
            counts.count_many("pieces", pieces.len() as u64);
            let parts = pieces.iter().filter(|piece| piece.from.is_some() || piece.until.is_some());
            counts.count_many("pieces of a window", parts.count() as u64);
            counts.count_many(
                "pieces of two or more",
                pieces.iter().filter(|it| it.by.len() > 1).count() as u64,
            );
        }
        Err(denied) => {
            let causes = past.causes(asker, dashboard, &question, now);
            let what = || format!("whether {denied:?} is one of {causes:?}: {about:?}\n{sources:?}");
            // Why somebody may not see the dashboard at all is compared elsewhere.
            let is_one = causes.contains(&denied.code) || causes == ["denied"];
            alike(now, dashboard, what, &true, &is_one)?;
            counts.count(format!("denied: {}", denied.code));
        }
    }
    Ok(())
}

/// Mostly one that means something.
fn question(rng: &mut Rng, now: Instant) -> Question {
    let around = |rng: &mut Rng| {
        let unit = rng.below(3) as Instant - 1;
        let noon = model::DAY / 2;
        let at = match rng.below(4) {
            0 => model::START - 2 * model::DAY + noon * rng.below(9) as Instant,
            1 => now.div_euclid(model::DAY) * model::DAY - model::DAY * rng.below(3) as Instant,
            2 => now + noon - HOUR * [0, 12, 13, 18, 36, 84, 100][rng.below(7)],
            _ => now + HOUR * rng.below(2) as Instant,
        };
        at + unit
    };
    let (mut from, mut until) = (Some(around(rng)), Some(around(rng)));
    if from > until && rng.percent(93) {
        (from, until) = (until, from);
    }
    match rng.below(10) {
        0..4 => (from, until) = (None, None),
        4 => from = None,
        5 => until = None,
        _ => {}
    }
    Question {
        export: rng.percent(20),
        device: if rng.percent(5) { DEVICES } else { rng.below(DEVICES.into()) as u8 },
        variable: if rng.percent(5) { VARIABLES - 1 } else { rng.below(2) as u8 },
        from,
        until,
        applies: rng.percent(80),
        site: rng.pick(&[None, None, Some(0), Some(0), Some(1), Some(1), Some(2)]).flatten(),
    }
}
