//go:build bench

// Package sidebyside measures what a session check costs, beside what else could be had: an Echo handler that does
// nothing, the obvious version of a check, the database alone, and Django itself. `make bench` runs it.
package sidebyside
