//! People: JSON Web Tokens of the identity provider.

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use shared::actor::Actor;
use shared::ids::{OperatorId, SellerId};
use uuid::Uuid;

use super::jwks::Jwks;
use super::{AuthConfig, AuthConfigError, Caller, Recognised, Role};
use crate::body::without_place;
use crate::problem::Problem;

const SHORTEST_SECRET: usize = 32;
/// Clocks differ.
const LEEWAY_SECONDS: u64 = 30;
const LONGEST_NAME: usize = 100;

pub(super) struct Tokens {
    secret: Option<DecodingKey>,
    jwks: Option<Jwks>,
    issuer: String,
    audience: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    name: String,
    role: Role,
}

impl Tokens {
    pub(super) fn new(config: &AuthConfig) -> Result<Self, AuthConfigError> {
        let secret = config.hs256_secret.expose_secret().as_bytes();
        if secret.is_empty() && config.jwks_url.is_empty() {
            return Err(AuthConfigError::Nothing);
        }
        if !secret.is_empty() && secret.len() < SHORTEST_SECRET {
            return Err(AuthConfigError::ShortSecret);
        }
        let jwks = match config.jwks_url.as_str() {
            "" => None,
            url => Some(Jwks::new(url)?),
        };
        Ok(Self {
            secret: (!secret.is_empty()).then(|| DecodingKey::from_secret(secret)),
            jwks,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
        })
    }

    pub(super) async fn recognise(&self, token: &str) -> Recognised {
        let header = decode_header(token).map_err(|_| refused("it is not a JSON Web Token"))?;
        let (key, family) = self.key(header.alg, header.kid.as_deref()).await?;
        let claims = decode::<Claims>(token, &key, &self.validation(header.alg, family))
            .map_err(|error| refused(&why(&error)))?
            .claims;
        as_caller(claims)
    }

    /// A shared secret checks HS256 and nothing else; published keys check signatures of their own family
    /// and never a MAC: otherwise the public key would serve as a secret.
    async fn key(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
    ) -> Result<(DecodingKey, AlgorithmFamily), Problem> {
        match (algorithm, &self.secret, &self.jwks) {
            (Algorithm::HS256, Some(secret), _) => Ok((secret.clone(), AlgorithmFamily::Hmac)),
            (Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512, _, _) | (_, _, None) => {
                Err(refused("its algorithm is not accepted here"))
            }
            (_, _, Some(jwks)) => {
                let key = jwks.key(kid).await?;
                let family = key.family();
                Ok((key, family))
            }
        }
    }

    fn validation(&self, algorithm: Algorithm, family: AlgorithmFamily) -> Validation {
        let mut validation = Validation::new_for_family(family);
        validation.algorithms = vec![algorithm];
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if self.audience.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&[&self.audience]);
            required.push("aud");
        }
        if !self.issuer.is_empty() {
            validation.set_issuer(&[&self.issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

fn as_caller(claims: Claims) -> Recognised {
    let Claims { sub, name, role } = claims;
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(refused("its claim `name` must have 1 to 100 characters"));
    }
    let actor = match role {
        Role::Operator => Actor::Operator { operator_id: OperatorId::new(sub), name },
        Role::Seller => Actor::Seller { seller_id: SellerId::new(sub), name },
        Role::Admin => Actor::Admin { admin_id: sub, name },
    };
    Ok(Caller { actor, scopes: std::collections::BTreeSet::new() })
}

fn why(error: &jsonwebtoken::errors::Error) -> String {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => "it has expired".to_owned(),
        ErrorKind::ImmatureSignature => "it is not valid yet".to_owned(),
        ErrorKind::InvalidSignature => "its signature is not valid".to_owned(),
        ErrorKind::InvalidIssuer => "it was issued by somebody else".to_owned(),
        ErrorKind::InvalidAudience => "it is meant for somebody else".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("it has no claim `{claim}`"),
        ErrorKind::Json(error) => {
            format!("its claims do not fit: {}", without_place(&error.to_string()))
        }
        _ => "it cannot be checked".to_owned(),
    }
}

fn refused(why: &str) -> Problem {
    Problem::unauthenticated(format!("The token is refused: {why}"))
}
