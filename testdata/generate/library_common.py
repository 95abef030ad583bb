"""What the tables of the library share: the deployments, and a clock that stands still."""
import time
import warnings
from contextlib import contextmanager
from unittest import mock

import django
from django.test.utils import override_settings

warnings.simplefilter("ignore")  # DEFAULT_HASHING_ALGORITHM is deprecated where it exists

VERSION = django.VERSION[:2]
NOW = 1795348800  # 2026-11-22T12:00:00Z


def deployments():
    """SECRET_KEY, SECRET_KEY_FALLBACKS and DEFAULT_HASHING_ALGORITHM. Versions without a setting do not look at it."""
    for secret, fallbacks in (("s3cret", []), ("sp\u00e9cial \U0001f511 key", ["s3cret", "an older key"])):
        for algorithm in ("sha256", "sha1"):
            yield {"secret": secret, "fallbacks": fallbacks, "algorithm": algorithm}


@contextmanager
def deployed(deployment, **more):
    names = {"SECRET_KEY": deployment["secret"], "SECRET_KEY_FALLBACKS": deployment["fallbacks"]}
    if (3, 1) <= VERSION < (4, 0):
        names["DEFAULT_HASHING_ALGORITHM"] = deployment["algorithm"]
    names.update(more)
    with override_settings(**names):
        yield


def at(moment):
    return mock.patch.object(time, "time", lambda: moment)
