//! Passwords and tokens, kept out of every message. Knows nothing of who wants them.

use std::fmt;

/// A text that nobody may see: neither `Debug` nor an error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text itself: for headers and forms that go to whom it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
    /// Blots the secret out of a text that came from elsewhere: a registry may repeat what it was sent.
    pub fn blot(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(
            secret.blot("you sent hunter2, hunter2"),
            "you sent ***, ***"
        );
        assert_eq!(Secret::new("").blot("as it is"), "as it is");
    }
}
