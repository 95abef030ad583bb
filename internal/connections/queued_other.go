//go:build !linux

package connections

import (
	"errors"
	"net"
)

type waiting struct{}

// takeWaiting takes nobody in: where it is not known how, connections that wait are reset.
func takeWaiting(net.Listener) []waiting { return nil }

func (waiting) conn() (net.Conn, error) { return nil, errors.ErrUnsupported }
