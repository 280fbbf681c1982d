//! libFuzzer's way into the target `join`. What it does is `fuzz_targets::join`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::join(data));
