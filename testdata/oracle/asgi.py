"""The request as an ASGI server hands it over: each Cookie line by itself, as bytes. Django has ASGI from 3.0 on."""
import io


def request_for(lines):
    from django.core.handlers.asgi import ASGIRequest

    return ASGIRequest({
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "server": ("oracle.invalid", 80),
        # Servers strip the white space of HTTP around a value (RFC 9110, 5.5).
        "headers": [(b"host", b"oracle.invalid")] + [(b"cookie", line.strip(b" \t")) for line in lines],
    }, io.BytesIO())
