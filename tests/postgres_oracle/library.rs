//! The library, as one that answers.

use super::{
    OWNER, PEOPLE,
    words::{Answerer, Change, Command, Held, Impact, Number, Person, Reply, Rights, Terms, Tick},
};
use dashshare::{
    AccountId, Action, Amendment, DashboardId, Dashshare, Error, Expiry, FixedEnv, GrantId, MemoryDirectory,
    MemoryStore, NewShare, RevokeMode, Right, TenantId, Timestamp,
};
use pollster::block_on;

/// The library as a host uses it: its service over its own memory store.
pub(super) struct Library {
    sharing: Dashshare<MemoryStore, MemoryDirectory, FixedEnv>,
    dashboard: DashboardId,
    /// Its ids, by number.
    grants: Vec<GrantId>,
    /// What the last command said it ended.
    fell: Vec<Number>,
}

impl Library {
    pub(super) fn new() -> Result<Self, String> {
        let directory = MemoryDirectory::default();
        PEOPLE.chain([OWNER]).for_each(|person| directory.add_account(account(person)));
        let sharing = Dashshare::new(MemoryStore::default(), directory, FixedEnv::new(timestamp(0), 0));
        let dashboard = DashboardId::from(1u64);
        block_on(sharing.register(dashboard, TenantId::from(1u64), account(OWNER))).map_err(failed)?;
        Ok(Self { sharing, dashboard, grants: Vec::new(), fell: Vec::new() })
    }

    fn share(
        &mut self,
        by: Person,
        from: Option<Number>,
        with: Person,
        terms: Terms,
    ) -> Result<Reply, Error> {
        let (by, with) = (account(by), account(with));
        let terms =
            dashshare::Terms::of(rights_for(terms.rights), expiry_for(terms.expiry)).reshare(terms.reshare);
        let shared = match from {
            Some(parent) => block_on(self.sharing.share(
                by,
                self.dashboard,
                NewShare::with(with, terms).on_from(self.grants[parent]),
            ))?,
            None => block_on(self.sharing.share(by, self.dashboard, NewShare::with(with, terms)))?,
        };
        if shared.standing {
            return Ok(self.number(shared.grant).map_or(Reply::Done, Reply::Stands));
        }
        self.grants.push(shared.grant);
        Ok(Reply::Done)
    }

    fn number(&self, grant: GrantId) -> Option<Number> {
        self.grants.iter().position(|made| *made == grant)
    }

    fn carry_out(&mut self, command: &Command) -> Result<Reply, Error> {
        let (sharing, dashboard) = (&self.sharing, self.dashboard);
        let fell = match *command {
            Command::Share { by, parent, named, with, terms } => {
                return self.share(by, parent.filter(|_| named), with, terms);
            }
            Command::Amend { grant, by, change } => {
                let amendment = match change {
                    Change::Rights(rights) => Amendment::default().rights(rights_for(rights)),
                    Change::Reshare(reshare) => Amendment::default().reshare(reshare),
                    Change::Expiry(to) => Amendment::default().expiry(expiry_for(to)),
                };
                block_on(sharing.amend(account(by), dashboard, self.grants[grant], amendment))?.answer.fell
            }
            Command::Revoke { grant, by } => {
                let (by, grant) = (account(by), self.grants[grant]);
                block_on(sharing.revoke(by, dashboard, grant, RevokeMode::Cascade))?.answer.fell
            }
            Command::Renounce { grant, by } => {
                block_on(sharing.renounce(account(by), dashboard, self.grants[grant]))?.answer.fell
            }
            Command::StopSharing { by, with } => {
                block_on(sharing.stop_sharing(account(by), dashboard, account(with)))?.answer.fell
            }
        };
        self.fell = fell.into_iter().filter_map(|grant| self.number(grant)).collect();
        self.fell.sort_unstable();
        Ok(Reply::Done)
    }
}

impl Answerer for Library {
    const REMEMBERS: bool = true;

    fn obey(&mut self, command: &Command) -> Result<Reply, String> {
        match self.carry_out(command) {
            Err(Error::Refused(_)) => Ok(Reply::Refused),
            other => other.map_err(failed),
        }
    }

    fn move_time(&mut self, to: Tick) {
        self.sharing.env().set(timestamp(to));
    }

    fn held_at(&mut self, instant: Tick) -> Result<Vec<Held>, String> {
        let list = self.sharing.as_of(timestamp(instant)).access_list(account(OWNER), self.dashboard);
        let mut held = vec![Held::default(); self.grants.len()];
        for view in block_on(list).map_err(failed)?.grants {
            let number = self.number(view.grant);
            let rights = rights_from(view.rights);
            let shareable = if view.reshare { rights } else { Rights::NONE };
            held[number.ok_or("the list shows a grant that nobody made")?] = Held { rights, shareable };
        }
        Ok(held)
    }

    fn person(&mut self, person: Person) -> Result<(Rights, bool), String> {
        let may = |action| {
            let decision = self.sharing.authorize(account(person), self.dashboard, action);
            block_on(decision).map(|decision| decision.is_allowed()).map_err(failed)
        };
        let view = if may(Action::View)? { Rights::VIEW } else { Rights::NONE };
        let export = if may(Action::Export)? { Rights::EXPORT } else { Rights::NONE };
        Ok((view | export, may(Action::Share)?))
    }

    fn impact(&mut self, grant: Number, by: Person) -> Result<Option<Impact>, String> {
        let impact = self.sharing.impact_of_revoking(account(by), self.dashboard, self.grants[grant]);
        let impact = block_on(impact).map_err(failed)?;
        let person = |account: AccountId| PEOPLE.into_iter().find(|person| self::account(*person) == account);
        let keep = |(account, rights)| Some((person(account)?, rights_from(rights)));
        Ok(Some(Impact {
            lose: impact.lose.into_iter().filter_map(person).collect(),
            keep: impact.keep.into_iter().filter_map(keep).collect(),
        }))
    }

    fn fell(&self) -> Option<&[Number]> {
        Some(&self.fell)
    }
}

fn account(person: Person) -> AccountId {
    AccountId::from(u64::from(person) + 1)
}

/// One tick is the shortest time that the library tells apart.
fn timestamp(tick: Tick) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + tick)
}

fn expiry_for(end: Option<Tick>) -> Expiry {
    end.map(timestamp).into()
}

fn rights_for(rights: Rights) -> dashshare::Rights {
    let all = [(Rights::VIEW, Right::View), (Rights::EXPORT, Right::Export)];
    all.into_iter().filter(|(right, _)| rights.covers(*right)).map(|(_, right)| right).collect()
}

fn rights_from(rights: dashshare::Rights) -> Rights {
    let view = if rights.contains(Right::View) { Rights::VIEW } else { Rights::NONE };
    if rights.contains(Right::Export) { view | Rights::EXPORT } else { view }
}

fn failed(error: Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
