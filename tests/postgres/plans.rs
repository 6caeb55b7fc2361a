//! Every statement goes by an index: none reads a whole table, whatever the table's size.

use super::{LEVELS, Server, block_on};
use crate::support::operations::failures;
use dashshare::{
    AccountId, DashboardId, Dashshare, Expiry, MemoryDirectory, NewShare, PostgresStore, SystemEnv, Terms,
    store::Store as _,
};
use sqlx::postgres::PgPoolOptions;

super::cases! {
    no_statement_reads_a_whole_table
    a_lease_reads_what_it_returns
    dead_letters_and_old_receipts_are_found_by_their_index
    ancestors_are_found_by_their_ids
}

/// Fills every table with ten thousand rows that are never read.
const FILL: &str = "
    INSERT INTO dashshare_head SELECT lpad(to_hex(i), 32, '0')::uuid, 1, lpad(to_hex(i % 500), 32, '0')::uuid, FALSE,
        sha256(i::text::bytea), NULL, '' FROM generate_series(100000, 109999) i;
    INSERT INTO dashshare_grant SELECT lpad(to_hex(100000 + i / 40), 32, '0')::uuid, i % 40,
        ('f' || lpad(to_hex(i), 31, '0'))::uuid, '{}', lpad(to_hex(1000 + i % 999), 32, '0')::uuid,
        CASE WHEN i % 3 = 0 THEN 'a' || i || '@example.com' END, '' FROM generate_series(0, 9999) i;
    INSERT INTO dashshare_below SELECT lpad(to_hex(100000 + i / 40), 32, '0')::uuid,
        ('f' || lpad(to_hex(i / 40 * 40), 31, '0'))::uuid, i % 40 FROM generate_series(0, 9999) i;
    INSERT INTO dashshare_audit SELECT lpad(to_hex(100000 + i / 40), 32, '0')::uuid, i % 40, i % 50 = 0,
        lpad(to_hex(1000 + i % 99), 32, '0')::uuid, '' FROM generate_series(0, 9999) i;
    INSERT INTO dashshare_outbox SELECT lpad(to_hex(100000 + i / 40), 32, '0')::uuid, i % 40, 0,
        CASE WHEN i % 2 = 0 THEN 9e18::int8 ELSE 9223372036854775807 END, 3, CASE WHEN i % 2 = 1 THEN i END, ''
        FROM generate_series(0, 19999) i;
    INSERT INTO dashshare_receipt SELECT lpad(to_hex(100000 + i / 40), 32, '0')::uuid,
        ('f' || lpad(to_hex(i), 31, '0'))::uuid, lpad(to_hex(i), 32, '0')::uuid, i % 40, 1000 + i
        FROM generate_series(0, 9999) i;
    ANALYZE dashshare_head, dashshare_grant, dashshare_below, dashshare_audit, dashshare_outbox, dashshare_receipt";

fn no_statement_reads_a_whole_table(server: &Server) {
    block_on(async {
        // One connection, so that its prepared statements are all that there are.
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect_with(server.options(LEVELS[0])).await.expect("a pool");
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        sqlx::raw_sql(FILL).execute(&pool).await.expect("it fills");
        for (operation, said) in failures(&store).await {
            // Some find rows that only fill the tables.
            let is_run = ["it works", "a decision", "a row is not what dashshare wrote"];
            assert!(is_run.iter().any(|words| said.contains(words)), "`{operation}` says: {said}");
        }
        let directory = MemoryDirectory::default();
        directory.add_account(1u64.into());
        directory.add_account(2u64.into());
        let sharing = Dashshare::new(&store, &directory, SystemEnv);
        let terms = Terms::view(Expiry::Never);
        let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
        sharing.share(olga, DashboardId::from(1u64), NewShare::with(ann, terms)).await.expect("it shares");

        let statements: Vec<(String, String, i32)> = sqlx::query_as(
            "SELECT name, statement, coalesce(array_length(parameter_types, 1), 0) FROM pg_prepared_statements \
             WHERE statement LIKE '%dashshare\\_%' AND statement NOT LIKE '%WHERE FALSE'",
        )
        .fetch_all(&pool)
        .await
        .expect("what was prepared");
        sqlx::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&pool).await.expect("a setting");
        let mut seen = 0;
        for (name, statement, parameters) in statements {
            // The test's own, and those of the migration.
            if parameters == 0 || statement.contains("dashshare_schema") {
                continue;
            }
            let nulls = vec!["NULL"; usize::try_from(parameters).expect("a count")].join(", ");
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN EXECUTE {name} ({nulls})"));
            let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&pool).await.expect("a plan");
            let whole: Vec<&String> =
                plan.iter().filter(|line| line.contains("Seq Scan on dashshare_")).collect();
            assert!(whole.is_empty(), "{statement}\nreads a whole table:\n{}", plan.join("\n"));
            // A walk along another key would do without a scan too, and leave the work to a filter.
            // What is deleted is in the index, and looked at again by some ways of reading it.
            let filters = |line: &&String| {
                // A look-up of its own is asked once more for the dashboard that it was made for.
                let known = ["leased_until", "dead_from", "NOT deleted", ".dashboard = $1)"];
                let known = known.iter().any(|known| line.contains(known));
                line.trim_start().starts_with("Filter: ") && !known
            };
            // A commit compares the revision of the one row that it found.
            let leaves = !statement.contains("INSERT INTO") && plan.iter().any(|line| filters(&line));
            assert!(!leaves, "{statement}\nfilters what it reads:\n{}", plan.join("\n"));
            let indices = plan.iter().filter(|line| line.contains("Index")).count();
            assert!(indices > 0 || statement.contains("INSERT INTO dashshare_head"), "{}", plan.join("\n"));
            seen += 1;
        }
        // Nine lists, six reads, a receipt, two kinds of commit, lease, acknowledgement, putting back and sweeping.
        assert!(seen >= 22, "only {seen} statements were seen");
    });
}

/// Whatever stands in the outbox: leased messages, those whose lease has ended, or those that never had one.
fn a_lease_reads_what_it_returns(server: &Server) {
    block_on(async {
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect_with(server.options(LEVELS[0])).await.expect("a pool");
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        let now = "2026-01-01T00:00:00Z".parse().expect("an instant");
        store.lease(now, now, 9, 7).await.expect("nothing yet");
        let name: String =
            sqlx::query_scalar("SELECT name FROM pg_prepared_statements WHERE statement LIKE 'WITH ended %'")
                .fetch_one(&pool)
                .await
                .expect("the statement");
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let given_up = ("9223372036854775807", 0);
            for (leased_until, count) in
                [("9e18::int8", 0), given_up, ("5", 7), ("'-9223372036854775808'::int8", 7)]
            {
                let fill = format!(
                    "SET plan_cache_mode = {mode}; TRUNCATE dashshare_outbox; INSERT INTO dashshare_outbox \
                     SELECT lpad(to_hex(hashint4(i)), 32, '0')::uuid, i, 0, {leased_until}, 1, NULL, '' \
                     FROM generate_series(1, 20000) i; ANALYZE dashshare_outbox"
                );
                sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&pool).await.expect("it fills");
                let explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE";
                let explain = sqlx::AssertSqlSafe(format!("{explain} {name} (1000, 2000, 9)"));
                let plan: Vec<String> =
                    sqlx::raw_sql(explain).fetch_all(&pool).await.expect("a plan").iter().map(line).collect();
                let told = plan.join("\n");
                let reads = plan.iter().any(|line| line.contains("Seq Scan on") || line.contains("Sort"));
                assert!(!reads, "{leased_until}, {mode}\n{told}");
                assert!(!told.contains("Rows Removed"), "{leased_until}, {mode}\n{told}");
                let rows: Vec<usize> = plan.iter().filter_map(|line| rows(line)).collect();
                assert_eq!(rows.iter().max(), Some(&count.max(1)), "{leased_until}, {mode}\n{told}");
            }
        }
    });
}

/// However many messages wait and however many receipts are young: a page of dead letters reads that page, and a sweep
/// reads what it removes.
fn dead_letters_and_old_receipts_are_found_by_their_index(server: &Server) {
    const MANY: &str = "
        INSERT INTO dashshare_outbox SELECT lpad(to_hex(hashint4(i)), 32, '0')::uuid, i, 0,
            CASE WHEN i % 50 = 0 THEN 9223372036854775807 ELSE i - 10000 END, 1, CASE WHEN i % 50 = 0 THEN i END, ''
            FROM generate_series(1, 20000) i;
        INSERT INTO dashshare_receipt SELECT lpad(to_hex(hashint4(i)), 32, '0')::uuid, gen_random_uuid(),
            gen_random_uuid(), i, i FROM generate_series(1, 20000) i;
        ANALYZE dashshare_outbox, dashshare_receipt";
    block_on(async {
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect_with(server.options(LEVELS[0])).await.expect("a pool");
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        let now = "1970-01-02T00:00:00Z".parse().expect("an instant");
        store.dead_letters(now, None, 7).await.expect("nothing yet");
        store.sweep(now, 7).await.expect("nothing yet");
        sqlx::raw_sql(MANY).execute(&pool).await.expect("it fills");
        let explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE";
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let mode = sqlx::AssertSqlSafe(format!("SET plan_cache_mode = {mode}"));
            sqlx::raw_sql(mode).execute(&pool).await.expect("a setting");
            for (like, values) in [
                (
                    "%leased_until = 9223372036854775807 AND (%",
                    format!("('{}', 0, 0, 30000)", uuid::Uuid::nil()),
                ),
                ("WITH old %", "(30000)".to_owned()),
            ] {
                let name: String =
                    sqlx::query_scalar("SELECT name FROM pg_prepared_statements WHERE statement LIKE $1")
                        .bind(like)
                        .fetch_one(&pool)
                        .await
                        .expect("the statement");
                let explain = sqlx::AssertSqlSafe(format!("{explain} {name} {values}"));
                let plan: Vec<String> =
                    sqlx::raw_sql(explain).fetch_all(&pool).await.expect("a plan").iter().map(line).collect();
                let told = plan.join("\n");
                let reads = plan.iter().any(|line| line.contains("Seq Scan on") || line.contains("Sort"));
                assert!(!reads && !told.contains("Rows Removed"), "{told}");
                let rows: Vec<usize> = plan.iter().filter_map(|line| rows(line)).collect();
                assert_eq!(rows.iter().max(), Some(&7), "{told}");
            }
        }
    });
}

fn line(row: &sqlx::postgres::PgRow) -> String {
    sqlx::Row::get(row, 0)
}

/// How many rows a step of a plan had.
fn rows(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("rows=")?;
    rest.split([' ', '.']).next()?.parse().ok()
}

/// The one statement of a decision about an account, on many small dashboards and a large one: with the plan that is
/// made for the average, it must not read all grants of the large one.
fn ancestors_are_found_by_their_ids(server: &Server) {
    const MANY: &str = "
        INSERT INTO dashshare_grant SELECT lpad(to_hex(100000 + i / 4), 32, '0')::uuid, i % 4,
            ('f' || lpad(to_hex(i), 31, '0'))::uuid, '{}', lpad(to_hex(1000 + i % 999), 32, '0')::uuid, NULL,
            repeat('x', 400) FROM generate_series(0, 19999) i;
        ANALYZE dashshare_grant";
    block_on(async {
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect_with(server.options(LEVELS[0])).await.expect("a pool");
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        sqlx::raw_sql(MANY).execute(&pool).await.expect("it fills");
        sqlx::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&pool).await.expect("a setting");
        failures(&store).await;
        let reads: Vec<(String, i32)> = sqlx::query_as(
            "SELECT name, array_length(parameter_types, 1) FROM pg_prepared_statements \
             WHERE statement LIKE '%ancestors%' AND statement LIKE '%dashshare\\_head h%'",
        )
        .fetch_all(&pool)
        .await
        .expect("what was prepared");
        for (name, parameters) in &reads {
            let nulls = vec!["NULL"; usize::try_from(*parameters).expect("a count")].join(", ");
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN EXECUTE {name} ({nulls})"));
            let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&pool).await.expect("a plan");
            let plan = plan.join("\n");
            let is_sought = |column: &str| {
                plan.lines().any(|line| line.contains("Filter:") && line.contains(&format!("({column} = ")))
            };
            assert!(
                ["id", "account", "address", "a.id", "g.account"].iter().all(|column| !is_sought(column)),
                "{plan}"
            );
        }
        // By account, by seeds, by link, and two lists of what somebody holds.
        assert!(reads.len() >= 4, "only {} statements were seen", reads.len());
    });
}
