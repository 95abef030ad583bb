from django.contrib import admin
from django.urls import include, path
from two_factor.urls import urlpatterns as two_factor

urlpatterns = [
    path("admin/", admin.site.urls), path("", include(two_factor)), path("accounts/", include("allauth.urls")),
    path("hijack/", include("hijack.urls")),
]
