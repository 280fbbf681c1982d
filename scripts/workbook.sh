#!/usr/bin/env bash
# Writes the hazard ledger of ROWS lines (100,000) as a workbook, and the same cells by Python's xlsxwriter, in one run; prints one JSON
# object a line. Needs Python 3 with venv; xlsxwriter is kept under target/.
set -euo pipefail
cd "$(dirname "$0")/.."

rows=${ROWS:-100000}
folder=target/bench/workbook
python=target/xlsxwriter/bin/python
rm -rf "$folder"
mkdir -p "$folder"
if [ ! -x "$python" ]; then
    python3 -m venv target/xlsxwriter
    "$python" -m pip install --quiet xlsxwriter==3.2.9
fi
cargo build --release --locked --workspace --bin office
"${CARGO_TARGET_DIR:-target}/release/office" --hazards "$rows" --keep "$folder" | tee "$folder/ours.json"
"$python" bench/workbook.py "$folder/ledger.csv" "$folder/theirs.xlsx" | tee "$folder/theirs.json"
"$python" bench/workbook.py --compare "$folder"
