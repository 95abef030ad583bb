"""SESSION_ENGINE whose store class is nested: __qualname__ (3.1+) and __name__ (before) differ."""
from oracle_app.customstore import CustomStore as FlatStore


class Nested:
    class CustomStore(FlatStore):
        pass


SessionStore = Nested.CustomStore
