from django.http import JsonResponse

def shadow(request):
    for name in ("save", "create", "delete", "flush", "cycle_key"):  # a look changes nothing
        setattr(request.session, name, lambda *args, **kwargs: None)
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({"user": None})
    return JsonResponse({
        "user": str(user.pk), "username": user.get_username(),
        "is_staff": user.is_staff, "is_superuser": user.is_superuser,
        "groups": [group.name for group in user.groups.all()],
        "permissions": sorted(user.get_all_permissions()),
    })
