"""It calls more than is read."""
from oracle_app import deep

application = deep.step_0(None)
