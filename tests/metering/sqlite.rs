//! The ledger in a SQLite file: the suite, beside a store and by itself.

use crate::support::{files::fresh_path, runtime::block_on};
use dashshare::{SqliteStore, metering::SqliteLedger};

async fn fresh() -> SqliteLedger {
    let ledger = SqliteLedger::open(fresh_path()).await.expect("it opens");
    ledger.migrate().await.expect("it migrates");
    ledger
}

/// In the file of a store, whose tables it leaves alone.
async fn beside() -> SqliteLedger {
    let store = SqliteStore::open(fresh_path()).await.expect("it opens");
    store.migrate().await.expect("it migrates");
    let ledger = SqliteLedger::beside(&store);
    ledger.migrate().await.expect("it migrates");
    store.migrate().await.expect("it is still there");
    ledger
}

mod alone {
    dashshare::ledger_conformance!(fresh = super::fresh().await, run = super::block_on);
}

mod in_one_file {
    dashshare::ledger_conformance!(fresh = super::beside().await, run = super::block_on);
}

/// S4: what is no ledger of dashshare's, or a newer one's, is named and left alone.
#[test]
fn a_table_that_is_another_one_is_named() {
    block_on(async {
        let ledger = SqliteLedger::open(fresh_path()).await.expect("it opens");
        sqlx::query("CREATE TABLE dashshare_line (day INTEGER)")
            .execute(ledger.pool())
            .await
            .expect("a table");
        let said = ledger.migrate().await.expect_err("it is another table").to_string();
        assert!(said.contains("dashshare_line"), "{said}");
        let ledger = fresh().await;
        ledger.migrate().await.expect("once more is nothing");
        let newer = sqlx::query("INSERT INTO dashshare_meter_schema (version) VALUES (99)");
        newer.execute(ledger.pool()).await.expect("a version");
        assert!(ledger.migrate().await.expect_err("newer").to_string().contains("99"));
    });
}
