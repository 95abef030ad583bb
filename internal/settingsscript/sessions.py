"""Where sessions are, and how they are written."""

DJANGOS_ENGINES = "django.contrib.sessions.backends."
PACKAGES = {  # engines of others that django-sidecar knows
    "user_sessions.backends.db": "user_sessions_session",
    "qsessions.backends.db": "qsessions_session",
    "qsessions.backends.cached_db": "qsessions_session",
}


def store_class():
    from importlib import import_module

    return import_module(settings.SESSION_ENGINE).SessionStore


def engine_kind(store):
    """Which of Django's engines the store is, or inherits from."""
    path = same_class(
        store,
        *[DJANGOS_ENGINES + kind + ".SessionStore" for kind in ("cached_db", "db", "cache", "file", "signed_cookies")]
    )
    if path:
        return path.split(".")[-2]
    if settings.SESSION_ENGINE in PACKAGES:
        return settings.SESSION_ENGINE.rsplit(".", 1)[1]
    raise Impossible(
        "the session engine %s (%s) is not one of Django's, and does not inherit from one"
        % (settings.SESSION_ENGINE, where(store))
    )


def session_model(store):
    if hasattr(store, "get_model_class"):
        return store.get_model_class()
    from importlib import import_module

    return getattr(import_module(settings.SESSION_ENGINE), "Session", None)


def read_sessions(report, users_database):
    store = store_class()
    kind = engine_kind(store)
    engine = settings.SESSION_ENGINE
    packaged = engine in PACKAGES
    if kind in ("cache", "cached_db"):
        kind = read_cache(report, kind, users_database)
    if packaged:
        report.set(
            "DJANGO_SESSION_ENGINE", engine if kind == engine.rsplit(".", 1)[1] else engine.rsplit(".", 1)[0] + ".db"
        )
    else:
        report.set("DJANGO_SESSION_ENGINE", DJANGOS_ENGINES + kind, DJANGOS_ENGINES + "db")
    report.set("DJANGO_SESSION_COOKIE_NAME", settings.SESSION_COOKIE_NAME, "sessionid")
    report.set("DJANGO_SESSION_COOKIE_AGE", int(settings.SESSION_COOKIE_AGE), 1209600)
    if kind == "file":
        report.set("DJANGO_SESSION_FILE_PATH", os.path.abspath(store._get_storage_path()))
    read_serializer(report, store, kind)
    if kind in ("db", "cached_db"):
        read_session_table(report, store, users_database)
    if kind != "signed_cookies":
        report.set("DJANGO_SESSION_STORE_CLASS", salt_class(store), "SessionStore")
    own_store_methods(report, store, packaged)
    return kind


def read_cache(report, kind, users_database):
    """The cache that sessions are in. cached_db has the same sessions in its table."""
    from django.core.cache import caches

    store = store_class()
    alias = settings.SESSION_CACHE_ALIAS
    try:
        url, secret = cache_url(alias, users_database)
        version = int(caches[alias].version)
    except Impossible as e:
        if kind == "cache":
            raise
        report.stricter.append(
            "sessions are read in their table alone, since %s. A session that is in the cache and not in the table is nobody's"
            % e
        )
        return "db"
    except ValueError:
        raise Impossible("VERSION of the cache %r is no number" % alias)
    if secret:
        report.secret("DJANGO_CACHE_URL", "cache-url", url)
    else:
        report.set("DJANGO_CACHE_URL", url)
    report.set("DJANGO_CACHE_KEY_PREFIX", caches[alias].key_prefix or "", "")
    report.set("DJANGO_CACHE_VERSION", version, 1)
    prefix = getattr(store, "cache_key_prefix", None)
    usual = "qsessions.q_cached_db" if settings.SESSION_ENGINE in PACKAGES else "django.contrib.sessions." + kind
    report.set("DJANGO_SESSION_CACHE_KEY_PREFIX", prefix or usual, usual)
    return kind


def read_serializer(report, store, kind):
    """By its effect: JSON, or a pickle. Caches write sessions in their own way."""
    import json
    import pickle

    if kind == "cache":
        return
    sample = {"number": 1, "text": u"\xe9", "list": [None, True, 1.5]}
    serializer = store().serializer if hasattr(store(), "serializer") else store_serializer()
    data = serializer().dumps(sample)
    path = settings.SESSION_SERIALIZER
    if overridden(serializer, "loads") and decides_in_reading(attribute(serializer, "loads")[0]):
        raise Impossible("loads() of SESSION_SERIALIZER %s may decide about sessions: %s" % (path, overridden(serializer, "loads")))
    try:
        if json.loads(data.decode("latin-1")) == sample:
            if path.rsplit(".", 1)[1] == "PickleSerializer":
                return  # a name that misleads: what it writes is JSON, which is the default
            return
    except ValueError:
        pass
    try:
        is_pickle = pickle.loads(data) == sample
    except Exception:
        is_pickle = False
    if not is_pickle:
        raise Impossible("SESSION_SERIALIZER %s (%s) writes neither JSON nor pickles" % (path, where(serializer)))
    if path.rsplit(".", 1)[1] != "PickleSerializer":
        path = path.rsplit(".", 1)[0] + ".PickleSerializer"
    report.set("DJANGO_SESSION_SERIALIZER", path)


def decides_in_reading(loads):
    """Whether a loads() does more than to call others of its kind."""
    source = source_of(code_of(function_of(loads)))
    nodes = list(ast.walk(source[2])) if source else []
    calls = [name_of(n) for n in nodes if isinstance(n, ast.Call)]
    plain = ("loads", "decode", "decompress", "force_str", "force_text", "str", "super")
    branches = (ast.If, ast.IfExp, ast.BoolOp, ast.Compare, ast.For, ast.While, ast.Subscript, ast.comprehension, ast.ExceptHandler)
    return "loads" not in calls or any(c not in plain and not c.endswith("Serializer") for c in calls) or any(isinstance(n, branches) for n in nodes)


def store_serializer():
    from django.utils.module_loading import import_string

    return import_string(settings.SESSION_SERIALIZER)


def read_session_table(report, store, users_database):
    from django.db import connections, router

    model = session_model(store)
    if model is None:
        raise Impossible("the session engine %s has no model" % settings.SESSION_ENGINE)
    columns = set(f.column for f in model._meta.concrete_fields)
    for column in ("session_key", "session_data", "expire_date"):
        if column not in columns:
            raise Impossible(
                "the session table %s has no column %s (%s)" % (model._meta.db_table, column, where(model))
            )
    report.set("DJANGO_SESSION_TABLE", model._meta.db_table, PACKAGES.get(settings.SESSION_ENGINE, "django_session"))
    alias = router.db_for_read(model)
    if alias != users_database and place(connections[alias]) != place(connections[users_database]):
        url, secret = database_url(alias)
        if secret:
            report.secret("DJANGO_SESSION_DATABASE_URL", "session-database-url", url)
        else:
            report.set("DJANGO_SESSION_DATABASE_URL", url)
    read_session_model(model)


def read_session_model(model):
    """What a session model of the project's own does to its rows."""
    if not hasattr(model, "_default_manager"):
        return
    if other_tables(model):
        raise Impossible(
            "the session model %s has its columns in several tables (%s); django-sidecar reads one"
            % (where(model), ", ".join([model._meta.db_table] + [p._meta.db_table for p in other_tables(model)]))
        )
    hidden = manager_where(model)
    if hidden:
        raise Impossible("the manager of the session model %s hides rows: WHERE %s" % (where(model), hidden))
    own = own_queries(model.objects) or own_queries(model._default_manager)
    if own:
        raise Impossible("the manager of the session model finds rows in its own way: %s" % own)
    for name in SPECIAL:
        if overridden(model, name):
            raise Impossible("the session model has its own %s: %s" % (name, overridden(model, name)))
    for name in ("session_key", "session_data", "expire_date"):
        field = field_with_column(model, name)
        if own_reading(model, field):
            raise Impossible("%s of the session model is not what its column has: %s" % (name, own_reading(model, field)))


# What Django finds one row with: QuerySet.get() and filter(), db/models/query.py, 1.11 to 6.1.
QUERIES = ("get", "aget", "filter", "using", "_filter_or_exclude", "_filter_or_exclude_inplace", "__len__", "__iter__", "_fetch_all")


def own_queries(manager, names=QUERIES):
    """FILE:LINE of what a manager, or its query set, has in place of what Django finds a row with."""
    for cls in (type(manager), type(manager.all())):
        for name in names:
            found = attribute(cls, name)[0]
            if overridden(cls, name) and not is_library(found):
                return overridden(cls, name)
    query = type(manager.all().query)
    return where(query) if names is QUERIES and not is_djangos(query) else None


def place(connection):
    s = connection.settings_dict
    options = s.get("OPTIONS") or {}
    return (
        [connection.vendor]
        + [str(s.get(n) or "") for n in ("NAME", "HOST", "PORT")]
        + [str(options.get("options") or "")]
    )


def manager_where(model):
    """The WHERE of a model's managers, "" if they hide nothing."""
    for manager in (model._default_manager, getattr(model, "objects", None)):
        query = manager.all().query if manager is not None else None
        if query is not None and query.where:
            return str(query).split(" WHERE ", 1)[1]
    return ""


def salt_class(store):
    """The class's name as it stands in the salt: contrib/sessions/backends/base.py, key_salt and to 3.2 _hash."""
    if django.VERSION < (3, 1):
        return store.__name__
    salt, prefix = store().key_salt, "django.contrib.sessions."
    if not salt.startswith(prefix):
        raise Impossible(
            "the session store signs with a key_salt of its own, %r (%s)" % (salt, overridden(store, "key_salt"))
        )
    return salt[len(prefix) :]


# What a store of the project's own may have in place of Django's: it writes, describes or names, and finds no session
# (contrib/sessions/backends/base.py, SessionBase, and the engines beside it, Django 1.11 to 6.1). An asynchronous method has an "a" before its name.
WRITING = (
    "save create delete clear_expired create_model_instance cycle_key flush clear pop popitem setdefault update set set_expiry get_expiry_age "
    "get_expiry_date get_expire_at_browser_close get_session_cookie_age get_model_class key_salt cache_key_prefix model serializer is_empty keys "
    "values items set_test_cookie test_cookie_worked delete_test_cookie TEST_COOKIE_NAME TEST_COOKIE_VALUE _get_new_session_key encode "
    "_get_storage_path __setitem__ __delitem__ __module__ __doc__ __qualname__ __dict__ __weakref__ __repr__ __str__ __firstlineno__ "
    "__static_attributes__ __annotations__ __annotate__ __annotations_cache__ __hash__ __eq__"
).split()


def reading(name):
    """Whether an attribute of a store has a part in finding a session."""
    plain = "_" + name[2:] if name.startswith("_a") else name[1:] if name.startswith("a") else name
    return name not in WRITING and plain not in WRITING


def own_store_methods(report, store, packaged):
    """What a store of the project's own does to what it stores: by its effect, or by the names of its methods."""
    from django.contrib.sessions.backends.base import SessionBase

    sample = {"_auth_user_id": "1", "text": u"\xe9", "number": 7}
    mine = store()
    signs = settings.SESSION_ENGINE.rsplit(".", 1)[1] != "signed_cookies"
    if overridden(store, "encode") and signs and SessionBase.decode(mine, mine.encode(dict(sample))) != sample:
        raise Impossible("the session store writes sessions in its own way: encode at %s" % overridden(store, "encode"))
    if packaged:
        return
    if hasattr(store, "cache_key_prefix") and store("k" * 32).cache_key != store.cache_key_prefix + "k" * 32:
        raise Impossible("the session store makes cache keys of its own: %s" % (overridden(store, "cache_key") or where(store)))
    djangos = [c for c in store.__mro__ if is_djangos(c)]
    # backends/file.py and signed_cookies.py, 3.2 to 6.1, load(): these say how old a session may be.
    ages = ("get_expiry_age", "get_session_cookie_age") if engine_kind(store) in ("file", "signed_cookies") else ()
    for cls in [c for c in store.__mro__ if not is_djangos(c)]:
        for name in sorted(vars(cls)):
            if (reading(name) or name in ages) and (name in SPECIAL or any(name in vars(c) for c in djangos)):
                raise Impossible(
                    "the session store has a %s() of its own, which may end sessions: %s" % (name, where(vars(cls)[name]))
                )
