#![no_main]

use fuzz::{container, of_format};
use libfuzzer_sys::{Corpus, fuzz_target};
use pricing::mesh::Format;

fuzz_target!(|bytes: &[u8]| -> Corpus { of_format(&container(bytes), Format::Glb) });
