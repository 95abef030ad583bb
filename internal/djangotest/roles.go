package djangotest

import (
	"fmt"
	"os"
)

// Roles are what a test binary does in place of its tests when it starts itself again, by their names.
type Roles map[string]func() error

const roleVariable = "DJANGOTEST_ROLE"

// As is the environment variable of a process that is to play a role.
func (r Roles) As(name string) string {
	if r[name] == nil {
		panic("there is no role " + name)
	}
	return roleVariable + "=" + name
}

// Play plays the role that this process was started for and exits, and returns where it was started for none. TestMain
// calls it first.
func (r Roles) Play() {
	role, ok := r[os.Getenv(roleVariable)]
	if !ok {
		return
	}
	if err := role(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
