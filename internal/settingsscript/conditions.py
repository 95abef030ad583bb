"""What a property or a manager computes of a user's row, as a condition in SQL."""

import collections
import datetime
import itertools


TEXTS = ("CharField", "TextField", "EmailField", "SlugField")


def needs_texts(model):
    """Whether get_session_auth_hash() fails on a user with NULL in a text, which it puts together with others."""
    method = getattr(unsaved(model), "get_session_auth_hash", None)
    return method is not None and outcome(method)[0] == "error"


def unsaved(model, texts=False):
    """An unsaved user with a value in each column that must have one, and with texts also in those that need not."""
    user = model()
    for field in model._meta.concrete_fields:
        if (
            field.attname in user.__dict__
            and user.__dict__[field.attname] is None
            and (not field.null or texts and field.get_internal_type() in TEXTS)
            and not field.primary_key
            and not getattr(field, "remote_field", None)  # insert() makes the row that it names
        ):
            try:
                setattr(user, field.attname, plain_value(field))
            except Exception:
                pass
    return user


def plain_value(field):
    """A value that the field takes."""
    import decimal
    import uuid

    from django.utils import timezone

    if field.choices and not getattr(field, "null", False):
        flat = [c[0] for c in field.flatchoices if c[0] not in (None, "")]
        if flat:
            return flat[0]
    kind = field.get_internal_type()
    if kind in ("BooleanField", "NullBooleanField"):
        return False
    if kind == "DecimalField":
        return decimal.Decimal(0)
    if kind == "FloatField":
        return 0.0
    if kind.endswith("IntegerField") or kind.endswith("AutoField"):
        return 0
    if kind == "DateField":
        return datetime.date(2020, 1, 1)
    if kind == "DateTimeField":
        return timezone.now()
    if kind == "TimeField":
        return datetime.time(12)
    if kind == "DurationField":
        return datetime.timedelta(0)
    if kind == "UUIDField":
        return uuid.uuid4()
    if kind == "JSONField":
        return {}
    if kind == "BinaryField":
        return b""
    if kind == "GenericIPAddressField":
        return "127.0.0.1"
    if kind == "ArrayField":
        return []
    if kind == "EmailField":
        return "nobody-%s@django-sidecar.invalid" % uuid.uuid4().hex[:12]
    if kind == "URLField":
        return "https://django-sidecar.invalid/%s" % uuid.uuid4().hex[:12]
    return uuid.uuid4().hex[: field.max_length or 20]


PAST_AND_FUTURE = [-3650, -400, -30, -1, -0.05, -0.001, 0.001, 0.05, 1, 30, 400, 3650]  # days


class Domain(object):
    """The values of a column that are tried, and a condition for each."""

    def __init__(self, field, connection, now="", constants=()):
        self.field, self.whole = field, True
        q = connection.ops.quote_name
        name = q(field.column)
        binary = "BINARY " if connection.vendor == "mysql" else ""  # collations ignore case, Python does not
        kind = field.get_internal_type()
        self.cases = [(None, name + " IS NULL")] if field.null else []
        if kind in ("BooleanField", "NullBooleanField"):
            yes, no = ("= true", "= false") if connection.vendor == "postgresql" else ("= 1", "= 0")
            self.cases += [(True, "%s %s" % (name, yes)), (False, "%s %s" % (name, no))]
        elif kind in ("DateTimeField", "DateField"):
            # Past and future are the same to most properties; where they are not, the database has to know the time.
            there = name + " IS NOT NULL"
            past, future = ("%s <= %s" % (name, now), "%s > %s" % (name, now)) if now else (there, there)
            self.cases += [(self.date(kind, n), past if n < 0 else future) for n in PAST_AND_FUTURE]
        elif kind.endswith("IntegerField"):
            self.cases += [(v, "%s = %d" % (name, v)) for v in sorted(self.states(connection, constants))]
            self.whole = False
        elif kind in ("CharField", "TextField", "SlugField"):
            values = self.states(connection, constants)
            if any("\\" in str(v) or any(ord(c) < 32 for c in str(v)) for v in values):
                raise Impossible("column %s has values with backslashes or control characters" % field.column)
            self.cases += [
                (v, "%s%s = '%s'" % (binary, name, str(v).replace("'", "''"))) for v in sorted(values, key=str)
            ]
            self.whole = False
        else:
            raise Impossible("column %s is a %s" % (field.column, kind))

    @staticmethod
    def date(kind, days):
        from django.utils import timezone

        then = timezone.now() + datetime.timedelta(days=days)
        return then if kind == "DateTimeField" else then.date()

    def states(self, connection, constants):
        """The values that the table has, the default and the choices of the field, and what stands in the code."""
        field = self.field
        chosen = [c[0] for c in field.flatchoices if c[0] is not None] if field.choices else []
        named = list(constants) + ([field.default] if field.has_default() else [])
        return set(self.values_in_use(connection)) | set(chosen) | set(c for c in named if fits(field, c))

    def values_in_use(self, connection, most=40):
        """The different values of a column; more than a few are no states."""
        model = self.field.model
        found = list(
            model._base_manager.using(connection.alias)
            .order_by(self.field.attname)
            .values_list(self.field.attname, flat=True)
            .distinct()[: most + 1]
        )
        if len(found) > most:
            raise Impossible("column %s has more than %d different values" % (self.field.column, most))
        return [v for v in found if v is not None]


def other_value(field, value):
    """Another value for a column, to see who notices."""
    kind = field.get_internal_type()
    if kind in ("BooleanField", "NullBooleanField"):
        return not value
    if kind == "DateTimeField" or kind == "DateField":
        return Domain.date(kind, -400 if value is None or str(value) > "2021" else -4000)
    if kind.endswith("IntegerField") or kind.endswith("AutoField"):
        return (value or 0) + 1
    if kind in ("ForeignKey", "OneToOneField"):
        return None
    changed = plain_value(field)
    if changed == value:
        flat = [c[0] for c in field.flatchoices if c[0] not in (None, "", value)] if field.choices else []
        return flat[0] if flat else None
    return changed


def outcome(function):
    try:
        return ("value", function())
    except Exception as e:
        return ("error", type(e).__name__)


def constants_of(thing):
    """The texts and numbers that a property or function names, in its code and its module: states that no row may have yet."""
    todo, seen, found = [function_of(thing)], [], []
    while todo:
        value = todo.pop()
        if isinstance(value, (tuple, frozenset, list, set, dict)):
            todo += list(value)
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            found.append(value)
        elif hasattr(value, "co_consts"):
            todo += list(value.co_consts)
        elif inspect.isfunction(value) and value not in seen:
            seen.append(value)
            todo += [value.__code__] + [value.__globals__[n] for n in value.__code__.co_names if n in value.__globals__]
    return found


def fits(field, value):
    kind = field.get_internal_type()
    if kind.endswith("IntegerField"):
        return isinstance(value, int)
    return (
        kind in ("CharField", "TextField", "SlugField")
        and isinstance(value, str)
        and len(value) <= (field.max_length or 200)
    )


def in_use(model, field, most=1000):
    """Some of the values of a column."""
    from django.db import router

    if field.unique or not (
        field.get_internal_type().endswith("IntegerField") or field.get_internal_type() in ("CharField", "SlugField")
    ):
        return []
    rows = (
        model._base_manager.using(router.db_for_read(model))
        .order_by("-pk")
        .values_list(field.attname, flat=True)[:most]
    )
    return list(set(v for v in rows if v is not None))[:100]


def depends_on(model, compute, base=None, constants=(), in_table=True):
    """The columns whose value changes what compute(user) is, tried one by one on unsaved users."""
    import copy

    found = []
    base = base or unsaved(model)
    for field in model._meta.concrete_fields:
        before = outcome(lambda: compute(copy.copy(base)))
        tries = [None] if field.null else []
        tries += [c[0] for c in field.flatchoices] if field.choices else []
        tries += [c for c in constants if fits(field, c)]
        kind = field.get_internal_type()
        try:
            tries.append(other_value(field, base.__dict__.get(field.attname)))
            if kind in ("DateTimeField", "DateField"):
                tries.append(Domain.date(kind, 400))
            if kind.endswith("IntegerField"):
                tries += [-1, 0, 1, 2, 10, 100, 1000]
            if in_table:
                tries += in_use(model, field)
        except Exception:
            continue
        for value in tries:
            user = copy.copy(base)
            user._state = copy.copy(base._state)
            user.__dict__[field.attname] = value
            if outcome(lambda: compute(user)) != before:
                found.append(field)
                break
    return found


def now_in(connection, field):
    """The time in SQL, where columns are in UTC; "" where they are not."""
    if not settings.USE_TZ or connection.settings_dict.get("TIME_ZONE") or field.get_internal_type() != "DateTimeField":
        return ""
    return {"postgresql": "CURRENT_TIMESTAMP", "mysql": "UTC_TIMESTAMP(6)", "sqlite": "datetime('now')"}.get(
        connection.vendor, ""
    )


def condition_for(model, compute, connection, called, fields=None, base=None, constants=()):
    """SQL that is true where compute(user) is, and whether it knows each value that a column can have."""
    log = QueryLog(connection)
    base = base or unsaved(model)
    if fields is None:
        with log:
            depends_on(model, compute, base, constants, in_table=False)
        if log.list:
            raise Impossible("%s asks the database for more than the user's row: %s" % (called, log.list[0][:120]))
        fields = dependencies(model, compute, base, constants)
    for with_time in (False, True):
        domains = [Domain(f, connection, now_in(connection, f) if with_time else "", constants) for f in fields]
        truth, unclear = truth_of(base, compute, domains, called)
        if not unclear:
            break
    else:
        raise Impossible(
            "%s depends on the time that is in column %s"
            % (called, " or ".join(f.column for f in fields if f.get_internal_type().startswith("Date")))
        )
    if not domains:
        return ("1 = 1" if truth[()] else "1 = 0"), True
    return join(truth, domains), all(d.whole for d in domains)


def dependencies(model, compute, base, constants):
    """Columns that matter, also those that matter only where another has some value."""
    import copy

    fields = depends_on(model, compute, base, constants)
    for field in list(fields):
        for value in (
            ([c[0] for c in field.flatchoices] if field.choices else [])
            + [c for c in constants if fits(field, c)]
            + in_use(model, field)[:10]
            + ([True, False] if field.get_internal_type() == "BooleanField" else [])
        ):
            other = copy.copy(base)
            other.__dict__[field.attname] = value
            fields += [f for f in depends_on(model, compute, other, constants) if f not in fields]
    return fields


def truth_of(base, compute, domains, called):
    """What compute says for each combination of values, by the SQL of these; and whether one SQL has two answers."""
    import copy

    size = 1
    for d in domains:
        size *= len(d.cases)
    if size > 512:
        raise Impossible(
            "%s depends on %s, in more ways than can be tried" % (called, ", ".join(d.field.column for d in domains))
        )
    truth, unclear = collections.OrderedDict(), False
    for combination in itertools.product(*[d.cases for d in domains]):
        user = copy.copy(base)
        for d, (value, _) in zip(domains, combination):
            user.__dict__[d.field.attname] = value
        kind, result = outcome(lambda: compute(user))
        if kind == "error":
            raise Impossible(
                "%s fails with %s for a user with %s"
                % (called, result, ", ".join("%s=%r" % (d.field.column, v) for d, (v, _) in zip(domains, combination)))
            )
        sql = tuple(text for _, text in combination)
        unclear = unclear or truth.setdefault(sql, bool(result)) != bool(result)
    return truth, unclear


def join(truth, domains):
    """The cases that are true, as short as they are in most projects."""
    true = [sql for sql, result in truth.items() if result]
    if not true:
        return "1 = 0"
    if len(true) == len(truth) and all(d.whole for d in domains):
        return "1 = 1"
    if len(domains) == 1 and all(" = " in sql[0] for sql in true) and len(true) > 1:
        name = true[0][0].split(" = ", 1)[0]
        return "%s IN (%s)" % (name, ", ".join(sql[0].split(" = ", 1)[1] for sql in true))
    if len(true) == 1:
        return " AND ".join(true[0])
    return " OR ".join("(%s)" % " AND ".join(sql) if len(sql) > 1 else sql[0] for sql in true)


class QueryLog(object):
    """What is asked of a database meanwhile. Works on every Django from 1.11 on."""

    def __init__(self, connection):
        self.connection, self.list = connection, []

    def __enter__(self):
        self.connection.ensure_connection()
        self.forced = self.connection.force_debug_cursor
        self.connection.force_debug_cursor = True
        self.start()
        return self

    def start(self):
        self.begin = len(self.connection.queries_log)

    def __exit__(self, *error):
        self.list = [q["sql"] for q in list(self.connection.queries_log)[self.begin :]]
        self.connection.force_debug_cursor = self.forced
