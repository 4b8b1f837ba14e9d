//! Which part of the package holds the model.

use super::archive::Archive;
use super::inflate::Allowance;
use super::xml::{self, Step};
use crate::mesh::{ModelError, Place};

const RELATIONS: &str = "_rels/.rels";
/// Where almost every package has it.
const USUAL: &str = "3D/3dmodel.model";
/// What the relation to the model calls itself.
const MODEL: &[u8] = b"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel";

/// The name of the part with the model, without the `/` that stands for the package.
pub(super) fn model_part(
    archive: &Archive<'_>,
    allowance: &mut Allowance,
) -> Result<String, ModelError> {
    let named = match archive.find(RELATIONS) {
        Some(entry) => {
            let mut relations = Relations::default();
            let bytes = xml::read(archive.inflate(entry, allowance)?, &mut relations)?;
            allowance.spent(bytes);
            relations.target
        }
        None => None,
    };
    match named {
        Some(name) => Ok(name),
        None if archive.find(USUAL).is_some() => Ok(USUAL.to_owned()),
        None => Err(ModelError::NotAModel { reason: "it is a ZIP archive without a 3MF model" }),
    }
}

/// What the relations say.
#[derive(Default)]
struct Relations {
    /// The name of the first part that is a model.
    target: Option<String>,
}

impl xml::Reader for Relations {
    fn take(&mut self, step: &Step<'_>) -> Result<(), ModelError> {
        let (Step::Open(tag) | Step::Whole(tag)) = step else { return Ok(()) };
        if tag.name != b"Relationship" || self.target.is_some() {
            return Ok(());
        }
        let (mut is_model, mut target) = (false, None);
        for (name, value) in tag.attributes().flatten() {
            match name {
                b"Type" => is_model = value == MODEL,
                b"Target" => target = Some(value),
                _ => {}
            }
        }
        if let Some(target) = target.filter(|_| is_model) {
            self.target = Some(part_name(target)?);
        }
        Ok(())
    }
}

/// The entry that a part name stands for. Part names start with `/`; some writers forget it.
pub(super) fn part_name(path: &[u8]) -> Result<String, ModelError> {
    let inside = path.strip_prefix(b"/").unwrap_or(path);
    std::str::from_utf8(inside)
        .ok()
        .filter(|name| !name.contains(['\\', ':', '&', '%', '?', '#']))
        .filter(|name| name.split('/').all(|step| !matches!(step, "" | "." | "..")))
        .map(str::to_owned)
        .ok_or_else(|| {
            let shown = String::from_utf8_lossy(&path[..path.len().min(64)]);
            let what = format!("\"{shown}\" is not the name of a part inside the package");
            // Whoever calls the parser knows the place.
            ModelError::Broken { place: Place::File, what }
        })
}
