//! temp
use std::panic;
fn main() {
    let name = std::env::args().nth(1).unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let body = fuzz_targets::TARGETS.iter().find(|(t, _)| *t == name).unwrap().1;
    let mut seeds: Vec<Vec<u8>> = std::fs::read_dir(format!("fuzz/corpus/{name}")).unwrap().map(|e| std::fs::read(e.unwrap().path()).unwrap()).collect();
    seeds.sort();
    for s in &seeds { body(s); }
    let mut fails = 0;
    for seed in 0..n {
        let mut x = seed.wrapping_mul(0x9E3779B97F4A7C15) | 1;
        let mut next = || { x ^= x << 13; x ^= x >> 7; x ^= x << 17; x >> 11 };
        for _ in 0..20 { next(); }
        let mut d = seeds[next() as usize % seeds.len()].clone();
        for _ in 0..1 + next() % 4 {
            let at = 1 + next() as usize % (d.len() - 1);
            match next() % 4 {
                0 => d[at] = b"0123456789,[]{}\":-abn"[next() as usize % 21],
                1 => { let digits: Vec<usize> = (1..d.len()).filter(|i| d[*i].is_ascii_digit()).collect(); if !digits.is_empty() { let i = digits[next() as usize % digits.len()]; d[i] = b'0' + (next() % 10) as u8; } }
                2 => { let len = (next() as usize % 12).min(d.len() - at); d.drain(at..at + len); }
                _ => { let len = (next() as usize % 30).min(d.len() - at); let part = d[at..at + len].to_vec(); let to = 1 + next() as usize % (d.len() - 1); d.splice(to..to, part); }
            }
            if d.len() < 3 { break }
        }
        if panic::catch_unwind(|| body(&d)).is_err() { eprintln!("SEED {seed} {}", String::from_utf8_lossy(&d[1..])); fails += 1; if fails > 2 { break } }
    }
}
