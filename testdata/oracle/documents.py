"""JSON texts that a session may hold, each with what Python's json module makes of it.

%s stands for the members of a good session. A claim is True (the session is read), False (it
is not), or a function of sys.version_info.
"""
import sys

# CVE-2020-10735: int() refuses more than 4300 digits, since these Pythons.
LIMITED = {(3, 7): 14, (3, 8): 14, (3, 9): 14, (3, 10): 7}


def reads_long_integers(python):
    return python < (3, 7) or python[2] < LIMITED.get(tuple(python[:2]), 0)


VALUES = [
    ("NaN", "NaN", True),
    ("Infinity", "Infinity", True),
    ("minus Infinity", "-Infinity", True),
    ("lower-case nan", "nan", False),
    ("plus Infinity", "+Infinity", False),
    ("a float beyond the range", "1e999", True),
    ("a float with 5000 digits", "0." + "3" * 5000, True),
    ("minus zero", "-0", True),
    ("minus zero float", "-0.0e-0", True),
    ("leading zero", "01", False),
    ("minus leading zero", "-01", False),
    ("a bare point", "1.", False),
    ("a leading point", ".5", False),
    ("a plus sign", "+1", False),
    ("a hexadecimal number", "0x10", False),
    ("an exponent without digits", "1e", False),
    ("an upper-case exponent", "1E+5", True),
    ("an integer beyond 64 bits", "123456789012345678901234567890", True),
    ("an integer of 4300 digits", "7" * 4300, True),
    ("an integer of 4301 digits", "7" * 4301, reads_long_integers),
    ("a high surrogate alone", r'"\ud800"', True),
    ("surrogates in the wrong order", r'"\udc00\ud800"', True),
    ("a surrogate pair", r'"\ud83d\ude00"', True),
    ("escapes of every kind", r'"\"\\\/\b\f\n\r\t\u00e9"', True),
    ("an escaped NUL", r'"\u0000"', True),
    ("an unknown escape", r'"\x41"', False),
    ("a short unicode escape", r'"\u12"', False),
    ("a signed unicode escape", r'"\u+123"', False),
    ("an upper-case U escape", r'"\U0041"', False),
    ("a raw control character", '"a\x01b"', False),
    ("a raw tab in a string", '"a\tb"', False),
    ("a raw newline in a string", '"a\nb"', False),
    ("a raw NUL in a string", '"a\x00b"', False),
    ("a raw DEL in a string", '"a\x7fb"', True),
    ("an unterminated string", '"abc', False),
    ("single quotes", "'a'", False),
    ("a trailing comma in a list", "[1,2,]", False),
    ("a comma alone", "[,]", False),
    ("a trailing comma in an object", '{"a":1,}', False),
    ("a number as a name", "{1:2}", False),
    ("a colon missing", '{"a" 1}', False),
    ("a comment", "1/**/", False),
    ("True in Python's spelling", "True", False),
    ("nothing", "", False),
    ("nesting of 100", "[" * 100 + "]" * 100, True),
    ("nesting of 100 objects", '{"a":' * 100 + "1" + "}" * 100, True),
    ("nesting of 100000", "[" * 100000 + "]" * 100000, False),
    ("empty list and object", "[[],{}]", True),
    ("white space inside", "[ 1 ,\n2\t,\r3 ]", True),
    ("a vertical tab inside", "[1,\x0b2]", False),
    ("a no-break space inside", "[1,\xa02]", False),
    ("UTF-8 bytes, read as Latin-1", '"\xc3\xa9"', True),
    ("a Latin-1 byte", '"\xe9"', True),
    ("every Latin-1 byte from 0x80", '"%s"' % "".join(map(chr, range(0x80, 0x100))), True),
]

DOCUMENTS = [
    ("the bad id first, the good one last", '{"_auth_user_id":"987654",%s}', True),
    ("escaped names", None, True),
    ("white space around", " \t\r\n{%s}\n ", True),
    ("white space around names and colons", None, True),
    ("a leading vertical tab", "\x0b{%s}", False),
    ("a trailing form feed", "{%s}\x0c", False),
    ("a trailing no-break space", "{%s}\xa0", False),
    ("a trailing NUL", "{%s}\x00", False),
    ("a leading byte order mark", "\xef\xbb\xbf{%s}", False),
    ("a trailing comma", "{%s,}", False),
    ("a leading comma", "{,%s}", False),
    ("a second document", "{%s}{}", False),
    ("trailing garbage", "{%s}x", False),
    ("a brace too many", "{%s}}", False),
    ("a brace missing", "{%s", False),
    ("single quotes around names", None, False),
    ("an empty name", '{"":1,%s}', True),
    ("a name of its own twice", '{"a":1,"a":[2],%s}', True),
    ("a name without a value", '{"a":,%s}', False),
    ("the session inside a list", "[{%s}]", False),
    ("a list", "[]", False),
    ("a list with the entries' names", '["_auth_user_id","_auth_user_backend"]', False),
    ("a string", '"_auth_user_id"', False),
    ("a number", "42", False),
    ("null", "null", False),
    ("true", "true", False),
    ("NaN alone", "NaN", False),
    ("no bytes", "", False),
    ("a space", " ", False),
]


def _special(name, members):
    if name == "escaped names":
        return "{%s}" % members.replace('"_auth', r'"\u005fa\u0075th')
    if name == "white space around names and colons":
        return "{ %s }" % members.replace('":', '"\n:\t').replace(',"', ' , "')
    return "{%s}" % members.replace('"', "'")


def documents(members):
    """Yields (name, bytes, claim) of every text around the members, a str in Latin-1."""
    for name, value, claim in VALUES:
        yield name, ('{"x":%s,%s}' % (value, members)).encode("latin-1"), holds(claim)
    for name, template, claim in DOCUMENTS:
        text = _special(name, members) if template is None else template.replace("%s", members)
        yield name, text.encode("latin-1"), holds(claim)


def holds(claim):
    return claim(sys.version_info) if callable(claim) else claim
