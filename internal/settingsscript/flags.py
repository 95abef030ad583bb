"""is_active, is_staff and is_superuser, and the rows that a manager hides."""


def read_flags(report):
    """is_active, is_staff and is_superuser: columns, properties, or nothing."""
    from django.db import connections, router

    model = user_model()
    connection = connections[router.db_for_read(model)]
    for name, word in (("is_active", "ACTIVE"), ("is_staff", "STAFF"), ("is_superuser", "SUPERUSER")):
        report.step(name, read_flag, model, connection, name, word)


def read_flag(report, model, connection, name, word):
    field = field_of(model, name)
    prefix = "DJANGO_AUTH_USER_%s_" % word
    if field is not None and field.get_internal_type() in ("BooleanField", "NullBooleanField"):
        report.set(prefix + "COLUMN", field.column, name)
        return
    found, _ = attribute(model, name)
    usual = field_with_column(model, name)
    if field is None and found is None or found is False and field is None:
        if name == "is_active":
            # contrib/auth/backends.py, user_can_authenticate: a model without the attribute lets everybody in.
            report.set(prefix + "COLUMN", "-")
        elif usual is not None:
            report.set(prefix + "COLUMN", "-")
        return
    if field is None and found is True:
        if name == "is_active":
            report.set(prefix + "COLUMN", "-")
        else:
            report.set(prefix + "WHERE", "1 = 1")
        return
    called = "%s of the user model (%s)" % (name, where(found if field is None else model))
    try:
        fields = flag_columns(report, model, found, name, called)
        sql, whole = condition_for(
            model, lambda user: getattr(user, name), connection, called, constants=constants_of(found)
        )
        silent = sorted(set(f.name for f in fields if f.column not in sql))
        unseen = "%s looks at %s, and no value was seen by which it decides" % (called, ", ".join(silent))
        if silent and not report.answered(accepted_name(model, name), unseen):
            raise may_accept(report, unseen, model, name)
    except Impossible as e:
        if name == "is_active":
            raise
        report.stricter.append(
            "%s. Nobody is %s to django-sidecar: require=%s lets nobody in" % (e, name[3:], name[3:])
        )
        report.set(prefix + "WHERE", "1 = 0")
        return
    report.set(prefix + "WHERE", sql)
    report.computed.append((name, sql))
    if not whole:
        report.stricter.append(
            "%s was tried with the values that are in the table and in its code: %s. Who gets another value is not %s to "
            "django-sidecar until this program has been run again" % (called, sql, name[3:])
        )


def flag_columns(report, model, found, name, called):
    """The columns that the code of a flag names."""
    try:
        return read_property(model, found)
    except Unread as e:
        read = "%s does more than this program understands: %s" % (called, e)
        if report.answered(accepted_name(model, name), read):
            return []
        raise may_accept(report, read, model, name)


def accepted_name(model, name):
    """What -accept calls is_active. The other flags need none: who has them is nobody's business but Django's until they are understood."""
    return path_of(model) + "." + name if name == "is_active" else ""


def may_accept(report, read, model, name):
    path = accepted_name(model, name)
    if not path:
        return Impossible(read)
    report.acceptable.append([path])
    return Impossible(
        "%s. If it is the same for all rows that are alike in their columns, at all times, print this program with -accept %s" % (read, path)
    )


def field_with_column(model, column):
    return next((f for f in model._meta.concrete_fields if f.column == column), None)


def read_manager(report):
    """Which rows the default manager hides, and from which backend."""
    from django.db import connections, router

    model = user_model()
    connection = connections[router.db_for_read(model)]
    manager = type(model._default_manager)
    try:
        read_query(manager)
    except Unread as e:
        raise Impossible("the default manager of the user model does more than this program understands: %s" % e)
    own = own_queries(model._default_manager)
    if own:
        path = "%s.%s" % (path_of(model), model._default_manager.name)
        report.unless(path, "the default manager of the user model finds rows in its own way: %s" % own, "it finds the rows that Django's own would, at all times")
    query = model._default_manager.all().query
    if not query.where:
        return
    called = "the default manager of the user model (%s)" % where(type(model._default_manager).get_queryset)
    sql = where_text(model, query, connection, called)
    report.set("DJANGO_AUTH_USER_WHERE", sql)


def where_text(model, query, connection, called):
    """The WHERE of a query on one table, with its values in it."""
    query = query.clone() if hasattr(query, "clone") else query
    compiler = query.get_compiler(connection=connection)
    compiler.pre_sql_setup()
    sql, parameters = compiler.compile(query.where)
    if len([t for t in query.alias_map if query.alias_refcount.get(t)]) > 1:
        raise Impossible("%s looks at other tables: WHERE %s" % (called, sql))
    q = connection.ops.quote_name
    sql = sql.replace(q(model._meta.db_table) + ".", "")
    parts = sql.split("%s")
    if len(parts) != len(parameters) + 1:
        raise Impossible("%s has a condition that cannot be written: WHERE %s" % (called, sql))
    out = parts[0]
    for value, rest in zip(parameters, parts[1:]):
        out += literal(value, called) + rest
    return out.replace("%%", "%")


def literal(value, called):
    if value is None:
        return "NULL"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    if not isinstance(value, str) or "\\" in text or any(ord(c) < 32 for c in text):
        raise Impossible("%s compares with %r, which does not stay the same" % (called, type(value).__name__))
    return "'" + text.replace("'", "''") + "'"
