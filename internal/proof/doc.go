// Package proof compares the sidecar's verdicts with those of the deployment's own Django: what it has said of a sample
// of sessions (Sample and Side), or what it says of one request (Said).
//
// A Sample is what the program of internal/settingsscript/sample.py writes. Sessions have names there, and no keys:
// Side finds the keys again by hashing those of the sidecar's own store.
package proof
