//! Hides secret values in a stream of bytes. Knows nothing of where the bytes come from or go to.

/// What is shorter than this is not hidden.
const SHORTEST: usize = 4;
const STARS: &[u8] = b"***";

/// Replaces every secret by `***`, also where one is split over chunks. Secrets that overlap in the text are hidden
/// together.
///
/// A secret of several lines is also hidden line by line, since programs indent, wrap and prefix what they print. A secret
/// or line shorter than four bytes is not hidden: it would match everywhere, and the stars would tell more than they hide.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// Longest first.
    secrets: Vec<Vec<u8>>,
    /// The end of what was pushed: it may be the beginning of a secret. Always shorter than the longest one.
    held: Vec<u8>,
    /// How many bytes at the front of `held` belong to a secret that already got its stars.
    covered: usize,
}

impl Mask {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            all.push(secret.to_vec());
            all.extend(secret.split(|byte| *byte == b'\n').map(|line| line.trim_ascii().to_vec()));
        }
        all.retain(|secret| secret.len() >= SHORTEST);
        all.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self { secrets: all, ..Self::default() }
    }
    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
    /// Takes a chunk and appends to `out` what is safe to show. Holds back less than the longest secret.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.is_empty() {
            out.extend_from_slice(chunk);
            return;
        }
        self.held.extend_from_slice(chunk);
        let mut at = 0;
        while at < self.held.len() && !self.may_begin_at(at) {
            self.pass(at, out);
            at += 1;
        }
        self.held.drain(..at);
    }
    /// Appends what was held back. The mask can then be used for another stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        for at in 0..self.held.len() {
            self.pass(at, out);
        }
        self.held.clear();
        self.covered = 0;
    }
    /// A whole text at once.
    pub fn apply(&self, text: &[u8]) -> Vec<u8> {
        let mut mask = Self { secrets: self.secrets.clone(), ..Self::default() };
        let mut out = Vec::with_capacity(text.len());
        mask.push(text, &mut out);
        mask.finish(&mut out);
        out
    }
    /// Whether a secret begins there that the bytes so far leave unfinished.
    fn may_begin_at(&self, at: usize) -> bool {
        let rest = &self.held[at..];
        self.secrets.iter().any(|secret| secret.len() > rest.len() && secret.starts_with(rest))
    }
    /// Shows or hides one byte.
    fn pass(&mut self, at: usize, out: &mut Vec<u8>) {
        let rest = &self.held[at..];
        if let Some(secret) = self.secrets.iter().find(|secret| rest.starts_with(secret)) {
            if self.covered == 0 {
                out.extend_from_slice(STARS);
            }
            self.covered = self.covered.max(secret.len());
        }
        if self.covered > 0 {
            self.covered -= 1;
        } else {
            out.push(self.held[at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(secrets: &[&str], chunks: &[&str]) -> String {
        let mut mask = Mask::new(secrets.iter().map(|secret| secret.as_bytes()));
        let mut out = Vec::new();
        for chunk in chunks {
            mask.push(chunk.as_bytes(), &mut out);
        }
        mask.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_is_hidden_even_when_it_is_split() {
        assert_eq!(masked(&["hunter2"], &["a hunter2 b"]), "a *** b");
        assert_eq!(masked(&["hunter2"], &["a hun", "te", "r2 b hunt"]), "a *** b hunt");
        assert_eq!(masked(&["hunter2"], &["hunhunter2hunter", "2"]), "hun******");
    }

    #[test]
    fn the_beginning_of_a_secret_is_held_back_and_no_more() {
        let mut mask = Mask::new([b"hunter2".as_slice()]);
        let mut out = Vec::new();
        mask.push(b"prompt> hunt", &mut out);
        assert_eq!(out, b"prompt> ");
        mask.push(b"ing", &mut out);
        assert_eq!(out, b"prompt> hunting");
    }

    #[test]
    fn overlapping_and_nested_secrets_leave_no_rest() {
        assert_eq!(masked(&["abcd", "cdef"], &["x abcdef y"]), "x *** y");
        assert_eq!(masked(&["abcd", "cdef"], &["x abcd", "ef y"]), "x *** y");
        assert_eq!(masked(&["token", "token-long"], &["token token-long token-lo"]), "*** *** ***-lo");
        assert_eq!(masked(&["aaaa"], &["aaa", "aaaa", "b"]), "***b");
    }

    #[test]
    fn lines_of_a_secret_are_hidden_and_short_ones_are_not() {
        let key = "BEGIN KEY\n  c2VjcmV0\r\n}\nEND KEY\n";
        assert_eq!(masked(&[key], &["log: c2VjcmV0 }", " END KEY"]), "log: *** } ***");
        assert_eq!(masked(&[key], &[key]), "***");
        assert_eq!(masked(&["", "abc"], &["abc"]), "abc");
        assert!(Mask::new([b"".as_slice(), b"abc"]).is_empty());
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in "[abc]{0,60}", secrets in prop::collection::vec("[abc]{0,7}", 0..4), cuts in prop::collection::vec(0usize..60, 0..6)) {
            let mask = Mask::new(secrets.iter().map(|secret| secret.as_bytes()));
            let (mut streamed, mut out, mut from) = (mask.clone(), Vec::new(), 0);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            for cut in cuts.into_iter().chain([text.len()]) {
                streamed.push(&text.as_bytes()[from..cut], &mut out);
                from = cut;
            }
            streamed.finish(&mut out);
            prop_assert_eq!(&out, &mask.apply(text.as_bytes()));
            for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
                prop_assert!(!String::from_utf8_lossy(&out).contains(secret.as_str()));
            }
        }
    }
}
