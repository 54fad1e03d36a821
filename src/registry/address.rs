//! Addresses on the wire: which server a registry's name means, and what a `Location` means beside the address that sent
//! it. Knows no requests.

use std::fmt;
use std::net::IpAddr;
use ureq::http::Uri;

/// Docker Hub as references name it, where it is, and what Docker's configuration calls it.
pub const HUB: &str = "docker.io";
const HUB_SERVER: &str = "registry-1.docker.io";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Plain,
    Tls,
}

/// What must be the same for credentials to be sent: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub scheme: Scheme,
    /// Lower case; an IPv6 address in brackets.
    pub host: String,
    pub port: u16,
}

impl Origin {
    /// None for an address that is neither http nor https, or that holds a user's name.
    pub fn of(uri: &Uri) -> Option<Self> {
        let scheme = match uri.scheme_str()? {
            "http" => Scheme::Plain,
            "https" => Scheme::Tls,
            _ => return None,
        };
        if uri.authority()?.as_str().contains('@') {
            return None;
        }
        let usual = if scheme == Scheme::Tls { 443 } else { 80 };
        Some(Self {
            scheme,
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(usual),
        })
    }
    /// The server of a registry. None: its name is no host.
    pub fn of_registry(registry: &str, scheme: Scheme) -> Option<Self> {
        let server = if registry == HUB {
            HUB_SERVER
        } else {
            registry
        };
        let word = if scheme == Scheme::Tls {
            "https"
        } else {
            "http"
        };
        Self::of(&format!("{word}://{server}/").parse().ok()?)
    }
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
    /// Whether a list of `host` and `host:port` names it.
    pub fn is_among(&self, names: &[String]) -> bool {
        let with_port = format!("{}:{}", self.host, self.port);
        let is_usual = matches!(
            (self.scheme, self.port),
            (Scheme::Tls, 443) | (Scheme::Plain, 80)
        );
        names
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .any(|name| name == with_port || (is_usual && name == self.host))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Plain if self.port == 80 => write!(f, "http://{}", self.host),
            Scheme::Tls if self.port == 443 => write!(f, "https://{}", self.host),
            Scheme::Plain => write!(f, "http://{}:{}", self.host, self.port),
            Scheme::Tls => write!(f, "https://{}:{}", self.host, self.port),
        }
    }
}

/// What a `Location` means that the answer from `base` holds (RFC 3986, section 5.2, without `..`, which none needs). The
/// query stays as it is: it may be signed.
pub fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let path = base.path();
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let full = if location
        .split_once("://")
        .is_some_and(|(start, _)| is_scheme(start))
    {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{path}{location}")
    } else {
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        format!("{scheme}://{authority}{dir}/{location}")
    };
    full.parse().ok()
}

/// Adds parameters to an address that may have some.
pub fn with_query(uri: &Uri, pairs: &[(&str, &str)]) -> Option<Uri> {
    let mut text = uri.to_string();
    for (key, value) in pairs {
        // `?` may end the text already: `…/uploads/x?`.
        let separator = match text.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        text = format!("{text}{separator}{key}={}", percent_encoded(value));
    }
    text.parse().ok()
}

/// `name=value&…` as a form sends it.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let one = |(key, value): &(&str, &str)| format!("{key}={}", percent_encoded(value));
    let all: Vec<String> = pairs.iter().map(one).collect();
    all.join("&")
}

/// All but the unreserved characters (RFC 3986, section 2.3) encoded, and `:` and `/`, which a query may hold and people
/// read better as they are.
fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(byte.into()),
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' => out.push(byte.into()),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_written_in_any_way() {
        let base: Uri = "https://reg.example:5000/v2/a/blobs/uploads/?x=1"
            .parse()
            .expect("an address");
        for (location, expected) in [
            (
                "https://other.example/b?sig=%2F",
                "https://other.example/b?sig=%2F",
            ),
            ("//other.example/b", "https://other.example/b"),
            (
                "/v2/a/blobs/uploads/id",
                "https://reg.example:5000/v2/a/blobs/uploads/id",
            ),
            (
                "id?_state=a",
                "https://reg.example:5000/v2/a/blobs/uploads/id?_state=a",
            ),
            ("?y=2", "https://reg.example:5000/v2/a/blobs/uploads/?y=2"),
        ] {
            let found = resolve(&base, location).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{location}");
        }
        assert_eq!(resolve(&base, "http://a b/"), None);
    }

    #[test]
    fn parameters_are_added_and_encoded() {
        let added = |text: &str| {
            let uri = text.parse().expect("an address");
            with_query(&uri, &[("digest", "sha256:a"), ("b", "x y&z")]).map(|uri| uri.to_string())
        };
        let expected = |text: &str| Some(text.to_owned());
        assert_eq!(
            added("http://a/u"),
            expected("http://a/u?digest=sha256:a&b=x%20y%26z")
        );
        assert_eq!(
            added("http://a/u?s=%3D"),
            expected("http://a/u?s=%3D&digest=sha256:a&b=x%20y%26z")
        );
        assert_eq!(
            added("http://a/u?"),
            expected("http://a/u?digest=sha256:a&b=x%20y%26z")
        );
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |text: &str| Origin::of(&text.parse().expect("an address"));
        assert_eq!(
            origin("https://Reg.example/v2"),
            origin("https://reg.example:443/")
        );
        assert_ne!(
            origin("https://reg.example"),
            origin("http://reg.example:443")
        );
        assert_eq!(origin("https://user@reg.example/"), None);
        assert_eq!(origin("ftp://reg.example/"), None);
        let registry = |name| Origin::of_registry(name, Scheme::Tls).map(|o| o.to_string());
        assert_eq!(
            registry("docker.io").as_deref(),
            Some("https://registry-1.docker.io")
        );
        assert_eq!(
            registry("ghcr.io:8443").as_deref(),
            Some("https://ghcr.io:8443")
        );
        assert_eq!(registry("a b"), None);
    }

    #[test]
    fn a_list_names_hosts_in_any_case() {
        let is = |names: &[&str], registry| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Origin::of_registry(registry, Scheme::Tls).is_some_and(|o| o.is_among(&names))
        };
        assert!(is(&["Reg.lan:5000"], "reg.LAN:5000"));
        assert!(is(&["reg.lan"], "reg.lan") && is(&["reg.lan:443"], "reg.lan"));
        assert!(!is(&["reg.lan"], "reg.lan:5000") && !is(&["reg.lan:5000"], "reg.lan"));
    }

    #[test]
    fn loopback_has_many_names() {
        let is = |name| Origin::of_registry(name, Scheme::Plain).is_some_and(|o| o.is_loopback());
        for name in ["localhost:5000", "127.0.0.1", "127.1.2.3:1", "[::1]:5000"] {
            assert!(is(name), "{name}");
        }
        for name in [
            "localhost.example",
            "128.0.0.1",
            "[::2]:5000",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is(name), "{name}");
        }
    }
}
