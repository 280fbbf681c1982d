//! Devices: listing and revoking them.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use sync_core::ids::{AccountId, DeviceId};

use super::views::DeviceView;
use crate::app::App;
use crate::auth::permission::{Act as Permission, demand, may};
use crate::db::Scope;
use crate::db::audit::Act;
use crate::db::sessions::RevokedWhy;
use crate::error::{Code, Problem, ok};
use crate::extract::Authenticated;
use crate::limits::PAGE_ROWS_MAX;

/// The query of `GET devices`.
#[derive(Deserialize)]
pub struct DevicesQuery {
    account: Option<AccountId>,
    after: Option<DeviceId>,
    limit: Option<u32>,
}

/// `GET devices`: a page of the township's devices, the oldest first, of one account if it is named; those who may not
/// see all see their own. `next` is the `after` of the next page.
///
/// # Errors
/// `forbidden` when another's devices are asked for.
pub async fn list(
    app: web::Data<App>,
    me: Authenticated,
    query: web::Query<DevicesQuery>,
) -> Result<HttpResponse, Problem> {
    let account = if may(me.caller.role, Permission::ListDevices) {
        query.account
    } else if query.account.is_none_or(|account| account == me.account()) {
        Some(me.account())
    } else {
        return Err(Problem::new(Code::Forbidden, "Only your own devices"));
    };
    let (after, limit) = (query.after, query.limit.unwrap_or(PAGE_ROWS_MAX).clamp(1, PAGE_ROWS_MAX));
    let devices =
        app.database.read(move |tx| tx.devices(me.township, account, after, limit).map_err(Problem::from)).await?;
    let full = u32::try_from(devices.len()).is_ok_and(|rows| rows == limit);
    let next = devices.last().filter(|_| full).map(|device| device.id);
    let devices: Vec<DeviceView> = devices.into_iter().map(DeviceView::from).collect();
    Ok(ok(&json!({ "devices": devices, "next": next })))
}

/// `POST devices/{id}/revoke`: the device's sessions end at once, for good, and a code that its account was given and has not
/// used is void: the device itself could have asked for it. Asking again changes nothing more.
///
/// # Errors
/// `forbidden`, `not_found`.
pub async fn revoke(app: web::Data<App>, me: Authenticated, id: web::Path<DeviceId>) -> Result<HttpResponse, Problem> {
    let (id, now_ms) = (id.into_inner(), app.now_ms());
    let none = || Problem::new(Code::NotFound, "There is no such device");
    let revoked = app.database.write(Scope::Township(me.township), move |tx| {
        let device = tx.device(id)?.filter(|device| device.township == me.township).ok_or_else(none)?;
        if device.account != me.account() {
            let owner = tx.account(device.account)?.ok_or_else(none)?;
            demand(me.caller.role, Permission::RevokeDevice(owner.role))?;
        }
        if device.revoked_at_ms.is_none() {
            let entry = me.did(Act::DeviceRevoked, now_ms, Some(id.0), &device.name);
            tx.note(&entry)?;
        }
        tx.revoke_device(id, now_ms)?;
        tx.revoke_sessions_of_device(id, now_ms, RevokedWhy::DeviceRevoked)?;
        tx.forget_unused_enrolments(device.account)?;
        tx.device(id)?.ok_or_else(none)
    });
    Ok(ok(&DeviceView::from(revoked.await?)))
}
