//! libFuzzer's way into the target `decode`. What it does is `fuzz_targets::decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::decode(data));
