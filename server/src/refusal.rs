//! Why the server does not start: each says what is wrong and how to mend it. Nothing listens yet when it is given.

use std::net::SocketAddr;

use crate::db::{DbError, OpenError};

/// A start that was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It ran, and ended otherwise than it was told to.
    #[error("the server did not end in order: {why}. Everything that was answered is kept")]
    EndedBadly {
        /// What went wrong.
        why: String,
    },
    /// Passwords and tokens would cross the network in clear.
    #[error(
        "{listen} is open to the network, and without TLS passwords would cross it in clear. Give a certificate with \
         --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that ends TLS, or add --behind-proxy and \
         --trusted-proxy when that proxy is on another machine of a private network"
    )]
    ClearText {
        /// The address that was asked for.
        listen: SocketAddr,
    },
    /// All phones would be counted as one.
    #[error(
        "{listen} is open to the network and --behind-proxy is given, but no --trusted-proxy: all phones would be counted as one \
         address. Name the network from which the proxy connects with --trusted-proxy, or listen on 127.0.0.1"
    )]
    ProxyUnnamed {
        /// The address that was asked for.
        listen: SocketAddr,
    },
    /// Known passwords would be open to the network.
    #[error(
        "--demo makes accounts with known passwords and listens on loopback only, not on {listen}. Leave out --demo or --listen"
    )]
    DemoInTheOpen {
        /// The address that was asked for.
        listen: SocketAddr,
    },
    /// A database URL that is none of ours.
    #[error(
        "--database-url is neither a path, nor sqlite://<path>, nor postgres://…. Leave it out to use a SQLite file in --data-dir"
    )]
    DatabaseUrl,
    /// A number of writers out of range.
    #[error("--writers is {writers}; it must be between 1 and 64")]
    Writers {
        /// The number that was asked for.
        writers: u32,
    },
    /// A number of readers out of range.
    #[error("--readers is {readers}; it must be between 1 and 64")]
    Readers {
        /// The number that was asked for.
        readers: u32,
    },
    /// A certificate without its key, or the other way round.
    #[error("--tls-cert and --tls-key belong together: give both or neither")]
    TlsHalf,
    /// A file of the TLS certificate or its key that cannot be used.
    #[error("the TLS file {path} cannot be used: {why}")]
    Tls {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A public URL without a scheme.
    #[error("--public-url is {url:?}; it must begin with https:// (or http:// for trials)")]
    PublicUrl {
        /// What was given.
        url: String,
    },
    /// The data folder cannot be used.
    #[error(
        "the data folder {path} cannot be written ({why}). Make it, give it to this user, make room on its disk, or name another with --data-dir"
    )]
    DataDir {
        /// The folder.
        path: String,
        /// What the system says.
        why: String,
    },
    /// A photo store that is none of ours.
    #[error("--photos-url is not s3://<bucket>/<prefix>. Leave it out to keep photos in --data-dir")]
    PhotosUrl,
    /// An endpoint without a scheme.
    #[error("--photos-endpoint is {url:?}; it must begin with https:// (or http:// within a private network)")]
    PhotosEndpoint {
        /// What was given.
        url: String,
    },
    /// Half a pair of keys.
    #[error(
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or neither where the machine has a role"
    )]
    PhotosKeys,
    /// The object store does not take photos.
    #[error(
        "photos cannot be kept there ({why}). Mend --photos-url, --photos-endpoint or the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    PhotoStore {
        /// What the store says.
        why: String,
    },
    /// The token key can be read by others.
    #[error(
        "the key {path} can be read by others (mode {mode:o}). Run: chmod 600 {path}. If others may have read it, delete it: all phones then sign in again"
    )]
    KeyOpen {
        /// The key file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The token key is not 32 bytes.
    #[error(
        "the key {path} is not 32 bytes. Restore it from a backup, or delete it: a new one is made, and all phones sign in again"
    )]
    KeyBroken {
        /// The key file.
        path: String,
    },
    /// The token key cannot be read or written.
    #[error("the key {path} cannot be used ({why}). Give it to this user, with mode 600")]
    KeyFailed {
        /// The key file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// Another process on the same database signs with another key.
    #[error(
        "keys/token.key is not the one that other processes on this database sign with. Give all the same data directory, or copy the key; to use this one from now on, stop all and run: DELETE FROM meta WHERE key = 'token_key'"
    )]
    KeyDiffers,
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database failed while the start used it.
    #[error("the database cannot be used: {0}. Make room on the disk, or restore it from a backup")]
    Failed(#[from] DbError),
    /// The address cannot be listened on.
    #[error("{listen} cannot be listened on ({why}). Stop what uses it, or name another with --listen")]
    Bind {
        /// The address that was asked for.
        listen: SocketAddr,
        /// What the system says.
        why: String,
    },
    /// Something that is given to a command is not allowed.
    #[error("{0}")]
    Argument(String),
}
