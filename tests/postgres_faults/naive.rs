//! The rotation that looks right and is not: in one transaction the old link is set inactive and the new one is put in,
//! and nothing is compared. Beside it, one that is right with no more effort: one row for the dashboard, put or replaced.

use super::{
    history::{Act, Change, Token},
    progress::Seen,
    subject::Subject,
};
use sqlx::PgPool;
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

pub(crate) const TABLES: [&str; 2] = [
    "CREATE TABLE naive_link (dashboard BIGINT NOT NULL, token BIGINT NOT NULL, active BOOLEAN NOT NULL)",
    "CREATE TABLE single_link (dashboard BIGINT NOT NULL PRIMARY KEY, token BIGINT NOT NULL)",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Naive,
    SingleRow,
}

/// What was seen of the table while the run went on.
#[derive(Default)]
pub(crate) struct Samples {
    pub(crate) taken: AtomicUsize,
    /// How many of them showed more than one link.
    pub(crate) with_more: AtomicUsize,
    pub(crate) most: AtomicI64,
}

pub(crate) struct Rotation {
    pub(crate) kind: Kind,
    pub(crate) pool: PgPool,
    pub(crate) tokens: Arc<super::subject::Tokens>,
    pub(crate) samples: Arc<Samples>,
}

impl Rotation {
    async fn put(&self, token: i64) -> Result<(), sqlx::Error> {
        if self.kind == Kind::SingleRow {
            let put = "INSERT INTO single_link VALUES (1, $1) \
                ON CONFLICT (dashboard) DO UPDATE SET token = excluded.token";
            return sqlx::query(put).bind(token).execute(&self.pool).await.map(drop);
        }
        let mut transaction = self.pool.begin().await?;
        let end = "UPDATE naive_link SET active = FALSE WHERE dashboard = 1 AND active";
        sqlx::query(end).execute(&mut *transaction).await?;
        let put = "INSERT INTO naive_link VALUES (1, $1, TRUE)";
        sqlx::query(put).bind(token).execute(&mut *transaction).await?;
        transaction.commit().await
    }
}

fn told(error: sqlx::Error) -> String {
    error.to_string()
}

impl Subject for Rotation {
    async fn rotate(&self) -> Result<Option<Act>, String> {
        let token = self.tokens.draw_number();
        self.put(i64::try_from(token).map_err(|error| error.to_string())?).await.map_err(told)?;
        Ok(Some(Act::Rotated { token, place: None }))
    }

    /// It knows no other change.
    async fn change(&self, _: Change) -> Result<Option<Act>, String> {
        self.look().await
    }

    async fn visit(&self, token: Token) -> Result<Option<Act>, String> {
        let visit = match self.kind {
            Kind::Naive => {
                "SELECT EXISTS (SELECT FROM naive_link WHERE dashboard = 1 AND token = $1 AND active)"
            }
            Kind::SingleRow => "SELECT EXISTS (SELECT FROM single_link WHERE dashboard = 1 AND token = $1)",
        };
        let number = i64::try_from(token).map_err(|error| error.to_string())?;
        let allowed = sqlx::query_scalar(visit).bind(number).fetch_one(&self.pool).await.map_err(told)?;
        Ok(Some(Act::Visited { token, allowed }))
    }

    async fn look(&self) -> Result<Option<Act>, String> {
        let count = match self.kind {
            Kind::Naive => "SELECT count(*) FROM naive_link WHERE dashboard = 1 AND active",
            Kind::SingleRow => "SELECT count(*) FROM single_link WHERE dashboard = 1",
        };
        let links: i64 = sqlx::query_scalar(count).fetch_one(&self.pool).await.map_err(told)?;
        self.samples.taken.fetch_add(1, Ordering::Relaxed);
        self.samples.with_more.fetch_add(usize::from(links > 1), Ordering::Relaxed);
        self.samples.most.fetch_max(links, Ordering::Relaxed);
        Ok(None)
    }

    fn seen(&self) -> Seen {
        Seen::default()
    }
}
