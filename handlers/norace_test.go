//go:build !race

package handlers_test

// poolAllocs is how much a sync.Pool may allocate anew at each use.
const poolAllocs = 0
