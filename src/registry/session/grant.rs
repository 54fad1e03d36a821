//! The part of a session that shows the registry what it wants to be shown: it learns from a 401, looks credentials up and
//! fetches tokens.

use super::{Fault, Session, lock};
use crate::registry::address::{Origin, Scheme};
use crate::registry::auth::{Auth, Issuer, Mode, TokenAsk, asked_for};
use crate::registry::error::RegistryError;
use crate::registry::refusal::{short, words};
use crate::registry::retry::is_temporary;
use crate::registry::secret::Secret;
use crate::registry::transport::Answer;
use std::time::Instant;

/// Of a token service's answer.
const TOKEN_LIMIT: u64 = 1 << 20;

impl Session<'_> {
    /// What to show to the registry.
    pub(super) fn authorization(&self) -> Result<Option<Secret>, Fault> {
        // Held while a token is fetched: others would fetch the same one.
        let mut auth = lock(&self.known.auth);
        match auth.mode.clone() {
            Mode::Open => Ok(None),
            Mode::Basic => {
                self.look_up(&mut auth);
                Ok(auth.basic(&self.repository))
            }
            Mode::Bearer(issuer) => match auth.token(&self.scopes.join(" "), Instant::now()) {
                Some(token) => Ok(Some(token)),
                None => self.token(&mut auth, &issuer).map(Some),
            },
        }
    }
    fn look_up(&self, auth: &mut Auth) {
        auth.found(&self.repository, || {
            self.link.source.find(&self.registry, &self.repository)
        });
    }
    /// Learns from a 401; false: there is nothing better to show than what was.
    pub(super) fn learn(&self, answer: &Answer, shown: Option<&Secret>) -> bool {
        let mut auth = lock(&self.known.auth);
        let Some(mode) = asked_for(&answer.headers, &answer.uri) else {
            return false;
        };
        auth.mode = mode;
        match &auth.mode {
            Mode::Open => false,
            Mode::Basic => {
                self.look_up(&mut auth);
                let header = auth.basic(&self.repository);
                header.is_some() && header.as_ref() != shown
            }
            Mode::Bearer(_) => {
                auth.forget(&self.scopes.join(" "), shown);
                true
            }
        }
    }
    /// Fetches a token, by the credentials that there are or anonymously.
    fn token(&self, auth: &mut Auth, issuer: &Issuer) -> Result<Secret, Fault> {
        let wrong = |what: &str| Fault::Final(self.protocol(format!("the token service {what}")));
        let Some(origin) = Origin::of(&issuer.realm) else {
            return Err(wrong("has an address that is none"));
        };
        if origin.scheme == Scheme::Plain && !self.may_be_plain(&origin) {
            return Err(wrong(&format!(
                "{origin} does not speak TLS: no credentials are sent to it"
            )));
        }
        self.look_up(auth);
        let found = auth.found(&self.repository, Default::default).clone();
        let Some(request) = TokenAsk::new(issuer, &self.scopes, found.credential.as_ref()) else {
            return Err(wrong("has an address that is none"));
        };
        let mut answer = self.exchange(&request.ask(), request.authorization.as_ref(), None)?;
        let status = answer.status;
        if status != 200 {
            let said = words(&mut answer);
            let error = match status {
                401 | 403 => self.denied(auth, &said),
                _ => RegistryError::Answer {
                    registry: self.registry.clone(),
                    status,
                    what: format!("the request for a token at {origin}"),
                    reason: short(&auth.blot(&said)),
                },
            };
            return Err(match is_temporary(status) {
                true => Fault::Again { error, after: None },
                false => Fault::Final(error),
            });
        }
        let bytes = self.body(&mut answer, TOKEN_LIMIT)?;
        auth.keep(&self.scopes.join(" "), &bytes, Instant::now())
            .ok_or_else(|| wrong("gave no token"))
    }
    fn may_be_plain(&self, issuer: &Origin) -> bool {
        let own = lock(&self.known.origin).clone();
        // A registry on this machine may name a token service far away: that one is no secret of this machine.
        let is_listed =
            own.is_some_and(|own| !own.is_loopback() && self.link.transport.is_trusted_plain(&own));
        is_listed || self.link.transport.is_trusted_plain(issuer)
    }
    pub(super) fn denied(&self, auth: &Auth, said: &str) -> RegistryError {
        let mut reason = short(&auth.blot(said));
        if let Some(hint) = auth.hint(&self.repository) {
            reason = format!("{reason}; {hint}");
        }
        RegistryError::Denied {
            registry: self.registry.clone(),
            what: self.purpose.clone(),
            reason,
        }
    }
}
