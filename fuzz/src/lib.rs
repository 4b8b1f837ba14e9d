//! What every target demands of a reader: an answer or a reason, and no contradiction between the
//! upload, which only counts, and the reader.

use libfuzzer_sys::Corpus;
use pricing::mesh::{FacetCounter, Format, Mesh, SNIFF_BYTES, read, sniff};

/// Reads bytes of one format. Bytes of another are no use to its target.
pub fn of_format(bytes: &[u8], format: Format) -> Corpus {
    let head = &bytes[..bytes.len().min(SNIFF_BYTES)];
    if sniff(head, bytes.len() as u64) != Ok(format) {
        return Corpus::Reject;
    }
    let mut counter = FacetCounter::new();
    bytes.chunks(97).for_each(|chunk| counter.push(chunk));
    let estimate = counter.verdict(bytes.len() as u64);
    if let Ok(mesh) = read(bytes) {
        sound(&mesh);
        let estimate = estimate.expect("the upload lets in what is read");
        assert_eq!(estimate.format, mesh.format());
        assert!(estimate.facets > 0);
    }
    Corpus::Keep
}

/// What every mesh promises.
pub fn sound(mesh: &Mesh) {
    let vertices = mesh.vertices().len();
    assert!(!mesh.facets().is_empty());
    assert!(mesh.facets().as_flattened().iter().all(|corner| (*corner as usize) < vertices));
    assert!(mesh.vertices().as_flattened().iter().all(|coordinate| coordinate.is_finite()));
}

/// A 3MF around a model, without compression: a fuzzer does not get past a checksum by itself.
/// Bytes that are an archive already stay as they are.
pub fn package(bytes: &[u8]) -> Vec<u8> {
    if bytes.starts_with(b"PK") {
        return bytes.to_vec();
    }
    let name = b"3D/3dmodel.model";
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    common.extend(crc.sum().to_le_bytes());
    common.extend(length);
    common.extend(length);
    common.extend([name.len() as u8, 0, 0, 0]);
    let mut file = [b"PK\x03\x04", &common[..], name, bytes].concat();
    let start = u32::try_from(file.len()).unwrap_or(0).to_le_bytes();
    let directory = [b"PK\x01\x02\x14\0", &common[..], &[0; 14], name].concat();
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(start);
    file.extend([0, 0]);
    file
}

/// A GLB around JSON and numbers, parted by the first zero byte: a fuzzer seldom gets lengths
/// right. Bytes that are a GLB already stay as they are.
pub fn container(bytes: &[u8]) -> Vec<u8> {
    if bytes.starts_with(b"glTF") {
        return bytes.to_vec();
    }
    let parting = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (json, binary) = bytes.split_at(parting);
    let binary = binary.get(1..).unwrap_or_default();
    let word = |length: usize| (length as u32).to_le_bytes();
    let mut file = b"glTF\x02\0\0\0".to_vec();
    file.extend(word(28 + json.len() + binary.len()));
    file.extend(word(json.len()));
    file.extend(b"JSON");
    file.extend(json);
    file.extend(word(binary.len()));
    file.extend(b"BIN\0");
    file.extend(binary);
    file
}
