package gateway

import "strings"

// identityNames are the identity headers as HTTP/2 writes them.
var identityNames = [...]string{"remote-user", "remote-user-id", "remote-email", "remote-groups"}

// IsAlias says whether a header's name is another spelling of an identity header's: one that differs from it in
// capitals and in what is neither letter nor digit. WSGI makes HTTP_REMOTE_USER of Remote-User and of Remote_User,
// and other servers fold more. An exact name is no alias.
func IsAlias(name string) bool {
	folded := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		}
		return '-'
	}, name)
	for _, exact := range identityNames {
		if folded == exact {
			return !strings.EqualFold(name, exact)
		}
	}
	return false
}

// Aliases are the spellings with "_" and ".", for a gateway that removes headers by name and does not say which there
// are.
func Aliases() []string {
	var list []string
	for _, exact := range identityNames {
		spellings := []string{""}
		for i, word := range strings.Split(exact, "-") {
			var longer []string
			for _, s := range spellings {
				if i == 0 {
					longer = append(longer, word)
					continue
				}
				for _, separator := range []string{"-", "_", "."} {
					longer = append(longer, s+separator+word)
				}
			}
			spellings = longer
		}
		list = append(list, spellings[1:]...) // the first is the name itself
	}
	return list
}
