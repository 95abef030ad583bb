"""It imports a package, which imports a module of its own."""
from .package import nothing  # noqa: F401

application = None
