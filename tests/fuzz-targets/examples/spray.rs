//! temp
use std::panic;
fn main() {
    let name = std::env::args().nth(1).unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let from: u64 = std::env::args().nth(3).map_or(0, |t| t.parse().unwrap());
    let body = fuzz_targets::TARGETS.iter().find(|(t, _)| *t == name).unwrap().1;
    let start = std::time::Instant::now();
    let mut fails = 0;
    for seed in from..from+n {
        let mut x = seed.wrapping_mul(0x9E3779B97F4A7C15) | 1;
        let mut data = Vec::new();
        let mut next = || { x ^= x << 13; x ^= x >> 7; x ^= x << 17; x };
        let len = next() % 400;
        for _ in 0..len { data.push((next() >> 32) as u8); }
        if panic::catch_unwind(|| body(&data)).is_err() { eprintln!("SEED {seed}"); fails += 1; if fails > 3 { break } }
    }
    eprintln!("{:?} for {n}", start.elapsed());
}
