"""A live Django that answers questions: one JSON request a line on stdin, one answer a line on stdout.

The first request configures it ("init"); the others make users and sessions, and ask what Django's
own SessionMiddleware and get_user() say about a Cookie header. What Django prints goes to stderr.
"""
import base64
import io
import json
import math
import os
import sys
import warnings

sys.dont_write_bytecode = True  # the sources lie in a checkout

import deployment  # noqa: E402  (after dont_write_bytecode)


def init(request):
    import django

    warnings.filterwarnings("ignore", "Cache key")  # half of the keys here would cause errors with memcached
    deployment.deploy(
        request["database"], request.get("settings"), request.get("store", "SessionStore"), request.get("apps") or ()
    )
    from django.contrib.auth import get_user_model

    return {
        "django": django.get_version(),
        "python": sys.version.split()[0],
        "user_table": get_user_model()._meta.db_table,
        "session_table": session_table(),
    }


def session_table():
    """The session model's table, "" where the engine has none."""
    model = deployment.session_model()
    return model._meta.db_table if model else ""


def users(request):
    import population

    return {"users": population.populate(request["count"], request["seed"])}


def sessions(request):
    from states import States

    made = States(request["seed"]).make(request["count"])
    return {"cookies": [{"raw": encoded(raw), "note": note} for raw, note in made]}


def encoded(raw):
    """None is a request without the header; an empty header is one."""
    return None if raw is None else base64.b64encode(raw).decode()


def ask(request):
    from verdicts import verdict

    headers = [raw if raw is None else base64.b64decode(raw) for raw in request["cookies"]]
    return {"answers": [verdict(raw) for raw in headers]}


def ask_lines(request):
    """Like ask, for requests of several Cookie lines each, through Django's own WSGI server."""
    from verdicts import verdict
    from wsgi import cookie_header

    requests = [[base64.b64decode(line) for line in lines] for lines in request["requests"]]
    return {"answers": [verdict(cookie_header(lines)) for lines in requests]}


def ask_asgi(request):
    """Like ask_lines, for a Django under ASGI."""
    from asgi import request_for
    from verdicts import verdict_on

    requests = [[base64.b64decode(line) for line in lines] for lines in request["requests"]]
    return {"answers": [verdict_on(lambda lines=lines: request_for(lines)) for lines in requests]}


def decode(request):
    return {"values": [decoded(text) for text in request["texts"]]}


def decoded(text):
    answer = {"auth_user_id": None, "auth_user_backend": None, "keys": [], "exception": None}
    try:
        session = deployment.session_store()().decode(text)
        answer["auth_user_id"] = plain(session.get("_auth_user_id"))
        answer["auth_user_backend"] = plain(session.get("_auth_user_backend"))
        answer["keys"] = sorted(session)
    except Exception as e:
        answer["exception"] = type(e).__name__
    return answer


def plain(value):
    """JSON has no NaN; Python's json would write one."""
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def execute(request):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(request["sql"])
    return {}


def login(request):
    from django.contrib.auth import get_user_model

    from logins import log_in

    user = get_user_model()._default_manager.get(pk=request["user"])
    return {"session_key": log_in(deployment.session_store(), user)}


def run(request):
    """Runs a program as a shell of the project would, and returns what it prints."""
    printed, stdout, code = io.StringIO(), sys.stdout, 0
    sys.stdout = printed
    try:
        exec(request["program"], {})
    except SystemExit as e:
        code = e.code
    finally:
        sys.stdout = stdout
    return {"printed": printed.getvalue(), "code": code}


OPS = {f.__name__: f for f in (init, users, sessions, ask, ask_lines, ask_asgi, decode, execute, login, run)}


def answer(line):
    try:
        request = json.loads(line)
        result = OPS[request["op"]](request)
        result["ok"] = True
        return result
    except Exception as e:
        return {"ok": False, "error": "%s: %s" % (type(e).__name__, e)}


def main():
    requests = io.open(0, encoding="utf-8")
    answers = io.open(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a print() anywhere must not end up among the answers
    for line in requests:
        answers.write(json.dumps(answer(line)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
