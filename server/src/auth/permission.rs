//! Who may do what to accounts and devices. What may be done to the ledger's records is decided in sync-core.

use sync_core::people::Role;

use crate::error::{Code, Problem};

/// Something that is asked of accounts or devices of the caller's township.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make and change accounts.
    ManageAccounts,
    /// See all accounts.
    ListAccounts,
    /// Give out a code that signs a phone in as an account of this role.
    Enrol(Role),
    /// See the devices of all accounts.
    ListDevices,
    /// Read the audit log.
    ReadAudit,
    /// Revoke a device of an account of this role.
    RevokeDevice(Role),
}

/// Whether a role may do it to others; what concerns only the caller's own account is always allowed.
///
/// A supervisor looks after the inspectors' phones, and could otherwise sign in as an administrator by a code.
#[must_use]
pub fn may(role: Role, act: Act) -> bool {
    match (role, act) {
        (Role::Admin, _) | (Role::Supervisor, Act::ListAccounts | Act::ListDevices | Act::ReadAudit) => true,
        (Role::Supervisor, Act::Enrol(whose) | Act::RevokeDevice(whose)) => whose == Role::Inspector,
        (Role::Supervisor, Act::ManageAccounts) | (Role::Inspector | Role::Leader | Role::County, _) => false,
    }
}

/// Demands that a role may do it.
///
/// # Errors
/// `forbidden`.
pub fn demand(role: Role, act: Act) -> Result<(), Problem> {
    if may(role, act) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "Ask the township's administrator").with("role", role.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_who_may_do_what() {
        use Act::*;
        use Role::*;
        let table = [
            (ManageAccounts, vec![Admin]),
            (ListAccounts, vec![Supervisor, Admin]),
            (ListDevices, vec![Supervisor, Admin]),
            (ReadAudit, vec![Supervisor, Admin]),
            (Enrol(Inspector), vec![Supervisor, Admin]),
            (Enrol(Supervisor), vec![Admin]),
            (Enrol(Leader), vec![Admin]),
            (Enrol(Admin), vec![Admin]),
            (RevokeDevice(Inspector), vec![Supervisor, Admin]),
            (RevokeDevice(Admin), vec![Admin]),
        ];
        for (act, allowed) in table {
            let may: Vec<Role> = Role::ALL.into_iter().filter(|&role| may(role, act)).collect();
            assert_eq!(may, allowed, "{act:?}");
        }
    }
}
