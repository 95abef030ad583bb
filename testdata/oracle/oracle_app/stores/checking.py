"""SESSION_ENGINE with a load() of its own."""
from oracle_app.behaviour import Checking as SessionStore  # noqa: F401
