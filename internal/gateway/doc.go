// Package gateway decides whether a request that a gateway asks about may pass, and where a browser is sent to log in.
//
// It is pure: it opens nothing, asks no clock and logs nothing. What a gateway reports comes in as a [Request], what
// the operator demands as [Requirements], who is logged in and what they may do as the types of package
// djangosession. What goes out is a [Decision], which [Style.Answer] turns into what that gateway is told.
//
// # Trust
//
// A [Request] is what one documented source said: the adapter chooses the source, and this package never looks for a
// second one. What cannot be read is an error, and an error is a no. No rule depends on the path, so a path that
// programs read in different ways changes nothing here but the page to return to: see [Ambiguous].
//
// # The encoding of identity headers
//
// Every identity header is written the same way for every gateway: see [Identity.Headers].
package gateway
