//! Names of images: where they are, and which of them.

use crate::image::digest::Sha256;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// `registry/repository:tag@digest`, with what people leave out filled in: no registry means Docker Hub (`docker.io`),
/// and there a repository of one word is in `library/`. The grammar is that of the distribution project's
/// reference package; a first component is a registry if it has a `.` or `:`, or is `localhost`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// Host, and port where one is written: `docker.io`, `localhost:5000`, `[::1]:5000`.
    pub registry: String,
    /// Lower case, components separated by `/`: `library/alpine`, `team/api`.
    pub repository: String,
    pub tag: Option<String>,
    pub digest: Option<Sha256>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no name of an image: {reason}")]
pub struct NoReference {
    pub text: String,
    /// `a repository is written in lower case`.
    pub reason: &'static str,
}

impl Reference {
    /// The same image by its digest.
    pub fn at(&self, digest: Sha256) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }
    /// The name without what it stood for at one time.
    pub fn without_digest(&self) -> Self {
        Self {
            digest: None,
            ..self.clone()
        }
    }
    /// The tag, or `latest` where neither tag nor digest is written.
    pub fn tag_or_latest(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some("latest"),
            (None, Some(_)) => None,
        }
    }
    /// `localhost`, `127.0.0.0/8` or `::1`, with or without a port.
    pub fn is_loopback(&self) -> bool {
        let (host, _) = split_port(&self.registry);
        let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        match v6 {
            Some(v6) => v6.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback()),
            None if host.eq_ignore_ascii_case("localhost") => true,
            None => host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback()),
        }
    }
    /// As people write it, without `docker.io/` and `library/`: `alpine:3.20`, `localhost:5000/api:v1`.
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        let short = full.strip_prefix("docker.io/");
        let shortest = short.and_then(|short| short.strip_prefix("library/"));
        // `docker.io/quay.io/x` must stay that; so must a name that is not in `library` alone.
        let candidates = [shortest, short].into_iter().flatten();
        let mut same = candidates.filter(|name| name.parse().as_ref() == Ok(self));
        same.next().unwrap_or(&full).to_owned()
    }
}

const HUB: &str = "docker.io";
const LONGEST_REPOSITORY: usize = 255;
const LONGEST_TAG: usize = 128;

impl FromStr for Reference {
    type Err = NoReference;
    fn from_str(text: &str) -> Result<Self, NoReference> {
        parse(text).map_err(|reason| NoReference {
            text: text.to_owned(),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    if text.contains("://") {
        return Err("a registry is written without `https://`");
    }
    let (rest, digest) = match text.split_once('@') {
        None => (text, None),
        Some((rest, digest)) => {
            let digest = digest.parse();
            let reason = "what stands behind `@` is no digest (`sha256:` and 64 hex digits)";
            (rest, Some(digest.map_err(|_| reason)?))
        }
    };
    let last = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest[last..].split_once(':') {
        None => (rest, None),
        Some((component, tag)) => (&rest[..last + component.len()], Some(checked_tag(tag)?)),
    };
    let (registry, repository) = split_registry(name)?;
    check_repository(&repository)?;
    Ok(Reference {
        registry,
        repository,
        tag,
        digest,
    })
}

fn split_registry(name: &str) -> Result<(String, String), &'static str> {
    let is_registry = |first: &&str| first.contains(['.', ':']) || *first == "localhost";
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if is_registry(&first) => (first, path),
        Some((first, _)) if first.starts_with('[') => return Err(REGISTRY),
        _ => (HUB, name),
    };
    check_registry(registry)?;
    if registry != HUB && registry != "index.docker.io" {
        return Ok((registry.to_owned(), path.to_owned()));
    }
    let is_id = path.len() == 64 && path.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_id && registry.len() + 1 + path.len() > name.len() {
        return Err("64 hex digits alone are an image's id");
    }
    let path = match path.contains('/') {
        true => path.to_owned(),
        false => format!("library/{path}"),
    };
    Ok((HUB.to_owned(), path))
}

const REGISTRY: &str = "what stands before the first `/` is no registry: a host name or an address, and perhaps a port";

/// Host and port; the `:` of an IPv6 address stands in brackets.
fn split_port(registry: &str) -> (&str, Option<&str>) {
    match registry.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (registry, None),
    }
}

fn check_registry(registry: &str) -> Result<(), &'static str> {
    let (host, port) = split_port(registry);
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|n: u16| n > 0)
    };
    if !port.is_none_or(is_port) {
        return Err("a registry's port is a number up to 65535");
    }
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let valid = match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    if valid { Ok(()) } else { Err(REGISTRY) }
}

fn check_repository(repository: &str) -> Result<(), &'static str> {
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("a repository is written in lower case");
    }
    if repository.len() > LONGEST_REPOSITORY {
        return Err("a repository has at most 255 characters");
    }
    if repository.split('/').any(str::is_empty) {
        return Err("a part of the repository is empty");
    }
    if !repository.split('/').all(is_component) {
        return Err(
            "a part of a repository is letters and digits, separated by one `.`, one or two `_`, or `-`",
        );
    }
    Ok(())
}

/// Letters and digits, with separators between them: `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = component.split(is_word);
    let inside = component.starts_with(is_word) && component.ends_with(is_word);
    let mut separators = separators.filter(|separator| !separator.is_empty());
    inside
        && separators.all(|separator| {
            matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

fn checked_tag(tag: &str) -> Result<String, &'static str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_tag_byte = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-');
    if tag.is_empty() {
        return Err("there is no tag behind `:`");
    }
    if tag.len() > LONGEST_TAG {
        return Err("a tag has at most 128 characters");
    }
    if !tag.bytes().all(is_tag_byte) || !tag.bytes().next().is_some_and(is_word) {
        return Err(
            "a tag is letters, digits, `_`, `.` and `-`, and begins with none of the last two",
        );
    }
    Ok(tag.to_owned())
}

impl fmt::Display for Reference {
    /// With registry and repository in full.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full(text: &str) -> String {
        text.parse::<Reference>()
            .map_or_else(|error| error.to_string(), |found| found.to_string())
    }

    #[test]
    fn what_people_leave_out_is_filled_in() {
        let hex = "0123456789abcdef".repeat(4);
        let known = [
            ("alpine", "docker.io/library/alpine", "alpine"),
            (
                "alpine:3.20",
                "docker.io/library/alpine:3.20",
                "alpine:3.20",
            ),
            ("team/api", "docker.io/team/api", "team/api"),
            ("docker.io/alpine", "docker.io/library/alpine", "alpine"),
            ("index.docker.io/a/b:c", "docker.io/a/b:c", "a/b:c"),
            ("docker.io/library/a", "docker.io/library/a", "a"),
            ("library/a/b", "docker.io/library/a/b", "library/a/b"),
            ("ghcr.io/a/b/c", "ghcr.io/a/b/c", "ghcr.io/a/b/c"),
            ("localhost/a", "localhost/a", "localhost/a"),
            (
                "localhost:5000/a:b",
                "localhost:5000/a:b",
                "localhost:5000/a:b",
            ),
            (
                "localhost:5000",
                "docker.io/library/localhost:5000",
                "localhost:5000",
            ),
            ("[::1]:5000/a", "[::1]:5000/a", "[::1]:5000/a"),
            ("[fe80::1]/a", "[fe80::1]/a", "[fe80::1]/a"),
            (
                "docker.io/quay.io/a",
                "docker.io/quay.io/a",
                "docker.io/quay.io/a",
            ),
            (
                "Registry.Example/a",
                "Registry.Example/a",
                "Registry.Example/a",
            ),
            (
                "a.b-c__d---e_f",
                "docker.io/library/a.b-c__d---e_f",
                "a.b-c__d---e_f",
            ),
            ("a:_.-", "docker.io/library/a:_.-", "a:_.-"),
        ];
        for (text, in_full, familiar) in known {
            assert_eq!(full(text), in_full);
            let found: Reference = text.parse().expect(text);
            assert_eq!(found.familiar(), familiar);
        }
        let pinned = format!("alpine:3@sha256:{hex}");
        assert_eq!(full(&pinned), format!("docker.io/library/{pinned}"));
        let at: Reference = pinned.parse().expect("a reference");
        assert_eq!(at.at(Sha256::of(b"")).tag, None);
        assert_eq!(at.familiar(), pinned);
        let id = format!("docker.io/library/{hex}");
        assert_eq!(full(&id), id);
        let id: Reference = id.parse().expect("a reference");
        assert_eq!(id.familiar(), format!("library/{hex}"));
    }

    #[test]
    fn a_wrong_name_is_told_why() {
        let told = |text: &str| text.parse::<Reference>().expect_err(text).reason;
        let known = [
            ("", "a part of the repository is empty"),
            ("Alpine", "a repository is written in lower case"),
            ("Team/api", "a repository is written in lower case"),
            ("a//b", "a part of the repository is empty"),
            ("/a", "a part of the repository is empty"),
            ("a/", "a part of the repository is empty"),
            ("a:", "there is no tag behind `:`"),
            (
                "https://ghcr.io/a",
                "a registry is written without `https://`",
            ),
            ("localhost:x/a", "a registry's port is a number up to 65535"),
            ("localhost:/a", "a registry's port is a number up to 65535"),
            (
                "localhost:70000/a",
                "a registry's port is a number up to 65535",
            ),
            (
                "localhost:+1/a",
                "a registry's port is a number up to 65535",
            ),
            (
                &"0123456789abcdef".repeat(4),
                "64 hex digits alone are an image's id",
            ),
        ];
        for (text, reason) in known {
            assert_eq!(told(text), reason, "{text}");
        }
        for host in [
            "-a.b", "a-.b", "a..b", ".", "[::1", "[x]:1", "[]", "a_b.c", "::1", "ü.de",
        ] {
            assert_eq!(told(&format!("{host}/a")), REGISTRY, "{host}");
        }
        for name in [
            "a___b", "a..b", "a._b", "-a", "a-", "a b", "ü", "a+b", "a\0",
        ] {
            assert!(
                told(name).starts_with("a part of a repository is"),
                "{name}"
            );
        }
        for tag in [".a", "-a", "a b", "ü", "a:b"] {
            assert!(told(&format!("x:{tag}")).starts_with("a tag is"), "{tag}");
        }
        assert!(told("a@sha256:00").contains("no digest"));
        assert!(told("a@b@c").contains("no digest"));
        assert!(told(&format!("x:{}", "a".repeat(129))).contains("128"));
        assert!(told(&"a".repeat(256)).contains("255"));
        assert_eq!(full(&format!("x/{}", "a".repeat(253))).len(), 265);
    }

    #[test]
    fn loopback() {
        let is = |text: &str| text.parse::<Reference>().expect(text).is_loopback();
        for yes in [
            "localhost/a",
            "localhost:1/a",
            "127.0.0.1:5000/a",
            "127.9.0.1/a",
            "[::1]:5/a",
        ] {
            assert!(is(yes), "{yes}");
        }
        for no in [
            "a",
            "localhost.de/a",
            "128.0.0.1/a",
            "[::2]/a",
            "127.0.0.1.de/a",
        ] {
            assert!(!is(no), "{no}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_written_as_it_is_read(
            registry in "(localhost|docker\\.io|index\\.docker\\.io|[a-zA-Z0-9]([a-z0-9-]{0,4}[a-z0-9])?\\.[a-z]{1,3}|\\[::[0-9a-f]{1,4}\\])(:[1-9][0-9]{0,3})?/|",
            repository in "[a-z0-9]{1,3}((\\.|_|__|-{1,3}|/)[a-z0-9]{1,3}){0,5}|library/[a-z.]{1,3}",
            tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
            digest in proptest::option::of(any::<[u8; 32]>()),
        ) {
            let tag = tag.map_or(String::new(), |tag| format!(":{tag}"));
            let digest = digest.map_or(String::new(), |digest| format!("@{}", Sha256(digest)));
            let text = format!("{registry}{repository}{tag}{digest}");
            if let Ok(found) = text.parse::<Reference>() {
                prop_assert_eq!(found.to_string().parse(), Ok(found.clone()));
                prop_assert_eq!(found.familiar().parse(), Ok(found.clone()));
                prop_assert_eq!(found.at(Sha256([1; 32])).digest, Some(Sha256([1; 32])));
            } else {
                // `a.b_c/d` names a registry that cannot be one; `library/.` is no repository.
                let first = repository.split('/').next().unwrap_or_default();
                let odd = registry.is_empty() && first.contains('.');
                prop_assert!(odd || repository.contains("library/"), "{}", text);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[a-zA-Z0-9:/@.\\[\\]_-]{0,40}") {
            if let Ok(found) = text.parse::<Reference>() {
                prop_assert_eq!(found.to_string().parse(), Ok(found));
            }
        }
    }
}
