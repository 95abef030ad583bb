package config

import "time"

// readTokens reads how long links that reset passwords last, for the library.
func (c *Config) readTokens(r *reader) {
	const seconds, days = "DJANGO_PASSWORD_RESET_TIMEOUT", "DJANGO_PASSWORD_RESET_TIMEOUT_DAYS"
	const most = 100 * 366
	timeout := r.seconds(seconds)
	inDays := time.Duration(r.number(days, 1, most)) * 24 * time.Hour
	if timeout == 0 && r.text(seconds) == "0" {
		r.refuse(seconds, "a whole number of seconds above zero: no link could be used in time")
	}
	switch old := olderThan(c.DjangoVersion, 3, 1); {
	case !old && r.value(seconds).given && r.value(days).given: // conf/__init__.py, 3.1 and 3.2
		r.fault(days, "and "+seconds+" are both given: keep one of them")
	case old, olderThan(c.DjangoVersion, 4, 0) && r.value(days).given:
		timeout = inDays
	}
	c.PasswordResetTimeout = timeout
}
