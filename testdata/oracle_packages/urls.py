"""The pages of the packages, and one that says who the user is."""
from django.http import JsonResponse
from django.urls import include, path


def whoami(request):
    return JsonResponse({"user": str(request.user.pk) if request.user.is_authenticated else None})


urlpatterns = [
    path("whoami/", whoami),
    path("impersonate/", include("impersonate.urls")),
    path("hijack/", include("hijack.urls")),
    path("su/", include("django_su.urls")),
    path("loginas/", include("loginas.urls")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
