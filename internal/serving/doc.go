// Package serving is the running sidecar: the listeners, uploads, traces and the audit log around a deployment of
// package sidecar.
//
// [Run] opens the listeners, answers, drains and stops. [Check] makes what Run makes before it listens, but for
// traces, and looks at the stores. [AskAdmin] asks a sidecar that runs. Read server.go first.
package serving
