"""Makes session files in every state, and says what Django's file engine reads in each.

A request on stdin: {"seed", "count", "now" (microseconds), "settings", "dir"}; an answer on stdout: {"django", "python", "cases"}.
The files stay in "dir" as they were made; Django, which deletes the expired ones, reads a copy of them.
"""
import os
import random
import shutil

import deployment
import expiries
from django.conf import settings
from django.core import signing

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SECOND = 10 ** 9  # in nanoseconds


class Maker(object):
    def __init__(self, rng, now, store, folder):
        self.rng, self.now, self.store, self.folder = rng, now, store, folder

    def key(self):
        return "".join(self.rng.choice(CHARACTERS) for _ in range(self.rng.choice([8, 32, 32, 32, 40])))

    def write(self, key, data, mtime):
        path = os.path.join(self.folder, settings.SESSION_COOKIE_NAME + key)
        with open(path, "wb") as f:
            f.write(data)
        os.utime(path, ns=(mtime, mtime))
        return key

    def mtime(self):
        """In nanoseconds; most are near the border between alive and over."""
        age = settings.SESSION_COOKIE_AGE * SECOND
        now = self.now * 1000
        return self.rng.choice([
            now - age + self.rng.choice([-1, 1]) * self.rng.choice([0, 1, 499, 500, 501, 1000, 1500, 999999, SECOND // 2]),
            now - age + SECOND + self.rng.choice([-1, 1]) * self.rng.choice([0, 1, 499, 500, 501, 999, 1000, 1001, 1500, 2000, 2500]),
            now - age + self.rng.choice([-1, 1]) * self.rng.randrange(3 * SECOND),
            now - self.rng.randrange(2 * age) if age > 0 else now,
            now, now + 3600 * SECOND, 0, 1, -1, -SECOND, -1500000000, 4102444800 * SECOND + 123456789, now // SECOND * SECOND,
        ])

    def fresh(self):
        return self.now * 1000 - min(settings.SESSION_COOKIE_AGE, 60) * SECOND // 2

    def encode(self, value):
        return self.store().encode(value).encode("ascii")

    def case(self, number):
        entries = deployment.login(self.rng, number)
        kind = self.rng.choice(["aged"] * 6 + ["expiry"] * 8 + ["forged"] * 4 + ["strange"] * 2)
        return getattr(self, kind)(entries)

    def aged(self, entries):
        mtime = self.mtime()
        return "written at %d ns" % mtime, self.write(self.key(), self.encode(entries), mtime)

    def expiry(self, entries):
        expiry = expiries.choose(self.rng, self.now)
        mtime = self.rng.choice([self.mtime(), self.fresh()])
        entries["_session_expiry"] = expiry
        return "_session_expiry %.60r, written at %d ns" % (expiry, mtime), self.write(self.key(), self.encode(entries), mtime)

    def forged(self, entries):
        data = self.encode(entries)
        at = self.rng.randrange(len(data))
        note, data = self.rng.choice([
            ("empty", b""), ("a newline", b"\n"), ("cut", data[:at]), ("a newline at the end", data + b"\n"),
            ("CRLF at the end", data + b"\r\n"), ("CRLF", data[:at] + b"\r\n" + data[at:]), ("CR", data[:at] + b"\r" + data[at:]),
            ("a newline", data[:at] + b"\n" + data[at:]), ("Latin-1", data[:at] + b"\xe9" + data[at:]),
            ("UTF-8", data[:at] + u"\u00e9".encode("utf-8") + data[at:]), ("not UTF-8", data + b"\xff"), ("NUL", data[:at] + b"\0" + data[at:]),
            ("a bit", data[:at] + bytes(bytearray([data[at] ^ 1])) + data[at + 1:]), ("a blank", b" " + data), ("another character", data[:at] + b"!" + data[at:]),
            ("no object", self.encode([1, 2])), ("null", self.encode(None)), ("a text", self.encode("text")), ("a number", self.encode(5)),
            ("an empty session", self.encode({})), ("padding", data + b"="), ("other data", b"eyJhIjoxfQ:1wbGhM:c2lnbmF0dXJl"),
            ("signing.dumps", signing.dumps(entries).encode("ascii")),
            ("the old form", self.legacy(entries)), ("the new form", self.modern(entries)), ("another class", self.modern(entries, "Other")),
        ])
        return note, self.write(self.key(), data, self.fresh())

    def legacy(self, entries):
        encode = getattr(self.store(), "_legacy_encode", None)
        return (encode(entries) if encode else self.store().encode(entries)).encode("ascii")

    def modern(self, entries, name="SessionStore"):
        return signing.dumps(entries, salt="django.contrib.sessions." + name, compress=True).encode("ascii")

    def strange(self, entries):
        """Keys that lead to no file of their own."""
        key = self.write(self.key(), self.encode(entries), self.fresh())
        path = os.path.join(self.folder, settings.SESSION_COOKIE_NAME)
        other = self.key()
        choice = self.rng.randrange(8)
        if choice == 0:
            os.mkdir(path + other)
            return "a directory", other
        if choice == 1:
            os.symlink(settings.SESSION_COOKIE_NAME + key, path + other)
            return "a link", other
        if choice == 2:
            os.symlink("nowhere", path + other)
            return "a dangling link", other
        if choice == 3:
            os.symlink(settings.SESSION_COOKIE_NAME + other, path + other)
            return "a link to itself", other
        return "no file", self.rng.choice([
            other, key.upper(), key[:7] + key[8:] + "x", key + "/", "../" + settings.SESSION_COOKIE_NAME + key, "./" + key, key + "\n", key + " ", " " + key,
            key[:-1] + u"\u0430", key + u"\u00e9", "a" * 250, "a" * 10000, "..........", "/etc/passwd", key + "_out_abcdefgh",
        ])


def run(request):
    copy = request["dir"] + ".copy"
    request["settings"]["SESSION_FILE_PATH"] = copy
    os.mkdir(copy)
    now = deployment.deploy(request)
    from django.contrib.sessions.backends.file import SessionStore
    maker = Maker(random.Random(request["seed"]), now, SessionStore, request["dir"])
    made = [maker.case(number) for number in range(request["count"])]
    os.rmdir(copy)
    shutil.copytree(request["dir"], copy, symlinks=True)
    for name in os.listdir(copy):  # copytree keeps times to the microsecond only in some Pythons
        info = os.lstat(os.path.join(request["dir"], name))
        if not os.path.islink(os.path.join(copy, name)):
            os.utime(os.path.join(copy, name), ns=(info.st_mtime_ns, info.st_mtime_ns))
    return [dict(deployment.answer(SessionStore, key), note=note) for note, key in made]


if __name__ == "__main__":
    deployment.main(run)
