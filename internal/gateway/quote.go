package gateway

import "django-sidecar/internal/urlquote"

// iriToURI is iri_to_uri of django/utils/encoding.py, 6.1, which HttpResponseRedirect makes Location with.
func iriToURI(iri string) string { return urlquote.Quote(iri, "/#%[]=:;$&()+,!?*@'~") }

func isAlphanumeric(c byte) bool { return isLetter(c) || '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
