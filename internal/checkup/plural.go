package checkup

// Plural is one where n is 1, and many otherwise: what stands with a number in a message.
func Plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
