#![no_main]

use fuzz::of_format;
use libfuzzer_sys::{Corpus, fuzz_target};
use pricing::mesh::Format;

fuzz_target!(|bytes: &[u8]| -> Corpus { of_format(bytes, Format::StlAscii) });
