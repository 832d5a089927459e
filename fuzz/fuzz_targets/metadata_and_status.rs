#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::metadata_and_status::run(data));
