"""python.py OUTDIR: writes OUTDIR/python-X.Y/*.jsonl, tables of what Python and the newest Django do.

One JSON object a line; every value comes from a call of the real function. The rows are picked by
hand or drawn from a fixed seed, so that a second run writes the same bytes.
"""
import json
import os
import sys

sys.dont_write_bytecode = True  # the sources lie in a checkout
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))

import django  # noqa: E402  (after sys.path)
from django.conf import settings  # noqa: E402


def write(folder, name, rows):
    rows = list(rows)
    if len(rows) < 150:
        sys.exit("%s has %d rows only" % (name, len(rows)))
    with open(os.path.join(folder, name + ".jsonl"), "w", encoding="ascii", newline="\n") as f:
        for row in rows:
            f.write(json.dumps(row, allow_nan=False) + "\n")
    print("%s/%s.jsonl: %d rows" % (folder, name, len(rows)))


def main(outdir):
    settings.configure(SECRET_KEY="unused", USE_TZ=True)
    django.setup()
    import tables_signing
    import tables_text

    folder = os.path.join(outdir, "python-%d.%d" % sys.version_info[:2])
    os.makedirs(folder, exist_ok=True)
    for module in (tables_text, tables_signing):
        for name, rows in module.TABLES.items():
            write(folder, name, rows())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
