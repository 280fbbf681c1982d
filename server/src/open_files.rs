//! How many files the process may have open: every connection is one. Systems give a process 1,024 unless it asks for more.

use crate::limits::OPEN_FILES_WANTED;

/// Asks the system for as many open files as the server's limits need, and says so when there will be fewer.
pub fn raise() {
    match rlimit::increase_nofile_limit(OPEN_FILES_WANTED) {
        Ok(allowed) if allowed >= OPEN_FILES_WANTED => {}
        Ok(allowed) => tracing::warn!(
            allowed,
            wanted = OPEN_FILES_WANTED,
            "the system allows fewer open files than there may be connections; raise its hard limit (LimitNOFILE)"
        ),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_process_may_open_as_many_files_as_it_wants_or_as_the_system_allows() {
        raise();
        let (soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
        assert!(soft >= OPEN_FILES_WANTED.min(hard), "{soft} of {hard}");
    }
}
