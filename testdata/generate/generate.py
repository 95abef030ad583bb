"""generate.py OUTDIR: writes OUTDIR/django-X.Y/*.txt under the Django that runs it.

Each case is put before Django's own SessionMiddleware and get_user(); a case that Django judges
otherwise than its author stops everything, and nothing is written.
"""
import os
import sys

sys.dont_write_bytecode = True  # the sources lie in a checkout
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))

import judge  # noqa: E402  (after sys.path)


def main(outdir):
    judge.deploy()
    import case
    import cases_payloads
    import cases_signatures
    import cases_states

    cases = [c for module in (cases_states, cases_signatures, cases_payloads) for c in module.cases()]
    names = [c.name for c in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        sys.exit("two cases are called %s" % ", ".join(twice))
    complaints = [text for text in map(judge.complaint, cases) if text]
    if complaints:
        sys.exit("\n".join(complaints))
    folder = os.path.join(outdir, "django-%d.%d" % case.VERSION)
    case.write(folder, cases)
    print("%s: %d cases, %d of them authenticated" % (folder, len(cases), sum(c.user_id is not None for c in cases)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
