//! What a registry wants to be shown, and tokens for it (distribution's token specification, and its OAuth 2 variant).
//! Knows what was asked for and found; requests are sent by the session.

use crate::base::hash::HashMap;
use crate::registry::address::{form, with_query};
use crate::registry::challenge::challenges;
use crate::registry::credential::{Credential, Found, basic};
use crate::registry::secret::Secret;
use crate::registry::transport::Ask;
use serde::Deserialize;
use std::time::{Duration, Instant};
use ureq::http::header::{CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use ureq::http::{Method, Uri};

const CLIENT: &str = "gomake";
/// A token is renewed when it has less than this, or a quarter of its life, before it.
const MARGIN: Duration = Duration::from_secs(10);
/// "If omitted, this defaults to 60 seconds" (token specification, "expires_in").
const USUAL_LIFE: u64 = 60;

/// What a registry asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing so far.
    #[default]
    Open,
    Basic,
    Bearer(Issuer),
}

/// Who gives tokens for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    pub realm: Uri,
    pub service: Option<String>,
}

#[derive(Debug, Clone)]
struct Token {
    /// `Bearer …`.
    header: Secret,
    until: Instant,
}

/// What is known of one registry.
#[derive(Debug, Default)]
pub struct Auth {
    pub mode: Mode,
    /// By repository, because podman's entries are.
    found: HashMap<String, Found>,
    /// By scope.
    tokens: HashMap<String, Token>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    /// OAuth 2's name for the same.
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Auth {
    /// What the configuration has for a repository, looked up once: a helper takes its time.
    pub fn found(&mut self, repository: &str, look: impl FnOnce() -> Found) -> &Found {
        self.found.entry(repository.to_owned()).or_insert_with(look)
    }
    /// The header for a registry that wants Basic; None without a password.
    pub fn basic(&self, repository: &str) -> Option<Secret> {
        match &self.found.get(repository)?.credential {
            Some(Credential::Password { user, password }) => Some(basic(user, password)),
            _ => None,
        }
    }
    pub fn token(&self, scope: &str, now: Instant) -> Option<Secret> {
        let token = self.tokens.get(scope)?;
        (now < token.until).then(|| token.header.clone())
    }
    /// Forgets a token that the registry refused, unless another thread has renewed it meanwhile.
    pub fn forget(&mut self, scope: &str, refused: Option<&Secret>) {
        if self.tokens.get(scope).map(|token| &token.header) == refused {
            self.tokens.remove(scope);
        }
    }
    /// Keeps the token of an issuer's answer; None: there is none in it.
    pub fn keep(&mut self, scope: &str, answer: &[u8], now: Instant) -> Option<Secret> {
        let answer: TokenAnswer = serde_json::from_slice(answer).ok()?;
        let text = answer.token.or(answer.access_token)?;
        // What is no header would not be sent; controls in it would be another header.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let life = answer
            .expires_in
            .filter(|life| *life > 0)
            .unwrap_or(USUAL_LIFE);
        let life = Duration::from_secs(life.min(86_400));
        let header = Secret::new(format!("Bearer {text}"));
        let token = Token {
            header: header.clone(),
            until: now + life - MARGIN.min(life / 4),
        };
        self.tokens.insert(scope.to_owned(), token);
        Some(header)
    }
    /// What may help somebody who was refused.
    pub fn hint(&self, repository: &str) -> Option<String> {
        let found = self.found.get(repository)?;
        match (&found.credential, &found.note) {
            (Some(_), _) => None,
            (None, Some(note)) => Some(note.clone()),
            (None, None) => Some("there are no credentials for it (`docker login`)".to_owned()),
        }
    }
    /// Blots everything secret out of what a registry said: it may repeat what it was sent.
    pub fn blot(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for token in self.tokens.values() {
            text = token.header.blot(&text);
            if let Some((_, bare)) = token.header.reveal().split_once(' ') {
                text = Secret::new(bare).blot(&text);
            }
        }
        for found in self.found.values() {
            match &found.credential {
                Some(Credential::Password { user, password }) => {
                    let header = basic(user, password);
                    if let Some((_, bare)) = header.reveal().split_once(' ') {
                        text = Secret::new(bare).blot(&text);
                    }
                    text = password.blot(&text);
                }
                Some(Credential::Identity(token)) => text = token.blot(&text),
                None => {}
            }
        }
        text
    }
}

/// What a 401 asks for; tokens rather than passwords where it leaves the choice.
pub fn asked_for(headers: &HeaderMap, base: &Uri) -> Option<Mode> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter();
    let all: Vec<_> = texts
        .filter_map(|value| value.to_str().ok())
        .flat_map(challenges)
        .collect();
    let of = |scheme: &'static str| all.iter().filter(move |c| c.scheme == scheme);
    let issuer = |realm: &str| crate::registry::address::resolve(base, realm);
    let bearer = of("bearer").find_map(|challenge| {
        Some(Mode::Bearer(Issuer {
            realm: issuer(challenge.parameter("realm")?)?,
            service: challenge.parameter("service").map(str::to_owned),
        }))
    });
    bearer.or_else(|| of("basic").next().map(|_| Mode::Basic))
}

/// A request for a token, and the header to send with it. An identity token goes by OAuth 2's POST, everything else by GET;
/// without a credential the token is anonymous.
pub struct TokenAsk {
    uri: Uri,
    form: Option<String>,
    pub authorization: Option<Secret>,
}

impl TokenAsk {
    /// None: the realm cannot take parameters.
    pub fn new(
        issuer: &Issuer,
        scopes: &[String],
        credential: Option<&Credential>,
    ) -> Option<Self> {
        let service = issuer.service.iter().map(|name| ("service", name.as_str()));
        if let Some(Credential::Identity(token)) = credential {
            let scope = scopes.join(" ");
            let mut pairs = vec![
                ("grant_type", "refresh_token"),
                ("client_id", CLIENT),
                ("scope", &scope),
                ("refresh_token", token.reveal()),
            ];
            pairs.extend(service);
            return Some(Self {
                uri: issuer.realm.clone(),
                form: Some(form(&pairs)),
                authorization: None,
            });
        }
        let mut pairs: Vec<(&str, &str)> = service.collect();
        pairs.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
        pairs.push(("client_id", CLIENT));
        let mut authorization = None;
        if let Some(Credential::Password { user, password }) = credential {
            pairs.push(("account", user));
            authorization = Some(basic(user, password));
        }
        Some(Self {
            uri: with_query(&issuer.realm, &pairs)?,
            form: None,
            authorization,
        })
    }
    pub fn ask(&self) -> Ask<'_> {
        match &self.form {
            None => Ask::new(Method::GET, self.uri.clone()),
            Some(form) => Ask::new(Method::POST, self.uri.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    fn asked(texts: &[&'static str]) -> Option<Mode> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(text));
        }
        asked_for(&headers, &"https://reg.example/v2/".parse().unwrap())
    }

    #[test]
    fn tokens_are_taken_where_there_is_a_choice() {
        let issuer = |realm: &str| {
            Some(Mode::Bearer(Issuer {
                realm: realm.parse().unwrap(),
                service: None,
            }))
        };
        let bearer = r#"Bearer realm="https://auth.example/t""#;
        assert_eq!(asked(&["Basic realm=\"x\""]), Some(Mode::Basic));
        assert_eq!(
            asked(&["Basic realm=\"x\"", bearer]),
            issuer("https://auth.example/t")
        );
        assert_eq!(
            asked(&["Bearer realm=\"/token\""]),
            issuer("https://reg.example/token")
        );
        assert_eq!(asked(&["Bearer service=\"x\""]), None);
        assert_eq!(asked(&["Negotiate"]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn tokens_live_as_long_as_they_say() {
        let now = Instant::now();
        let mut auth = Auth::default();
        let kept = |auth: &mut Auth, json: &str| auth.keep("s", json.as_bytes(), now).is_some();
        let lives = |auth: &Auth, seconds| {
            auth.token("s", now + Duration::from_secs(seconds))
                .is_some()
        };
        assert!(kept(&mut auth, r#"{"token": "abc", "expires_in": 300}"#));
        assert!(lives(&auth, 289) && !lives(&auth, 290));
        assert!(kept(&mut auth, r#"{"access_token": "abc"}"#));
        assert!(lives(&auth, 49) && !lives(&auth, 50));
        assert!(kept(&mut auth, r#"{"token": "abc", "expires_in": 4}"#));
        assert!(lives(&auth, 2) && !lives(&auth, 3));
        for nothing in ["", "{}", r#"{"token": ""}"#, r#"{"token": "a\r\nX: y"}"#] {
            assert!(!kept(&mut auth, nothing), "{nothing}");
        }
        assert!(kept(
            &mut auth,
            r#"{"token": "abc", "expires_in": 18446744073709551615}"#
        ));
    }

    #[test]
    fn only_the_token_that_was_refused_is_forgotten() {
        let now = Instant::now();
        let mut auth = Auth::default();
        let old = auth.keep("s", br#"{"token": "old"}"#, now);
        let new = auth.keep("s", br#"{"token": "new"}"#, now);
        auth.forget("s", old.as_ref());
        assert_eq!(auth.token("s", now), new);
        auth.forget("s", new.as_ref());
        assert_eq!(auth.token("s", now), None);
    }
}
