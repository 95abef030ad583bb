// Package config reads the settings of django-sidecar from the environment, and is the only package that does.
//
// FromProcess yields typed values or one *Error that lists every fault, each with the name of the setting, what was
// wrong and an example. Settings that Django has too keep Django's name: each is read from DJANGO_<NAME>, or from
// plain <NAME> where a deployment has it already. Our own begin with SIDECAR_, and a misspelt one is a fault.
//
// Secrets are of type Secret, which prints as "[redacted]", and no fault or warning ever quotes one.
//
// The package depends on nothing of ours: it yields values, and constructors elsewhere take values.
package config
