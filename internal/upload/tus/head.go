package tus

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
)

// head tells how far an upload is: Core protocol, HEAD.
func (x *exchange) head(ctx context.Context, token string) error {
	id, l, s, err := x.take(ctx, token)
	if err != nil {
		return err
	}
	defer x.leases.release(id, l)
	if s.complete() && !s.Finished {
		if s, err = x.complete(ctx, id, s); err != nil {
			return err
		}
	}
	if s.Metadata != "" { // Creation: as the client specified it
		x.w.Header().Set("Upload-Metadata", s.Metadata)
	}
	x.describe(s)
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// complete publishes an upload that has all its bytes. Its offset would tell the client that it is done.
func (x *exchange) complete(ctx context.Context, id string, s *state) (_ *state, err error) {
	f, s, err := x.openPart(id, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = also(err, f.Close()) }()
	return s, x.publish(ctx, id, f, s)
}

// describe puts into the answer's header what a client is told of its upload.
func (x *exchange) describe(s *state) {
	h := x.w.Header()
	h.Set("Upload-Offset", decimal(s.Offset))
	if s.Length != absent {
		h.Set("Upload-Length", decimal(s.Length))
	} else {
		h.Set("Upload-Defer-Length", "1") // Creation: as long as it is not known
	}
	// Expiration: of an unfinished upload. What is known of a finished one ends with it.
	h.Set("Upload-Expires", s.Expires.Format(http.TimeFormat))
	if !s.Finished {
		return
	}
	h.Set("Upload-Name", escape(s.Name))
	if sum, err := hex.DecodeString(s.SHA256); err == nil && len(sum) > 0 {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":") // RFC 9530, 3
	}
}

// escape percent-encodes a name, but for its slashes.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// terminate ends an upload, and what is known of a finished one: Termination, DELETE.
func (x *exchange) terminate(ctx context.Context, token string) error {
	id, l, s, err := x.take(ctx, token)
	if err != nil {
		return err
	}
	defer x.leases.release(id, l)
	if err := x.remove(id, s); err != nil {
		return err
	}
	x.open.end(x.user, id)
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
