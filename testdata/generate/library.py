"""library.py OUTDIR: writes OUTDIR/library/*-X.Y.jsonl, what the Django that runs it signs and reads back.

One JSON object a line; every value comes from a call of the real function. The rows are picked by
hand or drawn from a fixed seed, so that a second run writes the same bytes.
"""
import json
import os
import sys

sys.dont_write_bytecode = True  # the sources lie in a checkout

import django  # noqa: E402  (after sys.dont_write_bytecode)
from django.conf import settings  # noqa: E402


def main(outdir):
    settings.configure(SECRET_KEY="unused", USE_TZ=True)
    django.setup()
    import library_messages
    import library_objects
    import library_tokens

    folder = os.path.join(outdir, "library")
    os.makedirs(folder, exist_ok=True)
    for module in (library_objects, library_tokens, library_messages):
        rows = list(module.rows())
        name = "%s-%d.%d.jsonl" % ((module.NAME,) + django.VERSION[:2])
        with open(os.path.join(folder, name), "w", encoding="ascii", newline="\n") as f:
            for row in rows:
                f.write(json.dumps(row, allow_nan=False) + "\n")
        print("%s/%s: %d rows" % (folder, name, len(rows)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
