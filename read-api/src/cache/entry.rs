//! A body that is ready to send, and how it is kept in Redis.

use std::io::{Read, Write};
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::position::Position;

use crate::openapi;
use crate::replicas::Head;

/// What bodies look like, taken from the API's own document: whoever adds a field there also gives every body another
/// name, and an instance of yesterday is not given the bodies of today, nor the other way round.
static BODY_FORMAT: LazyLock<String> = LazyLock::new(|| {
    let document = openapi::document().to_json().unwrap_or_default();
    hex::encode(&Sha256::digest(document)[..4])
});

const DIGEST_BYTES: usize = 32;
/// A copy that is longer is no body of ours.
const LONGEST_BODY: u64 = 16 * 1024 * 1024;

/// The name of an immutable body: which question, in which life of the log, at which version of its view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Who asks what: scope, view, filter.
    pub question: String,
    /// Which life of the log.
    pub epoch: u32,
    /// Of the view.
    pub version: u64,
}

impl Key {
    /// As the key in Redis, after the prefix.
    pub fn to_text(&self) -> String {
        format!("{}:{}:{}:{}", *BODY_FORMAT, self.epoch, self.version, self.question)
    }

    /// The part of the ETag that names the content; another instance gives it the same name.
    pub fn content_tag(&self) -> String {
        let digest =
            Sha256::new().chain_update(&*BODY_FORMAT).chain_update(&self.question).finalize();
        format!("{}-{}-{}", self.epoch, self.version, hex::encode(&digest[..6]))
    }
}

/// A body and what is known of it. Never changed once made.
#[derive(Debug)]
pub struct Entry {
    /// Of the snapshot that the body was made from.
    pub head: Head,
    /// The strong ETag of the plain body, without quotes: the content's tag and a digest of these very bytes,
    /// because two instances may write the same content at different positions.
    pub etag: String,
    /// As it is.
    pub plain: Bytes,
    /// Compressed, where that is worth it.
    pub gzip: Option<Bytes>,
}

/// What stands before the body in Redis.
#[derive(Debug, Serialize, Deserialize)]
struct Preface {
    position: Position,
    as_of: chrono::DateTime<chrono::Utc>,
    version: u64,
}

/// Something in Redis that none of us can have put there under this name.
#[derive(Debug, thiserror::Error)]
#[error("a value in Redis is damaged")]
pub struct Damaged;

impl Entry {
    /// Compresses and names a body.
    pub fn new(content_tag: &str, head: Head, plain: Vec<u8>) -> Self {
        let gzip = compressed(&plain);
        Self::assembled(content_tag, head, plain.into(), gzip)
    }

    fn assembled(content_tag: &str, head: Head, plain: Bytes, gzip: Option<Bytes>) -> Self {
        let digest = Sha256::digest(&plain);
        let etag = format!("{content_tag}-{}", hex::encode(&digest[..6]));
        Self { head, etag, plain, gzip }
    }

    /// What it takes in memory, roughly.
    pub fn weight(&self) -> u32 {
        let bytes = self.plain.len() + self.gzip.as_ref().map_or(0, Bytes::len) + 512;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// As a value for Redis: a digest over everything (the key as well, so that a value under a wrong name is
    /// found out), the preface, the body.
    pub fn to_value(&self, key: &Key) -> Vec<u8> {
        let Head { position, as_of, version } = self.head;
        let preface = serde_json::to_vec(&Preface { position, as_of, version }).unwrap_or_default();
        let (kind, body) = match &self.gzip {
            Some(gzip) => (b'g', gzip),
            None => (b'p', &self.plain),
        };
        let mut value = vec![0; DIGEST_BYTES];
        value.push(kind);
        value.extend_from_slice(&u32::try_from(preface.len()).unwrap_or(0).to_be_bytes());
        value.extend_from_slice(&preface);
        value.extend_from_slice(body);
        let digest = digest(key, &value[DIGEST_BYTES..]);
        value[..DIGEST_BYTES].copy_from_slice(&digest);
        value
    }

    /// From a value in Redis.
    pub fn from_value(key: &Key, value: Vec<u8>) -> Result<Self, Damaged> {
        let value = Bytes::from(value);
        if value.len() < DIGEST_BYTES + 5
            || value[..DIGEST_BYTES] != digest(key, &value[DIGEST_BYTES..])
        {
            return Err(Damaged);
        }
        let rest = value.slice(DIGEST_BYTES..);
        let preface_len = u32::from_be_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
        let end =
            5_usize.checked_add(preface_len).filter(|end| *end <= rest.len()).ok_or(Damaged)?;
        let Preface { position, as_of, version } =
            serde_json::from_slice(&rest[5..end]).map_err(|_| Damaged)?;
        let head = Head { position, as_of, version };
        let body = rest.slice(end..);
        let (plain, gzip) = match rest[0] {
            b'g' => (decompressed(&body)?, Some(body)),
            b'p' => (body, None),
            _ => return Err(Damaged),
        };
        Ok(Self::assembled(&key.content_tag(), head, plain, gzip))
    }
}

fn digest(key: &Key, rest: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::new().chain_update(key.to_text()).chain_update([0]).chain_update(rest).finalize().into()
}

/// `None` when it would save next to nothing.
fn compressed(plain: &[u8]) -> Option<Bytes> {
    if plain.len() < 1_024 {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(5));
    // Writing to memory cannot fail; if it did, the plain body is as good.
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn decompressed(gzip: &[u8]) -> Result<Bytes, Damaged> {
    let mut plain = Vec::with_capacity(gzip.len() * 4);
    let mut decoder = GzDecoder::new(gzip).take(LONGEST_BODY + 1);
    decoder.read_to_end(&mut plain).map_err(|_| Damaged)?;
    if plain.len() as u64 > LONGEST_BODY { Err(Damaged) } else { Ok(plain.into()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Key {
        Key { question: "all|status:SUBMITTED|newest".to_owned(), epoch: 1, version: 7 }
    }

    fn entry(body: &str) -> Entry {
        let position = Position { epoch: 1, position: 9 };
        let as_of = chrono::DateTime::UNIX_EPOCH;
        let head = Head { position, as_of, version: 7 };
        Entry::new(&key().content_tag(), head, body.as_bytes().to_vec())
    }

    #[test]
    fn a_body_comes_back_as_it_went() {
        for body in ["short".to_owned(), "long ".repeat(1_000)] {
            let entry = entry(&body);
            let back = Entry::from_value(&key(), entry.to_value(&key())).unwrap();
            assert_eq!((back.plain, back.gzip), (entry.plain, entry.gzip));
            assert_eq!((back.head, back.etag), (entry.head, entry.etag));
        }
    }

    #[test]
    fn short_bodies_are_not_compressed_and_an_entry_weighs_both_forms() {
        let short = entry(&"x".repeat(1_023));
        assert_eq!((short.gzip.as_ref(), short.weight()), (None, 1_023 + 512));
        let long = entry(&"x".repeat(1_024));
        let gzip = long.gzip.as_ref().map(Bytes::len).unwrap();
        assert!(gzip < 100, "{gzip}");
        assert_eq!(long.weight() as usize, 1_024 + gzip + 512);
    }

    #[test]
    fn a_body_that_is_too_long_is_refused_and_not_cut_short() {
        let longest = entry(&"x".repeat(16 * 1_048_576));
        let back = Entry::from_value(&key(), longest.to_value(&key())).unwrap();
        assert_eq!(back.etag, longest.etag);
        let longer = entry(&"x".repeat(16 * 1_048_576 + 1));
        assert!(Entry::from_value(&key(), longer.to_value(&key())).is_err());
    }

    #[test]
    fn a_value_that_ends_too_early_is_refused() {
        let value = entry("body").to_value(&key());
        for length in 0..value.len() {
            assert!(Entry::from_value(&key(), value[..length].to_vec()).is_err(), "{length}");
        }
    }

    #[test]
    fn a_value_under_a_wrong_name_is_found_out() {
        let other = Key { version: 8, ..key() };
        assert!(Entry::from_value(&other, entry("body").to_value(&key())).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_value_is_found_out(at in 0..200_usize, bit in 0..8_u8) {
            let mut value = entry(&"long ".repeat(1_000)).to_value(&key());
            let at = at % value.len();
            value[at] ^= 1 << bit;
            prop_assert!(Entry::from_value(&key(), value).is_err());
        }

        #[test]
        fn garbage_is_refused(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Entry::from_value(&key(), value).is_err());
        }
    }
}
