"""What Django's own server makes of the Cookie lines of a request: WSGI joins them."""
import http.client
import io

from django.core.servers.basehttp import WSGIRequestHandler


class Server:
    base_environ = {
        "SERVER_NAME": "oracle.invalid", "SERVER_PORT": "80", "GATEWAY_INTERFACE": "CGI/1.1", "REMOTE_HOST": "",
        "CONTENT_LENGTH": "", "SCRIPT_NAME": "",
    }


class Handler(WSGIRequestHandler):
    """A request that has been read already."""

    def __init__(self, lines):
        header = b"".join(b"Cookie: " + line + b"\r\n" for line in lines)
        self.headers = http.client.parse_headers(io.BytesIO(header + b"\r\n"))
        self.server = Server()
        self.command, self.path, self.request_version = "GET", "/", "HTTP/1.1"
        self.client_address = ("127.0.0.1", 1)


def cookie_header(lines):
    """The bytes of HTTP_COOKIE, or None."""
    value = Handler(lines).get_environ().get("HTTP_COOKIE")
    return None if value is None else value.encode("latin-1")
