package multipart

// Index is finder.index of a delimiter that was sought in these texts before.
func Index(delimiter []byte, before [][]byte, text []byte) int {
	f := finder{delimiter: delimiter}
	for _, b := range before {
		f.index(b)
	}
	return f.index(text)
}
