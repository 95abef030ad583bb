"""A live Django that does what it is told: a JSON request a line on stdin, an answer a line on stdout.

The first request configures it; each other one is Python to run, and an expression to answer.
"""
import hashlib
import io
import json
import os
import sys

sys.dont_write_bytecode = True  # the sources lie in a checkout

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "..", "..", "testdata", "oracle")]


def configure(request):
    import deployment

    sys.path[:0] = request.get("path") or []
    deployment.deploy(request["database"], request.get("settings"), "SessionStore", request.get("apps") or ())
    from django.conf import settings
    from django.contrib import auth
    from django.contrib.auth.models import Group, Permission
    from django.contrib.sessions.models import Session
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.http import HttpRequest
    from django.utils import timezone

    import logins

    store, users = deployment.session_store(), auth.get_user_model()

    def request_of(key):
        r = HttpRequest()
        r.session = store(key)
        r.user = auth.get_user(r)
        return r

    return {
        "auth": auth, "Group": Group, "Permission": Permission, "Session": Session, "User": users, "Store": store,
        "call_command": call_command, "connection": connection, "transaction": transaction, "timezone": timezone,
        "settings": settings, "login": lambda user: logins.log_in(store, user), "request_of": request_of,
        "sha": lambda key: hashlib.sha256(key.encode("utf-8")).hexdigest()[:32],
    }


def main():
    requests = io.open(0, encoding="utf-8")
    answers = io.open(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a print() anywhere must not end up among the answers
    names = None
    for line in requests:
        request = json.loads(line)
        try:
            if names is None:
                names, answer = configure(request), None
            else:
                exec(request["run"], names)
                answer = eval(request["answer"] or "None", names)
            text = json.dumps({"answer": answer})
        except Exception as e:
            text = json.dumps({"error": "%s: %s" % (type(e).__name__, e)})
        answers.write(text + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
