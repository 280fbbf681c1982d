//! Draws a map package (MBTiles) of a village that is not there: for stories in a browser, and to try the map out without one.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use hazard_tests::map_package::{Village, write};

/// What is drawn.
#[derive(Debug, Parser)]
struct Args {
    /// The file to write; what was there is gone.
    path: PathBuf,
    /// The middle, degrees (WGS 84); by default that of the demo's first village.
    #[arg(long, default_value_t = 29.533, allow_negative_numbers = true)]
    lat: f64,
    /// The middle, degrees (WGS 84).
    #[arg(long, default_value_t = 106.476, allow_negative_numbers = true)]
    lon: f64,
    /// How far it goes in each direction, m.
    #[arg(long, default_value_t = 2_500.0)]
    reach_m: f64,
    /// The coarsest level.
    #[arg(long, default_value_t = 10)]
    min_zoom: u8,
    /// The finest level.
    #[arg(long, default_value_t = 16)]
    max_zoom: u8,
    /// Whose map it is.
    #[arg(long, default_value = "示例地图，非真实地物 · 审图号：示例")]
    attribution: String,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let Args { path, lat, lon, reach_m, min_zoom, max_zoom, attribution } = Args::parse();
    let tiles = Village { lat, lon, reach_m, min_zoom, max_zoom }.draw()?;
    write(&path, &[("name", "示例"), ("format", "png"), ("attribution", &attribution)], &tiles)
}
