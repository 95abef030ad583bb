// Package pickle reads the data in Python's pickles, protocols 0 to 5, and never does what they say.
//
// A pickle is a program: it names classes and functions, and calls them. Loads follows the program as CPython does
// (Modules/_pickle.c, 3.13), but it knows the results of a few calls only, those that make plain data: sets, bytes,
// dates, Decimals, UUIDs, ordered dicts, and Django's lazy and safe strings (constructors.go). Every other call makes
// an Opaque, a placeholder with the name of what was to be called, which absorbs whatever the pickle does to it. No
// name is ever looked up, imported or called.
//
// What pickle.loads refuses whatever is installed is refused: an unknown opcode, an empty stack, a missing memo, a
// list as the key of a dict, bytes that are no UTF-8. What it refuses since a module is missing or a function raises
// is an Opaque here.
//
// Hostile input costs little. Nothing is allocated for a length before its bytes are there; a value takes 12 bytes
// and often none; nothing recurses but tuples in keys, for which there are bounds, as there are for the number of
// values, for open marks, and for the digits of integers in text. Values may hold each other in circles, and
// through sharing stand for more than any memory holds: AppendJSON is bounded in depth and length, and who walks
// Values by hand must do as much.
package pickle
