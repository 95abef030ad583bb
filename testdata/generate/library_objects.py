"""signing.dumps and loads, and sign_object and unsign_object, with the JSONSerializer."""
import random

from django.core import signing
from django.utils.crypto import salted_hmac

from library_common import NOW, VERSION, at, deployed, deployments

NAME = "objects"
DUMPS_SALT = "django.core.signing"
OBJECTS = [
    None, True, 0, -1, 2**63 - 1, 10**30, "", "hello", "\u00e9\u4e2d\U0001f600", "\x00\x1f\x7f\u2028 <&> \\ \" / \b\f\n\r\t", [], {},
    [1, [2, [3, None]]], {"a": 1}, {"": {"": []}}, {"cart": [{"id": 1, "name": "T\u00e9e"}], "user": "42"}, {"x": "lorem ipsum " * 6}, list(range(60)),
]
MAX_AGES = [None, 0, 1, 60, 1209600]


def error(call):
    try:
        return {"object": call(), "error": ""}
    except Exception as e:
        return {"object": None, "error": type(e).__name__}


def signed_with(secret, algorithm, salt, value):
    """A text in the form of dumps, by the key and the algorithm that are named."""
    data = signing.b64_encode(signing.JSONSerializer().dumps(value))
    text = "%s:%s" % (data.decode() if isinstance(data, bytes) else data, encode(NOW))
    options = {"algorithm": algorithm} if VERSION >= (3, 1) else {}
    if VERSION < (3, 1) and algorithm != "sha1":
        return None
    mac = signing.b64_encode(salted_hmac(salt + "signer", text, secret, **options).digest())
    return "%s:%s" % (text, mac.decode())


def encode(number):
    if VERSION >= (4, 0):
        return signing.b62_encode(number)
    from django.utils import baseconv

    return baseconv.base62.encode(number)


def rows():
    rng = random.Random(18)
    for deployment in deployments():
        with deployed(deployment):
            for value in OBJECTS:
                for compress in (False, True):
                    salt, max_age = rng.choice([DUMPS_SALT, DUMPS_SALT, "shop.links", "s\u00e9l"]), rng.choice(MAX_AGES)
                    age = rng.choice([0, 1, 59, 60, 61, 10**7])
                    with at(NOW):
                        signed = signing.dumps(value, salt=salt, compress=compress)
                    with at(NOW + age):
                        read = error(lambda: signing.loads(signed, salt=salt, max_age=max_age))
                    yield dict(deployment, kind="dumps", salt=salt, compress=compress, made=value, signed=signed, time=NOW, now=NOW + age, max_age=max_age, **read)
            for secret in ("s3cret", "sp\u00e9cial \U0001f511 key", "an older key", "a stranger's"):
                for algorithm in ("sha1", "sha256"):
                    signed = signed_with(secret, algorithm, DUMPS_SALT, {"by": "hand"})
                    if signed:
                        read = error(lambda: signing.loads(signed))
                        yield dict(deployment, kind="loads", salt=DUMPS_SALT, signed=signed, time=NOW, now=NOW, max_age=None, **read)
            for value in OBJECTS if VERSION >= (3, 2) else []:
                signed = signing.Signer(salt="shop").sign_object(value)
                yield dict(deployment, kind="sign_object", salt="shop", made=value, signed=signed, **error(lambda: signing.Signer(salt="shop").unsign_object(signed)))
