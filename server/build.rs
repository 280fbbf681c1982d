//! Says when the program is to be built anew: a release holds the built apps of `web/dist`. It never builds them.

fn main() {
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo::rerun-if-changed={}", if is_release { "../web/dist" } else { "build.rs" });
}
