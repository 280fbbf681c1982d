//! libFuzzer's way into the target `headers`. What it does is `fuzz_targets::headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::headers(data));
