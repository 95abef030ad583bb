// Package vectors reads testdata/vectors: what real Djangos and Pythons said, in the forms that testdata/README.md
// describes.
//
// A vector that is passed over proves nothing, so every reader here is strict: it is told how many files or rows there
// are at least, and an unknown header line, an unknown field or a value of the wrong form fails the test.
//
// The package is test code that lives in ordinary files so that every package can import it; no command links it. It
// imports nothing of the project: the tests of any package can use it.
package vectors
