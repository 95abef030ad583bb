"""Cookie headers around one session key: each spelling is (name, function(cookie name, key)).

Names and keys are bytes. Whether a spelling still gives the key is for Django to say.
"""
OTHER = b"0123456789abcdefghijklmnopqrstuv"
SPACES = {
    "a space": b" ",
    "a tab": b"\t",
    "a next line in UTF-8": b"\xc2\x85",
    "a no-break space in UTF-8": b"\xc2\xa0",
    "an ideographic space in UTF-8": b"\xe3\x80\x80",
    "a line separator in UTF-8": b"\xe2\x80\xa8",
    "a zero-width space in UTF-8": b"\xe2\x80\x8b",
    "a next line in Latin-1": b"\x85",
    "a no-break space in Latin-1": b"\xa0",
    "a surrogate in UTF-8": b"\xed\xa0\x80",
    "a cut-off sequence": b"\xe2\x80",
}
# HTTP servers refuse these; WSGI and Django do not know that.
CONTROLS = {"a file separator": b"\x1c", "a unit separator": b"\x1f", "a vertical tab": b"\x0b", "a form feed": b"\x0c"}


def octal(text):
    return b"".join(b"\\%03o" % c for c in bytearray(text))


def escaped(text):
    """A backslash before every character that no octal escape could begin with."""
    return b"".join(b"\\" + bytes([c]) if c > 0x39 else bytes([c]) for c in bytearray(text))


GOOD = [
    ("plain", lambda n, k: n + b"=" + k),
    ("among other cookies", lambda n, k: b"csrftoken=abc; " + n + b"=" + k + b"; theme=dark"),
    ("no space between cookies", lambda n, k: b"a=1;" + n + b"=" + k + b";b=2"),
    ("duplicate, good last", lambda n, k: n + b"=" + OTHER + b"; " + n + b"=" + k),
    ("duplicate, quoted bad first", lambda n, k: n + b'="' + OTHER + b'"; ' + n + b"=" + k),
    ("quoted", lambda n, k: n + b'="' + k + b'"'),
    ("quoted, all octal", lambda n, k: n + b'="' + octal(k) + b'"'),
    ("quoted, one octal", lambda n, k: n + b'="' + octal(k[:1]) + k[1:] + b'"'),
    ("quoted, backslashes", lambda n, k: n + b'="' + escaped(k) + b'"'),
    ("spaces around", lambda n, k: b"  " + n + b" =  " + k + b" ; a=b"),
    ("tabs around", lambda n, k: b"\t" + n + b"\t=\t" + k + b"\t"),
    ("empty pieces", lambda n, k: b";;" + n + b"=" + k + b";; ;"),
    ("a nameless cookie before", lambda n, k: b"stray; =x; " + n + b"=" + k),
    ("invalid UTF-8 in another cookie", lambda n, k: b"a=\xff\xfe\xc3; " + n + b"=" + k),
    ("invalid UTF-8 in another name", lambda n, k: b"\xe9=1; " + n + b"=" + k),
    ("an unbalanced quote in another cookie", lambda n, k: b'a="x; ' + n + b"=" + k),
    ("attributes as in Set-Cookie", lambda n, k: b"$Version=1; " + n + b"=" + k + b"; $Path=/"),
    ("after a long cookie", lambda n, k: b"a=" + b"x" * 2000 + b"; " + n + b"=" + k),
    ("other names that look alike", lambda n, k: n + b"x=1; x" + n + b"=2; " + n + b"=" + k),
]

BAD = [
    ("duplicate, good first", lambda n, k: n + b"=" + k + b"; " + n + b"=" + OTHER),
    ("duplicate, an empty one last", lambda n, k: n + b"=" + k + b"; " + n + b"="),
    ("a quote at the start alone", lambda n, k: n + b'="' + k),
    ("a quote at the end alone", lambda n, k: n + b"=" + k + b'"'),
    ("single quotes", lambda n, k: n + b"='" + k + b"'"),
    ("quoted, then more", lambda n, k: n + b'="' + k + b'"x'),
    ("quoted with spaces inside", lambda n, k: n + b'=" ' + k + b' "'),
    ("quoted twice", lambda n, k: n + b'=""' + k + b'""'),
    ("a semicolon inside quotes", lambda n, k: n + b'="' + k + b';"'),
    ("octal without quotes", lambda n, k: n + b"=" + octal(k[:1]) + k[1:]),
    ("octal beyond 0377", lambda n, k: n + b'="\\400' + k[1:] + b'"'),
    ("octal NUL at the end", lambda n, k: n + b'="' + k + b'\\000"'),
    ("octal line feed at the end", lambda n, k: n + b'="' + k + b'\\012"'),
    ("a backslash at the end", lambda n, k: n + b'="' + k + b'\\"'),
    ("an upper-case name", lambda n, k: n.upper() + b"=" + k),
    ("a capital at the start of the name", lambda n, k: n[:1].upper() + n[1:] + b"=" + k),
    ("a quoted name", lambda n, k: b'"' + n + b'"=' + k),
    ("an escaped name", lambda n, k: b"%73" + n[1:] + b"=" + k),
    ("no equals sign", lambda n, k: n + b" " + k),
    ("a colon for the equals sign", lambda n, k: n + b":" + k),
    ("two equals signs", lambda n, k: n + b"==" + k),
    ("an empty name", lambda n, k: b"=" + k),
    ("the key alone", lambda n, k: k),
    ("an empty value", lambda n, k: n + b"="),
    ("an empty quoted value", lambda n, k: n + b'=""'),
    ("one quote", lambda n, k: n + b'="'),
    ("the name alone", lambda n, k: n),
    ("commas between cookies", lambda n, k: n + b"=" + k + b",other=1"),
    ("commas before the cookie", lambda n, k: b"other=1," + n + b"=" + k),
    ("a key with a prefix", lambda n, k: n + b"=x" + k),
    ("a key with a suffix", lambda n, k: n + b"=" + k + b"x"),
    ("a key cut short", lambda n, k: n + b"=" + k[:-1]),
    ("a key of seven characters", lambda n, k: n + b"=" + k[:7]),
    ("a key in upper case", lambda n, k: n + b"=" + k.upper()),
    ("percent-encoded", lambda n, k: n + b"=%%%02X" % k[0] + k[1:]),
    ("a plus for a space", lambda n, k: n + b"=" + k + b"+"),
    ("invalid UTF-8 in the value", lambda n, k: n + b"=\xff" + k),
    ("an overlong sequence in the value", lambda n, k: n + b"=\xc0\xb1" + k[1:]),
    ("full-width letters", lambda n, k: n + b"=\xef\xbd\x81" + k[1:]),
    ("an unknown key", lambda n, k: n + b"=" + OTHER),
    ("an injection", lambda n, k: n + b"=' OR '1'='1"),
    ("a very long value", lambda n, k: n + b"=" + k * 100),
    ("only separators", lambda n, k: b"; ; ;"),
    ("an empty header", lambda n, k: b""),
    ("another cookie", lambda n, k: b"theme=dark"),
]


def _around(space):
    return lambda n, k: space + n + space + b"=" + space + k + space + b"; a=b"


SPACED = [("%s around" % what, _around(space)) for what, space in SPACES.items()]
UNSERVABLE = [("%s around" % what, _around(space)) for what, space in CONTROLS.items()]

SERVABLE = GOOD + BAD + SPACED
