package webhook

// Pending is how many events wait or are on their way. Of what other processes do in the folder it learns by and by.
func (q *Queue) Pending() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pending
}
