//! Writes `web/wasm/pkg` from the compiled module: the JavaScript around it, the TypeScript declarations, `kinds.json`, and
//! prints the size. Compiling the module is `scripts/wasm.sh`.
//!
//! `hazard-glue <compiled.wasm> <folder>`

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use hazard_wasm::typescript::declarations;
use hazard_wasm::views::Kinds;
use wasm_bindgen_cli_support::Bindgen;

/// What the files are called.
const STEM: &str = "sync_core";

/// The types of kinds.json: without them TypeScript would widen its words to strings.
const KINDS_TYPES: &str =
    "import type { Kinds } from \"./types.js\";\n\ndeclare const kinds: Kinds;\nexport default kinds;\n";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [compiled, folder] = arguments.as_slice() else {
        return Err("usage: hazard-glue <compiled.wasm> <folder>".into());
    };
    let folder = Path::new(folder);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Bindgen::new()
        .input_path(compiled)
        .out_name(STEM)
        .web(true)?
        .typescript(true)
        .omit_default_module_path(false)
        .remove_name_section(true)
        .generate(folder)?;
    let (names, types) = declarations();
    let head = "// Generated from the Rust types; `make wasm` writes it anew.\n\n";
    fs::write(folder.join("types.d.ts"), format!("{head}{types}"))?;

    let signatures = folder.join(format!("{STEM}.d.ts"));
    let import =
        format!("import type {{ {} }} from \"./types.js\";\nexport type * from \"./types.js\";\n\n", names.join(", "));
    fs::write(&signatures, format!("{import}{}", fs::read_to_string(&signatures)?))?;

    fs::write(folder.join("kinds.json"), serde_json::to_string(&Kinds::ALL)?)?;
    fs::write(folder.join("kinds.d.json.ts"), KINDS_TYPES)?;
    report(folder)
}

/// Prints what a phone loads.
fn report(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for name in [format!("{STEM}_bg.wasm"), format!("{STEM}.js")] {
        let bytes = fs::read(folder.join(&name))?;
        let mut gz = GzEncoder::new(Vec::new(), Compression::best());
        gz.write_all(&bytes)?;
        writeln!(out, "{name}: {} bytes, {} gzipped", bytes.len(), gz.finish()?.len())?;
    }
    Ok(())
}
