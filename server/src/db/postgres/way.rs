//! The way to a PostgreSQL database. On this machine it is libpq's own; to another machine it is encrypted and the
//! certificate is checked, unless the URL says that it is not to be. libpq is built in without TLS: `bridge` speaks it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::address::{Address, shown};
use super::bridge::Bridge;
use crate::db::OpenError;

/// PostgreSQL's port.
const PORT: u16 = 5432;

/// Parameters of TLS that mean something here; others of their kind are refused, so that nobody relies on them.
const TLS_PARAMETERS: [&str; 3] = ["ssl", "sslmode", "sslrootcert"];

/// Parameters that say where the database is; behind a bridge they are the bridge's own.
const PLACE_PARAMETERS: [&str; 3] = ["host", "hostaddr", "port"];

/// A database's address as libpq and PostgreSQL's programs take it, and what carries their connections there while it lives.
pub struct Link {
    url: Arc<str>,
    shown: String,
    _bridge: Option<Bridge>,
}

impl Link {
    /// Opens the way that a URL asks for; the database is not connected to yet. Blocks.
    ///
    /// # Errors
    /// The URL would send passwords and people's data over a network in clear and does not say that it should, or asks for
    /// TLS in a way that is not understood.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        let refused = |why: String| OpenError::Way { path: shown(url), why };
        let way = Way::of(url, &|name| std::env::var(name).ok()).map_err(refused)?;
        let (taken, bridge) = match way {
            Way::Plain => (url.to_owned(), None),
            Way::Tls(peer) => {
                let bridge = Bridge::open(peer).map_err(refused)?;
                let gone = |name: &str| PLACE_PARAMETERS.contains(&name) || TLS_PARAMETERS.contains(&name);
                // An empty hostaddr keeps libpq from the one that PGHOSTADDR may name.
                let place = format!("host={}&hostaddr=&port={PORT}&sslmode=disable", bridge.folder());
                (Address::of(url).at(&place, gone), Some(bridge))
            }
        };
        Ok(Self { url: taken.into(), shown: shown(url), _bridge: bridge })
    }

    /// What libpq connects to.
    #[must_use]
    pub fn url(&self) -> &Arc<str> {
        &self.url
    }

    /// The database as people may see it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

/// The other end of an encrypted way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// What is connected to: a name or an address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whose certificate it must show.
    pub(super) name: String,
    /// The file of the authorities that may have signed it; `None`: those that this system trusts.
    pub(super) authorities: Option<PathBuf>,
}

/// How a database is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// As libpq goes by itself: on this machine, or in clear because the URL says so.
    Plain,
    /// Encrypted.
    Tls(Peer),
}

impl Way {
    /// The way that a URL and libpq's variables ask for.
    fn of(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let address = Address::of(url);
        let asked = |parameter: &str, named: &str| {
            address.parameter(parameter).or_else(|| variable(named)).filter(|value| !value.is_empty())
        };
        let service = asked("service", "PGSERVICE").is_some();
        let mode = match asked("ssl", "") {
            Some(ssl) if ssl == "true" => Some("require".to_owned()),
            _ => asked("sslmode", "PGSSLMODE"),
        };
        let hosts = match asked("host", "PGHOST").filter(|_| address.hosts().is_empty()) {
            Some(named) => named.split(',').map(|host| (host.to_owned(), None)).collect(),
            None => address.hosts(),
        };
        let hosts: Vec<(String, Option<String>)> =
            hosts.into_iter().map(|(host, port)| (host, port.map(str::to_owned))).collect();
        let at = asked("hostaddr", "PGHOSTADDR");
        let is_here = match &at {
            Some(at) => at.split(',').all(is_local),
            None => !service && hosts.iter().all(|(host, _)| is_local(host)),
        };
        match mode.as_deref() {
            Some("disable") => return Ok(Self::Plain),
            None if is_here => return Ok(Self::Plain),
            Some("allow" | "prefer") if is_here => return Ok(Self::Plain),
            Some(weak @ ("allow" | "prefer")) => {
                return Err(format!(
                    "sslmode={weak} would go on in clear where the other end, or somebody between, wants it"
                ));
            }
            None | Some("require" | "verify-ca" | "verify-full") => {}
            Some(_) => return Err("sslmode is none that PostgreSQL knows".to_owned()),
        }
        if let Some(other) = address.names().find(|name| name.starts_with("ssl") && !TLS_PARAMETERS.contains(name)) {
            return Err(format!("{other} is not understood here"));
        }
        let ([(host, port)], false) = (hosts.as_slice(), service) else {
            return Err("TLS is spoken to one machine, which the URL must name".to_owned());
        };
        let port = match port.clone().or_else(|| asked("port", "PGPORT")) {
            Some(port) => port.parse().map_err(|_| "its port is no number".to_owned())?,
            None => PORT,
        };
        if host.starts_with(['/', '@']) {
            return Err("a socket on this machine needs no TLS, and none is spoken on it".to_owned());
        }
        if host.contains(['@', ':', '%', '/']) && host.parse::<IpAddr>().is_err() {
            return Err("its host is none: percent-encode its user and its password".to_owned());
        }
        let authorities = asked("sslrootcert", "PGSSLROOTCERT").filter(|file| file != "system").map(PathBuf::from);
        Ok(Self::Tls(Peer { host: at.unwrap_or_else(|| host.clone()), port, name: host.clone(), authorities }))
    }
}

/// Whether a host is this machine: a socket's folder, or the loopback.
fn is_local(host: &str) -> bool {
    host.starts_with(['/', '@']) || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail loudly")]
    use super::*;

    fn way(url: &str) -> Result<Way, String> {
        Way::of(url, &|_| None)
    }

    fn tls(host: &str, port: u16) -> Peer {
        Peer { host: host.to_owned(), port, name: host.to_owned(), authorities: None }
    }

    #[test]
    fn on_this_machine_nothing_need_be_encrypted() {
        for url in [
            "postgres:///ledger?host=/run/postgresql",
            "postgres:///ledger",
            "postgres://u:p@127.0.0.1:5433/ledger",
            "postgres://localhost,[::1]:5433/ledger",
            "postgres://%2Frun/ledger?sslmode=prefer",
            "postgres://db.example/ledger?hostaddr=127.0.0.1",
        ] {
            assert_eq!(way(url).unwrap(), Way::Plain, "{url}");
        }
    }

    #[test]
    fn another_machine_is_spoken_to_encrypted_and_its_certificate_checked_however_that_is_asked_for() {
        for mode in ["", "?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full", "?ssl=true"] {
            let found = way(&format!("postgres://u:p@db.example:5433/ledger{mode}")).unwrap();
            assert_eq!(found, Way::Tls(tls("db.example", 5433)), "{mode}");
        }
        assert_eq!(way("postgres://[fd00::7]/x").unwrap(), Way::Tls(tls("fd00::7", 5432)));
        assert_eq!(way("postgres:///x?host=db&port=6000").unwrap(), Way::Tls(tls("db", 6000)));
        let own = Peer { authorities: Some("/etc/ca file.pem".into()), ..tls("db", 5432) };
        assert_eq!(way("postgres://db/x?sslrootcert=/etc/ca%20file.pem").unwrap(), Way::Tls(own));
        let named = Peer { host: "10.0.0.7".to_owned(), ..tls("db", 5432) };
        assert_eq!(way("postgres://db/x?hostaddr=10.0.0.7&sslrootcert=system").unwrap(), Way::Tls(named));
        assert_eq!(way("postgres://localhost/x?sslmode=verify-full").unwrap(), Way::Tls(tls("localhost", 5432)));
    }

    #[test]
    fn only_a_url_that_says_so_goes_to_another_machine_in_clear() {
        assert_eq!(way("postgres://db.example/x?sslmode=disable").unwrap(), Way::Plain);
        for (url, said) in [
            ("postgres://db.example/x?sslmode=prefer", "in clear"),
            ("postgres://db.example/x?sslmode=allow", "in clear"),
            ("postgres://db.example/x?sslmode=always", "none that PostgreSQL knows"),
            ("postgres://db.example/x?sslcert=/etc/me.pem", "sslcert is not understood"),
            ("postgres://db.example/x?sslnegotiation=direct", "sslnegotiation is not understood"),
            ("postgres://one.example,two.example/x", "one machine"),
            ("postgres:///x?service=ledger", "one machine"),
            ("postgres:///x?host=/run/postgresql&sslmode=require", "needs no TLS"),
            ("postgres://u:ge@heim@db.example/x", "percent-encode"),
            ("postgres://db.example:heim/x", "port is no number"),
        ] {
            let why = way(url).unwrap_err();
            assert!(why.contains(said) && !why.contains("heim"), "{url}: {why}");
        }
    }

    #[test]
    fn what_libpq_takes_from_variables_counts_too() {
        let with =
            |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| value.to_owned());
        let plain = "postgres:///ledger";
        assert_eq!(Way::of(plain, &with("PGHOST", "db")).unwrap(), Way::Tls(tls("db", 5432)));
        assert!(Way::of("postgres://localhost/x", &with("PGHOSTADDR", "10.0.0.7")).unwrap() != Way::Plain);
        assert_eq!(Way::of("postgres://db/x", &with("PGSSLMODE", "disable")).unwrap(), Way::Plain);
        assert!(Way::of(plain, &with("PGSERVICE", "ledger")).is_err());
    }
}
