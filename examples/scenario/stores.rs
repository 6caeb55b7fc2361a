//! The store that an example keeps its things in, as its command line names it.

use dashshare::{MemoryStore, store::DynStore};
use std::sync::Arc;

/// Opens `memory`, `sqlite:FILE` or `postgres:URL`, the databases with their tables made.
pub(crate) async fn open(name: &str) -> Result<Arc<dyn DynStore>, String> {
    match name.split_once(':') {
        None if name == "memory" => Ok(Arc::new(MemoryStore::default())),
        Some(("sqlite", file)) => sqlite(file).await,
        Some(("postgres" | "postgresql", rest)) => {
            // `postgres:postgres://…` and the URL alone are both understood.
            let url = if rest.starts_with("//") { name } else { rest };
            postgres(url).await
        }
        // What was written may hold a password.
        _ => Err("a store is `memory`, `sqlite:FILE` or `postgres:URL`".to_owned()),
    }
}

#[cfg(feature = "sqlite")]
async fn sqlite(file: &str) -> Result<Arc<dyn DynStore>, String> {
    let store = dashshare::SqliteStore::open(file).await.map_err(|error| whole(&error))?;
    store.migrate().await.map_err(|error| whole(&error))?;
    Ok(Arc::new(store))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn DynStore>, String> {
    let store = dashshare::PostgresStore::connect(url).await.map_err(|error| whole(&error))?;
    store.migrate().await.map_err(|error| whole(&error))?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "sqlite"))]
async fn sqlite(_file: &str) -> Result<Arc<dyn DynStore>, String> {
    Err(is_off("sqlite"))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_url: &str) -> Result<Arc<dyn DynStore>, String> {
    Err(is_off("postgres"))
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn is_off(feature: &str) -> String {
    format!("this was built without `{feature}`: run it with `cargo run --features {feature} --example …`")
}

/// An error with its sources.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text += &format!(": {source}");
        next = source.source();
    }
    text
}
