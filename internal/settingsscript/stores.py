"""Where Django's databases and caches are: DATABASE_URL and DJANGO_CACHE_URL."""

try:
    from urllib.parse import quote, unquote, urlsplit
except ImportError:  # Python 2
    from urllib import quote, unquote
    from urlparse import urlsplit


def quoted(text):
    return quote(str(text), safe="")


# Options of libpq that DATABASE_URL takes. Files among them are named by absolute paths.
POSTGRES_OPTIONS = (
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslsni",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "target_session_attrs",
    "load_balance_hosts",
    "connect_timeout",
    "options",
    "channel_binding",
    "gssencmode",
    "require_auth",
    "requirepeer",
    "sslcrl",
    "sslcrldir",
    "sslcertmode",
    "hostaddr",
)
FILE_OPTIONS = (
    "sslrootcert",
    "sslcert",
    "sslkey",
    "ssl_ca",
    "ssl_cert",
    "ssl_key",
    "ssl_ca_certs",
    "ssl_certfile",
    "ssl_keyfile",
)
SCHEMA_BACKENDS = ("django_tenants", "tenant_schemas")


def option_text(name, value):
    if name in FILE_OPTIONS and str(value) != "system":
        return os.path.abspath(os.path.expanduser(str(value)))
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def query(options):
    pairs = [(name, option_text(name, value)) for name, value in options if value not in (None, "")]
    return "?" + "&".join("%s=%s" % (name, quoted(value)) for name, value in pairs) if pairs else ""


def database_url(alias):
    """The URL of a database of Django, and whether there is a password in it."""
    from django.db import connections

    connection = connections[alias]
    vendor = connection.vendor
    if vendor == "sqlite":
        return sqlite_url(connection), False
    if vendor in ("postgresql", "cockroachdb", "timescaledb"):
        return postgres_url(connection)
    if vendor in ("mysql", "mariadb"):
        return mysql_url(connection)
    raise Impossible(
        "the database %r is %s; django-sidecar reads PostgreSQL, MySQL, MariaDB and SQLite"
        % (alias, getattr(connection, "display_name", vendor))
    )


def sqlite_url(connection):
    name = str(connection.settings_dict["NAME"] or "")
    if name.startswith("file:"):
        name = urlsplit(name).path
    if not name or ":memory:" in name or "mode=memory" in str(connection.settings_dict["NAME"]):
        raise Impossible("the database %r is in the memory of a process: nobody else can read it" % connection.alias)
    return "sqlite:///" + quote(os.path.abspath(name), safe="/")


def parameters(connection):
    """What Django connects with: a backend of the project's own may compute it."""
    s = connection.settings_dict
    try:
        found = dict(connection.get_connection_params())
    except Exception:
        found = {}
    options = dict(s.get("OPTIONS") or {})
    options.update(found)
    first = lambda *names: next((found[n] for n in names if found.get(n)), "")  # noqa: E731
    return {
        "user": first("user") or s.get("USER") or "",
        "password": first("password", "passwd") or s.get("PASSWORD") or "",
        "host": str(first("host", "unix_socket") or s.get("HOST") or ""),
        "port": str(first("port") or s.get("PORT") or ""),
        "name": str(first("dbname", "database", "db") or s.get("NAME") or ""),
        "options": options,
    }


def authority(p, hosts):
    user = quoted(p["user"]) if p["user"] else ""
    if p["password"]:
        user += ":" + quoted(p["password"])
    return (user + "@" if user else "") + hosts


def host_list(hosts, ports):
    hosts = str(hosts).split(",")
    ports = str(ports).split(",")
    if len(ports) == 1:
        ports = ports * len(hosts)
    return ",".join(("[%s]" % h if ":" in h else quoted(h)) + (":" + p if p else "") for h, p in zip(hosts, ports))


def postgres_url(connection):
    p = parameters(connection)
    options = p["options"]
    live = {}
    if options.get("service") or options.get("passfile") or not p["user"] or not p["host"] or not p["name"]:
        live = libpq_parameters(connection)
        for mine, theirs in (
            ("user", "user"),
            ("host", "host"),
            ("port", "port"),
            ("name", "dbname"),
            ("password", "password"),
        ):
            p[mine] = p[mine] or live.get(theirs) or ""
    if (connection.settings_dict.get("OPTIONS") or {}).get("assume_role"):
        options["options"] = (str(options.get("options") or "") + " -c role=" + options["assume_role"]).strip()
    path = search_path(connection)
    if path:
        options["options"] = (str(options.get("options") or "") + " -c search_path=" + path).strip()
    pairs = [(name, options.get(name) or live.get(name)) for name in POSTGRES_OPTIONS]
    url = "postgres://" + authority(p, host_list(p["host"], p["port"])) + "/" + quoted(p["name"]) + query(pairs)
    return url, bool(p["password"])


def search_path(connection):
    """What search_path Python code has set, as an option of libpq; None where none has. django-tenants does."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path'), reset_val FROM pg_settings WHERE name = 'search_path'")
        now, at_first = cursor.fetchone()
    return None if now == at_first else now.replace("\\", "\\\\").replace(" ", "\\ ")


def libpq_parameters(connection):
    """What libpq has made of services, password files and its environment."""
    connection.ensure_connection()
    raw = connection.connection
    info = getattr(raw, "info", None)
    found = {}
    if hasattr(info, "get_parameters"):
        found.update(info.get_parameters())
    elif hasattr(raw, "get_dsn_parameters"):
        found.update(raw.get_dsn_parameters())
    try:
        found["password"] = info.password
    except Exception:
        pass
    return found


def mysql_url(connection):
    p = parameters(connection)
    options = p["options"]
    if options.get("read_default_file"):
        client = option_file(options["read_default_file"], options.get("read_default_group", "client"))
        for mine, theirs in (
            ("user", "user"),
            ("host", "host"),
            ("port", "port"),
            ("name", "database"),
            ("password", "password"),
        ):
            p[mine] = p[mine] or client.get(theirs, "")
        p["host"] = p["host"] or client.get("socket", "")
    pairs = []
    ssl = options.get("ssl") or {}
    if isinstance(ssl, dict):
        pairs += [
            ("ssl_" + name.replace("ssl_", "").replace("ssl-", ""), ssl.get(name))
            for name in sorted(ssl)
            if name != "cipher"
        ]
    pairs += [
        (name, options.get(name))
        for name in (
            "ssl_mode",
            "ssl_ca",
            "ssl_cert",
            "ssl_key",
            "ssl_disabled",
            "ssl_verify_cert",
            "ssl_verify_identity",
            "connect_timeout",
            "init_command",
        )
    ]
    host = p["host"]
    if host.startswith("/"):
        pairs.append(("unix_socket", host))
        host = "localhost"
    url = "mysql://" + authority(p, host_list(host or "localhost", p["port"])) + "/" + quoted(p["name"]) + query(pairs)
    return url, bool(p["password"])


def option_file(path, group):
    try:
        from configparser import RawConfigParser
    except ImportError:  # Python 2
        from ConfigParser import RawConfigParser
    parser = RawConfigParser(allow_no_value=True)
    parser.read([os.path.expanduser(str(path))])
    return (
        dict((name, (value or "").strip("'\"")) for name, value in parser.items(group))
        if parser.has_section(group)
        else {}
    )


REDIS = ("django_redis.cache.RedisCache", "django.core.cache.backends.redis.RedisCache", "redis_cache.RedisCache")
MEMCACHED = tuple(
    "django.core.cache.backends.memcached." + c for c in ("PyMemcacheCache", "PyLibMCCache", "MemcachedCache")
)
DATABASE_CACHE = "django.core.cache.backends.db.DatabaseCache"
FILE_CACHE = "django.core.cache.backends.filebased.FileBasedCache"
# Options that tune what Django does; the value of a session is the same.
TUNING = (
    "SOCKET_TIMEOUT",
    "SOCKET_CONNECT_TIMEOUT",
    "IGNORE_EXCEPTIONS",
    "LOG_IGNORED_EXCEPTIONS",
    "CONNECTION_POOL_CLASS",
    "CONNECTION_FACTORY",
    "CONNECTION_POOL_CLASS_KWARGS",
    "PARSER_CLASS",
    "PICKLE_VERSION",
    "MAX_ENTRIES",
    "CULL_FREQUENCY",
    "REDIS_CLIENT_CLASS",
    "REDIS_CLIENT_KWARGS",
    "CLOSE_CONNECTION",
    "SENTINEL_KWARGS",
    "POOL_CLASS",
    "MAX_CONNECTIONS",
    "RETRY_ON_TIMEOUT",
    "HEALTH_CHECK_INTERVAL",
    "SOCKET_KEEPALIVE",
    "DECODE_RESPONSES",
    "ENCODING",
    "PROTOCOL",
    "CLIENT_NAME",
    "RETRY_ON_ERROR",
    "RETRY",
    "SOCKET_KEEPALIVE_OPTIONS",
    "REPLICA_READ_ONLY",
    "TIMEOUT",
)


def cache_url(alias, users_database):
    """The URL of a cache of Django, and whether there is a password in it."""
    from django.core.cache import caches

    cache, conf = caches[alias], settings.CACHES[alias]
    cls = type(cache)
    called = "the cache %r (%s)" % (alias, path_of(cls))
    check_keys(cache, called)
    if same_class(cls, "django.core.cache.backends.locmem.LocMemCache"):
        raise Impossible(
            "%s lives inside each process, and nobody else can read it: sessions need Redis, Memcached, a table or files"
            % called
        )
    if same_class(cls, "django.core.cache.backends.dummy.DummyCache"):
        raise Impossible("%s keeps nothing" % called)
    if same_class(cls, *REDIS[:2]):
        return redis_url(cls, conf, called)
    kind = same_class(cls, *MEMCACHED)
    if kind:
        return memcached_url(kind.rsplit(".", 1)[1], conf, called), False
    if same_class(cls, DATABASE_CACHE):
        from django.db import router

        database = router.db_for_read(cache.cache_model_class)
        if database != users_database:
            raise Impossible(
                "%s has its table in the database %r, and the users are in %r: django-sidecar reads it in one database with the users"
                % (called, database, users_database)
            )
        return "db://" + quoted(cache._table), False
    if same_class(cls, FILE_CACHE):
        return "file://" + quote(os.path.abspath(str(cache._dir)), safe="/"), False
    raise Impossible(
        "%s is not among those that django-sidecar reads: Redis, django-redis, Memcached, a table and files" % called
    )


def check_keys(cache, called):
    """KEY_FUNCTION, by its effect: core/cache/backends/base.py, default_key_func."""
    try:
        made = str(cache.key_func("key", "prefix", 7))
    except Exception as e:
        made = repr(e)
    if made != "prefix:7:key":
        raise Impossible(
            "%s makes its keys by a KEY_FUNCTION of its own (%s), which is not known" % (called, where(cache.key_func))
        )


def redis_url(cls, conf, called):
    options = dict((name.upper(), value) for name, value in (conf.get("OPTIONS") or {}).items())
    location = conf.get("LOCATION") or ""
    servers = list(location) if isinstance(location, (list, tuple)) else [location]
    pool = dict(options.pop("CONNECTION_POOL_KWARGS", None) or {})
    options.update((name.upper(), value) for name, value in pool.items())
    pairs = []
    if same_class(cls, REDIS[0]):
        pairs.append(("backend", REDIS[0]))
    for name in sorted(options):
        value = options[name]
        if name in TUNING or value in (None, ""):
            continue
        if name == "SENTINELS":
            value = ",".join("%s:%s" % tuple(pair) for pair in value)
        elif name in ("SERIALIZER", "COMPRESSOR", "CLIENT_CLASS"):
            value = value if isinstance(value, str) else path_of(value if isinstance(value, type) else type(value))
        elif not isinstance(value, (str, int, bool)):
            raise Impossible("%s has the option %s, which is not known" % (called, name))
        pairs.append((name.lower(), value))
    text = ",".join(str(s) for s in servers)
    extra = query(pairs)
    if "?" in servers[-1]:
        extra = extra.replace("?", "&", 1)
    secret = any("@" in str(s) or "password=" in str(s) for s in servers) or "password=" in extra
    return text + extra, secret


MEMCACHED_TUNING = (
    "binary",
    "no_delay",
    "use_pooling",
    "max_pool_size",
    "pool_idle_timeout",
    "connect_timeout",
    "timeout",
    "ignore_exc",
    "retry_attempts",
    "retry_timeout",
    "dead_timeout",
    "socket_keepalive",
    "pickleprotocol",
    "server_max_value_length",
    "allow_unicode_keys",
    "default_noreply",
    "max_entries",
    "cull_frequency",
)
BEHAVIORS_TUNING = (
    "tcp_nodelay",
    "no_block",
    "connect_timeout",
    "send_timeout",
    "receive_timeout",
    "_poll_timeout",
    "poll_timeout",
    "retry_timeout",
    "dead_timeout",
    "tcp_keepalive",
    "buffer_requests",
    "remove_failed",
    "num_replicas",
)


def memcached_url(kind, conf, called):
    location = conf.get("LOCATION") or ""
    servers = location if isinstance(location, (list, tuple)) else str(location).replace(";", ",").split(",")
    options = dict(conf.get("OPTIONS") or {})
    behaviors = options.pop("behaviors", None) or {}
    strange = [n for n in options if n.lower() not in MEMCACHED_TUNING and options[n] not in (None, "")]
    if len(servers) > 1:
        strange += [n for n in behaviors if n.lower() not in BEHAVIORS_TUNING]
    if strange:
        raise Impossible("%s has the option %s, which is not known" % (called, sorted(strange)[0]))
    return "memcached://" + ",".join(str(s) for s in servers) + "?backend=" + kind
