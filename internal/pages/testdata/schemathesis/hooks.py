"""What schemathesis has to know of the media type of tus."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def octets(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
