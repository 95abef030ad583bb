"""A small WSGI Django behind a gateway: it answers every request with what reached it, as JSON.

It is the most gullible server that a gateway can have behind it. wsgiref folds "-" and "_" together and keeps both, where
Django's runserver and new gunicorns drop names with "_"; trailers are read and shown; an Upgrade is taken. Run as
app.py PORT. GET /-/seen, asked directly, answers how many requests have come.
"""
import base64
import hashlib
import io
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from django.conf import settings

settings.configure(
    SECRET_KEY="an application that knows nothing of sessions",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    USE_X_FORWARDED_HOST=True,  # as behind a gateway: get_host() shows whom Django would believe
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
)

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import re_path  # noqa: E402

seen = []  # the paths that have come


def show(request, place):
    """request.META as far as it came from the client, and what Django makes of it."""
    if request.path == "/-/seen":
        return JsonResponse({"seen": len(seen)})
    seen.append(request.path)
    meta = {name: value for name, value in request.META.items() if isinstance(value, str) and from_client(name)}
    answer = JsonResponse({
        "meta": meta,
        "host": request.get_host(),
        "secure": request.is_secure(),
        "trailers": request.environ["gateway_app.trailers"],
        "body_bytes": len(request.body),
    })
    answer["X-Application"] = request.META.get("HTTP_REMOTE_USER") or "nobody"
    answer["X-Place"] = place  # which of the patterns below it was
    answer["Content-Length"] = str(len(answer.content))
    if request.method == "HEAD":
        answer.content = b""
    return answer


def from_client(name):
    return name.startswith(("HTTP_", "REMOTE_USER", "CONTENT_")) or name in {"PATH_INFO", "QUERY_STRING", "REQUEST_METHOD"}


urlpatterns = [re_path(f"^{place}(?:/|$)", show, {"place": place}) for place in ("admin", "accounts", "static")]
urlpatterns += [re_path("", show, {"place": "other"})]


class Handler(WSGIRequestHandler):
    """One request a connection."""

    def handle(self):
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        environ, body = self.get_environ(), self.rfile
        environ["gateway_app.trailers"] = []
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            data, environ["gateway_app.trailers"] = dechunked(self.rfile)
            environ["CONTENT_LENGTH"], body = str(len(data)), io.BytesIO(data)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.upgraded(environ)
            return
        handler = ServerHandler(body, self.wfile, self.get_stderr(), environ, multithread=True)
        handler.request_handler = self
        handler.run(self.server.get_app())

    def upgraded(self, environ):
        """Switches protocols, says who the user is, and then says everything twice."""
        seen.append(environ["PATH_INFO"])
        key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(key.encode("latin-1")).digest()).decode(),
            "X-Application: " + (environ.get("HTTP_REMOTE_USER") or "nobody"),
        ]
        self.wfile.write("\r\n".join(lines + ["", ""]).encode("latin-1"))
        self.wfile.write(self.rfile.readline() * 2)

    def log_message(self, *args):
        pass


def dechunked(stream):
    """The body, and the trailer lines."""
    data = []
    while size := int(stream.readline().split(b";")[0], 16):
        data.append(stream.read(size))
        stream.readline()
    trailers = []
    while (line := stream.readline()) not in (b"\r\n", b"\n", b""):
        trailers.append(line.decode("latin-1").strip())
    return b"".join(data), trailers


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.set_app(get_wsgi_application())
        server.serve_forever()
