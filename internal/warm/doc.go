// Package warm has what makes answers cheap, where the standard library would do the same for more than five per cent
// of a request: deadlines of connections, JSON without reflection, and deadlines of questions to stores.
// docs/decisions/0017-warm-path.md says what each saves.
package warm
