"""Where users are: tables, columns, and what is no column."""


def user_model():
    from django.contrib.auth import get_user_model

    return get_user_model()


def field_of(model, name):
    """The field of a name that has a column, None if there is none."""
    for field in model._meta.concrete_fields:
        if field.name == name or field.attname == name:
            return field
    return None


def read_users(report):
    model = user_model()
    meta = model._meta
    label = settings.AUTH_USER_MODEL
    report.set("DJANGO_AUTH_USER_MODEL", label, "auth.User")
    table = plain_table(meta.db_table)
    app, name = label.split(".", 1)
    usual = "%s_%s" % (app, name.lower())
    parents = other_tables(model)
    if parents:
        table = joined_view(report, model, parents)
    report.set("DJANGO_AUTH_USER_TABLE", table, usual)
    report.set("DJANGO_AUTH_USER_ID_COLUMN", meta.pk.column, "id")
    kind = key_kind(model)
    if kind is None:
        raise Impossible(
            "the primary key of %s is a %s; django-sidecar reads integers, UUIDs and texts"
            % (where(model), type(meta.pk).__name__)
        )
    if kind == "hex":
        report.set("DJANGO_AUTH_USER_ID_FORMAT", "hex")
    password = field_of(model, "password")
    if password is None:
        raise Impossible(
            "the user model %s has no column for its password, of which session hashes are made" % where(model)
        )
    report.set("DJANGO_AUTH_USER_PASSWORD_COLUMN", password.column, "password")
    username = field_of(model, model.USERNAME_FIELD)
    report.set("DJANGO_AUTH_USER_USERNAME_COLUMN", username.column if username is not None else "-", "username")
    read_email(report, model)
    read_groups(report, model, table)


def plain_table(name):
    """A db_table that brings its own quotes, 'tenant"."user', has a schema in it."""
    for mark in ('"', "`"):
        if mark in name:
            return name.replace(mark + "." + mark, ".").strip(mark)
    return name


def read_email(report, model):
    columns = [f.column for f in model._meta.concrete_fields]
    name = (
        model.get_email_field_name()
        if hasattr(model, "get_email_field_name")
        else getattr(model, "EMAIL_FIELD", "email")
    )
    email = field_of(model, name)
    if email is not None:
        report.set("DJANGO_AUTH_USER_EMAIL_COLUMN", email.column, "email")
    elif "email" in columns:
        report.set("DJANGO_AUTH_USER_EMAIL_COLUMN", "-")


def key_kind(model):
    """int, text, uuid, or hex for a UUID column whose str() has no hyphens."""
    import uuid

    pk = model._meta.pk
    while getattr(pk, "remote_field", None) is not None:
        pk = pk.target_field
    kind = pk.get_internal_type()
    if kind.endswith("AutoField") or kind.endswith("IntegerField"):
        return "int"
    if kind == "UUIDField":
        return "uuid"
    from django.db import connections, router

    column = (pk.db_type(connections[router.db_for_read(model)]) or "").lower()
    if column.startswith("uuid"):
        return "hex" if "-" not in str(pk.to_python(str(uuid.uuid4()))) else "uuid"
    if kind in ("CharField", "SlugField", "EmailField", "TextField") or "char" in column or column == "text":
        return "text"
    if "int" in column or "serial" in column:
        return "int"
    return None


def other_tables(model):
    """The parents of a model that inherits columns of other tables."""
    meta = model._meta.concrete_model._meta
    return [p._meta.concrete_model for p in meta.parents if p._meta.db_table != meta.db_table]


VIEW = "django_sidecar_users"


def joined_view(report, model, parents):
    """A model whose columns are in several tables needs a view that joins them, which somebody has to make."""
    from django.db import connections, router

    connection = connections[router.db_for_read(model)]
    q = connection.ops.quote_name
    meta = model._meta.concrete_model._meta
    columns, tables, seen = [], [q(meta.db_table)], set()
    for field in meta.concrete_fields:
        if field.column not in seen:
            seen.add(field.column)
            columns.append("%s.%s" % (q(field.model._meta.db_table), q(field.column)))
    for child, link in links_of(model._meta.concrete_model):
        parent = link.remote_field.model._meta
        tables.append(
            "JOIN %s ON %s.%s = %s.%s"
            % (q(parent.db_table), q(parent.db_table), q(parent.pk.column), q(child._meta.db_table), q(link.column))
        )
    with connection.cursor() as cursor:
        views = [t.name for t in connection.introspection.get_table_list(cursor)]
    if VIEW not in views:
        raise Impossible(
            "until there is a view, since the user model %s has its columns in %d tables. Run this, and this program again: "
            "CREATE VIEW %s AS SELECT %s FROM %s"
            % (where(model), len(parents) + 1, VIEW, ", ".join(columns), " ".join(tables))
        )
    return VIEW


def table_of(model):
    """Where all the columns of a user are."""
    return VIEW if other_tables(model) else model._meta.db_table


def links_of(model):
    """The links from a model to the tables of its parents, and theirs."""
    found = []
    for parent, link in model._meta.parents.items():
        if link is not None and not parent._meta.proxy:
            found.append((model, link))
            found += links_of(parent)
    return found


def read_groups(report, model, table):
    """Tables of groups and permissions, for requirements of gateways and Remote-Groups."""
    group = many_to_many(report, model, "groups", "DJANGO_AUTH_USER_GROUPS", table, "GROUP")
    permission = many_to_many(report, model, "user_permissions", "DJANGO_AUTH_USER_PERMISSIONS", table, "PERMISSION")
    if group is not None:
        meta = group._meta
        hides = hides_rows(group._default_manager)
        if hides:
            text = "the manager of the groups of %s may hide some: %s" % (where(group), hides)
            if meta.db_table == "auth_group":  # whose rows count without a setting
                raise Impossible(text)
            report.add(report.stricter, text + ". require=group and Remote-Groups cannot be had")
            return
        if other_tables(group):
            report.remarks.append(
                "the groups of %s inherit from another table: require=group and Remote-Groups cannot be had"
                % where(group)
            )
            return
        report.set("DJANGO_AUTH_GROUP_TABLE", meta.db_table, "auth_group")
        report.set("DJANGO_AUTH_GROUP_ID_COLUMN", meta.pk.column, "id")
        name = field_of(group, "name")
        if name is None:
            report.remarks.append(
                "the groups of %s have no name: say which column names them in DJANGO_AUTH_GROUP_NAME_COLUMN"
                % where(group)
            )
        else:
            report.set("DJANGO_AUTH_GROUP_NAME_COLUMN", name.column, "name")
        if meta.db_table != "auth_group":
            report.remarks.append(
                "permissions of groups are not asked: Django's ModelBackend fails on groups that are not auth.Group (%s)"
                % where(group)
            )
    if permission is not None:
        report.set("DJANGO_AUTH_PERMISSION_TABLE", permission._meta.db_table, "auth_permission")


def hides_rows(manager):
    """FILE:LINE of a manager that is not seen to give all rows."""
    kind = outcome(lambda: read_query(type(manager)))[0]
    if kind == "error" or manager.all().query.where:
        return where(type(manager))
    return own_queries(manager)


def many_to_many(report, model, name, prefix, table, to):
    """The model that a many-to-many field leads to; None if there is no such field."""
    try:
        field = model._meta.get_field(name)
    except Exception:
        return None
    if not getattr(field, "many_to_many", False):
        report.remarks.append(
            "%s of %s is no many-to-many field: require=group, require=perm and Remote-Groups do not know it"
            % (name, where(model))
        )
        return None
    through = field.remote_field.through._meta
    source, target = field.m2m_column_name(), field.m2m_reverse_name()
    leads = [f.remote_field.model._meta.db_table for f in through.concrete_fields if getattr(f, "remote_field", None)]
    ambiguous = len(set(leads)) < len(leads)
    if through.db_table != table + "_" + name or ambiguous:
        report.set(prefix + "_TABLE", through.db_table)
        if ambiguous:
            report.set(prefix + "_USER_COLUMN", source)
            report.set(prefix + "_%s_COLUMN" % to, target)
    return field.remote_field.model
