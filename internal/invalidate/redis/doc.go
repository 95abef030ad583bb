// Package redis hears from Redis which sessions have changed. Read track.go first: Track listens to each server.
// conn.go is one connection, and resp.go is the protocol on it.
package redis
