"""SESSION_ENGINE that is like cached_db, by another name, with keys of its own."""
from oracle_app.behaviour import Renamed as SessionStore  # noqa: F401
