//go:build !live

package main

import "testing"

// suite runs the tests, none of which needs a server.
func suite(m *testing.M) interface{ Run() int } { return m }
