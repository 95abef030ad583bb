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

    listed, rules = [], {}
    for path in settings.AUTHENTICATION_BACKENDS:
        cls = type(load_backend(path))
        known = known_backend(path)
        users, why = users_rule(path, cls, known, rows)
        if users is None:
            report.stricter.append("sessions through %s are nobody's: %s" % (path, why))
            continue
        if why:
            report.stricter.append("%s: %s" % (path, why))
        listed.append(path)
        permissions = permission_rule(report, path, cls, known, allowed)
        if known != (users, permissions):
            if users == NOBODY:
                listed.remove(path)  # it knows nobody, and gives no permissions that a session could have
                if permissions:
                    report.remarks.append("%s knows no users, and its permissions do not count here" % path)
                continue
            rules[path] = ("any" if users == ANY else "active") + ("+permissions" if permissions else "")
    if settings.AUTHENTICATION_BACKENDS and not listed:
        raise Impossible("none of AUTHENTICATION_BACKENDS can be imitated: %s" % "; ".join(report.stricter))
    own_permissions(report, model, listed, rules, allowed)
    report.set("DJANGO_AUTHENTICATION_BACKENDS", listed, [MODEL_BACKEND])
    report.set("DJANGO_BACKEND_RULES", rules, {})


def users_rule(path, cls, known, rows):
    """Whom get_user() finds; None and why if no rule says it."""
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
    if path in SEEN_BACKENDS and not known:
        return None, "its get_user() %s: %s" % (SEEN_BACKENDS[path], place)
    for method in () if known else ("get_user", "user_can_authenticate"):
        asks = outside(attribute(cls, method)[0], cls)
        if asks:
            return None, "its %s() decides by %s, which is no row of a table: %s" % ((method,) + asks)
    rules = [known[0]] if known else []
    rules += [rule for rule in (ACTIVE, ANY, NOBODY) if rule not in rules]
    wrong = dict((rule, differences(path, rule, rows)) for rule in rules)
    named = [] if known else columns_in(cls)
    if named and not all(wrong.values()):
        return None, "its get_user() looks at %s of the user, and no value was seen by which it decides: %s" % (", ".join(named), place)
    for rule in rules:
        if not wrong[rule]:
            return rule, None
    for rule in rules[:2]:
        if rule != ANY and not any(theirs is False for _, theirs in wrong[rule]):
            return rule, "some of its users are nobody's, such as one %s: %s" % (wrong[rule][0][0], place)
    label = [label for label, theirs in wrong[rules[0]] if not theirs][0]
    return None, "its get_user() decides by more than is_active, and does not find a user %s: %s" % (label, place)


def columns_in(cls):
    """Columns that a get_user() names in its code, besides is_active and the key."""
    named = [f for method in ("get_user", "user_can_authenticate") for f in columns_named(attribute(cls, method)[0], cls)]
    return sorted(set(f.name for f in named if f.name != "is_active" and not f.primary_key))


def differences(path, rule, rows):
    """The states of a row in which a rule says something else than get_user()."""
    return [
        (label, said[path]) for label, active, said in rows if (active != "hidden" and lets(rule, active)) != said[path]
    ]


def permission_rule(report, path, cls, known, allowed):
    if allowed is None:
        if known:
            return known[1]
        methods = (
            "has_perm",
            "get_all_permissions",
            "get_user_permissions",
            "get_group_permissions",
            "_get_permissions",
        )
        return bool(same_class(cls, MODEL_BACKEND)) and not any(overridden(cls, m) for m in methods)
    said = allowed[path]
    if said == TABLES_SAY:
        return True
    if said != NOTHING:
        report.remarks.append(
            "has_perm() of %s is not what the tables say, and does not count here (%s)" % (path, where(cls))
        )
    return False


def own_permissions(report, model, listed, rules, allowed):
    """A has_perm() of the user model: if it is not what the tables say, require=perm is refused."""
    if not allowed or allowed[""] is None:
        return
    anybody = any(known_or_ruled(path, rules) for path in listed)
    if anybody and allowed[""] != TABLES_SAY:
        for path in listed:
            known = known_backend(path)
            users = known[0] if known else ACTIVE
            if path in rules:
                rules[path] = rules[path].replace("+permissions", "")
            elif users != NOBODY:
                rules[path] = "any" if users == ANY else "active"
        report.stricter.append(
            "require=perm is refused, since has_perm() of the user is not what the tables say (%s)"
            % (overridden(model, "has_perm") or "another backend decides")
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
    strange = [path for path in ACCEPTED if path not in middleware_list()]  # noqa: F821
    if strange:
        raise Impossible("-accept %s names no item of MIDDLEWARE" % strange[0])


def read_auto_logout(report):
    options = setting("AUTO_LOGOUT") or {}
    if options.get("SESSION_TIME") is not None:
        raise Impossible("AUTO_LOGOUT has SESSION_TIME, which goes by last_login of the user and is not followed")
    idle = options.get("IDLE_TIME")
    seconds = int(idle.total_seconds()) if hasattr(idle, "total_seconds") else idle
    report.set("DJANGO_AUTO_LOGOUT", {} if seconds is None else {"IDLE_TIME": seconds}, None)
