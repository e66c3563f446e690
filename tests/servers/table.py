"""Writes what was seen of the servers into svc-presets(7): table.py SEEN, of lines as test_preset.py writes them."""
import json
import pathlib
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "man/svc-presets.7.scd"
TITLES = ("server", "version", "reloads", "new connections", "failed", "requests on kept ones", "failed", "idle closes", "end of a kept one")
BEGIN, END = "; begin\n", "; end\n"


def cell(text):
    return str(text).replace("_", "\\_").replace("~", "\\~")


def main(seen):
    rows = {}
    for line in pathlib.Path(seen).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["server"]] = row
    if any(row["new_failed"] or row["kept_failed"] or row["in_flight_cut"] for row in rows.values()):
        sys.exit("a server lost requests: no table of that")
    # Of a server that was not there this time, what was seen before stays out: the table is one run's.
    lines = ["[[ *" + "*\n:[ *".join(TITLES) + "*\n"]
    for _, row in sorted(rows.items()):
        kept = row["kept"] or "-"
        cells = (row["server"], row["version"], row["reloads"], row["new"], row["new_failed"], kept,
                 row["kept_failed"] if row["kept"] else "-", row["idle_closes"], ", ".join(row["endings"]) or "-")
        lines.append("|  " + "\n:  ".join(map(cell, cells)) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + "".join(lines) + "\n" + END + rest.split(END)[1], encoding="utf-8")
    print(f"{len(rows)} servers in {PAGE.name}")


main(sys.argv[1])
