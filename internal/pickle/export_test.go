package pickle

// Guessed is true where some value of the pickle, if only one that was thrown away, is a placeholder: Python may refuse
// such a pickle, because of a name, or of arguments that suit nothing.
func (v Object) Guessed() bool {
	for _, n := range v.d.nodes {
		if n.kind == Opaque || n.kind == Lazy || n.kind == Global && n.form == 0 {
			return true
		}
	}
	return false
}

// ErrByteArray is the one fault of pickles that Python reads.
var ErrByteArray = errByteArray

// Constructed are the names of the classes and functions that are known.
func Constructed() []string {
	var names []string
	for _, c := range constructors[1:] {
		names = append(names, c.module+"."+c.name)
	}
	return append(names, "uuid.UUID")
}
