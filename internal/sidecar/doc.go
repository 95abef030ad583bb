// Package sidecar is what the commands share: a Django deployment made from settings, and what is done with one.
//
// [Run] serves: it opens the listeners, replaces the deployment when a secret changes, drains and stops. [Check]
// looks at a deployment without serving it. [Open] makes one for a single question, which [Deployment.Explain]
// answers step by step. [SQL] prints what a database administrator reviews. A command is flags, one call of this
// package, and an exit code.
//
// Read deployment.go first: there are the stores of one deployment, and the verifier that asks them. sidecar.go puts
// the rest around it.
package sidecar
