//! Where a request came from when proxies stand in front: their headers are believed only as far as proxies that were
//! named have written them. What the address is used for, limits and logs, is not here.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderValue};
use clap::ValueEnum;
use ipnet::IpNet;

/// The header in which the proxies name the client. One alone is read: the other may be the client's own work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, as nginx, Caddy and most others append to it.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Proxies that are trusted to name their clients; by default none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Their networks.
    pub trusted: Vec<IpNet>,
    /// The header that they append to.
    pub header: ForwardedHeader,
}

impl Proxies {
    /// Proxies on this machine.
    #[must_use]
    pub fn local() -> Self {
        let loopback = [
            IpNet::new_assert([127, 0, 0, 0].into(), 8),
            IpNet::new_assert(IpAddr::from([0_u16, 0, 0, 0, 0, 0, 0, 1]), 128),
        ];
        Self { trusted: loopback.to_vec(), header: ForwardedHeader::default() }
    }

    /// The address of the client: the right-most that is not a trusted proxy's, beginning at the connection's own. What
    /// stands left of it was written by the client. Where a proxy has named nobody, it is the proxy itself.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        if !self.trusts(address) {
            return address;
        }
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let lines: Vec<&[u8]> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        for hop in hops {
            let named = std::str::from_utf8(hop).ok().and_then(|text| match self.header {
                ForwardedHeader::XForwardedFor => address_in(text),
                ForwardedHeader::Forwarded => forwarded_for(text),
            });
            let Some(named) = named else { return address };
            address = named.to_canonical();
            if !self.trusts(address) {
                return address;
            }
        }
        address
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// The `for` of one element of `Forwarded`; names and `unknown` are none.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| address_in(value.trim().trim_matches('"')))?
    })
}

/// An address, alone or with a port, IPv6 also in brackets.
fn address_in(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(header: ForwardedHeader) -> Proxies {
        Proxies { trusted: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()], header }
    }

    fn headers(name: &'static str, lines: &[String]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(line).unwrap());
        }
        map
    }

    #[test]
    fn addresses_are_read_in_every_form_and_names_are_none() {
        for text in ["198.51.100.7", " 198.51.100.7 ", "198.51.100.7:4711"] {
            assert_eq!(address_in(text), Some(ip("198.51.100.7")), "{text:?}");
        }
        for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711"] {
            assert_eq!(address_in(text), Some(ip("2001:db8::1")), "{text:?}");
        }
        assert_eq!(forwarded_for("proto=https;For=\"[2001:db8::1]:80\";by=_x"), Some(ip("2001:db8::1")));
        for text in ["unknown", "_hidden", "", "198.51.100", "for=unknown"] {
            assert_eq!((address_in(text), forwarded_for(text)), (None, None), "{text:?}");
        }
    }

    #[test]
    fn a_proxy_that_names_nobody_is_itself_the_client() {
        let proxies = proxies(ForwardedHeader::XForwardedFor);
        assert_eq!(proxies.client(ip("10.0.0.1"), &HeaderMap::new()), ip("10.0.0.1"));
        let odd = headers("x-forwarded-for", &["198.51.100.7, unknown".to_owned()]);
        assert_eq!(proxies.client(ip("10.0.0.1"), &odd), ip("10.0.0.1"));
        let mapped = headers("x-forwarded-for", &["198.51.100.7".to_owned()]);
        assert_eq!(proxies.client(ip("::ffff:10.0.0.1"), &mapped), ip("198.51.100.7"));
    }

    proptest! {
        #[test]
        fn whatever_a_client_writes_its_own_address_is_found(
            spoofed in proptest::collection::vec("[ -~]{0,40}", 0..4),
            client in any::<[u8; 4]>().prop_filter("not a proxy", |four| four.first() != Some(&10)),
            hops in proptest::collection::vec(any::<[u8; 3]>(), 0..4),
            one_line: bool,
            standard: bool,
        ) {
            let header = if standard { ForwardedHeader::Forwarded } else { ForwardedHeader::XForwardedFor };
            let name = if standard { "forwarded" } else { "x-forwarded-for" };
            let client = IpAddr::from(client);
            let proxy = |three: &[u8; 3]| { let [b, c, d] = *three; IpAddr::from([10, b, c, d]) };
            let written = |address: IpAddr| if standard { format!("for={address};proto=https") } else { address.to_string() };
            let truth: Vec<String> = std::iter::once(client).chain(hops.iter().map(proxy)).map(written).collect();
            let lines = if one_line {
                vec![spoofed.iter().chain(&truth).cloned().collect::<Vec<_>>().join(",")]
            } else {
                spoofed.iter().chain(&truth).cloned().collect()
            };
            let found = proxies(header).client(ip("10.9.9.9"), &headers(name, &lines));
            prop_assert_eq!(found, client);
        }

        #[test]
        fn who_is_no_trusted_proxy_names_nobody_else(lines in proptest::collection::vec("[ -~]{0,60}", 0..4), other: bool) {
            let name = if other { "forwarded" } else { "x-forwarded-for" };
            for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
                let found = proxies(header).client(ip("198.51.100.7"), &headers(name, &lines));
                prop_assert_eq!(found, ip("198.51.100.7"));
            }
        }

        #[test]
        fn the_header_that_no_proxy_writes_is_not_read(line in "[ -~]{0,60}") {
            let found = proxies(ForwardedHeader::XForwardedFor).client(ip("10.0.0.1"), &headers("forwarded", &[line]));
            prop_assert_eq!(found, ip("10.0.0.1"));
        }
    }
}
