//go:build bench

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4" //nolint:depguard // as in main.go
	_ "github.com/lib/pq"         //nolint:depguard // as in main.go

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// obvious is a session check with two prepared queries a request, and no more of Django's rules than a usual deployment
// meets: no fallback keys, no other backends, integers as primary keys.
type obvious struct {
	session, user *sql.Stmt
	codec         *djangosession.Codec
	hashKey       []byte
}

const (
	sessionQuery = "SELECT session_data, expire_date FROM django_session WHERE session_key = $1 AND expire_date > now()"
	userQuery    = "SELECT id, password, username, email, is_active, is_staff, is_superuser FROM auth_user " +
		"WHERE id = $1"
	backend = "django.contrib.auth.backends.ModelBackend"
)

func newObvious(url, secret string, conns int) (*obvious, error) {
	version, err := djangosession.ParseVersion("6.1")
	if err != nil {
		return nil, err
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{
		Version:   version,
		SecretKey: signing.SecretKey(secret),
	})
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("postgres", url)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns) // two are kept otherwise, and the others opened again and again
	// contrib/auth/base_user.py, 5.2, get_session_auth_hash, and utils/crypto.py, salted_hmac
	key := sha256.Sum256([]byte("django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash" + secret))
	o := &obvious{codec: codec, hashKey: key[:]}
	if o.session, err = db.PrepareContext(context.Background(), sessionQuery); err != nil {
		return nil, err
	}
	o.user, err = db.PrepareContext(context.Background(), userQuery)
	return o, err
}

// answerJSON is the JSON of an answer, in the sidecar's words.
type answerJSON struct {
	Result  bool      `json:"result"`
	Message string    `json:"message"`
	User    *userJSON `json:"user,omitempty"`
	Expires string    `json:"expires,omitempty"`
}

type userJSON struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	Email       string `json:"email"`
	IsStaff     bool   `json:"is_staff"`
	IsSuperuser bool   `json:"is_superuser"`
}

var errEnded = errors.New("nobody is logged in")

func (o *obvious) authenticate(c echo.Context) error {
	setHeader(c)
	cookie, err := c.Cookie("sessionid")
	if err != nil {
		return c.JSON(http.StatusUnauthorized, answerJSON{Message: "No session."})
	}
	u, expires, err := o.check(c.Request().Context(), cookie.Value)
	switch {
	case errors.Is(err, errEnded):
		return c.JSON(http.StatusUnauthorized, answerJSON{Message: "Session has ended."})
	case err != nil:
		return c.JSON(http.StatusServiceUnavailable, answerJSON{Message: "Try again."})
	}
	return c.JSON(http.StatusOK, answerJSON{
		Result: true, Message: "Your login session is alive.",
		User: u, Expires: expires.UTC().Format(time.RFC3339),
	})
}

func (o *obvious) check(ctx context.Context, key string) (*userJSON, time.Time, error) {
	var data string
	var expires time.Time
	switch err := o.session.QueryRowContext(ctx, key).Scan(&data, &expires); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, expires, errEnded
	case err != nil:
		return nil, expires, err
	}
	session, err := o.codec.Decode(data)
	if err != nil {
		return nil, expires, errEnded
	}
	id, isText := session.AuthUserID.Text()
	by, _ := session.AuthBackend.Text()
	hash, _ := session.AuthHash.Text()
	if !isText || by != backend {
		return nil, expires, errEnded
	}
	var u userJSON
	var password string
	var active bool
	switch err := o.user.QueryRowContext(ctx, id).Scan(&u.ID, &password, &u.Username, &u.Email, &active, &u.IsStaff, &u.IsSuperuser); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, expires, errEnded
	case err != nil:
		return nil, expires, err
	}
	mac := hmac.New(sha256.New, o.hashKey)
	mac.Write([]byte(password))
	if !active || !hmac.Equal([]byte(hash), []byte(hex.EncodeToString(mac.Sum(nil)))) {
		return nil, expires, errEnded
	}
	return &u, expires, nil
}
