//! 3D models: streamed to the object store, never whole in memory. A file's SHA-256 is its id, so that uploading
//! it again costs nothing and changes nothing.

pub mod outside;
mod wish;

use std::sync::Arc;

use ::web::{Caller, Detached, Problem, QueryParams, Role, Scope, Violation};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use outside::{Outside, Unpriceable};
use pricing::mesh::{FacetCounter, FacetEstimate, Format, ModelError};
use pricing::tally::Tally;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::actor::Actor;
use shared::clock::Clock;
use shared::ids::{Ids, ModelId};
use shared::quote::RoughPrice;
use sqlx::PgPool;
use sqlx::types::Json;
use wish::Wish;

use crate::application::State;

/// A part of a multipart upload; S3 wants at least 5 MiB for all but the last one.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Where the bytes of a model lie.
pub fn path_of(model_id: &ModelId) -> Path {
    Path::from(format!("models/{}/{model_id}", &model_id.as_str()[..2]))
}

/// An uploaded model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UploadedModel {
    /// Name it in orders.
    pub model_id: ModelId,
    /// The file's length.
    pub bytes: u64,
    /// `stl-binary` or `stl-ascii`.
    pub format: String,
    /// How many triangles the file says it has.
    pub facets: u64,
    /// What was seen of it on the way.
    pub outside: Outside,
    /// About what it will cost, if that was asked for and can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rough: Option<RoughPrice>,
    /// Why what was asked for cannot be priced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpriceable: Option<Violation>,
    /// Whether the same file was uploaded before.
    pub already_known: bool,
}

/// Why a file was not taken. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// More bytes than are allowed.
    #[error("the file is longer than the {limit} bytes that are allowed")]
    TooLarge {
        /// How many are allowed.
        limit: u64,
    },
    /// Not a file that can be priced.
    #[error("this is not a usable model: {0}")]
    NotAModel(#[from] ModelError),
    /// The client stopped sending.
    #[error("the upload broke off: {0}")]
    BrokenOff(#[from] PayloadError),
    /// The object store is away.
    #[error("the object store is not available")]
    Store(#[from] object_store::Error),
    /// The database is away.
    #[error("the database is not available")]
    Database(#[from] sqlx::Error),
}

/// Takes models in.
#[derive(Clone)]
pub struct Models {
    store: Arc<dyn ObjectStore>,
    pool: PgPool,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    max_bytes: u64,
}

impl Models {
    /// Models in `store`, none longer than `max_bytes`.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        pool: PgPool,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        max_bytes: u64,
    ) -> Self {
        Self { store, pool, clock, ids, max_bytes }
    }

    /// The most bytes that a model may have.
    pub const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// The object store's own word on whether it can be used.
    pub async fn probe(&self) -> Result<(), object_store::Error> {
        match self.store.head(&Path::from("models/probe")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// As [`Self::receive`], of a small file that is in memory.
    pub async fn receive_whole(&self, file: Vec<u8>) -> Result<ReceivedModel, UploadError> {
        self.receive(futures_util::stream::iter([Ok(Bytes::from(file))])).await
    }

    /// Streams a file in and looks at it on the way. Nothing stays of a file that is refused.
    #[tracing::instrument(name = "model.receive", skip_all)]
    pub async fn receive(
        &self,
        body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    ) -> Result<ReceivedModel, UploadError> {
        let staging = Path::from(format!("uploads/{}", self.ids.next()));
        let mut upload = self.store.put_multipart(&staging).await?;
        match self.stream(body, &mut *upload).await {
            Ok(streamed) => {
                upload.complete().await?;
                let Streamed { model_id, bytes, estimate, outside } = streamed;
                Ok(ReceivedModel { staging, model_id, bytes, estimate, outside })
            }
            Err(error) => {
                // Best effort: what stays behind of an interrupted upload is the bucket's lifecycle rule's.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    async fn stream(
        &self,
        mut body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
        upload: &mut dyn MultipartUpload,
    ) -> Result<Streamed, UploadError> {
        let (mut hash, mut facets) = (Sha256::new(), FacetCounter::new());
        let mut tally = Tally::new();
        let (mut part, mut total) = (Vec::with_capacity(PART_BYTES), 0_u64);
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            total += chunk.len() as u64;
            if total > self.max_bytes {
                return Err(UploadError::TooLarge { limit: self.max_bytes });
            }
            hash.update(&chunk);
            facets.push(&chunk);
            tally.push(&chunk);
            part.extend_from_slice(&chunk);
            if part.len() >= PART_BYTES {
                upload.put_part(PutPayload::from(std::mem::take(&mut part))).await?;
                part.reserve(PART_BYTES);
            }
        }
        let estimate = facets.verdict(total)?;
        upload.put_part(PutPayload::from(part)).await?;
        let is_binary_stl = estimate.format == Format::StlBinary;
        let look = if is_binary_stl { tally.finish(total).ok() } else { None };
        let outside = Outside::of(&estimate, look.as_ref());
        let model_id = ModelId::from_sha256(hash.finalize().into());
        Ok(Streamed { model_id, bytes: total, estimate, outside })
    }

    /// Makes a received file known under the hash of its bytes.
    #[tracing::instrument(name = "model.keep", skip_all)]
    pub async fn keep(
        &self,
        received: ReceivedModel,
        by: &Actor,
    ) -> Result<UploadedModel, UploadError> {
        let ReceivedModel { staging, model_id, bytes, estimate, outside } = received;
        self.store.rename(&staging, &path_of(&model_id)).await?;
        let added = sqlx::query_scalar!(
            r#"INSERT INTO write.models AS m
                   (model_id, bytes, format, facets, uploaded_by, created_at, facts)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (model_id) DO UPDATE SET facts = EXCLUDED.facts WHERE m.facts IS NULL
               RETURNING (m.xmax = 0) AS "added!""#,
            model_id.as_str(),
            i64::try_from(bytes).unwrap_or(i64::MAX),
            estimate.format.as_str(),
            i64::try_from(estimate.facets).unwrap_or(i64::MAX),
            Json(by) as _,
            self.clock.now(),
            Json(outside) as _,
        )
        .fetch_optional(&self.pool)
        .await?
        .unwrap_or(false);
        Ok(UploadedModel {
            model_id,
            bytes,
            format: estimate.format.as_str().to_owned(),
            facets: estimate.facets,
            outside,
            rough: None,
            unpriceable: None,
            already_known: !added,
        })
    }
}

/// A file that has arrived and is not known yet.
#[derive(Debug)]
pub struct ReceivedModel {
    staging: Path,
    model_id: ModelId,
    bytes: u64,
    estimate: FacetEstimate,
    outside: Outside,
}

/// A file that went by.
struct Streamed {
    model_id: ModelId,
    bytes: u64,
    estimate: FacetEstimate,
    outside: Outside,
}

/// Uploads a 3D model: the body is the file. It may be sent again at no cost. With unit, material and finish in the
/// query, and rush and stones if they are wished, the answer says about what it will cost.
#[utoipa::path(
    post, path = "/v1/models",
    operation_id = "upload_model", tag = "models",
    params(Wish),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "A model: STL (binary or ASCII), OBJ, 3MF, PLY, OFF or GLB"),
    responses((status = 201, body = UploadedModel), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    request: HttpRequest,
    wish: QueryParams<Wish>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let wish = wish.0.parse()?;
    caller.require(&[Role::Seller, Role::Admin], Some(Scope::ModelsWrite))?;
    let limit = state.models.max_bytes();
    if announced_length(&request).is_some_and(|bytes| bytes > limit) {
        return Err(UploadError::TooLarge { limit }.into());
    }
    let (received, models) = (state.models.receive(payload).await?, state.models.clone());
    let mut model = detached.run(async move { models.keep(received, &caller.actor).await }).await?;
    if let Some(spec) = wish {
        match state.store.estimate(&spec(model.model_id.clone())).await?.rough {
            Ok(rough) => model.rough = rough,
            Err(unpriceable) => model.unpriceable = Some(unpriceable.into()),
        }
    }
    Ok(HttpResponse::Created().json(model))
}

impl From<Unpriceable> for Violation {
    fn from(Unpriceable { field, message }: Unpriceable) -> Self {
        Self { field: field.trim_start_matches('/').to_owned(), message }
    }
}

/// An honest client hears at once that its file is too long; a dishonest one while it streams.
fn announced_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
