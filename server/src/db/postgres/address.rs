//! The URL of a PostgreSQL database, read as libpq reads it
//! (<https://www.postgresql.org/docs/current/libpq-connect.html>): what people may see of it, and the way that it asks for.
//! Which way is taken when, and who speaks TLS on it, is in `way` and `bridge`.

/// The parts of a URL, as they stand in it.
pub(super) struct Address<'a> {
    scheme: &'a str,
    /// The user, and behind a colon the password.
    login: Option<&'a str>,
    hosts: &'a str,
    database: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Address<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // What stands before the first @ or / decides, as in libpq: an @ in a password must be percent-encoded.
        let (login, rest) = match rest.find(['@', '/']).map(|at| rest.split_at(at)) {
            Some((login, rest)) if rest.starts_with('@') => (Some(login), rest.get(1..).unwrap_or_default()),
            _ => (None, rest),
        };
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let parameters = parameters.split('&').filter(|pair| !pair.is_empty());
        let parameters = parameters.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
        Self { scheme, login, hosts, database, parameters }
    }

    /// The last value of a parameter, without its percent signs.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    }

    /// The names of all parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().map(|(name, _)| *name)
    }

    /// The hosts before the database's name, each with its port where it has one.
    pub(super) fn hosts(&self) -> Vec<(String, Option<&'a str>)> {
        let one = |host: &'a str| match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, port)) => (address.to_owned(), port.strip_prefix(':')),
            None => match host.split_once(':') {
                Some((host, port)) => (decoded(host), Some(port)),
                None => (decoded(host), None),
            },
        };
        self.hosts.split(',').filter(|host| !host.is_empty()).map(one).collect()
    }

    /// The URL of the same database for the same user at another place: its other parameters stay, but for those that `gone`
    /// names.
    pub(super) fn at(&self, place: &str, gone: impl Fn(&str) -> bool) -> String {
        let login = self.login.map(|login| format!("{login}@")).unwrap_or_default();
        let kept = self.parameters.iter().filter(|(name, _)| !gone(name));
        let kept: String = kept.map(|(name, value)| format!("&{name}={value}")).collect();
        format!("{}://{login}/{}?{place}{kept}", self.scheme, self.database)
    }
}

/// A URL as logs and people may see it: without the password, and without parameters, which may hold one.
#[must_use]
pub fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    let shown = match rest.rsplit_once('@') {
        Some((user, place)) => format!("{}@{place}", user.split_once(':').map_or(user, |(user, _)| user)),
        None => rest.to_owned(),
    };
    format!("{scheme}://{shown}")
}

/// A URL without its password, and the password: a command line is seen by everybody on the machine, the environment of a
/// process is not.
#[must_use]
pub fn without_password(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let (place, parameters) = rest.split_once('?').map_or((rest, None), |(place, rest)| (place, Some(rest)));
    let (place, password) = match place.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, password)) => (format!("{user}@{host}"), Some(password)),
            None => (format!("{user}@{host}"), None),
        },
        None => (place.to_owned(), None),
    };
    let mut password = password.map(decoded);
    let mut kept = Vec::new();
    for parameter in parameters.into_iter().flat_map(|parameters| parameters.split('&')) {
        match parameter.strip_prefix("password=") {
            Some(word) => password = Some(decoded(word)),
            None => kept.push(parameter),
        }
    }
    let parameters = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (format!("{scheme}://{place}{parameters}"), password)
}

/// Text in which `%41` stands for `A` (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        let cases = [
            ("postgres://ledger:se@cret@db.example/ledger", "postgres://ledger@db.example/ledger"),
            ("postgresql://ledger@db:5433/ledger?password=secret", "postgresql://ledger@db:5433/ledger"),
            ("postgres:///ledger?host=/run/postgresql", "postgres:///ledger"),
        ];
        for (url, expected) in cases {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn a_password_goes_by_the_environment_and_not_by_the_command_line() {
        let cases = [
            ("postgres://a:s%40cret%2@db/x?sslmode=require", "postgres://a@db/x?sslmode=require", Some("s@cret%2")),
            ("postgres://a@db/x?password=p%25&connect_timeout=3", "postgres://a@db/x?connect_timeout=3", Some("p%")),
            ("postgres:///x?host=/run/postgresql", "postgres:///x?host=/run/postgresql", None),
        ];
        for (url, expected, password) in cases {
            assert_eq!(without_password(url), (expected.to_owned(), password.map(str::to_owned)));
        }
    }

    #[test]
    fn hosts_are_read_as_libpq_reads_them() {
        type Hosts = &'static [(&'static str, Option<&'static str>)];
        let cases: [(&str, Hosts); 6] = [
            ("postgres://u:p%40@db.example:5433/x", &[("db.example", Some("5433"))]),
            ("postgres://[fd00::7]:5433,db/x", &[("fd00::7", Some("5433")), ("db", None)]),
            ("postgres://%2Frun%2Fpostgresql/x", &[("/run/postgresql", None)]),
            ("postgres://db", &[("db", None)]),
            ("postgres:///x", &[]),
            ("postgres://u@/x?host=elsewhere", &[]),
        ];
        for (url, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
            assert_eq!(Address::of(url).hosts(), expected, "{url}");
        }
    }

    #[test]
    fn the_same_database_at_another_place_keeps_its_user_and_its_other_parameters() {
        let url = "postgres://u:p%40w@db.example:5433/x?sslmode=require&connect_timeout=9";
        let moved = Address::of(url).at("host=%2Ftmp", |name| name == "sslmode");
        assert_eq!(moved, "postgres://u:p%40w@/x?host=%2Ftmp&connect_timeout=9");
    }
}
