"""AUTHENTICATION_BACKENDS, their rules, and MIDDLEWARE."""

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
TABLES_SAY = [("value", True), ("value", True), ("value", False)]
NOTHING = [("value", False)] * 3


def known_backend(path):
    """The rule that django-sidecar has by itself, as (users, permissions); None if it has none."""
    if path.startswith("social_core.backends."):
        return (FILTERED, False)
    rule = KNOWN_BACKENDS.get(path)  # noqa: F821
    return (rule[0], bool(rule[1])) if rule else None


def read_backends(report, model, rows, allowed):
    from django.contrib.auth import load_backend

    listed, rules, acceptable, nobodys = [], {}, [], []
    remote = remote_user_item()
    for path in settings.AUTHENTICATION_BACKENDS:
        cls = type(load_backend(path))
        if remote and same_class(cls, REMOTE_BACKEND) and not (effect_of(remote) == REMOTE_USER and known_backend(path)):
            nobodys.append("sessions through %s are nobody's: %s logs out whom the web server does not name" % (path, remote))
            continue
        known = known_backend(path)
        users, why = users_rule(report, path, cls, known, rows, acceptable)
        if users is None:
            nobodys.append("sessions through %s are nobody's: %s" % (path, why))
            continue
        if why:
            report.stricter.append("%s: %s" % (path, why))
        listed.append(path)
        permissions = permission_rule(path, cls, known, allowed)
        if known != (users, permissions):
            if users == NOBODY:
                listed.remove(path)  # it knows nobody, and gives no permissions that a session could have
                if permissions:
                    report.remarks.append("%s knows no users, and its permissions do not count here" % path)
                continue
            rules[path] = ("any" if users == ANY else "active") + ("+permissions" if permissions else "")
    if settings.AUTHENTICATION_BACKENDS and not listed:
        report.acceptable += [acceptable] if acceptable else []
        raise Impossible("none of AUTHENTICATION_BACKENDS can be imitated: %s" % "; ".join(nobodys))
    report.stricter += nobodys
    own_permissions(report, model, listed, rules, allowed)
    report.set("DJANGO_AUTHENTICATION_BACKENDS", listed, [MODEL_BACKEND])
    report.set("DJANGO_BACKEND_RULES", rules, {})


REMOTE_BACKEND = "django.contrib.auth.backends.RemoteUserBackend"


def remote_user_item():
    """RemoteUserMiddleware, or what the project has made of it: it logs users of its backend out (contrib/auth/middleware.py, 1.11 to 6.1)."""
    for path in middleware_list():
        if effect_of(path) == REMOTE_USER:
            return path
        item = import_of(path) if effect_of(path) == UNKNOWN else None
        if inspect.isclass(item) and same_class(item, "django.contrib.auth.middleware.RemoteUserMiddleware") and item.force_logout_if_no_header is not False:
            return path
    return None


def users_rule(report, path, cls, known, rows, acceptable):
    """Whom get_user() finds; None and why if no rule says it, and whether that was read alone."""
    get_user, owner = attribute(cls, "get_user")
    place = where(get_user) if get_user is not None else where(cls)
    if rows is None:
        if known:
            return known[0], None
        if get_user is None:
            return NOBODY, None
        if is_djangos(owner) and not overridden(cls, "user_can_authenticate"):
            return (ANY if same_class(cls, "django.contrib.auth.backends.AllowAllUsersModelBackend") else ACTIVE), None
        return None, "its get_user() could not be tried: %s" % place
    named = []
    if not known and SEEN_BACKENDS.get(path) == REMEMBERS:
        return None, "its get_user() %s: %s" % (REMEMBERS, place)
    if not known:
        read, named = backend_columns(path, cls)
        if read and not report.answered(path, read):
            acceptable.append(path)
            return None, "%s. If it goes by is_active alone, or by nothing, for all users and at all times: -accept %s" % (read, path)
    rules = [known[0]] if known else []
    rules += [rule for rule in (ACTIVE, ANY, NOBODY) if rule not in rules]
    wrong = dict((rule, differences(path, rule, rows)) for rule in rules)
    unseen = "its get_user() looks at %s of the user, and no value was seen by which it decides: %s" % (", ".join(named), place)
    if named and not all(wrong.values()) and not report.answered(path, unseen):
        acceptable.append(path)
        return None, unseen + ". If it does not: -accept " + path
    for rule in rules:
        if not wrong[rule]:
            return rule, None
    for rule in rules[:2] if not named else ():
        if rule != ANY and not any(theirs is False for _, theirs in wrong[rule]):
            return rule, "some of its users are nobody's, such as one %s: %s" % (wrong[rule][0][0], place)
    label = [label for label, theirs in wrong[rules[0]] if not theirs][0]
    return None, "its get_user() decides by more than is_active, and does not find a user %s: %s" % (label, place)


def backend_columns(path, cls):
    """What a backend does that is not understood, or None, and the columns that it names besides is_active and the key."""
    from django.contrib.auth import load_backend

    if path in SEEN_BACKENDS:
        return "its get_user() %s: %s" % (SEEN_BACKENDS[path], where(attribute(cls, "get_user")[0])), []
    try:
        fields = read_backend(cls, load_backend(path))
    except Unread as e:
        return "its get_user() does more than this program understands: %s" % e, []
    return None, sorted(set(f.name for f in fields if f.name != "is_active" and not f.primary_key))


def differences(path, rule, rows):
    """The states of a row in which a rule says something else than get_user()."""
    return [
        (label, said[path]) for label, active, said in rows if (active != "hidden" and lets(rule, active)) != said[path]
    ]


PERMISSIONS = (
    "has_perm", "ahas_perm", "get_all_permissions", "aget_all_permissions", "get_user_permissions", "aget_user_permissions",
    "get_group_permissions", "aget_group_permissions", "_get_permissions", "_aget_permissions", "_get_user_permissions", "_get_group_permissions",
)


def own_permission_code(cls):
    """FILE:LINE of what a class has in place of Django's methods of permissions, None where it only hands on to them."""
    for name in PERMISSIONS:
        if overridden(cls, name) and not hands_on(attribute(cls, name)[0], name):
            return overridden(cls, name)
    return None


def hands_on(thing, name):
    """Whether a method is "return super().has_perm(its arguments)", and no more."""
    source = source_of(getattr(function_of(thing), "__code__", None))
    body = [n for n in getattr(source[2].body[0], "body", []) if not isinstance(n, ast.Expr)] if source else []
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    call = getattr(call, "value", call) if type(call).__name__ == "Await" else call
    if not isinstance(call, ast.Call) or getattr(call.func, "attr", "") != name or not isinstance(call.func.value, ast.Call):
        return False
    given = [getattr(a, "id", getattr(getattr(a, "value", None), "id", None)) for a in call.args]
    mine = list(function_of(thing).__code__.co_varnames)
    return getattr(call.func.value.func, "id", "") == "super" and given == mine[1 : len(given) + 1]


def may_deny(path, cls):
    """FILE:LINE of a backend's own code of permissions that may raise PermissionDenied, which denies what the tables give."""
    from django.core.exceptions import PermissionDenied

    place = own_permission_code(cls) if not known_backend(path) else None
    for function, asked in followed(attribute(cls, "has_perm")[0]) if place else ():
        if "PermissionDenied" in outcome(lambda: inspect.getsource(sys.modules[function.__module__]))[1]:
            return place
        if any(inspect.isclass(v) and issubclass(v, PermissionDenied) for _, v in asked):
            return place
    return None


def permission_rule(path, cls, known, allowed):
    own = own_permission_code(cls)
    if allowed is None or own and not known:
        return known[1] if known else bool(same_class(cls, MODEL_BACKEND)) and not own
    return allowed[path] == TABLES_SAY


def gives_none(cls):
    """Whether the methods of permissions that a backend has of its own return nothing but False and nobody's."""
    for name in PERMISSIONS:
        thing = attribute(cls, name)[0]
        source = source_of(getattr(function_of(thing), "__code__", None)) if overridden(cls, name) else None
        if overridden(cls, name) and (source is None or any(gives(n) for n in ast.walk(source[2]))):
            return False
    return True


def gives(node):
    """Whether a statement returns more than False, None and set()."""
    if isinstance(node, (ast.Yield, ast.Lambda)):
        return True
    if not isinstance(node, ast.Return) or node.value is None:
        return False
    return ast.dump(node.value) not in [ast.dump(ast.parse(t).body[0].value) for t in ("False", "None", "set()", "[]", "()", "frozenset()")]


def own_permissions(report, model, listed, rules, allowed):
    """A has_perm() of the user model: if it is not what the tables say, require=perm is refused."""
    backends = [(path, import_of(path)) for path in settings.AUTHENTICATION_BACKENDS]
    givers = [n for n, (path, _) in enumerate(backends) if path in listed and known_or_ruled(path, rules)]
    denies = next((place for place in [may_deny(*pair) for pair in backends[: max(givers or [0])]] if place), None)
    own = own_permission_code(model)
    differs = allowed is not None and allowed[""] is not None and allowed[""] != TABLES_SAY
    anybody = any(known_or_ruled(path, rules) for path in listed)
    if not anybody and hasattr(model, "has_perm"):
        places = [own_permission_code(cls) or where(cls) for path, cls in backends if path in listed]
        report.stricter.append("require=perm is refused, since no backend gives what the tables of permissions have (%s)" % ", ".join(places))
    refused = anybody and (differs or own or denies)
    for path, cls in backends if anybody and not refused else ():
        gave = allowed is not None and allowed[path] != NOTHING
        gives = gave or not gives_none(cls) if path in listed else own_permission_code(cls) and not gives_none(cls)  # Django asks those too that find nobody
        if gives and not known_backend(path) and not known_or_ruled(path, rules):
            report.stricter.append("require=perm refuses what has_perm() of %s alone may give: %s" % (path, own_permission_code(cls) or where(cls)))
    if refused:
        for path in listed:
            known = known_backend(path)
            users = known[0] if known else ACTIVE
            if path in rules:
                rules[path] = rules[path].replace("+permissions", "")
            elif users != NOBODY:
                rules[path] = "any" if users == ANY else "active"
        report.stricter.append(
            "require=perm is refused, since has_perm() of the user is not what the tables say (%s)"
            % (own or denies or "another backend decides")
        )


def known_or_ruled(path, rules):
    if path in rules:
        return rules[path].endswith("+permissions")
    known = known_backend(path)
    return bool(known and known[1])


# What an item of MIDDLEWARE does: djangosession/middleware.go has the same words.
UNKNOWN, NO_EFFECT, IMPERSONATION, REMOTE_USER, OWN_TIMEOUT = 0, 1, 2, 3, 4


def effect_of(path):
    if path in KNOWN_MIDDLEWARE:  # noqa: F821
        return KNOWN_MIDDLEWARE[path]  # noqa: F821
    return NO_EFFECT if path.startswith(("django.contrib.", "django.middleware.")) else UNKNOWN


def middleware_list():
    listed = setting("MIDDLEWARE")
    return list((setting("MIDDLEWARE_CLASSES") if listed is None else listed) or [])


def read_middleware(report):
    listed = middleware_list()
    effects = dict((path, effect_of(path)) for path in listed)
    if any(not path.startswith("django.") or effects[path] != NO_EFFECT for path in listed):
        report.set("DJANGO_MIDDLEWARE", listed)
    for path in listed:
        if effects[path] == IMPERSONATION:
            report.stricter.append("sessions in which %s puts another user in the place of its own are nobody's" % path)
        elif effects[path] == REMOTE_USER:
            report.stricter.append(
                "%s: sessions of RemoteUserBackend are nobody's, since the web server in front of Django names its users"
                % path
            )
    if "session_security.middleware.SessionSecurityMiddleware" in listed:
        report.set("DJANGO_SESSION_SECURITY_EXPIRE_AFTER", int(setting("SESSION_SECURITY_EXPIRE_AFTER", 600)), 600)
    if (
        "django_session_timeout.middleware.SessionTimeoutMiddleware" in listed
        and setting("SESSION_EXPIRE_SECONDS") is not None
    ):
        report.set("DJANGO_SESSION_EXPIRE_SECONDS", int(settings.SESSION_EXPIRE_SECONDS))
    if "django_auto_logout.middleware.auto_logout" in listed:
        read_auto_logout(report)


def check_accepted(report):
    """Who accepts what is not there has made a mistake."""
    known = middleware_list() + list(settings.AUTHENTICATION_BACKENDS) + [path_of(user_model()) + ".is_active"]
    strange = [path for path in ACCEPTED if path not in known and path not in report.asked]  # noqa: F821
    if strange:
        report.impossible.insert(
            0,
            "-accept %s names no item of MIDDLEWARE or AUTHENTICATION_BACKENDS, and not %s, nor anything else of which this program has asked"
            % (strange[0], known[-1]),
        )


def read_auto_logout(report):
    options = setting("AUTO_LOGOUT") or {}
    if options.get("SESSION_TIME") is not None:
        raise Impossible("AUTO_LOGOUT has SESSION_TIME, which goes by last_login of the user and is not followed")
    idle = options.get("IDLE_TIME")
    seconds = int(idle.total_seconds()) if hasattr(idle, "total_seconds") else idle
    report.set("DJANGO_AUTO_LOGOUT", {} if seconds is None else {"IDLE_TIME": seconds}, None)
