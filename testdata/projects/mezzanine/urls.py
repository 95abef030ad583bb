from django.contrib import admin
from django.urls import include, path
from mezzanine.core.views import direct_to_template

urlpatterns = [
    path("admin/", include(admin.site.urls)), path("", direct_to_template, {"template": "index.html"}, name="home"),
    path("", include("mezzanine.urls")),
]
