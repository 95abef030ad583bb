"""The program: reads, proves, writes, and says in its last line what has come of it."""


def set_up():
    """Without a shell of the project (python, and DJANGO_SETTINGS_MODULE), Django is not ready yet."""
    from django.apps import apps

    if not apps.ready:
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        django.setup()


def load_project(report):
    """What a server loads before its first request may put something in the place of Django's, as Horizon's middleware does (openstack_auth/middleware.py, 27.0)."""
    from django.core.handlers.base import BaseHandler
    from django.urls import get_resolver

    outcome(lambda: get_resolver().url_patterns)
    outcome(lambda: BaseHandler().load_middleware())


def read_database(report):
    from django.db import connections, router

    alias = router.db_for_read(user_model())
    connection = connections[alias]
    module = str(connection.settings_dict.get("ENGINE"))
    if module.startswith(SCHEMA_BACKENDS):
        report.remarks.append(
            "%s keeps tenants in schemas: these settings are of the schema %r alone"
            % (module, getattr(connection, "schema_name", None))
        )
    with connection.cursor() as cursor:
        tables = [t.name.lower() for t in connection.introspection.get_table_list(cursor)]
    table = plain_table(user_model()._meta.db_table)
    if "." not in table and table.lower() not in tables:
        raise Unready("the database %r has no table %s: run the project's migrations first. Where no migration makes it, users are no rows, and django-sidecar cannot find them" % (alias, table))
    url, secret = database_url(alias)
    if secret:
        report.secret("DATABASE_URL", "database-url", url)
    else:
        report.set("DATABASE_URL", url)
    if connection.settings_dict.get("TIME_ZONE"):
        report.time_zone = connection.settings_dict["TIME_ZONE"]
    return alias


def login_settings():
    """Settings of Django that decide about sessions, as they are now."""
    return dict((n, repr(outcome(lambda: getattr(settings, n)))) for n in dir(settings) if n.startswith(OF_SESSIONS))


def read_changes_of_settings(report, before):
    """What a request has changed holds for all that come after it, as in Review Board, whose settings are a row (reviewboard/admin/siteconfig.py, 8.1)."""
    now = login_settings()
    changed = sorted(n for n in set(now) | set(before) if now.get(n) != before.get(n))
    if changed:
        raise Impossible("a request changes Django's setting %s: this program has to run in a shell in which the project has set it already" % ", ".join(changed))


def read_all(report):
    report.step("the project", load_project)
    before = login_settings()
    alias = report.step("the database", read_database) or "default"
    report.set("DJANGO_VERSION", "%d.%d.%d" % django.VERSION[:3])
    kind = report.step("sessions", read_sessions, alias)
    report.step("the user model", read_users)
    report.step("the class of users", read_user_class)
    read_flags(report)
    report.step("conditions on users", compare_real_users)
    report.step("the manager of users", read_manager)
    report.step("get_session_auth_hash()", read_hash)
    report.step("get_session_auth_fallback_hash()", read_fallbacks)
    report.step("middleware", read_middleware)
    report.step("the proof", prove_users)
    report.step("a request", prove_requests, kind)
    report.step("settings", read_changes_of_settings, before)
    report.step("functions of Django", read_replaced)  # after a request, which may replace one
    report.step("-accept", check_accepted)
    report.step("receivers of signals", read_receivers)
    report.step("authenticate()", read_authenticate)
    read_site(report)
    if getattr(report, "time_zone", None):
        # DATABASES[...]["TIME_ZONE"]: the zone in which expiry is stored.
        report.settings = [pair for pair in report.settings if pair[0] not in ("DJANGO_USE_TZ", "DJANGO_TIME_ZONE")]
        report.set("DJANGO_USE_TZ", False)
        report.set("DJANGO_TIME_ZONE", report.time_zone, "UTC")
    report.step("SECRET_KEY", read_keys, kind)


def say(text=""):
    sys.stdout.write(text + "\n")


def verdict(report):
    if report.impossible:
        return "not possible: " + "; ".join(report.impossible + report.unproved)
    ready = "ready"
    if report.stricter:
        ready = "ready but stricter: " + "; ".join(report.stricter)
    if report.accepted:
        ready += "; accepted by you: " + ", ".join(path for path, _ in report.accepted)
    if report.unproved:
        return "not proved: %s. By what was read: %s" % ("; ".join(report.unproved), ready)
    return ready


def main():
    report = Report()
    output = None
    try:
        set_up()
        read_all(report)
        output = Output(report)
        output.build()
        output.write()
    except (Impossible, Unready) as e:
        report.impossible.append(str(e))
        output = None
    except Exception as e:
        report.impossible.append("%s: %s" % (type(e).__name__, first_line(e)))
        output = None
    for text in report.proved:
        say("proved: " + text)
    for text in report.remarks:
        say("note: " + text)
    for name, value, why in report.offered:
        say("not set: %s=%s, %s" % (name, value, why))
    if output:
        for path, _, mode in output.files:
            say("written: %s%s" % (path, " (for you alone)" if mode == 0o600 else ""))
        if not report.impossible:
            for command in output.next:
                say("next: " + command)
            if report.unproved and (report.get("DJANGO_SESSION_ENGINE") or "db").split(".")[-1] in ("db", "cached_db", "file"):
                say("next: in the same shell, have Django judge real sessions, which only reads: django-sidecar settings-script -sample 1000")
                say("next: django-sidecar check -against django-sidecar-sample.json")
    if len(report.acceptable) == len(report.impossible) > 0:
        accepted = " ".join("-accept " + path for path in list(ACCEPTED) + sum(report.acceptable, []))  # noqa: F821
        say("next: look at these lines. If all of them are as you may accept them: django-sidecar settings-script %s" % accepted)
    say(verdict(report))
    sys.stdout.flush()
    leave(1 if report.impossible else 3 if report.unproved else 0)


def leave(code):
    """An exit code where this runs as a program; a shell that reads line by line ends here, with nothing after the last line."""
    try:
        import builtins
    except ImportError:  # Python 2
        import __builtin__ as builtins
    if hasattr(builtins, "get_ipython"):
        if not sys.stdin.isatty():
            builtins.get_ipython().ask_exit()
        return
    frame, by_line = sys._getframe(), False
    while frame is not None:
        by_line = by_line or frame.f_code.co_name == "runcode"
        frame = frame.f_back
    if sys.stdin.isatty() and by_line:
        return
    if code or by_line:
        raise SystemExit(code)
