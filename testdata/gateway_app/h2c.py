"""A small ASGI application that Hypercorn serves behind a gateway. It remembers whatever reaches it.

Hypercorn goes over to HTTP/2 where a request says "Upgrade: h2c". In such a tunnel no gateway asks anybody.
GET /-/seen, asked directly, answers what has come since it was asked last, as JSON.
"""
import json

seen = []


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/-/seen":
        await answer(send, json.dumps(seen).encode(), "nobody")
        seen.clear()
        return
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    user = next((value for name, value in headers if name == "remote-user" and value), "nobody")
    seen.append({"type": scope["type"], "version": scope["http_version"], "path": scope["path"], "headers": headers})
    if scope["type"] == "websocket":
        await websocket(receive, send, user)
        return
    while (await receive()).get("more_body"):
        pass
    await answer(send, b"served", user)


async def answer(send, body, user):
    headers = [(b"content-length", str(len(body)).encode()), (b"x-application", user.encode("latin-1"))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def websocket(receive, send, user):
    """Says everything again, until the client goes."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "headers": [(b"x-application", user.encode("latin-1"))]})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text") or ""})
