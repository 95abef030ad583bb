from django.contrib.auth import views
from django.shortcuts import render
from django.urls import path


def home(request):
    # nginx lets nobody come here whom the sidecar does not know, and says who it is. Any other application behind nginx is told the same.
    return render(request, "home.html", {"told": request.META.get("HTTP_REMOTE_USER", "")})


urlpatterns = [
    path("", home),
    path("accounts/login/", views.LoginView.as_view(template_name="login.html")),
    path("accounts/logout/", views.LogoutView.as_view(next_page="/accounts/login/")),
]
