package djangosession

// EnterLarge takes all the room that there is for large sessions, until leave.
func (c *Codec) EnterLarge() (leave func()) {
	for range cap(c.large) {
		c.large <- struct{}{}
	}
	return func() {
		for range cap(c.large) {
			<-c.large
		}
	}
}
