"""Odd base64, zlib and timestamps, signed correctly. Each entry is (name, function, claim)."""
import zlib


def _insert(stray, at=5):
    return lambda text: text[:at] + stray + text[at:]


def _standard(text):
    return text.replace("-", "+").replace("_", "/")


def _padded(text):
    return text + "=" * (-len(text) % 4)


# Of the base64 text without padding, as Django writes it; the claim is whether
# binascii.a2b_base64 still yields all the bytes. Four strays at a time where the length must
# stay what Django's own padding rule expects.
BASE64 = [
    ("newlines in the base64", _insert("\n\n\n\n"), True),
    ("spaces in the base64", _insert("    "), True),
    ("commas and an exclamation mark in the base64", _insert(",,,!"), True),
    ("a separator in the base64", _insert("::::"), True),
    ("non-ASCII characters in the base64", _insert("\u00e9\u00e9"), True),
    ("the standard alphabet", _standard, True),
    ("both padding and Django's padding", lambda text: _padded(text) + "====", True),
    ("padding already there", _padded, True),
    ("a pad character at a quantum's first place", _insert("====", 8), True),
    ("a pad character at a quantum's second place", _insert("====", 5), True),
    ("padding in the middle", _insert("====", 6), False),
    ("one character cut off", lambda text: text[:-1], False),
    ("only stray characters", lambda text: "!!!!", False),
    ("nothing before the timestamp", lambda text: "", False),
    ("a point before text that is not compressed", lambda text: "." + text, False),
]


def _stored(payload):
    """zlib with a wrong checksum at its end."""
    data = zlib.compress(payload)
    return data[:-1] + bytes([data[-1] ^ 1])


def _raw(payload):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(payload) + packer.flush()


def _gzip(payload):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(payload) + packer.flush()


def _dictionary(payload):
    packer = zlib.compressobj(zdict=b"_auth_user_id")
    return packer.compress(payload) + packer.flush()


# What stands, in base64, after the point that says "compressed".
COMPRESSED = [
    ("zlib, uncompressed blocks", lambda payload: zlib.compress(payload, 0), True),
    ("zlib at level 9", lambda payload: zlib.compress(payload, 9), True),
    ("zlib with trailing garbage", lambda payload: zlib.compress(payload) + b"garbage", True),
    ("zlib twice", lambda payload: zlib.compress(payload) + zlib.compress(b"x"), True),
    ("zlib cut in the checksum", lambda payload: zlib.compress(payload)[:-2], False),
    ("zlib cut in the middle", lambda payload: zlib.compress(payload)[:-20], False),
    ("zlib with a wrong checksum", _stored, False),
    ("zlib with a preset dictionary", _dictionary, False),
    ("deflate without the zlib header", _raw, False),
    ("gzip instead of zlib", _gzip, False),
    ("nothing compressed", lambda payload: b"", False),
    ("compressed nothing", lambda payload: zlib.compress(b""), False),
]

# None leaves out the timestamp with its separator.
TIMESTAMPS = [
    ("timestamp zero", "0", True),
    ("timestamp missing", None, False),
    ("timestamp empty", "", False),
    ("timestamp a minus sign", "-", True),
    ("timestamp two minus signs", "--1", False),
    ("timestamp not base62", "!", False),
    ("timestamp with a space", "1xV6Ei ", False),
    ("timestamp negative", "-1Zz", True),
    ("timestamp very long", "z" * 400, True),
    ("timestamp in the far future", "zzzzzzz", True),
    ("timestamp not ASCII", "\u0661", False),
]


def bomb():
    """Eight kilobytes that inflate to eight mebibytes."""
    return zlib.compress(b"\x00" * (8 << 20), 9)
