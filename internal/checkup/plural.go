package checkup

import "fmt"

// Counted is a number and what it counts: "1 backend", "2 backends".
func Counted[N int | int64](n N, noun string) string {
	return fmt.Sprintf("%d %s", n, Plural(n, noun, noun+"s"))
}

// Plural is one where n is 1, and many otherwise: the verb of a message that counts.
func Plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
