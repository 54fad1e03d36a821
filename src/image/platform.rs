//! Operating system and processor that an image is for.

use crate::base::host;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Names are Go's (OCI image-spec, image-index.md, "platform").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    pub os: String,
    pub arch: String,
    /// `v7` of `linux/arm/v7`.
    pub variant: Option<String>,
}

/// As documents have it.
#[derive(Serialize, Deserialize)]
struct Written {
    os: String,
    architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

/// In documents what is not there is left out; where fields have no names, as in a saved graph, nothing can be.
impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { os, arch, variant } = self.clone();
        if !serializer.is_human_readable() {
            return (os, arch, variant).serialize(serializer);
        }
        let written = Written {
            os,
            architecture: arch,
            variant,
        };
        written.serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (os, arch, variant) = match deserializer.is_human_readable() {
            false => Deserialize::deserialize(deserializer)?,
            true => {
                let written = Written::deserialize(deserializer)?;
                (written.os, written.architecture, written.variant)
            }
        };
        Ok(Self { os, arch, variant })
    }
}

/// What the kernel and compilers call processors that Go, and so every engine, calls otherwise.
const OTHERS_NAMES: [&str; 5] = ["x86_64", "aarch64", "i386", "x86", "armv7l"];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no platform: write it as `linux/amd64` or `linux/arm/v7`")]
pub struct NoPlatform(pub String);

impl Platform {
    pub fn new(os: &str, arch: &str) -> Self {
        Self {
            os: os.to_owned(),
            arch: arch.to_owned(),
            variant: None,
        }
    }
    /// Linux on this machine's processor: what an engine here runs.
    pub fn host() -> Self {
        Self::new("linux", host::arch())
    }
    /// The platform of a binary that Go built; `arm` is GOARM, whose default for other machines is 7.
    pub fn of_go(os: &str, arch: &str, arm: Option<&str>) -> Self {
        let variant = (arch == "arm").then(|| {
            let arm = arm.unwrap_or("7");
            // `7,softfloat` is a GOARM too.
            format!("v{}", arm.split(',').next().unwrap_or("7"))
        });
        Self {
            variant,
            ..Self::new(os, arch)
        }
    }
    /// Whether something made for `self` is what was asked for; no variant means the usual one (v7 of arm, v8 of arm64).
    pub fn serves(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.arch == wanted.arch
            && self.usual_variant() == wanted.usual_variant()
    }
    fn usual_variant(&self) -> Option<&str> {
        match (self.arch.as_str(), self.variant.as_deref()) {
            ("arm", None) => Some("v7"),
            ("arm64", None) => Some("v8"),
            ("amd64", None) => Some("v1"),
            (_, variant) => variant,
        }
    }
}

impl FromStr for Platform {
    type Err = NoPlatform;
    fn from_str(text: &str) -> Result<Self, NoPlatform> {
        let wrong = || NoPlatform(text.to_owned());
        let mut parts = text.split('/');
        let is_name = |part: &&str| {
            let is_letter = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
            !part.is_empty() && part.bytes().all(is_letter) && !OTHERS_NAMES.contains(part)
        };
        let mut next = || parts.next().filter(is_name);
        let (os, arch) = (next().ok_or_else(wrong)?, next().ok_or_else(wrong)?);
        let variant = match text.split('/').count() {
            2 => None,
            3 => Some(next().ok_or_else(wrong)?.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self {
            variant,
            ..Self::new(os, arch)
        })
    }
}
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_written_as_they_are_read() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/arm64"] {
            assert_eq!(
                text.parse::<Platform>().map(|p| p.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/arm/v7/x",
            "linux/a b",
            "linux/x86_64",
            "Linux/amd64",
        ] {
            assert_eq!(text.parse::<Platform>(), Err(NoPlatform(text.to_owned())));
        }
    }

    #[test]
    fn variants_have_usual_values() {
        let p = |text: &str| text.parse::<Platform>().expect(text);
        assert!(p("linux/arm/v7").serves(&p("linux/arm")));
        assert!(p("linux/arm64").serves(&p("linux/arm64/v8")));
        assert!(!p("linux/arm/v6").serves(&p("linux/arm")));
        assert!(!p("linux/amd64").serves(&p("linux/arm64")));
        assert_eq!(Platform::of_go("linux", "arm", None), p("linux/arm/v7"));
        assert_eq!(
            Platform::of_go("linux", "arm", Some("6,softfloat")),
            p("linux/arm/v6")
        );
        assert_eq!(Platform::of_go("linux", "arm64", None), p("linux/arm64"));
    }
}
