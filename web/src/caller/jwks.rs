//! The keys that an identity provider publishes, fetched when needed and not more often.

use std::collections::HashMap;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::problem::Problem;

const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
const LARGEST: usize = 256 * 1024;
/// An unknown key id makes us look again; invented ones must not make us hammer the provider.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(30);
/// A key that was withdrawn is forgotten after this long at the latest, if the provider answers.
const FRESH: Duration = Duration::from_mins(10);

pub(super) struct Jwks {
    url: String,
    client: reqwest::Client,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: HashMap<String, DecodingKey>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

impl Jwks {
    pub(super) fn new(url: &str) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).build()?;
        Ok(Self { url: url.to_owned(), client, kept: RwLock::default() })
    }

    /// The key of this id; without an id the only one there is.
    pub(super) async fn key(&self, kid: Option<&str>) -> Result<DecodingKey, Problem> {
        {
            let kept = self.kept.read().await;
            if let Some(key) = kept.find(kid)
                && kept.is_fresh()
            {
                return Ok(key);
            }
        }
        // Held while fetching: callers who need the same keys wait for the one who fetches.
        let mut kept = self.kept.write().await;
        let known = kept.find(kid);
        if (known.is_none() || !kept.is_fresh()) && kept.may_try() {
            kept.tried = Some(Instant::now());
            match self.fetch().await {
                Ok(keys) => {
                    kept.keys = keys;
                    kept.fetched = kept.tried;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the identity provider's keys cannot be fetched"
                    );
                }
            }
        }
        match kept.find(kid) {
            Some(key) => Ok(key),
            None if kept.fetched.is_none() => Err(Problem::unavailable(
                "The identity provider does not answer",
                SHORTEST_INTERVAL,
            )),
            None => Err(Problem::unauthenticated("The token is refused: nobody knows its key")),
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, DecodingKey>, FetchError> {
        let mut answer = self.client.get(&self.url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let set: JwkSet = serde_json::from_slice(&body)?;
        // A set may hold kinds of keys that we do not know: the others still count.
        let keys = set.keys.iter().filter_map(|jwk| {
            let id = jwk.common.key_id.clone().unwrap_or_default();
            Some((id, DecodingKey::from_jwk(jwk).ok()?))
        });
        Ok(keys.collect())
    }
}

impl Kept {
    fn find(&self, kid: Option<&str>) -> Option<DecodingKey> {
        match kid {
            Some(kid) => self.keys.get(kid).cloned(),
            None if self.keys.len() == 1 => self.keys.values().next().cloned(),
            None => None,
        }
    }

    fn is_fresh(&self) -> bool {
        self.fetched.is_some_and(|at| at.elapsed() < FRESH)
    }

    fn may_try(&self) -> bool {
        self.tried.is_none_or(|at| at.elapsed() >= SHORTEST_INTERVAL)
    }
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the answer is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("the answer is not a JSON Web Key Set")]
    NotAKeySet(#[from] serde_json::Error),
}
