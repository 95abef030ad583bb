"""What Django says of a user who is made for it, beside what django-sidecar will say of the same row."""

import re
import uuid

# What a backend's get_user() does: djangosession/backends.go has the same words.
NOBODY, FILTERED, ACTIVE, ACTIVE_OR_NULL, ANY = 0, 1, 2, 3, 4


def lets(rule, active):
    """Whether a rule lets a user in whose is_active is so; "absent" is a model without the column."""
    if rule == ANY:
        return True
    if rule == NOBODY:
        return False
    if active == "absent":
        return rule != FILTERED
    if active is None:
        return rule == ACTIVE_OR_NULL or rule == ACTIVE and django.VERSION < (4, 2)
    return bool(active)


class Row(object):
    """A user's row as django-sidecar reads it: by the settings that have been found."""

    def __init__(self, report, model, alias):
        from django.db import connections

        self.connection = connections[alias]
        q = self.connection.ops.quote_name
        self.pk = model._meta.pk
        get = report.get
        self.absent = get("DJANGO_AUTH_USER_ACTIVE_COLUMN") == "-" and not get("DJANGO_AUTH_USER_ACTIVE_WHERE")
        active = get("DJANGO_AUTH_USER_ACTIVE_WHERE")
        column = get("DJANGO_AUTH_USER_ACTIVE_COLUMN") or "is_active"
        self.flag = None if active or self.absent else field_with_column(model, column)
        what = "1" if self.absent else "CASE WHEN %s THEN 1 ELSE 0 END" % active if active else q(column)
        self.sql = "SELECT %s FROM %s WHERE %s = %%s" % (
            what.replace("%", "%%"),
            q(table_of(model)),
            q(self.pk.column),
        )
        if get("DJANGO_AUTH_USER_WHERE"):
            self.sql += " AND (%s)" % get("DJANGO_AUTH_USER_WHERE").replace("%", "%%")

    def active(self, user):
        """is_active, "absent", or "hidden" for a row that a manager hides."""
        with self.connection.cursor() as cursor:
            cursor.execute(self.sql, [self.pk.get_db_prep_value(user.pk, self.connection)])
            row = cursor.fetchone()
        if row is None:
            return "hidden"
        if self.absent:
            return "absent"
        return None if row[0] is None else bool(row[0])


def prove_users(report):
    """Makes a user, and asks each backend for it in each state of its row."""
    from django.db import router

    model = user_model()
    alias = router.db_for_write(model)
    try:
        check_transactions(alias, [model._meta.db_table])
        with one_database(report), rolled_back([alias]):
            user = make_user(model, alias)
            prove_id(report, model, alias, user)
            prove_hash(report, model, user)
            rows = states(report, model, alias, user)
            allowed = prove_permissions(report, model, alias, user)
    except Impossible as e:
        report.unproved.append("no user was made to try backends with: %s" % e)
        rows = allowed = None
    except Exception as e:
        report.unproved.append("no user could be made to try backends with (%s: %s)" % (type(e).__name__, first_line(e)))
        rows = allowed = None
    read_backends(report, model, rows, allowed)


def prove_id(report, model, alias, user):
    """str(user.pk), by which a user is named to gateways, beside what django-sidecar makes of the column."""
    from django.db import connections

    pk, connection = model._meta.pk, connections[alias]
    q = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s FROM %s WHERE %s = %%s" % (q(pk.column), q(model._meta.db_table), q(pk.column)),
            [pk.get_db_prep_value(user.pk, connection)],
        )
        ours = "%s" % cursor.fetchone()
    texts = [ours]
    if key_kind(model) in ("uuid", "hex"):
        value = uuid.UUID(ours)
        texts = [value.hex] if report.get("DJANGO_AUTH_USER_ID_FORMAT") else [str(value), value.hex]
    told = "%s" % user.pk
    if told not in texts:
        report.add(
            report.impossible,
            "str() of the primary key of %s is not what its column has: users would be named otherwise to gateways (%s)"
            % (model._meta.label, where(type(pk))),
        )
    elif told != texts[0]:
        report.set("DJANGO_AUTH_USER_ID_FORMAT", "hex")


def prove_hash(report, model, user):
    """The hash of the row in the table, by the settings that have been found."""
    columns = report.get("DJANGO_AUTH_HASH_COLUMNS")
    algorithm, salt, text = hashing_algorithm(), DJANGOS_SALT, user.password
    if columns:
        names = columns.split(",") if not columns.startswith("[") else __import__("json").loads(columns)
        values = [getattr(user, field_with_column(model, c).attname) for c in names]
        text = (report.get("DJANGO_AUTH_HASH_SEPARATOR") or "").join("%s" % v for v in values)
        algorithm, salt = report.get("DJANGO_AUTH_HASH_ALGORITHM") or "sha1", report.hash_salt
    if user.get_session_auth_hash() != salted(algorithm, salt, settings.SECRET_KEY, text):
        report.add(
            report.impossible,
            "get_session_auth_hash() of a row of the table is not what it is of a new user (%s)"
            % (overridden(model, "get_session_auth_hash") or where(model)),
        )


def states(report, model, alias, user):
    """For each state of the row: what django-sidecar reads in it, and whom each backend finds."""
    from django.contrib.auth import load_backend
    from django.db import connections

    row = Row(report, model, alias)
    backends = []
    for path in settings.AUTHENTICATION_BACKENDS:
        try:
            backends.append((path, load_backend(path)))
        except Exception as e:
            report.add(report.impossible, "backend %s cannot be loaded: %s" % (path, first_line(e)))
    log = QueryLog(connections[alias])
    found = []

    def look(label):
        said = {}
        for path, backend in backends:
            with log:
                kind, answer = (
                    outcome(lambda: apart(alias, lambda: backend.get_user(user.pk))) if hasattr(backend, "get_user") else ("value", None)
                )
            said[path] = kind == "value" and answer is not None and getattr(answer, "pk", None) == user.pk
            if hasattr(backend, "get_user"):
                strangers(report, model, path, backend, log.list, said[path])
        found.append((label, row.active(user), said))

    look("as it was made")
    for field, value in variations(model, user):
        with changed(model, alias, user, field, value) as done:
            if done:
                look("with another %s" % field.column)
                compare_flags(report, model, alias, user, field)
    privileged(report, model, alias, user)
    return found


def privileged(report, model, alias, user):
    """is_staff and is_superuser in each state of the row of somebody who is both by the columns."""
    fields = [field_of(model, "is_staff"), field_of(model, "is_superuser")]
    names = [f.attname for f in fields if f is not None and f.get_internal_type() == "BooleanField"]
    rows = model._base_manager.using(alias).filter(pk=user.pk)
    before = rows.values(*names)[0] if names else {}
    for name in names:
        rows.update(**{name: True})
        compare_flags(report, model, alias, user, field_of(model, name))
    now = model._base_manager.using(alias).get(pk=user.pk) if names else user
    for field, value in variations(model, now) if names else ():
        with changed(model, alias, now, field, value) as done:
            if done and not report.impossible:
                compare_flags(report, model, alias, user, field)
    if before:
        rows.update(**before)


def compare_real_users(report, most=200):
    """Conditions beside what Django computes, for users that there are. Nothing is written."""
    from django.db import connections, router

    if not report.computed:
        return
    model = user_model()
    alias = router.db_for_read(model)
    q = connections[alias].ops.quote_name
    users = list(model._base_manager.using(alias).order_by("-pk")[:most])
    for name, sql in report.computed:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT %s, CASE WHEN %s THEN 1 ELSE 0 END FROM %s ORDER BY 1 DESC"
                % (q(model._meta.pk.column), sql, q(table_of(model)))
            )
            ours = dict((model._meta.pk.to_python(pk), bool(v)) for pk, v in cursor.fetchmany(10 * most))
        compared = [(ours[u.pk], bool(getattr(u, name))) for u in users if u.pk in ours]
        wrong = [pair for pair in compared if pair[0] != pair[1]]
        if any(mine for mine, _ in wrong):
            raise Impossible("%s of the user model is false for users for whom the condition %s is true" % (name, sql))
        if wrong:
            report.stricter.append(
                "%s is true for %d of %d users for whom the condition %s is not"
                % (name, len(wrong), len(compared), sql)
            )
        elif compared:
            report.proved.append("%s is the condition %s for %d users" % (name, sql, len(compared)))


SEEN_BACKENDS = {}
REMEMBERS = "does not ask the database for the user each time"


def strangers(report, model, path, backend, queries, found):
    """A get_user() that asks other tables than that of the users, or none, cannot be judged by the row."""
    tables = [model._meta.db_table] + [p._meta.db_table for p in other_tables(model)]
    selects = [q for q in queries if q and q.lstrip().upper().startswith("SELECT")]
    own = [q for q in selects if any(t in q for t in tables)]
    if found and not own:
        SEEN_BACKENDS[path] = REMEMBERS
    elif len(selects) > len(own) and SEEN_BACKENDS.get(path) != REMEMBERS:
        other = [q for q in selects if q not in own][0]
        match = re.search(r'FROM\s+["`]?(\w+)', other)
        SEEN_BACKENDS[path] = "looks at the table %s too" % (match.group(1) if match else "of something else")


def compare_flags(report, model, alias, user, field):
    """is_staff and is_superuser of the row, by their columns or conditions, beside what Django says of it."""
    from django.db import connections

    connection = connections[alias]
    q = connection.ops.quote_name
    now = model._base_manager.using(alias).get(pk=user.pk)
    for name in ("staff", "superuser"):
        sql = report.get("DJANGO_AUTH_USER_%s_WHERE" % name.upper())
        column = report.get("DJANGO_AUTH_USER_%s_COLUMN" % name.upper()) or "is_" + name
        if not sql and (column == "-" or field_with_column(model, column) is None):
            continue
        sql = sql or q(column)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT CASE WHEN %s THEN 1 ELSE 0 END FROM %s WHERE %s = %%s"
                % (sql.replace("%", "%%"), q(table_of(model)), q(model._meta.pk.column)),
                [model._meta.pk.get_db_prep_value(user.pk, connection)],
            )
            ours = bool(cursor.fetchone()[0])
        theirs = bool(getattr(now, "is_" + name, False))
        if ours and not theirs:
            report.add(
                report.impossible,
                "is_%s of a user was false where the row says true: it depends on something else too, or on column %s in a way "
                "that this program does not know"
                % (name, field.column),
            )


def prove_permissions(report, model, alias, user):
    """Which of three permissions each backend gives: the user's own, that of a group, and one of nobody."""
    from django.contrib.auth import load_backend
    from django.contrib.auth.models import Group, Permission
    from django.db import router, transaction

    fields = dict((f.name, f) for f in model._meta.many_to_many)
    if "groups" not in fields or "user_permissions" not in fields or fields["groups"].remote_field.model is not Group:
        return None
    try:
        if router.db_for_write(Group) != alias:
            return None
        with transaction.atomic(using=alias):
            permissions = list(Permission._base_manager.using(alias).select_related("content_type").order_by("pk")[:3])
            if len(permissions) < 3:
                return None
            group = insert(Group, alias, name="django-sidecar-%d" % random.randrange(2**40))
            link(fields["user_permissions"], user, permissions[0], alias)
            link(fields["groups"], user, group, alias)
            link(Group._meta.get_field("permissions"), group, permissions[1], alias)
    except Exception as e:
        report.remarks.append("permissions could not be tried: %s" % first_line(e))
        return None
    names = ["%s.%s" % (p.content_type.app_label, p.codename) for p in permissions]
    given = {}
    fresh = lambda: model._base_manager.using(alias).get(pk=user.pk)  # noqa: E731
    for path in settings.AUTHENTICATION_BACKENDS:
        backend = load_backend(path)
        if hasattr(backend, "has_perm"):
            given[path] = [outcome(lambda: apart(alias, lambda: bool(backend.has_perm(fresh(), name)))) for name in names]
        else:
            given[path] = [("value", False)] * 3
    active = fresh()
    given[""] = (
        [outcome(lambda: apart(alias, lambda: bool(active.has_perm(name)))) for name in names] if hasattr(active, "has_perm") else None
    )
    return given
