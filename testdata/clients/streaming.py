"""Sends bodies with http.client, which reads nothing before it has written everything.

A question is a line of stdin, its parts between tabs: URL, bytes, "fixed" or "chunked", and headers as "Name: value". An
answer is a line of stdout: the status and the body, or "error" and why.
"""
import http.client
import sys
import urllib.parse


def pieces(left):
    while left > 0:
        n = min(left, 16384)
        yield b"\0" * n
        left -= n


def ask(url, size, framing, *headers):
    parts = urllib.parse.urlsplit(url)
    headers = dict(h.split(": ", 1) for h in headers)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    chunked = framing == "chunked"
    if not chunked:
        headers["Content-Length"] = size
    connection.request("POST", parts.path, pieces(int(size)), headers, encode_chunked=chunked)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return "%d\t%s" % (response.status, text)


for line in sys.stdin:
    try:
        answer = ask(*line.rstrip("\n").split("\t"))
    except Exception as e:
        answer = "error\t%r" % e
    print(answer.replace("\n", " "), flush=True)
