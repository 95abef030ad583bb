package check

// Refusal is the JSON of an answer that is no yes.
type Refusal struct {
	Result  bool   `json:"result"` // always false
	Message string `json:"message"`
}
