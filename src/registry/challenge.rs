//! What a registry asks for when it answers 401: the header `WWW-Authenticate` (RFC 9110, section 11.6.1). Knows the text
//! only, nothing of credentials.

/// One challenge: a scheme and its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    /// Lower case: `basic`, `bearer`.
    pub scheme: String,
    /// Names in lower case, in the order of the header.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads one header. Several challenges may stand in it, separated by the same commas as their parameters: a word that no
/// `=` follows begins a challenge. What cannot be read is left out.
pub fn challenges(header: &str) -> Vec<Challenge> {
    let mut reader = Reader { rest: header };
    let mut out: Vec<Challenge> = Vec::new();
    loop {
        reader.skip(|c| c == ',' || c.is_whitespace());
        if reader.rest.is_empty() {
            return out;
        }
        let word = reader.token();
        if word.is_empty() {
            reader.skip_one();
            continue;
        }
        match (reader.value(), out.last_mut()) {
            (Some(value), Some(challenge)) => challenge
                .parameters
                .push((word.to_ascii_lowercase(), value)),
            (Some(_), None) => {}
            (None, _) => out.push(Challenge {
                scheme: word.to_ascii_lowercase(),
                parameters: Vec::new(),
            }),
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(what);
    }
    fn skip_one(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }
    /// A token of RFC 9110, section 5.6.2; `/` and `+` as well, which a token68 may hold.
    fn token(&mut self) -> String {
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c));
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }
    /// `= value` or `= "value"`; nothing is taken if no `=` follows.
    fn value(&mut self) -> Option<String> {
        let after = self.rest.trim_start().strip_prefix('=')?.trim_start();
        let Some(quoted) = after.strip_prefix('"') else {
            self.rest = after;
            return Some(self.token());
        };
        let mut value = String::new();
        let mut chars = quoted.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => value.extend(chars.next()),
                other => value.push(other),
            }
        }
        self.rest = chars.as_str();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scheme(name=value; …)` for each challenge.
    fn read(header: &str) -> String {
        let show = |challenge: &Challenge| {
            let parameters: Vec<String> = challenge
                .parameters
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("{}({})", challenge.scheme, parameters.join("; "))
        };
        let all: Vec<String> = challenges(header).iter().map(show).collect();
        all.join(" ")
    }

    #[test]
    fn a_comma_in_quotes_separates_nothing() {
        assert_eq!(
            read(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#
            ),
            "bearer(realm=https://auth.docker.io/token; service=registry.docker.io; scope=repository:a/b:pull,push)"
        );
    }

    #[test]
    fn several_challenges_stand_in_one_header() {
        assert_eq!(
            read(r#"Basic realm="a \"b\", c" , BEARER Realm = x,error=y, Negotiate"#),
            r#"basic(realm=a "b", c) bearer(realm=x; error=y) negotiate()"#
        );
    }

    #[test]
    fn nonsense_is_left_out_and_ends() {
        for text in [
            "",
            ",,, ,",
            "=",
            "a=b",
            "\"",
            "Basic realm=\"",
            "Basic realm=\"a\\",
            "é = ü, \u{0}",
            "Basic =,=,=",
        ] {
            for challenge in challenges(text) {
                assert!(!challenge.scheme.is_empty(), "{text}");
            }
        }
        assert_eq!(read("Basic realm=\"open"), "basic(realm=open)");
    }
}
