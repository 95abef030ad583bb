package reply

import "net/http"

// Headers that several rows have.
var (
	// again asks to try again in a second. Only a failure that may pass by itself has it.
	again = []Header{{"Retry-After", "1"}}
	// RFC 9110, 15.5.2, demands WWW-Authenticate on a 401, and some clients fail without it. "Cookie" is no
	// registered scheme: browsers do not ask their user for anything then.
	challenge = Header{"Www-Authenticate", "Cookie"}
)

// checksumMismatch is tus's own status: Checksum.
const checksumMismatch = 460

// Verdicts: the three outcomes.
var (
	Alive       = row(http.StatusOK, "Your login session is alive.")
	Ended       = row(http.StatusUnauthorized, "Your login session has ended.", challenge)
	Unavailable = row(http.StatusServiceUnavailable, "The login session could not be checked.", again...)
)

// Gateways. Nobody who is to sign in gets Ended, or Redirect where the gateway passes it on.
var (
	Allow              = row(http.StatusOK, "")    // with the identity headers
	Redirect           = row(http.StatusFound, "") // with Location; 303 after other methods than GET and HEAD
	Malformed          = row(http.StatusForbidden, "The request is malformed.")
	Forbidden          = row(http.StatusForbidden, "The user may not do this.")
	UnknownRequirement = row(http.StatusInternalServerError, "The requirements of this location are not understood.")
	UnmetRequirement   = row(http.StatusInternalServerError, "The requirements of this location cannot be met.")
	Broken             = row(http.StatusInternalServerError, "The request could not be handled.") // any request
)

// Logins.
var (
	LoggedIn         = row(http.StatusOK, "You are logged in.")
	BadLogin         = row(http.StatusBadRequest, "The body must be JSON or a form, with username and password, each once and as a text.")
	WrongPassword    = row(http.StatusUnauthorized, "The user name and the password are not right, or the user may not log in.", challenge)
	LoginTooLarge    = row(http.StatusRequestEntityTooLarge, "The body is too large.")
	TooManyTries     = row(http.StatusTooManyRequests, "Too many tries to log in.") // with Retry-After
	LoginUnavailable = row(http.StatusServiceUnavailable, "Nobody can be logged in just now.", again...)
)

// Sessions that are written.
var (
	LoggedOut    = row(http.StatusNoContent, "") // with the cookie's end
	NotLoggedOut = row(http.StatusServiceUnavailable, "The login session could not be ended.", again...)
)

// NotOfThisSite is for a request that changes something and does not show that a page of this site sent it.
var NotOfThisSite = row(http.StatusForbidden, "CSRF verification failed: the request needs the csrftoken cookie, the token "+
	"of it, and an Origin or Referer of this site.")

// Uploads, whether they come by a form, as a body or by tus.
var (
	Stored        = row(http.StatusCreated, "Stored.")
	CrossSite     = refusal(http.StatusForbidden, "Uploads from another site are refused.")
	BadCSRFToken  = refusal(http.StatusForbidden, "The CSRF token is missing or incorrect.")
	TooManyAtOnce = refusal(http.StatusTooManyRequests, "Too many uploads at once.", again...)
	BadExtension  = refusal(http.StatusUnsupportedMediaType, "Files of this kind are not taken.")
	OtherType     = refusal(http.StatusUnsupportedMediaType, "The file is not what its name says.")
	BadName       = refusal(http.StatusBadRequest, "The file's name cannot be used.")
	NoSpace       = refusal(http.StatusInsufficientStorage, "There is no space for the upload.")
	NotStored     = refusal(http.StatusServiceUnavailable, "The upload could not be stored.", again...)
)

// Uploads to /upload.
var (
	EncodedBody = refusal(http.StatusUnsupportedMediaType, "An encoded body is not understood: send it without "+
		"Content-Encoding.")
	NoFile          = refusal(http.StatusBadRequest, "There is no file in the request.")
	FileTooLarge    = refusal(http.StatusRequestEntityTooLarge, "The file is too large.")
	FormTooLarge    = refusal(http.StatusRequestEntityTooLarge, "The files are too large together.")
	UploadTooSlow   = refusal(http.StatusRequestTimeout, "The upload is too slow.")
	BodyCutShort    = refusal(http.StatusBadRequest, "The body is cut short.")
	BadForm         = refusal(http.StatusBadRequest, "The form is malformed.")
	FormCutShort    = refusal(http.StatusBadRequest, "The form is cut short.")
	LongPartHeader  = refusal(http.StatusBadRequest, "A part of the form has too long a header.")
	TooManyFiles    = refusal(http.StatusBadRequest, "The form has too many files.")
	TooManyFields   = refusal(http.StatusBadRequest, "The form has too many fields.")
	LargeFormFields = refusal(http.StatusRequestEntityTooLarge, "The form's fields are too large.")
)

// Uploads to /tus/: the headers of a request. … is the name of a header.
var (
	MethodNotAllowed = refusal(http.StatusMethodNotAllowed, "The method is not allowed here.") // with Allow
	BadVersion       = refusal(http.StatusPreconditionFailed, "The request is not of tus 1.0.0.",
		Header{"Tus-Version", "1.0.0"})
	BadOverride    = refusal(http.StatusBadRequest, "X-HTTP-Method-Override must be PATCH or DELETE.")
	RepeatedHeader = refusal(http.StatusBadRequest, "… is there more than once.")
	NotANumber     = refusal(http.StatusBadRequest, "… is not a non-negative integer.")
	BadContentType = refusal(http.StatusUnsupportedMediaType, "The Content-Type must be "+
		"application/offset+octet-stream.")
	BadContentEncoding = refusal(http.StatusUnsupportedMediaType, "A Content-Encoding is not supported.")
	Concatenation      = refusal(http.StatusBadRequest, "Upload-Concat is not supported.")
	BadDeferLength     = refusal(http.StatusBadRequest, "Upload-Defer-Length can only be 1.")
	NoLength           = refusal(http.StatusBadRequest, "One of Upload-Length and Upload-Defer-Length must be there.")
	OtherLength        = refusal(http.StatusBadRequest, "Upload-Length cannot be this any more.")
	NoOffset           = refusal(http.StatusBadRequest, "Upload-Offset is missing.")
	BadChecksum        = refusal(http.StatusBadRequest, "Upload-Checksum is not a checksum in base64.")
	UnknownChecksum    = refusal(http.StatusBadRequest, "The algorithm of Upload-Checksum is not supported.")
	LongMetadata       = refusal(http.StatusBadRequest, "Upload-Metadata is too long.")
	BadMetadataKey     = refusal(http.StatusBadRequest, "Upload-Metadata has a pair without a proper key.")
	RepeatedMetadata   = refusal(http.StatusBadRequest, "Upload-Metadata has a key twice.")
	BadMetadataValue   = refusal(http.StatusBadRequest, "Upload-Metadata has a value that is not base64.")
	TooMuchMetadata    = refusal(http.StatusBadRequest, "Upload-Metadata has too many pairs.")
	BadFilename        = refusal(http.StatusBadRequest, "The filename in Upload-Metadata is not UTF-8.")
)

// Uploads to /tus/: the upload and its bytes.
var (
	NoUpload       = refusal(http.StatusNotFound, "There is no such upload.") // it never was, is gone, or is another user's
	UploadExpired  = refusal(http.StatusGone, "The upload has expired.")
	UploadDamaged  = refusal(http.StatusGone, "The upload has been damaged.")
	OtherOffset    = refusal(http.StatusConflict, "Upload-Offset is not the upload's offset.")
	InUse          = refusal(http.StatusLocked, "The upload is in use.", again...)            // by another process
	TakenOver      = refusal(http.StatusLocked, "Another request has taken the upload over.") // in this process
	UploadTooLarge = refusal(http.StatusRequestEntityTooLarge, "The upload is too large.")
	BeyondLength   = refusal(http.StatusRequestEntityTooLarge, "The body goes beyond the upload's length.")
	BodyTooSlow    = refusal(http.StatusRequestTimeout, "The body came too slowly.")
	BodyEndedEarly = refusal(http.StatusBadRequest, "The body ended early.")
	OtherChecksum  = refusal(checksumMismatch, "The bytes do not have the checksum.")
	TooManyOpen    = refusal(http.StatusTooManyRequests, "There are too many unfinished uploads.")
	OpenTooLarge   = refusal(http.StatusRequestEntityTooLarge, "Your unfinished uploads are too large together.")
)

// NotGRPC is for whatever else comes to the listener of gRPC. Its body is the plain message.
var NotGRPC = row(http.StatusUnsupportedMediaType, "this listener speaks gRPC: "+
	"/envoy.service.auth.v3.Authorization/Check")

// Calls of gRPC that have no answer. What a Check is answered is a gateway's row.
var (
	CallCutShort   = call(Internal, "the message is cut short")
	CallCompressed = call(Unimplemented, "compressed messages are not understood")
	CallTooLarge   = call(ResourceExhausted, "the message is larger than 1048576 bytes; with_request_body "+
		"is not needed")
	CallTwice     = call(Internal, "there is more than one message")
	CallBadCheck  = call(InvalidArgument, "the CheckRequest is malformed")
	CallBadHealth = call(InvalidArgument, "the HealthCheckRequest is malformed")
	NoMethod      = call(Unimplemented, "unknown method")
	NoService     = call(NotFound, "unknown service")
	CallBroken    = call(Internal, "internal error")
)
