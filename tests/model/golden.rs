//! The model against scenarios worked out by hand.

use super::{
    Account, Address, Command, DAY, Dashboard, Expiry, Grant, Instant, Limits, Lock, Mode, Model, Outcome,
    People, Policies, Rights, Rules, SECOND, START, Step, With,
    lock::{Clauses, DEVICES},
};

const D: Dashboard = Dashboard(0);
const OLGA: Account = Account(0);
const ANN: Account = Account(1);
const BOB: Account = Account(2);
const CID: Account = Account(3);
const DORA: Account = Account(4);
const MAIL: Address = Address(0);

const HOUR: Instant = 3600 * SECOND;
const NEVER: Expiry = None;

/// A story told command by command, an hour after the start unless the clock is moved.
struct Story {
    model: Model,
    n: u32,
    now: Instant,
}

impl Story {
    fn new() -> Self {
        let mut story = Self { model: Model::new(), n: 0, now: START };
        for account in [OLGA, ANN, BOB, CID, DORA] {
            story.ok(Command::Join { account });
        }
        story.ok(Command::Register { dashboard: D, owner: OLGA });
        story
    }

    fn play(&mut self, command: Command) -> Result<Outcome, Vec<&'static str>> {
        self.n += 1;
        self.model.play(Step { n: self.n, at: self.now, command, host: false })
    }

    fn ok(&mut self, command: Command) -> Outcome {
        self.play(command).unwrap_or_else(|codes| panic!("{command:?} is refused: {codes:?}"))
    }

    fn refused(&mut self, code: &str, command: Command) {
        let mut codes = self.play(command).expect_err("is refused");
        codes.dedup();
        assert_eq!(codes, [code], "{command:?}");
    }

    fn at(&mut self, hours: Instant) {
        self.now = START + hours * HOUR;
    }

    fn give(&mut self, by: Account, with: impl Into<With>, expiry: Expiry) -> Grant {
        self.give_rights(by, with, Rights::ALL, expiry)
    }

    fn give_rights(&mut self, by: Account, with: impl Into<With>, rights: Rights, expiry: Expiry) -> Grant {
        let outcome = self.ok(share(by, with, rights, expiry));
        outcome.grant.expect("a share answers a grant")
    }

    fn rights(&self, account: Account) -> Rights {
        self.model.past().rights(account, D, self.now)
    }

    fn live(&self, grant: Grant) -> bool {
        self.model.past().live(grant, self.now)
    }
}

impl From<Account> for With {
    fn from(account: Account) -> Self {
        Self::Account(account)
    }
}

impl From<Address> for With {
    fn from(address: Address) -> Self {
        Self::Address(address)
    }
}

fn share(by: Account, with: impl Into<With>, rights: Rights, expiry: Expiry) -> Command {
    Command::Share {
        dashboard: D,
        by,
        with: with.into(),
        rights,
        reshare: true,
        expiry,
        lock: Lock::NONE,
        parent: None,
    }
}

fn prolong(grant: Grant, by: Account, expiry: Expiry) -> Command {
    Command::Amend { grant, by, rights: None, reshare: None, expiry: Some(expiry), narrow: None }
}

fn narrow(grant: Grant, by: Account, rights: Rights) -> Command {
    Command::Amend { grant, by, rights: Some(rights), reshare: None, expiry: None, narrow: None }
}

fn stop_resharing(grant: Grant, by: Account) -> Command {
    Command::Amend { grant, by, rights: None, reshare: Some(false), expiry: None, narrow: None }
}

fn revoke(grant: Grant, by: Account, mode: Mode) -> Command {
    Command::Revoke { grant, by, mode }
}

fn transfer(by: Account, to: Account) -> Command {
    Command::Transfer { dashboard: D, by, to, keep: None }
}

fn verify(account: Account) -> Command {
    Command::Verify { account, address: MAIL }
}

fn claim(account: Account) -> Command {
    Command::Claim { account, address: MAIL }
}

fn rotate(by: Account) -> Command {
    Command::RotateLink { dashboard: D, by, expiry: NEVER, lock: Lock::NONE }
}

fn hours(hours: Instant) -> Expiry {
    Some(START + hours * HOUR)
}

#[test]
fn a_child_ends_with_its_parent_and_runs_on_when_that_is_prolonged_in_time() {
    let mut s = Story::new();
    let p = s.give(OLGA, ANN, hours(100));
    let c = s.give(ANN, BOB, hours(50));
    s.ok(prolong(p, OLGA, hours(20)));
    assert_eq!(s.model.past().ends(c), START + 20 * HOUR);
    s.at(19);
    s.ok(prolong(p, OLGA, hours(80)));
    assert_eq!(s.model.past().ends(c), START + 50 * HOUR);
    s.at(50);
    assert!(!s.live(c) && s.live(p));
    s.at(80);
    s.refused("unknown_grant", prolong(p, OLGA, hours(90)));
}

#[test]
fn a_new_grant_to_the_same_person_revives_nothing() {
    let mut s = Story::new();
    let p = s.give(OLGA, ANN, hours(10));
    let c = s.give(ANN, BOB, NEVER);
    s.at(10);
    assert!(!s.live(p) && !s.live(c));
    s.give(OLGA, ANN, NEVER);
    assert!(!s.live(c));
    assert_eq!(s.rights(BOB), Rights::NONE);
}

#[test]
fn taking_the_reshare_right_ends_what_was_shared_on() {
    let mut s = Story::new();
    let p = s.give(OLGA, ANN, NEVER);
    let c = s.give(ANN, BOB, NEVER);
    let e = s.give(BOB, CID, NEVER);
    let outcome = s.ok(stop_resharing(p, OLGA));
    assert_eq!(outcome.fell, [c, e]);
    assert_eq!(s.rights(ANN), Rights::ALL);
    assert!(!s.model.past().may_share(ANN, D, s.now));
}

#[test]
fn a_revocation_fells_and_a_rebind_re_issues_under_the_other_grant() {
    for mode in [Mode::Cascade, Mode::Rebind] {
        let mut s = Story::new();
        s.give(OLGA, CID, NEVER);
        let p1 = s.give(OLGA, BOB, hours(10));
        let c = s
            .ok(Command::Share {
                dashboard: D,
                by: BOB,
                with: With::Account(DORA),
                rights: Rights::VIEW,
                reshare: true,
                expiry: NEVER,
                lock: Lock::NONE,
                parent: Some(p1),
            })
            .grant
            .expect("a grant");
        let e = s.give_rights(DORA, ANN, Rights::VIEW, NEVER);
        let p2 = s.give(CID, BOB, hours(5));
        let outcome = s.ok(revoke(p1, OLGA, mode));
        assert_eq!(outcome.fell, [p1, c, e]);
        assert_eq!(s.rights(BOB), Rights::ALL);
        let (new_c, new_e) = (Grant::of(s.n, 1), Grant::of(s.n, 2));
        if mode == Mode::Rebind {
            assert_eq!(outcome.rebound, [(c, new_c), (e, new_e)]);
            assert_eq!(s.model.past().parent(new_c), Some(p2));
            assert_eq!(s.model.past().depth(new_e), 4);
            assert_eq!(s.rights(ANN), Rights::VIEW);
            assert_eq!(s.model.past().ends(new_e), START + 5 * HOUR);
        } else {
            assert_eq!(outcome.rebound, []);
            assert_eq!(s.rights(DORA), Rights::NONE);
        }
    }
}

#[test]
fn narrowing_reaches_the_children_and_a_wider_grant_beside_does_not_help_them() {
    let mut s = Story::new();
    let p = s.give(OLGA, ANN, NEVER);
    s.give(ANN, BOB, NEVER);
    s.ok(narrow(p, OLGA, Rights::VIEW));
    s.give(OLGA, ANN, hours(9));
    assert_eq!(s.rights(ANN), Rights::ALL);
    assert_eq!(s.rights(BOB), Rights::VIEW);
    s.refused("widening", narrow(p, OLGA, Rights::ALL));
}

#[test]
fn the_parent_is_the_one_that_ends_last_then_the_shallowest_then_the_oldest() {
    let mut s = Story::new();
    s.give(OLGA, CID, NEVER);
    let soon = s.give(OLGA, BOB, hours(5));
    let deep = s.give(CID, BOB, NEVER);
    let view = s.give_rights(OLGA, BOB, Rights::VIEW, NEVER);
    let c = s.give(BOB, DORA, NEVER);
    assert_eq!(s.model.past().parent(c), Some(deep));
    let c = s.give_rights(BOB, ANN, Rights::VIEW, NEVER);
    assert_eq!(s.model.past().parent(c), Some(view));
    assert_eq!(s.model.past().path(soon), [soon]);
}

#[test]
fn repeating_a_share_answers_with_the_standing_one_and_other_terms_add_up() {
    let mut s = Story::new();
    let g = s.give_rights(OLGA, ANN, Rights::VIEW, hours(9));
    s.ok(Command::SetRules { dashboard: D, rules: Rules { private: false, ..Rules::OPEN } });
    let again = s.ok(share(OLGA, ANN, Rights::VIEW, hours(9)));
    assert_eq!((again.grant, again.standing), (Some(g), true));
    s.refused("private_sharing_off", share(OLGA, ANN, Rights::ALL, NEVER));
    assert_eq!(s.rights(ANN), Rights::NONE);
}

#[test]
fn every_refusal_of_a_share_has_its_code() {
    let mut s = Story::new();
    s.give_rights(OLGA, ANN, Rights::VIEW, hours(9));
    s.refused("unknown_dashboard", share(BOB, CID, Rights::VIEW, NEVER));
    s.refused("exceeds_own_rights", share(ANN, BOB, Rights::ALL, NEVER));
    s.refused("to_self", share(ANN, ANN, Rights::VIEW, NEVER));
    s.refused("to_owner", share(ANN, OLGA, Rights::VIEW, NEVER));
    s.refused("ends_too_late", share(ANN, BOB, Rights::VIEW, hours(10)));
    s.refused("expiry_past", share(ANN, BOB, Rights::VIEW, hours(0)));
    s.refused("empty_rights", share(OLGA, BOB, Rights::NONE, NEVER));
    s.refused("unknown_account", share(OLGA, Account(9), Rights::VIEW, NEVER));
    s.ok(share(ANN, BOB, Rights::VIEW, hours(9)));
    s.ok(Command::SetRules { dashboard: D, rules: Rules { max_days: Some(1), ..Rules::OPEN } });
    s.refused("over_maximum", share(OLGA, BOB, Rights::VIEW, NEVER));
    s.ok(share(ANN, BOB, Rights::VIEW, NEVER));
    assert_eq!(s.rights(BOB), Rights::VIEW);
}

#[test]
fn the_eighth_grant_of_a_chain_is_the_last() {
    let mut s = Story::new();
    let mut by = OLGA;
    for depth in 1..=8 {
        let to = if by == ANN { BOB } else { ANN };
        let grant = s.ok(Command::Share {
            dashboard: D,
            by,
            with: With::Account(to),
            rights: Rights::VIEW,
            reshare: true,
            expiry: Some(START + DAY - depth),
            lock: Lock::NONE,
            parent: (depth > 1).then(|| Grant::of(s.n, 0)),
        });
        assert_eq!(s.model.past().depth(grant.grant.expect("a grant")), depth as usize);
        by = to;
    }
    let deepest = Grant::of(s.n, 0);
    s.refused(
        "too_deep",
        Command::Share {
            dashboard: D,
            by,
            with: With::Account(CID),
            rights: Rights::VIEW,
            reshare: true,
            expiry: NEVER,
            lock: Lock::NONE,
            parent: Some(deepest),
        },
    );
}

#[test]
fn who_stands_above_may_shorten_and_revoke_and_nobody_widens_its_own() {
    let mut s = Story::new();
    let a = s.give(OLGA, ANN, NEVER);
    let b = s.give(ANN, BOB, NEVER);
    let c = s.give(BOB, CID, hours(9));
    let back = s.give(CID, ANN, hours(5));
    s.refused("not_yours", prolong(c, CID, hours(8)));
    s.refused("not_yours", revoke(b, CID, Mode::Cascade));
    s.refused("unknown_grant", revoke(b, DORA, Mode::Cascade));
    s.ok(prolong(c, ANN, hours(8)));
    s.refused("not_yours", prolong(back, ANN, hours(7)));
    s.ok(prolong(back, ANN, hours(4)));
    s.ok(revoke(back, ANN, Mode::Cascade));
    s.refused("not_yours", Command::Renounce { grant: a, by: BOB });
    let outcome = s.ok(Command::Renounce { grant: b, by: BOB });
    assert_eq!(outcome.fell, [b, c]);
    assert!(s.live(a));
}

#[test]
fn an_invitation_gives_nothing_until_its_claim_and_lapses_without_grace() {
    let mut s = Story::new();
    let g = s.give(OLGA, MAIL, NEVER);
    s.refused("email_not_verified", claim(ANN));
    s.ok(verify(ANN));
    assert_eq!(s.rights(ANN), Rights::NONE);
    s.at(14 * 24);
    assert!(!s.live(g));
    s.now -= 1;
    assert_eq!(s.ok(claim(ANN)).bound, [g]);
    s.at(14 * 24 + 1);
    assert_eq!(s.rights(ANN), Rights::ALL);
    s.ok(verify(BOB));
    s.ok(claim(BOB));
    assert_eq!(s.rights(ANN), Rights::ALL);
    assert_eq!(s.rights(BOB), Rights::NONE);
    let outcome = s.ok(Command::StopSharing { dashboard: D, by: OLGA, with: With::Address(MAIL) });
    assert_eq!(outcome.fell, [g]);
}

#[test]
fn an_invitation_that_comes_back_to_somebody_above_it_ends() {
    for above in [OLGA, ANN, BOB] {
        let mut s = Story::new();
        s.give(OLGA, ANN, NEVER);
        s.give(ANN, BOB, NEVER);
        let g = s.give(BOB, MAIL, NEVER);
        s.ok(verify(above));
        let outcome = s.ok(claim(above));
        assert_eq!((outcome.ended, outcome.bound), (vec![g], vec![]));
    }
}

#[test]
fn stopping_reaches_only_what_hangs_on_the_actor() {
    let mut s = Story::new();
    s.give(OLGA, ANN, NEVER);
    let of_ann = s.give(ANN, BOB, NEVER);
    let of_olga = s.give(OLGA, BOB, hours(99));
    let stop = |by, with: With| Command::StopSharing { dashboard: D, by, with };
    assert_eq!(s.ok(stop(ANN, BOB.into())).fell, [of_ann]);
    assert_eq!(s.ok(stop(ANN, BOB.into())).fell, []);
    s.refused("unknown_dashboard", stop(DORA, BOB.into()));
    assert_eq!(s.ok(stop(OLGA, BOB.into())).fell, [of_olga]);
    let invitation = s.give(OLGA, MAIL, NEVER);
    s.ok(verify(BOB));
    assert_eq!(s.ok(stop(OLGA, BOB.into())).fell, [invitation]);
}

#[test]
fn a_transfer_absorbs_the_new_owners_grants_and_keeps_what_hangs_on_them() {
    let mut s = Story::new();
    let a = s.give(OLGA, ANN, hours(90));
    let b = s.give(ANN, BOB, hours(50));
    let c = s.give(BOB, CID, NEVER);
    let outcome = s.ok(transfer(OLGA, BOB));
    assert_eq!(outcome.fell, [b]);
    assert_eq!(s.rights(OLGA), Rights::NONE);
    assert_eq!(s.model.past().grantor(c), Some(BOB));
    assert_eq!(s.model.past().grantor(a), Some(BOB));
    assert_eq!(s.model.past().ends(c), START + 50 * HOUR);
    s.refused("unknown_grant", revoke(b, BOB, Mode::Cascade));
    s.ok(transfer(BOB, OLGA));
    assert_eq!(s.rights(BOB), Rights::NONE);
    assert_eq!(s.rights(CID), Rights::ALL);
    s.refused("unknown_grant", revoke(c, BOB, Mode::Cascade));
    assert_eq!(s.ok(revoke(c, ANN, Mode::Cascade)).fell, [c]);
}

#[test]
fn a_transfer_may_keep_rights_for_the_old_owner() {
    let mut s = Story::new();
    let kept = s.ok(Command::Transfer { dashboard: D, by: OLGA, to: ANN, keep: Some(Rights::VIEW) });
    assert_eq!(s.rights(OLGA), Rights::VIEW);
    assert!(!s.model.past().may_share(OLGA, D, s.now));
    let kept = kept.grant.expect("a grant");
    assert_eq!(s.model.past().grantor(kept), Some(ANN));
    s.refused("not_owner", transfer(OLGA, BOB));
}

#[test]
fn a_link_hangs_on_its_makers_grant_and_is_another_makers_to_take_only_when_it_is_gone() {
    let mut s = Story::new();
    let a = s.give(OLGA, ANN, NEVER);
    s.give(OLGA, BOB, NEVER);
    s.ok(rotate(ANN));
    let made = s.n;
    assert_eq!(s.model.past().open_link(D, s.now), Some(made));
    s.refused("link_taken", rotate(BOB));
    let pause = |by| Command::PauseLink { dashboard: D, by };
    s.refused("not_yours", pause(BOB));
    s.ok(pause(OLGA));
    assert_eq!(s.model.past().open_link(D, s.now), None);
    let resume = |by| Command::ResumeLink { dashboard: D, by };
    s.ok(pause(ANN));
    s.refused("not_yours", resume(ANN));
    s.ok(resume(OLGA));
    s.ok(pause(ANN));
    s.ok(resume(ANN));
    s.ok(narrow(a, OLGA, Rights::EXPORT));
    assert!(!s.model.past().link_stands(D, s.now));
    s.ok(rotate(BOB));
    s.ok(rotate(OLGA));
    s.refused("link_taken", rotate(BOB));
}

#[test]
fn a_link_stays_through_a_transfer_and_a_dead_one_does_not_come_back() {
    for narrowed in [false, true] {
        let mut s = Story::new();
        let a = s.give(OLGA, ANN, NEVER);
        s.ok(rotate(ANN));
        let made = s.n;
        if narrowed {
            s.ok(stop_resharing(a, OLGA));
        }
        s.ok(transfer(OLGA, ANN));
        let open = s.model.past().open_link(D, s.now);
        assert_eq!(open, (!narrowed).then_some(made));
    }
}

#[test]
fn the_switches_act_at_decisions_and_come_back() {
    let mut s = Story::new();
    s.give(OLGA, ANN, NEVER);
    s.give(ANN, BOB, NEVER);
    let set = |private, resharing| Command::SetRules {
        dashboard: D,
        rules: Rules { private, resharing, ..Rules::OPEN },
    };
    s.ok(set(true, false));
    assert_eq!((s.rights(ANN), s.rights(BOB)), (Rights::ALL, Rights::NONE));
    s.ok(set(false, true));
    assert_eq!((s.rights(ANN), s.rights(BOB)), (Rights::NONE, Rights::NONE));
    s.ok(set(true, true));
    assert_eq!((s.rights(ANN), s.rights(BOB)), (Rights::ALL, Rights::ALL));
}

#[test]
fn nothing_survives_a_deleted_dashboard_or_account() {
    let mut s = Story::new();
    s.give(OLGA, ANN, NEVER);
    let b = s.give(ANN, BOB, NEVER);
    let delete = |account| Command::DeleteAccount { account };
    s.refused("owns_dashboards", delete(OLGA));
    let outcome = s.ok(delete(ANN));
    assert!(outcome.fell.contains(&b));
    s.give(OLGA, BOB, NEVER);
    s.ok(rotate(OLGA));
    s.ok(Command::DeleteDashboard { dashboard: D, by: Some(OLGA) });
    s.ok(Command::Register { dashboard: D, owner: CID });
    assert_eq!(s.rights(BOB), Rights::NONE);
    assert_eq!(s.model.past().open_link(D, s.now), None);
}

#[test]
fn an_account_and_its_address_are_two_names() {
    let mut s = Story::new();
    s.ok(verify(ANN));
    let by_name = s.give_rights(OLGA, ANN, Rights::VIEW, NEVER);
    let shared = s.ok(share(OLGA, MAIL, Rights::VIEW, NEVER));
    assert_eq!((shared.standing, &shared.others), (false, &vec![]));
    let by_address = shared.grant.expect("a grant");
    let again = s.ok(share(OLGA, MAIL, Rights::VIEW, NEVER));
    assert_eq!((again.grant, again.standing), (Some(by_address), true));
    let more = s.ok(share(OLGA, ANN, Rights::ALL, NEVER));
    assert_eq!(more.others, [by_name]);
    s.ok(Command::Leave { account: ANN, address: MAIL });
    let stop = Command::StopSharing { dashboard: D, by: OLGA, with: With::Address(MAIL) };
    assert_eq!(s.ok(stop).fell, [by_address]);
    assert!(s.live(by_name));
}

#[test]
fn an_invitation_stands_once_its_address_is_verified_and_waits_anew_when_it_is_repeated() {
    let mut s = Story::new();
    let g = s.give(OLGA, MAIL, NEVER);
    s.at(14 * 24 - 1);
    s.ok(verify(ANN));
    let again = s.ok(share(OLGA, MAIL, Rights::ALL, NEVER));
    assert_eq!((again.grant, again.standing), (Some(g), true));
    s.at(28 * 24 - 2);
    assert_eq!(s.ok(claim(ANN)).bound, [g]);
    assert_eq!(s.rights(ANN), Rights::ALL);
}

/// Whether or not an account has the address, the sharer is told the same until it accepts.
#[test]
fn an_address_is_invited_once_whether_it_waits_or_was_bound_at_once() {
    for has_account in [false, true] {
        let mut s = Story::new();
        if has_account {
            s.ok(verify(ANN));
        }
        let g = s.give(OLGA, MAIL, NEVER);
        assert_eq!(s.rights(ANN), if has_account { Rights::ALL } else { Rights::NONE });
        s.refused("already_invited", share(OLGA, MAIL, Rights::VIEW, NEVER));
        let past = s.model.past();
        let view = past.view((past, s.now), OLGA, D, s.now).expect("the owner's list");
        assert_eq!(view.grants[0].grantee, With::Address(MAIL));
        assert_eq!(view.grants[0].ends, Some(s.now + 14 * DAY));
        assert_eq!(s.model.past().impact(OLGA, g, s.now).invitations, [With::Address(MAIL)]);
        let remind = Command::RemindInvitation { grant: g, by: OLGA };
        s.at(13 * 24);
        s.ok(remind);
        s.at(26 * 24);
        s.refused("already_invited", share(OLGA, MAIL, Rights::VIEW, NEVER));
        s.at(27 * 24);
        let anew = s.ok(share(OLGA, MAIL, Rights::ALL, NEVER));
        assert_eq!((anew.standing, anew.others), (false, vec![]));
        s.ok(verify(ANN));
        s.ok(claim(ANN));
        let other = s.ok(share(OLGA, MAIL, Rights::VIEW, NEVER));
        let anew = anew.grant.expect("a grant");
        assert!(other.others.contains(&anew));
        s.refused("not_waiting", Command::RemindInvitation { grant: anew, by: OLGA });
    }
}

#[test]
fn a_resharer_learns_of_no_address_that_it_is_the_owners() {
    let mut s = Story::new();
    s.give(OLGA, ANN, NEVER);
    s.ok(verify(ANN));
    s.refused("to_self", share(ANN, MAIL, Rights::VIEW, NEVER));
    s.ok(verify(OLGA));
    let g = s.give(ANN, MAIL, NEVER);
    assert!(s.model.past().is_pending(g));
    assert_eq!(s.ok(claim(OLGA)).ended, [g]);
}

#[test]
fn a_share_may_be_set_in_place_of_all_that_the_named_one_holds_from_its_grantor() {
    let mut s = Story::new();
    s.give(OLGA, CID, NEVER);
    let of_cid = s.give(CID, ANN, NEVER);
    let all = s.give(OLGA, ANN, NEVER);
    let child = s.give(ANN, BOB, NEVER);
    let view = s.give_rights(OLGA, ANN, Rights::VIEW, NEVER);
    let set = |rights| Command::SetShare {
        dashboard: D,
        by: OLGA,
        with: With::Account(ANN),
        rights,
        reshare: true,
        expiry: NEVER,
        lock: Lock::NONE,
        parent: None,
    };
    let anew = s.ok(set(Rights::VIEW));
    assert_eq!((anew.standing, anew.fell), (false, vec![all, child, view]));
    let kept = s.ok(set(Rights::VIEW));
    assert_eq!((kept.grant, kept.standing, kept.fell), (anew.grant, true, vec![]));
    assert!(s.live(of_cid));
}

fn set_rules(rules: Rules) -> Command {
    Command::SetRules { dashboard: D, rules }
}

fn deny(account: Account) -> Command {
    Command::SetPolicies {
        dashboard: D,
        policies: Policies { denied: People::are(account), ..Policies::default() },
    }
}

/// The rules that a share asks are asked of whom a transfer makes the owner, and of who keeps a right; the host may.
#[test]
fn whom_a_share_is_refused_for_is_not_made_the_owner() {
    let keep = Command::Transfer { dashboard: D, by: OLGA, to: ANN, keep: Some(Rights::VIEW) };
    for (account, refused) in [(ANN, transfer(OLGA, ANN)), (OLGA, keep)] {
        let mut s = Story::new();
        s.ok(verify(account));
        s.ok(set_rules(Rules { blocked: 1 << MAIL.domain(), ..Rules::OPEN }));
        s.refused("domain_blocked", refused);
        s.ok(set_rules(Rules { allowed: 2 >> MAIL.domain(), ..Rules::OPEN }));
        s.refused("domain_blocked", refused);
        s.ok(set_rules(Rules { private: false, ..Rules::OPEN }));
        assert!(s.play(refused).is_err_and(|codes| codes.contains(&"private_sharing_off")));
        s.ok(set_rules(Rules::OPEN));
        s.ok(deny(account));
        assert!(s.play(refused).is_err_and(|codes| codes.contains(&"policy_denies")));
        s.n += 1;
        s.model.play(Step { n: s.n, at: s.now, command: refused, host: true }).expect("the host may");
        assert_eq!(s.rights(ANN), Rights::ALL);
    }
}

#[test]
fn an_old_owner_does_not_come_back_by_an_invitation_that_it_made() {
    for verified_before in [true, false] {
        let mut s = Story::new();
        let g = s.give(OLGA, MAIL, NEVER);
        if verified_before {
            s.ok(verify(OLGA));
            assert_eq!(s.ok(transfer(OLGA, ANN)).fell, [g]);
        } else {
            s.ok(transfer(OLGA, ANN));
            s.ok(verify(OLGA));
            assert_eq!(s.ok(claim(OLGA)).ended, [g]);
        }
        s.ok(claim(OLGA));
        assert_eq!(s.rights(OLGA), Rights::NONE);
    }
}

#[test]
fn what_is_re_issued_lasts_no_longer_and_asks_what_a_share_asks() {
    for blocked in [0, 1 << MAIL.domain()] {
        let mut s = Story::new();
        s.ok(verify(BOB));
        let p = s.give(OLGA, ANN, hours(96));
        let c = s.give(ANN, BOB, NEVER);
        s.give(OLGA, ANN, NEVER);
        s.ok(set_rules(Rules { max_days: Some(30), blocked, ..Rules::OPEN }));
        let outcome = s.ok(revoke(p, OLGA, Mode::Rebind));
        let new = Grant::of(s.n, 1);
        if blocked == 0 {
            assert_eq!(outcome.rebound, [(c, new)]);
            assert_eq!(s.model.past().ends(new), START + 96 * HOUR);
        } else {
            assert_eq!(outcome.rebound, []);
            assert_eq!(s.rights(BOB), Rights::NONE);
        }
    }
}

#[test]
fn an_invitation_that_a_share_would_be_refused_for_waits_until_the_rules_let_it_be_claimed() {
    let mut s = Story::new();
    let g = s.give(OLGA, MAIL, NEVER);
    s.ok(verify(ANN));
    for rules in [
        Rules { private: false, ..Rules::OPEN },
        Rules { max_days: Some(1), ..Rules::OPEN },
        Rules { blocked: 1 << MAIL.domain(), ..Rules::OPEN },
    ] {
        s.ok(set_rules(rules));
        let outcome = s.ok(claim(ANN));
        assert_eq!((outcome.bound, outcome.ended), (vec![], vec![]), "{rules:?}");
        assert!(s.live(g));
    }
    s.ok(set_rules(Rules::OPEN));
    assert_eq!(s.ok(claim(ANN)).bound, [g]);
}

#[test]
fn whom_a_policy_denies_has_nothing_keeps_nothing_and_hands_nothing_on() {
    let mut s = Story::new();
    let g = s.give(OLGA, ANN, NEVER);
    s.give_rights(OLGA, ANN, Rights::VIEW, NEVER);
    let c = s.give(ANN, BOB, NEVER);
    s.ok(deny(ANN));
    assert_eq!((s.rights(ANN), s.rights(BOB)), (Rights::NONE, Rights::ALL));
    s.refused("policy_denies", share(ANN, CID, Rights::VIEW, NEVER));
    let impact = s.model.past().impact(OLGA, g, s.now);
    assert_eq!((impact.lose, impact.keep), (vec![BOB], vec![]));
    assert_eq!(s.ok(revoke(c, ANN, Mode::Cascade)).fell, [c]);
}

#[test]
fn a_links_end_moves_within_its_makers() {
    let mut s = Story::new();
    s.give(OLGA, ANN, hours(20));
    s.ok(Command::RotateLink { dashboard: D, by: ANN, expiry: hours(9), lock: Lock::NONE });
    let made = s.n;
    let to = |by, expiry| Command::MoveLinkEnd { dashboard: D, by, expiry };
    s.refused("unknown_dashboard", to(BOB, hours(8)));
    s.refused("ends_too_late", to(OLGA, hours(21)));
    s.refused("expiry_past", to(ANN, hours(0)));
    s.ok(set_rules(Rules { public: false, ..Rules::OPEN }));
    s.refused("public_sharing_off", to(ANN, hours(10)));
    assert_eq!(s.ok(to(ANN, hours(5))).ends, Some(hours(5)));
    s.ok(set_rules(Rules::OPEN));
    assert_eq!(s.ok(to(ANN, NEVER)).ends, Some(hours(20)));
    s.ok(to(OLGA, hours(6)));
    s.at(6);
    assert!(!s.model.past().link_stands(D, s.now));
    s.now -= 1;
    assert_eq!(s.model.past().open_link(D, s.now), Some(made));
}

#[test]
fn who_loses_any_right_is_losing_and_whom_a_policy_lets_in_loses_no_view() {
    let mut s = Story::new();
    s.give_rights(OLGA, ANN, Rights::VIEW, hours(5));
    s.give_rights(OLGA, ANN, Rights::EXPORT, NEVER);
    let to_bob = s.give_rights(OLGA, BOB, Rights::VIEW, hours(5));
    s.give_rights(OLGA, CID, Rights::VIEW, hours(5));
    s.ok(deny(CID));
    let losing = |s: &Story| s.model.past().losing([ANN, BOB, CID], D, s.now, START + 5 * HOUR);
    assert_eq!(losing(&s), Some(vec![ANN, BOB]));
    let policies = Policies { allowed: People::are(BOB), ..Policies::default() };
    s.ok(Command::SetPolicies { dashboard: D, policies });
    assert_eq!(losing(&s), Some(vec![ANN, BOB, CID]));
    s.ok(stop_resharing(to_bob, OLGA));
    assert_eq!(losing(&s), Some(vec![ANN, CID]));
    assert_eq!(s.model.past().impact(OLGA, to_bob, s.now).keep, [(BOB, Rights::VIEW)]);
}

#[test]
fn who_loses_nothing_by_an_end_is_not_reminded_of_it_and_nobody_twice() {
    let mut s = Story::new();
    let remind = |until| Command::Remind { dashboard: D, until: START + until * HOUR };
    let soon = s.give_rights(OLGA, ANN, Rights::VIEW, hours(5));
    s.give_rights(OLGA, BOB, Rights::VIEW, hours(5));
    s.give_rights(OLGA, BOB, Rights::VIEW, NEVER);
    s.give_rights(OLGA, CID, Rights::VIEW, hours(5));
    s.ok(deny(CID));
    let waits = s.give_rights(OLGA, MAIL, Rights::VIEW, hours(5));
    assert_eq!(s.ok(remind(4)).reminded, []);
    assert_eq!(s.ok(remind(5)).reminded, [soon, waits]);
    assert_eq!(s.ok(remind(5)).reminded, []);
    s.ok(prolong(soon, OLGA, hours(8)));
    assert_eq!(s.ok(remind(8)).reminded, [soon]);
}

#[test]
fn a_suspended_dashboard_lets_only_withdraw() {
    let mut s = Story::new();
    let a = s.give(OLGA, ANN, NEVER);
    let b = s.give(ANN, BOB, hours(9));
    s.ok(rotate(OLGA));
    s.ok(Command::Suspend { dashboard: D });
    assert_eq!((s.rights(OLGA), s.rights(ANN)), (Rights::NONE, Rights::NONE));
    assert_eq!(s.model.past().open_link(D, s.now), None);
    let past = s.model.past();
    assert_eq!(past.view((past, s.now), OLGA, D, s.now), None);
    s.refused("suspended", share(OLGA, CID, Rights::VIEW, NEVER));
    s.refused("suspended", prolong(b, OLGA, NEVER));
    s.refused("suspended", transfer(OLGA, ANN));
    s.refused("suspended", rotate(OLGA));
    s.refused("suspended", revoke(a, OLGA, Mode::Rebind));
    s.refused("unknown_dashboard", share(DORA, CID, Rights::VIEW, NEVER));
    s.ok(narrow(a, OLGA, Rights::VIEW));
    s.ok(Command::PauseLink { dashboard: D, by: OLGA });
    assert_eq!(s.ok(Command::Renounce { grant: b, by: BOB }).fell, [b]);
    s.ok(Command::Resume { dashboard: D });
    assert_eq!((s.rights(OLGA), s.rights(ANN)), (Rights::ALL, Rights::VIEW));
    s.ok(Command::Suspend { dashboard: D });
    s.ok(Command::DeleteDashboard { dashboard: D, by: Some(OLGA) });
}

#[test]
fn the_new_owner_is_asked_and_takes_or_declines() {
    let mut s = Story::new();
    let g = s.give(OLGA, ANN, NEVER);
    let offer = |to| Command::OfferTransfer { dashboard: D, by: OLGA, to, keep: Some(Rights::VIEW) };
    let take = |account| Command::TakeTransfer { dashboard: D, account };
    let decline = |account| Command::DeclineTransfer { dashboard: D, account };
    s.refused("no_transfer", take(ANN));
    s.ok(offer(ANN));
    assert_eq!(s.model.past().owner(D), Some(OLGA));
    s.refused("unknown_dashboard", take(BOB));
    s.ok(decline(ANN));
    s.refused("no_transfer", take(ANN));
    s.ok(offer(ANN));
    s.ok(decline(OLGA));
    s.refused("no_transfer", take(ANN));
    s.ok(offer(BOB));
    s.ok(transfer(OLGA, CID));
    s.refused("unknown_dashboard", take(BOB));
    s.ok(transfer(CID, OLGA));
    s.refused("unknown_dashboard", take(BOB));
    s.ok(offer(ANN));
    s.at(24 * 14);
    s.refused("no_transfer", take(ANN));
    s.now -= 1;
    s.ok(deny(ANN));
    assert!(s.play(take(ANN)).is_err_and(|codes| codes.contains(&"policy_denies")));
    s.ok(Command::SetPolicies { dashboard: D, policies: Policies::default() });
    let taken = s.ok(take(ANN));
    assert_eq!((taken.fell, taken.grant.is_some()), (vec![g], true));
    assert_eq!((s.rights(ANN), s.rights(OLGA)), (Rights::ALL, Rights::VIEW));
    s.refused("no_transfer", take(OLGA));
}

#[test]
fn there_are_only_so_many_grants() {
    let mut s = Story::new();
    let limits = |limits| set_rules(Rules { limits, ..Rules::OPEN });
    let open = Rules::OPEN.limits;
    s.give(OLGA, ANN, NEVER);
    s.ok(limits(Limits { of_person: 1, ..open }));
    s.refused("too_many_grants", share(OLGA, ANN, Rights::VIEW, NEVER));
    s.ok(verify(ANN));
    let g = s.give(OLGA, MAIL, NEVER);
    assert!(s.model.past().is_pending(g));
    assert_eq!(s.ok(claim(ANN)).bound, []);
    s.ok(limits(Limits { invitations: 1, ..open }));
    let other = share(OLGA, Address(1), Rights::VIEW, NEVER);
    s.refused("too_many_invitations", other);
    assert_eq!(s.ok(claim(ANN)).bound, [g]);
    s.ok(other);
    s.ok(limits(Limits { grants: 3, ..open }));
    s.refused("dashboard_full", share(OLGA, BOB, Rights::VIEW, NEVER));
    s.ok(limits(Limits { shared_on: 1, ..open }));
    s.give(ANN, BOB, NEVER);
    s.refused("too_many_shares", share(ANN, CID, Rights::VIEW, NEVER));
    s.give(OLGA, CID, NEVER);
}

#[test]
fn a_policy_takes_a_device_from_everybody_and_gives_it_to_nobody_here() {
    let mut s = Story::new();
    s.give(OLGA, ANN, NEVER);
    let policies = |blind, allowed| Command::SetPolicies {
        dashboard: D,
        policies: Policies { blind, allowed, ..Policies::default() },
    };
    let see = |s: &Story| [OLGA, ANN, BOB].map(|it| s.model.past().sees_device(it, D, 0, s.now));
    s.ok(policies(People::NOBODY, People::are(BOB)));
    assert_eq!(see(&s), [true, true, false]);
    s.ok(policies(People::are(OLGA), People::NOBODY));
    assert_eq!(see(&s), [false, true, false]);
}

fn locked(by: Account, with: Account, lock: Lock) -> Command {
    Command::Share {
        dashboard: D,
        by,
        with: With::Account(with),
        rights: Rights::VIEW,
        reshare: true,
        expiry: NEVER,
        lock,
        parent: None,
    }
}

/// Only these devices, a bit for each.
fn devices(selectors: u8) -> Lock {
    Lock { devices: Clauses::one(selectors), ..Lock::NONE }
}

impl Story {
    /// Which devices somebody sees something of, a bit for each.
    fn seen(&self, account: Account) -> u8 {
        let past = self.model.past();
        let sees = |device: &u8| past.sees_device(account, D, *device, self.now);
        (0..DEVICES).filter(sees).fold(0, |seen, device| seen | 1 << device)
    }
}

/// K12, K14, K20: a path shows what all its locks let through, and two paths each what it shows.
#[test]
fn locks_meet_along_a_path_and_join_nowhere() {
    let mut s = Story::new();
    let first = s.ok(locked(OLGA, ANN, devices(0b011))).grant.expect("a grant");
    s.ok(locked(ANN, BOB, devices(0b110)));
    assert_eq!((s.seen(ANN), s.seen(BOB)), (0b011, 0b010));
    s.ok(locked(OLGA, BOB, devices(0b100)));
    assert_eq!(s.seen(BOB), 0b110);
    s.ok(Command::Amend {
        grant: first,
        by: OLGA,
        rights: None,
        reshare: None,
        expiry: None,
        narrow: Some(devices(0b001)),
    });
    assert_eq!((s.seen(ANN), s.seen(BOB)), (0b001, 0b100));
    s.refused("lock_unreadable", locked(ANN, CID, Lock::UNREADABLE));
    s.refused("empty_lock", locked(ANN, CID, devices(0)));
}

/// K3: a tag is one way to name a device, and a clause lets through what one of its selectors names.
#[test]
fn a_lock_by_tag_covers_what_has_the_tag() {
    let mut s = Story::new();
    s.ok(locked(OLGA, ANN, devices(0b1001)));
    assert_eq!(s.seen(ANN), 0b011, "the first by its id, the second by its tag");
}

/// K21: what a rebind re-issues shows what it really showed, under the other grant.
#[test]
fn a_rebind_shows_nobody_more() {
    let mut s = Story::new();
    let first = s.ok(locked(OLGA, ANN, devices(0b011))).grant.expect("a grant");
    s.ok(locked(ANN, BOB, Lock::NONE));
    s.ok(locked(OLGA, ANN, devices(0b110)));
    s.ok(revoke(first, OLGA, Mode::Rebind));
    assert_eq!((s.seen(ANN), s.seen(BOB)), (0b110, 0b010));
}
