//go:build race

package handlers_test

// poolAllocs is how much a sync.Pool may allocate anew at each use: the race detector has it drop things at random.
const poolAllocs = 30
