// Package redis hears from Redis which sessions have changed. Track listens (track.go), on connections of its own (conn.go) in the
// protocol of resp.go.
package redis
