//! PostgreSQL: a table whose rights are the grants, and what it has left of them.

use super::{
    EVENTS,
    words::{Held, Number, Rights, Terms},
};
use crate::support::cluster::psql::Psql;

/// One role for the owner and one for each grant that a history can have, used again in every history: a role
/// cannot be dropped while anything is granted to it.
pub(super) fn make_roles(psql: &mut Psql) -> Result<(), String> {
    let roles = format!(
        "CREATE ROLE own; SELECT format('CREATE ROLE g_%s', n) FROM generate_series(0, {EVENTS}) n \\gexec"
    );
    let answer = psql.send(&roles).map_err(|error| error.to_string())?;
    if answer.complaints.is_empty() { Ok(()) } else { Err(format!("making roles: {:?}", answer.complaints)) }
}

/// The dashboard, as a table.
pub(super) struct Table {
    pub(super) psql: Psql,
    pub(super) name: String,
}

/// What PostgreSQL has for one role, and from whom.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Entry {
    pub(super) held: Held,
    /// `None` for the owner.
    pub(super) grantor: Option<Number>,
}

impl Table {
    /// Starts over with nobody but the owner. What has been granted before goes with the old table.
    pub(super) fn recreate(&mut self) -> Result<(), String> {
        let name = &self.name;
        let batch = format!(
            "SET client_min_messages = error; DROP TABLE IF EXISTS {name}; SET client_min_messages = warning; \
             CREATE TABLE {name} (); ALTER TABLE {name} OWNER TO own;"
        );
        self.send(&batch, &[]).map(|_| ())
    }

    pub(super) fn grant(&self, by: Option<Number>, to: Number, terms: Terms) -> String {
        let option = if terms.reshare { " WITH GRANT OPTION" } else { "" };
        format!("SET ROLE {}; GRANT {} ON {} TO g_{to}{option};", role(by), terms.rights.sql(), self.name)
    }

    /// Only the one who granted can take back, so the statement is always the grantor's, whoever gives the order.
    pub(super) fn revoke(
        &self,
        by: Option<Number>,
        from: Number,
        rights: Rights,
        only_option: bool,
    ) -> String {
        let what = if only_option { "GRANT OPTION FOR " } else { "" };
        format!(
            "SET ROLE {}; REVOKE {what}{} ON {} FROM g_{from} CASCADE;",
            role(by),
            rights.sql(),
            self.name
        )
    }

    /// Runs the statements and reads the whole state afterwards, in one exchange.
    pub(super) fn run(&mut self, statements: &str, may_complain: &[&str]) -> Result<Vec<Entry>, String> {
        // The owner's entry for itself is implied and says nothing.
        let batch = format!(
            "{statements}RESET ROLE; SELECT a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable \
             FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = '{}'::regclass AND a.grantee <> c.relowner;",
            self.name
        );
        let rows = self.send(&batch, may_complain)?;
        let mut entries = Vec::new();
        for row in &rows {
            read_entry(row, &mut entries).ok_or_else(|| format!("what does PostgreSQL mean by `{row}`?"))?;
        }
        Ok(entries)
    }

    fn send(&mut self, batch: &str, may_complain: &[&str]) -> Result<Vec<String>, String> {
        let answer = self.psql.send(batch).map_err(|error| error.to_string())?;
        match answer
            .complaints
            .iter()
            .find(|complaint| !may_complain.iter().any(|code| complaint.ends_with(code)))
        {
            None => Ok(answer.rows),
            Some(complaint) => Err(format!("PostgreSQL says {complaint} to: {batch}")),
        }
    }
}

fn role(number: Option<Number>) -> String {
    number.map_or("own".to_owned(), |number| format!("g_{number}"))
}

fn read_entry(row: &str, entries: &mut Vec<Entry>) -> Option<()> {
    let mut columns = row.split('|');
    let mut role = || match columns.next()? {
        "own" => Some(None),
        other => Some(Some(other.strip_prefix("g_")?.parse::<Number>().ok()?)),
    };
    let (grantor, grantee) = (role()?, role()??);
    let right = match columns.next()? {
        "SELECT" => Rights::VIEW,
        "UPDATE" => Rights::EXPORT,
        _ => return None,
    };
    if entries.len() <= grantee {
        entries.resize(grantee + 1, Entry::default());
    }
    let entry = &mut entries[grantee];
    // Each role is granted to by one other only, or the history would not be what it was meant to be.
    (entry.held == Held::default() || entry.grantor == grantor).then_some(())?;
    entry.grantor = grantor;
    entry.held.rights = entry.held.rights | right;
    if columns.next()? == "t" {
        entry.held.shareable = entry.held.shareable | right;
    }
    Some(())
}
