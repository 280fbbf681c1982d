//! Why a replay could not go on. What it found wrong with the ledger is a finding of `verify`, not one of these.

/// What stopped the replay.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A file or a socket.
    #[error("{what}: {source}")]
    Io {
        /// What was done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The inspections cannot be read.
    #[error("the inspections cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// The server did something that no fault of the link explains.
    #[error("the server: {0}")]
    Server(String),
    /// A phone refused to write what the script wants.
    #[error("the phone of {who} refuses to write {what}: {why}")]
    Refused {
        /// Whose phone.
        who: String,
        /// What.
        what: String,
        /// The core's refusal.
        why: String,
    },
    /// Nothing moved for too long.
    #[error("no progress: {0}")]
    Stuck(String),
}

impl Trouble {
    /// An input or output error with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
