//! The views of the ledger that an account has saved.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::account_rules;
use crate::db::Scope;
use crate::db::desks::SavedView;
use crate::error::{Problem, ok};
use crate::extract::{Authenticated, Body, Json};
use crate::limits::{VIEW_QUERY_BYTES_MAX, VIEWS_PER_ACCOUNT_MAX};

/// A view, as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct View {
    name: String,
    query: String,
}

/// All views of an account, in its order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Views {
    views: Vec<View>,
}

impl Body for Views {
    const BYTES_MAX: usize = 2 * VIEWS_PER_ACCOUNT_MAX * VIEW_QUERY_BYTES_MAX;
}

/// GET /api/v1/views: the caller's views of the ledger.
pub async fn list(app: web::Data<App>, who: Authenticated) -> Result<HttpResponse, Problem> {
    let views = app.database.read(move |tx| tx.views(who.account()).map_err(Problem::from)).await?;
    let views = views.into_iter().map(|SavedView { name, query }| View { name, query }).collect();
    Ok(ok(&Views { views }))
}

/// PUT /api/v1/views: replaces them.
///
/// # Errors
/// `invalid_field`.
pub async fn replace(
    app: web::Data<App>,
    who: Authenticated,
    Json(body): Json<Views>,
) -> Result<HttpResponse, Problem> {
    let views = body.views.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    if views.len() > VIEWS_PER_ACCOUNT_MAX {
        return Err(Problem::field("views", format!("at most {VIEWS_PER_ACCOUNT_MAX} views")));
    }
    app.database
        .write(Scope::Township(who.township), move |tx| {
            tx.put_views(who.township, who.account(), &views).map_err(Problem::from)
        })
        .await?;
    Ok(ok(&body))
}

fn checked(view: &View) -> Result<SavedView, Problem> {
    if view.query.len() > VIEW_QUERY_BYTES_MAX {
        return Err(Problem::field("query", format!("at most {VIEW_QUERY_BYTES_MAX} bytes")));
    }
    Ok(SavedView { name: account_rules::name("name", &view.name)?, query: view.query.clone() })
}
