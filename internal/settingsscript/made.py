"""Users, groups and permissions that are made in a transaction which is rolled back. No signal is sent: bulk_create sends none."""

import contextlib
import random


@contextlib.contextmanager
def rolled_back(aliases):
    """Transactions on these databases and all others that can be reached, which end with nothing changed."""
    from django.db import connections, transaction

    opened = []
    try:
        for alias in list(aliases) + [a for a in connections if a not in aliases]:
            block = transaction.atomic(using=alias)
            try:
                block.__enter__()
            except Exception:
                if alias in aliases:
                    raise
                continue
            opened.append((alias, block))
        yield
    finally:
        for alias, block in reversed(opened):
            transaction.set_rollback(True, using=alias)
            block.__exit__(None, None, None)


class OneDatabase(object):
    """Stands for the routers of a project: they are asked as before, and what they read elsewhere (a replica) is read where it is written, since it is there alone."""

    def __init__(self, routers):
        self.routers = routers

    def ask(self, method, *arguments, **hints):
        for one in self.routers:
            if hasattr(one, method):
                chosen = getattr(one, method)(*arguments, **hints)
                if chosen is not None:
                    return chosen
        return None

    def db_for_read(self, model, **hints):
        read, written = self.ask("db_for_read", model, **hints), self.ask("db_for_write", model, **hints)
        return written if written is not None or read is None else self.default(hints)

    def default(self, hints):
        """django/db/utils.py, ConnectionRouter._router_func: where what no router says is."""
        from django.db import DEFAULT_DB_ALIAS

        state = getattr(hints.get("instance"), "_state", None)
        return getattr(state, "db", None) or DEFAULT_DB_ALIAS

    def db_for_write(self, model, **hints):
        return self.ask("db_for_write", model, **hints)

    def allow_relation(self, one, other, **hints):
        return self.ask("allow_relation", one, other, **hints)

    def allow_migrate(self, db, app_label, **hints):
        return self.ask("allow_migrate", db, app_label, **hints)


@contextlib.contextmanager
def one_database(report):
    """Reads what this program makes, also where the project reads from another database than it writes to."""
    from django.db import router

    model, before = user_model(), router.routers
    read, written = router.db_for_read(model), router.db_for_write(model)
    if read != written:
        report.add(report.remarks, "users are read from the database %r, and were tried in %r, where they are written: both have to have the same rows" % (read, written))
    router.routers = [OneDatabase(before)]
    try:
        yield
    finally:
        router.routers = before


def apart(alias, function):
    """Calls code of the project in a savepoint: a query that fails spoils nothing behind it."""
    from django.db import transaction

    with transaction.atomic(using=alias):
        return function()


def check_transactions(alias, tables):
    """MySQL's MyISAM keeps what is rolled back."""
    from django.db import connections

    connection = connections[alias]
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()")
            engines = dict((row[0], str(row[1])) for row in cursor.fetchall())
        for table in tables:
            if engines.get(table, "InnoDB").lower() != "innodb":
                raise Impossible("table %s has the engine %s, which rolls nothing back" % (table, engines[table]))


def new_key(field):
    """A primary key that nobody has, and no sequence is asked for."""
    while getattr(field, "remote_field", None) is not None:
        field = field.target_field
    kind = field.get_internal_type()
    if kind == "SmallIntegerField" or kind == "SmallAutoField":
        return -random.randrange(2**14, 2**15)
    if kind.startswith("Positive"):
        return random.randrange(2**14, 2**15) if "Small" in kind else random.randrange(2**30, 2**31)
    if kind.endswith("AutoField") or kind.endswith("IntegerField"):
        return -random.randrange(2**30, 2**31)
    return plain_value(field)


def insert(model, alias, **values):
    """One row, with what the model requires."""
    row = unsaved(model, values.pop("texts", False))
    pk = model._meta.pk
    if not getattr(pk, "remote_field", None):
        row.pk = values.pop("pk", None) or new_key(pk)
    for child, link in reversed(links_of(model._meta.concrete_model)):  # from the first parent to the last child
        parent = link.remote_field.model._meta.pk
        if getattr(row, parent.attname, None) is None:
            setattr(row, parent.attname, new_key(parent))
        setattr(row, link.attname, getattr(row, parent.attname))
    for field in model._meta.concrete_fields:
        value = row.__dict__.get(field.attname)
        if getattr(field, "remote_field", None) and value is None and not field.null:
            target = field.remote_field.model
            rows = target._base_manager.using(alias).values_list(field.target_field.attname, flat=True)
            first = None if field.unique else rows.first()
            if first is None:
                first = getattr(insert(target, alias), field.target_field.attname)
            setattr(row, field.attname, first)
        elif (
            field.unique and not field.primary_key and not getattr(field, "remote_field", None) and value not in (None,)
        ):
            kind = field.get_internal_type()
            setattr(row, field.attname, new_key(field) if "Integer" in kind else plain_value(field))
    for name, value in values.items():
        setattr(row, name, value)
    if not other_tables(model):
        model._base_manager.using(alias).bulk_create([row])
        return row
    for table in tables_of(model._meta.concrete_model):
        row._save_table(raw=True, cls=table, force_insert=True, using=alias)
    return row


def tables_of(model):
    """The models whose tables have the columns of a model, parents first."""
    found = []
    for parent, link in model._meta.parents.items():
        found += [m for m in tables_of(parent) if link is not None and m not in found and not m._meta.proxy]
    return found + [model]


def make_user(model, alias):
    """A user as a row of the table, or of several."""
    from django.db import transaction

    password = u"pbkdf2_sha256$1$salt$\xe9"
    try:
        with transaction.atomic(using=alias):
            user = insert(model, alias, password=password, texts=needs_texts(model))
    except Exception:
        # What the table demands may be more than its fields say. Some row meets it.
        somebody = model._base_manager.using(alias).order_by("-pk").first()
        if somebody is None:
            raise
        values = dict(
            (f.attname, getattr(somebody, f.attname))
            for f in model._meta.concrete_fields
            if not f.primary_key and not f.unique
        )
        values["password"] = password
        user = insert(model, alias, **values)
    return model._base_manager.using(alias).get(pk=user.pk)


def link(field, one, other, alias):
    """A row of a many-to-many table."""
    through = field.remote_field.through
    values = {field.m2m_field_name() + "_id": one.pk, field.m2m_reverse_field_name() + "_id": other.pk}
    insert(through, alias, **values)


def variations(model, user):
    """Changes of one column each. None is skipped that the database takes."""
    constants = constants_of(attribute(model, "is_active")[0])
    for field in model._meta.concrete_fields:
        if field.primary_key or getattr(field, "remote_field", None):
            continue
        value = getattr(user, field.attname)
        tries = [] if not field.null else [None]
        kind = field.get_internal_type()
        if kind in ("BooleanField", "NullBooleanField"):
            tries += [True, False]
        elif kind in ("DateTimeField", "DateField"):
            tries += [Domain.date(kind, n) for n in (-400, 400)]
        elif kind.endswith("IntegerField"):
            tries += [0, 1, 2, 3]
        elif field.choices:
            tries += [c[0] for c in field.flatchoices][:20]
        else:
            try:
                tries.append(plain_value(field))
            except Exception:
                pass
        tries += [c for c in constants if fits(field, c)] + in_use(model, field)[:10]
        seen = [value]
        for changed in tries:
            if changed not in seen:
                seen.append(changed)
                yield field, changed


@contextlib.contextmanager
def changed(model, alias, user, field, value):
    """The row with another value in a column. A value that the database refuses is passed over."""
    from django.db import transaction

    try:
        with transaction.atomic(using=alias):
            model._base_manager.using(alias).filter(pk=user.pk).update(**{field.attname: value})
        done = True
    except Exception:
        done = False
    try:
        yield done
    finally:
        if done:
            model._base_manager.using(alias).filter(pk=user.pk).update(**{field.attname: getattr(user, field.attname)})
