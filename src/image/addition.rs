//! What images without a base lack, by name. The data are part of gomake, so that they are the same on any machine.

use crate::image::layer::Entry;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Addition {
    /// Mozilla's root certificates at `/etc/ssl/certs/ca-certificates.crt`, where Go and OpenSSL look.
    CaCertificates,
    /// The time zone database below `/usr/share/zoneinfo`.
    Tzdata,
    /// `/etc/passwd` and `/etc/group` with `root` and `nonroot` (65532).
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
        todo!("image: additions")
    }
    pub fn entries(self) -> Vec<Entry> {
        todo!("image: additions")
    }
}
