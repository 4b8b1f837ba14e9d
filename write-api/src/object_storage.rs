//! The object store behind a URL: a folder for one machine, S3 for many.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;

/// Why the object store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ObjectStorageError {
    /// Neither a folder nor a bucket.
    #[error("`models.url` must begin with file:/// or s3://, not {0}")]
    UnknownScheme(String),
    /// The folder cannot be made.
    #[error("the folder of `models.url` cannot be made")]
    Folder(#[from] std::io::Error),
    /// The store refuses its configuration.
    #[error("the object store of `models.url` cannot be used")]
    Store(#[from] object_store::Error),
}

/// Opens the store that `url` names.
pub fn open(url: &str) -> Result<Arc<dyn ObjectStore>, ObjectStorageError> {
    if let Some(folder) = url.strip_prefix("file://") {
        std::fs::create_dir_all(folder)?;
        return Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?));
    }
    let Some(place) = url.strip_prefix("s3://") else {
        return Err(ObjectStorageError::UnknownScheme(url.to_owned()));
    };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}
