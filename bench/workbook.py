"""The hazard ledger written by xlsxwriter from the comma-separated values of the same lines, row by row into a file as the server does
it (`constant_memory`). Prints the rows, seconds, bytes and the most memory held. `--compare FOLDER` reads both workbooks back, refuses
two that differ in any cell, and prints the ratios.
"""

import csv
import itertools
import json
import os
import re
import resource
import sys
import time
import zipfile
from xml.etree import ElementTree

NUMBERS = ("序号", "整改资金（元）")


def write(source, target):
    import xlsxwriter

    began = time.perf_counter()
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    sheet = book.add_worksheet("隐患台账")
    rows = 0
    with open(source, encoding="utf-8-sig", newline="") as lines:
        table = csv.reader(lines)
        heads = next(table)
        numeric = {at for at, head in enumerate(heads) if head in NUMBERS}
        sheet.write_row(1, 0, heads)
        for rows, cells in enumerate(table, 1):
            for at, cell in enumerate(cells):
                if at in numeric and cell:
                    sheet.write_number(rows + 1, at, float(cell))
                else:
                    sheet.write_string(rows + 1, at, cell)
    book.close()
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"xlsxwriter": {"rows": rows, "s": seconds, "bytes": os.path.getsize(target), "peak_mb": peak_mb}}))


def cells(path):
    """The rows of the first sheet below its title, as texts; cells that are empty are left out at the end."""
    name = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as book:
        shared = []
        if "xl/sharedStrings.xml" in book.namelist():
            for _, item in ElementTree.iterparse(book.open("xl/sharedStrings.xml")):
                if item.tag == name + "si":
                    shared.append("".join(item.itertext()))
        for _, row in ElementTree.iterparse(book.open("xl/worksheets/sheet1.xml")):
            if row.tag != name + "row" or row.get("r") == "1":
                continue
            found = {}
            for cell in row:
                text = "".join(cell.itertext())
                text = shared[int(text)] if cell.get("t") == "s" else text
                if text:
                    found[re.sub(r"\d", "", cell.get("r"))] = text
            yield found
            row.clear()


def compare(folder):
    pairs = itertools.zip_longest(cells(f"{folder}/ledger.xlsx"), cells(f"{folder}/theirs.xlsx"))
    rows = 0
    for rows, (ours, theirs) in enumerate(pairs, 1):
        if ours != theirs:
            sys.exit(f"row {rows}: {ours} is not {theirs}")
    parts = {}
    for name in ("ours", "theirs"):
        with open(f"{folder}/{name}.json", encoding="utf-8") as lines:
            for line in lines:
                parts.update(json.loads(line))
    ours, theirs = parts["workbook"], parts["xlsxwriter"]
    ratio = {what: round(ours[what] / theirs[what], 2) for what in ("s", "bytes")}
    print(json.dumps({"workbook_beside_xlsxwriter": {"rows_equal": rows - 1, "ratio_s": ratio["s"], "ratio_bytes": ratio["bytes"]}}))


if sys.argv[1] == "--compare":
    compare(sys.argv[2])
else:
    write(sys.argv[1], sys.argv[2])
