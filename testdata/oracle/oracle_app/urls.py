"""ROOT_URLCONF: nothing is served, and names are reversed."""
from django.conf.urls import include
from django.conf.urls.i18n import i18n_patterns

try:
    from django.urls import re_path
    from django.utils.translation import gettext_lazy
except ImportError:  # Django 1.11
    from django.conf.urls import url as re_path
    from django.utils.translation import ugettext_lazy as gettext_lazy


def page(request):
    raise NotImplementedError


below = [re_path(r"^in/$", page, name="in"), re_path(r"^more/", include("oracle_app.urls"))]  # which leads here again
urlpatterns = [
    re_path(r"^plain/", include((below, "plain"))),
    re_path(gettext_lazy("Monday"), page, name="translated"),  # a word that Django translates
] + i18n_patterns(re_path(r"^in/", include(([re_path(r"^$", page, name="within")], "prefixed"))), prefix_default_language=False)
