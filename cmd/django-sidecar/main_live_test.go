//go:build live

package main

import (
	"testing"

	"django-sidecar/internal/djangotest"
)

// suite runs the tests with the servers that they share.
func suite(m *testing.M) interface{ Run() int } { return djangotest.Suite{M: m} }
