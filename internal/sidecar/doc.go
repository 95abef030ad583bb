// Package sidecar is a Django deployment made from settings, and what the commands and the library ask of it.
//
// [Open] makes one for a single question, which [Deployment.Explain] answers step by step. A [Live] answers for as long
// as a program runs, and follows changed secrets: package serving puts the listeners around it, and djangosite takes a
// [Local]. [SQL] prints what a database administrator reviews. Nothing here knows HTTP.
//
// Read deployment.go first: there are the stores of one deployment, and the verifier that asks them. live.go has what
// runs.
package sidecar
