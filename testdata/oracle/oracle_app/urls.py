"""ROOT_URLCONF: nothing is served, and names are reversed."""
urlpatterns = []
