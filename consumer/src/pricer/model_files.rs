//! Models in the object store, and how a file becomes a mesh with a unit.
//!
//! A store on a disk gives the file itself, which is read in pieces by the thread that welds them: a large model is then
//! never in memory as a whole, nor copied. Any other store gives all bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::{Error, GetResultPayload, ObjectStore, ObjectStoreExt};
use pricing::analysis::Unit as FileUnit;
use pricing::mesh::{Mesh, ModelError, Source};
use shared::ids::ModelId;
use shared::order::spec::Unit;
use write_api::models::path_of;
use write_api::prices;
use write_api::store::FileRefusal;

/// A model must arrive from the object store within this time.
const FETCH_DEADLINE: Duration = Duration::from_mins(1);

/// Where uploaded models are.
#[derive(Clone)]
pub(super) struct ModelFiles(Arc<dyn ObjectStore>);

impl ModelFiles {
    pub fn new(files: Arc<dyn ObjectStore>) -> Self {
        Self(files)
    }

    /// A file that can be read.
    pub async fn fetch(&self, model_id: &ModelId) -> Result<ModelFile, Error> {
        let fetched = tokio::time::timeout(FETCH_DEADLINE, self.opened(model_id)).await;
        fetched.unwrap_or_else(|_| {
            let source = format!("no answer within {} s", FETCH_DEADLINE.as_secs()).into();
            Err(Error::Generic { store: "models", source })
        })
    }

    async fn opened(&self, model_id: &ModelId) -> Result<ModelFile, Error> {
        let found = self.0.get(&path_of(model_id)).await?;
        let size = found.meta.size;
        match found.payload {
            GetResultPayload::File(file, _) => Ok(ModelFile::OnDisk { file, size }),
            GetResultPayload::Stream(_) => Ok(ModelFile::InMemory(found.bytes().await?)),
        }
    }
}

/// A model that can be read, by several threads at once.
pub(super) enum ModelFile {
    OnDisk {
        file: File,
        /// In bytes; a model never changes, it is named by its content.
        size: u64,
    },
    InMemory(Bytes),
}

impl Source for ModelFile {
    type Error = NoMesh;

    fn size(&self) -> u64 {
        match self {
            Self::OnDisk { size, .. } => *size,
            Self::InMemory(bytes) => bytes.len() as u64,
        }
    }

    fn bytes<'a>(
        &'a self,
        offset: u64,
        len: usize,
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], NoMesh> {
        match self {
            Self::OnDisk { file, .. } => {
                room.resize(len, 0);
                file.read_exact_at(room, offset)?;
                Ok(room)
            }
            Self::InMemory(bytes) => Ok(bytes[..].bytes(offset, len, room)?),
        }
    }
}

/// Why a file became no mesh.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoMesh {
    /// It is no model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// It cannot be read now.
    #[error("the model cannot be read: {0}")]
    Disk(#[from] io::Error),
}

/// The unit that was stated, or that the file states. They must not contradict each other: an inch taken for a
/// millimetre is a price 16,387 times too low.
pub(super) fn unit_of(mesh: &Mesh, stated: Unit) -> Result<FileUnit, FileRefusal> {
    let refuse = |code: &str, reason: String| FileRefusal { code: code.to_owned(), reason };
    match (prices::stated_unit(stated), mesh.unit()) {
        (Some(stated), Some(own)) if stated != own => Err(refuse(
            "unit_contradicts_file",
            format!("the file says that its unit is {own}, not {stated}"),
        )),
        (Some(unit), _) | (None, Some(unit)) => Ok(unit),
        (None, None) => Err(refuse(
            "unit_unknown",
            "the file does not say its unit: tell it with the order".to_owned(),
        )),
    }
}
