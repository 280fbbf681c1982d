//! libFuzzer's way into the target `engine`. What it does is `fuzz_targets::engine`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::engine(data));
