package login

import "net/netip"

// Address is what wrong passwords from a client are counted by: its IP address, of IPv6 its /64, which one client has
// as a whole. text is an address, with or without a port. ok says whether it is one.
func Address(text string) (address string, ok bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return "", false
		}
		a = withPort.Addr()
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String(), true
	}
	const ofOneClient = 64
	prefix, err := a.Prefix(ofOneClient)
	return prefix.String(), err == nil
}
