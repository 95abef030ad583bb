TABLES_OF_MODELS = False  # Misago's migrations fill its tables


def new_user(number, **flags):
    from django.contrib.auth import get_user_model

    is_superuser, is_staff = flags.get("is_superuser", False), flags.get("is_staff", False)
    user = get_user_model().objects.create_user("user%d" % number, "user%d@example.com" % number, "a password")
    user.is_superuser, user.is_staff = is_superuser, is_staff
    user.save()
    return user


def more(log_in, new_user, request):
    from django.conf import settings
    from misago.users.bans import ban_user

    user = new_user()
    cookie = log_in(user, settings.AUTHENTICATION_BACKENDS[0])
    ban_user(user)
    return [(settings.AUTHENTICATION_BACKENDS[0], "banned since", cookie)]
