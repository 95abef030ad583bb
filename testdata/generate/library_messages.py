"""django.contrib.messages: what its storages read and write."""
import json
import random

from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage, MessageEncoder
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core import signing
from django.http import HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeData, mark_safe

from library_common import NOW, VERSION, at, deployed, deployments

NAME = "messages"
STORAGES = {"fallback": FallbackStorage, "cookie": CookieStorage, "session": SessionStorage}
COOKIE_KEY = "django.http.cookies"
TEXTS = ["Saved.", "\u00e9\u4e2d\U0001f600", 'quotes " and \\ and , ; and = <b>', "\x00\x1f\x7f\u2028\n\t", "1"]


class Raw:
    """A serializer of texts in Latin-1."""

    def dumps(self, text):
        return text.encode("latin-1")


class Request:
    def __init__(self, cookie, session):
        self.COOKIES = {} if cookie is None else {"messages": cookie}
        self.session = {} if session is None else {"_messages": session}


def listed(messages):
    return [
        {"level": m.level, "text": str(m.message), "safe": isinstance(m.message, SafeData), "tags": m.extra_tags or "", "all": m.tags}
        for m in messages
    ]


def visit(base, storage, cookie, session, add, read):
    """One request. None says that something was left as it was, "" that it was deleted."""
    request, response = Request(cookie, session), HttpResponse()
    with at(NOW):
        s = STORAGES[storage](request)
        for level, text, safe, tags in add[: len(add) // 2 if read else len(add)]:
            s.add(level, mark_safe(text) if safe else text, tags)
        shown = listed(list(s)) if read else None
        for level, text, safe, tags in add[len(add) // 2 :] if read else []:
            s.add(level, mark_safe(text) if safe else text, tags)
        unstored = s.update(response)
    row = dict(base, kind="visit", storage=storage, cookie=cookie, session=session, add=add, read=read, shown=shown, unstored=len(unstored or []))
    morsel = response.cookies.get("messages")
    row["wrote_cookie"] = None if morsel is None else "" if morsel["max-age"] == 0 else morsel.coded_value
    after = request.session.get("_messages")
    row["wrote_session"] = None if after == session else after or ""
    return row, "" if morsel is None else morsel.value, after


def random_message(rng, long):
    text = "".join(rng.choice("0123456789abcdefghijklmnopqrstuvwxyz ,;\"\u00e9") for _ in range(rng.randrange(90, 160))) if long else rng.choice(TEXTS)
    return [rng.choice([10, 20, 25, 30, 40, 99]), text, rng.random() < 0.3, rng.choice(["", "", "shop big"])]


def forms(secret, algorithm, text):
    """The list in each form that a Django has had."""
    yield salted_hmac("django.contrib.messages", text, secret).hexdigest() + "$" + text
    key = (COOKIE_KEY + secret).encode()
    options = {"algorithm": algorithm} if VERSION >= (3, 2) else {}
    signer = signing.TimestampSigner(key, salt="django.contrib.messages") if VERSION < (3, 2) else signing.TimestampSigner(key=key, salt="django.contrib.messages", **options)
    if VERSION >= (3, 1) or algorithm == "sha1":
        with at(NOW):
            yield signer.sign(text)
            if VERSION >= (3, 2):
                yield signer.sign_object(text, serializer=Raw)
                yield signer.sign_object(text, serializer=Raw, compress=True)
            else:
                yield signing.dumps(text, key=key, salt="django.contrib.messages", serializer=Raw)


def rows():
    rng = random.Random(2048)
    encoder = MessageEncoder(separators=(",", ":"))
    lists = [
        encoder.encode([Message(20, "a"), Message(30, mark_safe("<b>"), "x y")]),
        encoder.encode([Message(20, "lorem ipsum " * 8, ""), "__messagesnotfinished__"]),
        '[["__json_message",20,"old"]]', '[]', '["__messagesnotfinished__"]', '[', '{}',
    ]
    for deployment in deployments():
        base = dict(deployment)
        with deployed(deployment, MESSAGE_LEVEL=20):
            for secret in (deployment["secret"], deployment["fallbacks"][:1] and deployment["fallbacks"][0], "a stranger's"):
                for algorithm in ("sha1", "sha256") if secret else ():
                    for text in lists if secret == deployment["secret"] else lists[:1]:
                        if VERSION >= (3, 1) and text.startswith('[["__json_message",20,"old'):
                            continue  # Django fails
                        for cookie in forms(secret, algorithm, text):
                            if text == "{}":
                                continue
                            yield visit(base, "cookie", cookie, None, [], True)[0]
            for spoiled in ("", "x", "a$[]", "W10:1xV6Ei:x"):
                for storage in STORAGES:
                    yield visit(base, storage, spoiled, None, [[20, "new", False, ""]], rng.random() < 0.5)[0]
            for storage in STORAGES:
                for long in (False, True) if deployment["algorithm"] == "sha256" else (False,):
                    cookie, session = None, None
                    for turn in range(2 if long else 4):
                        add = [random_message(rng, long) for _ in range(rng.randrange(12, 18) + (10 if VERSION >= (3, 2) else 0) if long and not turn else rng.randrange(4))]
                        read = rng.random() < 0.4 and bool(turn or not long)
                        row, written, session = visit(base, storage, cookie, session, add, read)
                        yield row
                        if row["wrote_cookie"] is not None:
                            cookie = written or None
    assert json.loads(lists[0])
