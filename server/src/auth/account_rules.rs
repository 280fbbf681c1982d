//! What an account's fields may hold, whoever writes them: the endpoints, the command line, the demo.

use std::collections::BTreeSet;

use sync_core::ids::VillageId;
use sync_core::people::Role;

use crate::error::Problem;
use crate::limits::{NAME_CHARS_MAX, USERNAME_CHARS_MAX, VILLAGES_PER_ACCOUNT_MAX};

/// A username as it is kept and compared: trimmed, lower case.
#[must_use]
pub fn normal_username(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// A username for a new account, in its normal form: letters, digits and `._-@`.
///
/// # Errors
/// `invalid_field`.
pub fn username(typed: &str) -> Result<String, Problem> {
    let username = normal_username(typed);
    let chars = username.chars().count();
    if chars == 0 || chars > USERNAME_CHARS_MAX {
        return Err(Problem::field("username", format!("A username has 1 to {USERNAME_CHARS_MAX} characters")));
    }
    if username.chars().any(|typed| !typed.is_alphanumeric() && !"._-@".contains(typed)) {
        return Err(Problem::field("username", "A username has letters, digits and . _ - @ only"));
    }
    Ok(username)
}

/// A name to show, trimmed: of a person or a device.
///
/// # Errors
/// `invalid_field`, naming the field.
pub fn name(field: &str, typed: &str) -> Result<String, Problem> {
    let name = typed.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX {
        return Err(Problem::field(field, format!("A name has 1 to {NAME_CHARS_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::field(field, "A name has no control characters"));
    }
    Ok(name.to_owned())
}

/// A role that an administrator may give. County accounts are made by whoever operates the server.
///
/// # Errors
/// `invalid_field`.
pub fn role(role: Role) -> Result<Role, Problem> {
    if role == Role::County {
        return Err(Problem::field("role", "Accounts of a county are made on the server itself"));
    }
    Ok(role)
}

/// The villages of an account: only inspectors have any.
///
/// # Errors
/// `invalid_field`.
pub fn villages(role: Role, villages: BTreeSet<VillageId>) -> Result<BTreeSet<VillageId>, Problem> {
    if villages.len() > VILLAGES_PER_ACCOUNT_MAX {
        return Err(Problem::field("villages", format!("An account has at most {VILLAGES_PER_ACCOUNT_MAX} villages")));
    }
    if role != Role::Inspector && !villages.is_empty() {
        return Err(Problem::field("villages", "Only inspectors are appointed to villages"));
    }
    Ok(villages)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn usernames_are_kept_in_one_form() {
        assert_eq!(username(" WangWu@1 ").unwrap(), "wangwu@1");
        assert_eq!(username("王五").unwrap(), "王五");
        for wrong in ["", "  ", "a b", "a/b", "a\u{0}", &"x".repeat(USERNAME_CHARS_MAX + 1)] {
            assert!(username(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("device_name", " 红米 12 ").unwrap(), "红米 12");
        for wrong in ["", "\u{7}", &"长".repeat(NAME_CHARS_MAX + 1)] {
            assert!(name("device_name", wrong).is_err(), "{wrong:?}");
        }
    }
}
