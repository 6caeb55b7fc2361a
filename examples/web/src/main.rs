//! Dashboards behind a web framework: ids in the path, the account in a header, the decision as the status.
//!
//! `cargo run --manifest-path examples/web/Cargo.toml`, then
//! `curl -i -H 'x-account: 1' http://127.0.0.1:8080/dashboards/7`.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Error, MemoryDirectory, MemoryStore, SystemEnv, TenantId,
};
use serde_json::json;
use std::sync::Arc;

type Sharing = Arc<Dashshare<MemoryStore, MemoryDirectory, SystemEnv>>;

/// Set by whatever authenticates in front of this service, and taken out of every request from outside.
const ACCOUNT: &str = "x-account";

/// An id in the path is read in each of its spellings; axum answers 400 to anything else.
async fn view(
    State(sharing): State<Sharing>,
    Path(dashboard): Path<DashboardId>,
    headers: HeaderMap,
) -> Response {
    let header = headers.get(ACCOUNT).and_then(|account| account.to_str().ok());
    let Some(account) = header.and_then(|account| account.parse::<AccountId>().ok()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match sharing.authorize(account, dashboard, Action::View).await {
        // A dashboard that is not shared looks like one that does not exist.
        Ok(decision) => {
            let allowed = decision.is_allowed();
            let status = if allowed { StatusCode::OK } else { StatusCode::NOT_FOUND };
            (status, Json(json!({ "allowed": allowed }))).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn router(sharing: Sharing) -> Router {
    Router::new().route("/dashboards/{dashboard}", get(view)).with_state(sharing)
}

/// A service with one account, which owns these dashboards.
async fn sharing(owner: AccountId, dashboards: &[DashboardId]) -> Result<Sharing, Error> {
    let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), SystemEnv);
    sharing.directory().add_account(owner);
    for dashboard in dashboards {
        sharing.register(*dashboard, TenantId::from(1u64), owner).await?;
    }
    Ok(Arc::new(sharing))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sharing = sharing(AccountId::from(1u64), &[DashboardId::from(7u64)]).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, router(sharing)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ACCOUNT, router, sharing};
    use axum::{
        body::Body,
        http::{Request, StatusCode},
    };
    use dashshare::{AccountId, DashboardId};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    const OBJECT: [u8; 12] = [0x65, 0xd0, 0xaa, 0x11, 0xbb, 0x22, 0xcc, 0x33, 0xdd, 0x44, 0xee, 0x55];
    const ULID: u128 = 0x0156_3e3a_b5d3_d676_4c61_efb9_9302_bd5b;
    const UUID: u128 = 0x7d44_cf0e_5b1c_4c5f_9f3e_0d9a_3b7c_1e2f;

    /// What the service answers to a request for this path from this account.
    async fn ask(account: &str, dashboard: &str) -> (StatusCode, String) {
        let owned = [
            DashboardId::from(7u64),
            DashboardId::from(-7i64),
            DashboardId::from(OBJECT),
            DashboardId::from(ULID),
            DashboardId::from(UUID),
        ];
        let sharing = sharing(AccountId::from(1u64), &owned).await.expect("a service");
        let request = Request::get(format!("/dashboards/{dashboard}")).header(ACCOUNT, account);
        let request = request.body(Body::empty()).expect("a request");
        let answer = router(sharing).oneshot(request).await.expect("an answer");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("a text"))
    }

    #[tokio::test]
    async fn each_spelling_of_an_id_finds_its_dashboard() {
        for dashboard in [
            "7",
            "-7",
            "65d0aa11bb22cc33dd44ee55",
            "65D0AA11BB22CC33DD44EE55",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01arz3ndektsv4rrffq69g5fav",
            "7d44cf0e-5b1c-4c5f-9f3e-0d9a3b7c1e2f",
            "7d44cf0e5b1c4c5f9f3e0d9a3b7c1e2f",
        ] {
            let answer = ask("1", dashboard).await;
            assert_eq!(answer, (StatusCode::OK, r#"{"allowed":true}"#.to_owned()), "{dashboard}");
        }
    }

    #[tokio::test]
    async fn a_stranger_and_an_unknown_dashboard_get_the_same_answer() {
        let denied = (StatusCode::NOT_FOUND, r#"{"allowed":false}"#.to_owned());
        assert_eq!(ask("2", "7").await, denied);
        assert_eq!(ask("1", "8").await, denied);
    }

    #[tokio::test]
    async fn a_wrong_id_is_a_bad_request() {
        for dashboard in ["07", "seven", "%37.0", "00000000-0000-0000-0000-000000000007"] {
            let (status, body) = ask("1", dashboard).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{dashboard}");
            assert!(body.contains("is not an id"), "{body}");
        }
    }

    #[tokio::test]
    async fn without_an_account_there_is_no_answer() {
        assert_eq!(ask("", "7").await.0, StatusCode::UNAUTHORIZED);
    }
}
