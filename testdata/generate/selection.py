"""Which cases are written for every Django.

JSON, int(), base64, zlib and cookies are Python's, whatever Django's version: all of their cases
are written for the newest Django, and for the others those named here.
"""
from case import NEWEST, VERSION

EVERYWHERE = set(
    """
NaN
minus Infinity
a float beyond the range
leading zero
a high surrogate alone
a raw control character
nesting of 100
nesting of 100000
an integer of 4300 digits
an integer of 4301 digits
a Latin-1 byte
the bad id first, the good one last
escaped names
a leading byte order mark
a trailing comma
a list
null
no bytes
quoted, all octal
duplicate, good last
duplicate, good first
an upper-case name
an empty value
a key of seven characters
octal NUL at the end
an unknown key
another cookie
a next line in UTF-8 around
a next line in Latin-1 around
a file separator around
newlines in the base64
the standard alphabet
both padding and Django's padding
padding in the middle
nothing before the timestamp
zlib with trailing garbage
zlib cut in the middle
zlib with a wrong checksum
timestamp missing
timestamp empty
timestamp a minus sign
timestamp very long
" 42 "
"4_2"
"\\uff14\\uff12"
"42.0"
42
42.9
true
[42]
"2147483648"
1
""
1e16
[1]
"ada-lovelace\\u0000"
""".strip().splitlines()
)


def wanted(name):
    """name is a case's, or the JSON text of an id."""
    return VERSION == NEWEST or name in EVERYWHERE or is_long(name)


def is_long(name):
    """Ids of 5000 digits: Pythons differ."""
    return len(name) > 4900
