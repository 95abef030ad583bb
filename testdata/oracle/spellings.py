"""Ways to write a primary key into _auth_user_id: each yields (name, JSON text)."""
import json
import uuid

FULL_WIDTH = {ord("0") + i: 0xFF10 + i for i in range(10)}
ARABIC = {ord("0") + i: 0x0660 + i for i in range(10)}

STRANGERS = [
    ("null", "null"),
    ("true", "true"),
    ("false", "false"),
    ("zero", "0"),
    ("minus zero", "-0"),
    ("minus one", "-1"),
    ("a float", "1.0"),
    ("a float with a fraction", "1.9"),
    ("a float of a negative fraction", "-0.9"),
    ("a float with an exponent", "1e0"),
    ("a huge float", "1e300"),
    ("NaN", "NaN"),
    ("Infinity", "Infinity"),
    ("an empty string", '""'),
    ("a space", '" "'),
    ("a sign alone", '"-"'),
    ("minus one as text", '"-1"'),
    ("a list", "[]"),
    ("a list of one", "[1]"),  # no user is called so: Django would find them by str(), and we do not (docs/divergences.md)
    ("an object", "{}"),
    ("2**15", '"32768"'),
    ("2**31", '"2147483648"'),
    ("2**31 as a number", "2147483648"),
    ("2**63", '"9223372036854775808"'),
    ("2**63 as a number", "9223372036854775808"),
    ("minus 2**63 minus one", '"-9223372036854775809"'),
    ("2**64 and one", '"18446744073709551617"'),
    ("4300 digits", '"%s"' % ("1" * 4300)),
    ("5000 digits", '"%s"' % ("1" * 5000)),
    ("5000 digits as a number", "1" * 5000),
    ("5000 zeros and a one", '"%s1"' % ("0" * 5000)),
    ("text with a NUL", r'"1\u0000"'),
    ("a lone surrogate", r'"\ud800"'),
    ("hexadecimal", '"0x1"'),
    ("an exponent as text", '"1e0"'),
    ("the name of a user", '"ada"'),
    ("None as text", '"None"'),
    ("a nil UUID", '"00000000-0000-0000-0000-000000000000"'),
    ("a number for a UUID", "1"),
    ("a number beyond a UUID", str(2**128)),
    ("a superscript digit", r'"\u00b2"'),
    ("a Roman numeral", r'"\u2160"'),
]


def of_integer(pk):
    """Spellings of a number; most of them reach the user, as int() has it."""
    text = str(pk)
    sign, digits = ("-", text[1:]) if pk < 0 else ("", text)
    grouped = "_".join(digits) if len(digits) > 1 else "0_" + digits
    yield "itself", json.dumps(text)
    yield "a number", text
    yield "a float", text + ".0"
    yield "a float with a fraction", text + ".7"
    yield "spaces around", json.dumps(" %s " % text)
    yield "a line feed after", json.dumps(text + "\n")
    yield "white space of other scripts", json.dumps("\u00a0\u2003\u0085%s\u3000\u2028" % text)
    yield "separator controls around", json.dumps("\x1c\x1f%s\x0b" % text)
    yield "a zero-width space", json.dumps("\u200b" + text)
    yield "a plus sign", json.dumps("+" + text)
    yield "leading zeros", json.dumps(sign + "00" + digits)
    yield "underscores", json.dumps(sign + grouped)
    yield "two underscores", json.dumps(sign + "0__" + digits)
    yield "a trailing underscore", json.dumps(text + "_")
    yield "a leading underscore", json.dumps(sign + "_" + digits)
    yield "full-width digits", json.dumps(sign + digits.translate(FULL_WIDTH))
    yield "Arabic digits", json.dumps(sign + digits.translate(ARABIC))
    yield "mixed digits", json.dumps(sign + "\uff10\u0660" + digits)
    yield "a minus sign of typography", json.dumps("\u2212" + digits)
    yield "a space after the sign", json.dumps((sign or "+") + " " + digits)
    yield "text of a float", json.dumps(text + ".0")
    yield "a comma", json.dumps(text + ",0")
    yield "an L after", json.dumps(text + "L")
    yield "inside a list", "[%s]" % text


def of_uuid(pk):
    """Spellings of a UUID, as uuid.UUID() has it."""
    text, plain = str(pk), pk.hex
    yield "itself", json.dumps(text)
    yield "no dashes", json.dumps(plain)
    yield "upper case", json.dumps(text.upper())
    yield "braces", json.dumps("{%s}" % text)
    yield "braces that do not match", json.dumps("}}{%s{" % text)
    yield "urn", json.dumps("urn:uuid:" + text)
    yield "urn twice", json.dumps("uuid:urn:uuid:" + text)
    yield "urn in the middle", json.dumps(plain[:5] + "urn:" + plain[5:])
    yield "upper-case urn", json.dumps("URN:UUID:" + text)
    yield "dashes anywhere", json.dumps("-" + "-".join(plain) + "--")
    yield "a number", str(pk.int)
    yield "a number as text", json.dumps(str(pk.int))
    yield "a float", "%d.0" % pk.int
    yield "spaces around", json.dumps(" %s " % text)
    yield "a digit short", json.dumps(plain[:-1])
    yield "a digit too many", json.dumps(plain + "0")
    yield "a space for a digit", json.dumps(plain[:-1] + " ")
    yield "an underscore for a digit", json.dumps(plain[:4] + "_" + plain[5:])
    yield "full-width digits", json.dumps(plain.translate(FULL_WIDTH))
    yield "0x for two digits", json.dumps("0x" + plain[2:])
    yield "a plus sign for a digit", json.dumps("+" + plain[1:])
    yield "not hexadecimal", json.dumps("g" + plain[1:])
    yield "inside a list", "[%s]" % json.dumps(text)


def of_text(pk):
    """Spellings of a text key, which CharField.to_python leaves as they are."""
    yield "itself", json.dumps(pk)
    yield "escaped", '"%s"' % "".join("\\u%04x" % ord(c) if ord(c) < 0x10000 else c for c in pk)
    yield "a trailing space", json.dumps(pk + " ")
    yield "a leading space", json.dumps(" " + pk)
    yield "a trailing NUL", json.dumps(pk + "\x00")
    yield "other case", json.dumps(pk.swapcase())
    yield "inside a list", "[%s]" % json.dumps(pk)
    yield "too long for the column", json.dumps(pk + "x" * 200)


def of(pk):
    if isinstance(pk, uuid.UUID):
        return list(of_uuid(pk)) + STRANGERS
    if isinstance(pk, int):
        return list(of_integer(pk)) + STRANGERS
    return list(of_text(pk)) + STRANGERS
