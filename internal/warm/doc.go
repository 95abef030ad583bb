// Package warm has what makes the answer cheap whose verdict is kept, where the standard library would do the same
// for more than five per cent of a request: deadlines of connections, and JSON without reflection.
// docs/decisions/0017-warm-path.md says what each saves.
package warm
