// Package observe is what an operator sees: metrics on an injected registry, and
// the name under which logs speak of a session.
package observe
