//! Models in the object store, and how a file becomes a mesh with a unit.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use pricing::analysis::Unit as FileUnit;
use pricing::mesh::{Mesh, read};
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

    /// The whole file.
    pub async fn fetch(&self, model_id: &ModelId) -> Result<Bytes, Error> {
        let path = path_of(model_id);
        let fetched =
            tokio::time::timeout(FETCH_DEADLINE, async { self.0.get(&path).await?.bytes().await });
        fetched.await.unwrap_or_else(|_| {
            let source = format!("no answer within {} s", FETCH_DEADLINE.as_secs()).into();
            Err(Error::Generic { store: "models", source })
        })
    }
}

/// Reads a file, or tells why it cannot be read.
pub(super) fn mesh_of(file: &[u8]) -> Result<Mesh, FileRefusal> {
    read(file)
        .map_err(|error| FileRefusal { code: error.code().to_owned(), reason: error.to_string() })
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
