package gateway

import (
	"slices"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/urlquote"
)

// Identity is who a gateway may tell its application that the user is. What is unknown is empty.
type Identity struct {
	Username, UserID, Email string
	Groups                  []string
}

// maxIdentityBytes is what the four values may have together. nginx reads the whole head of an answer into
// proxy_buffer_size, 4 KiB by default, and answers 500 where it does not fit.
const maxIdentityBytes = 3 << 10

// identityOf is what is known of a user.
func identityOf(user *djangosession.User, access djangosession.Access) Identity {
	i := Identity{UserID: user.ID, Groups: slices.Clone(access.Groups)}
	if user.Username != nil {
		i.Username = *user.Username
	}
	if user.Email != nil {
		i.Email = *user.Email
	}
	return i
}

// Headers are the identity headers, always all four, in this order: Remote-User, Remote-User-Id, Remote-Email and
// Remote-Groups. One that is unknown is empty, so that it overwrites what a client may have sent.
//
// Printable ASCII stands for itself, but for the percent sign. Everything else is percent-encoded UTF-8, and so is a
// space at either end, which gateways trim: "Zoë" is "Zo%C3%AB", "100%" is "100%25". Remote-Groups has the names
// separated by commas, and a comma in a name is "%2C". To read them, split at the commas first, then decode with
// urllib.parse.unquote, or any other function that leaves a plus sign alone.
//
// Together the values have at most 3 KiB. What does not fit is left out whole, never cut: of the groups those at
// the end of the list.
func (i Identity) Headers() [4]reply.Header {
	left := maxIdentityBytes
	fit := func(value string) string {
		if len(value) > left {
			return ""
		}
		left -= len(value)
		return value
	}
	h := [4]reply.Header{
		{Name: "Remote-User"},
		{Name: "Remote-User-Id"},
		{Name: "Remote-Email"},
		{Name: "Remote-Groups"},
	}
	for n, text := range []string{i.Username, i.UserID, i.Email} {
		h[n].Value = fit(headerText(text, ""))
	}
	h[3].Value = groupList(i.Groups, left)
	return h
}

// groupList joins the names of groups while they fit. An empty name, which Django's forms refuse, would be no element
// of the list, and is left out.
func groupList(groups []string, limit int) string {
	var list strings.Builder
	for _, group := range groups {
		if group == "" {
			continue
		}
		text := headerText(group, ",")
		if list.Len() > 0 {
			text = "," + text
		}
		if list.Len()+len(text) > limit {
			break
		}
		list.WriteString(text)
	}
	return list.String()
}

// headerText is a text as the identity headers have it: see Headers. The characters of special are encoded too.
func headerText(text, special string) string {
	var b strings.Builder
	for n := range len(text) {
		c := text[n]
		inside := n > 0 && n < len(text)-1
		if c > ' ' && c < 0x7f && c != '%' && strings.IndexByte(special, c) < 0 || c == ' ' && inside {
			b.WriteByte(c)
			continue
		}
		urlquote.Percent(&b, c)
	}
	return b.String()
}
