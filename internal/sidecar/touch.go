package sidecar

import (
	"context"
	"errors"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/setcookie"
)

// What SIDECAR_WRITE does not name.
var (
	errNoTouch  = errors.New("SIDECAR_WRITE does not name touch, which this needs")
	errNoLogout = errors.New("SIDECAR_WRITE does not name logout, which this needs")
)

// expiry tells when the deployment's sessions end.
func (d *Deployment) expiry() djangosession.Expiry {
	return djangosession.Expiry{
		Version: d.version, CookieAge: d.config.SessionCookieAge,
		AtBrowserClose: d.config.SessionCookie.AtBrowserClose, Local: d.zone().Local,
	}
}

// Touch moves the expiry of a session as save() of Django's SessionBase does, and returns the Set-Cookie line that
// SessionMiddleware would send, "" for none. It fails with djangosession.ErrNotFound where there is no session to keep
// alive any more.
func (l *Live) Touch(ctx context.Context, key keyhash.Key) (cookie string, expires time.Time, err error) {
	d := l.Current()
	if !l.Config.Write.Touch {
		return "", time.Time{}, errNoTouch
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Config.StoreTimeout)
	defer cancel()
	s, err := d.writing.loaded.Load(ctx, key.Text)
	if err != nil {
		return "", time.Time{}, asNotFound(err)
	}
	if d.writing.seal != nil {
		if key.Text, err = d.writing.seal(s); err == nil {
			s, err = d.writing.loaded.Load(ctx, key.Text) // which says when it ends
		}
	} else {
		s, err = l.move(ctx, d, key, s)
	}
	if err != nil {
		return "", time.Time{}, err
	}
	now, e := time.Now(), d.expiry()
	if e.EndsAtBrowserClose(s) {
		return l.cookieLine(key.Text, setcookie.Age{}, now), s.ExpireDate, nil
	}
	age, err := e.Age(s, now)
	if err != nil || age <= 0 {
		return "", s.ExpireDate, err
	}
	return l.cookieLine(key.Text, setcookie.Seconds(age), now), s.ExpireDate, nil
}

func (l *Live) cookieLine(key string, age setcookie.Age, now time.Time) string {
	return l.Config.SessionCookie.Attributes.Line(l.Config.SessionCookieName, key, age, now)
}

// move moves the expiry of a session that was loaded, if it moves by as much as SIDECAR_TOUCH_INTERVAL: so it is
// written no more often than that, whoever writes it. It returns the session with the expiry that it has then.
func (l *Live) move(
	ctx context.Context, d *Deployment, key keyhash.Key, s *djangosession.Session,
) (*djangosession.Session, error) {
	for again := true; ; again = false {
		to, err := d.expiry().Date(s, time.Now())
		if err != nil {
			return nil, err
		}
		if to.Sub(s.ExpireDate).Abs() < l.Config.TouchInterval {
			return s, nil
		}
		err = d.writing.sessions.Touch(ctx, key.Text, s, to)
		if err == nil {
			l.forget(key.Hash)
			moved := s.Clone()
			moved.ExpireDate = to
			return moved, nil
		}
		if !errors.Is(err, djangosession.ErrNotFound) {
			return nil, err
		}
		// Somebody has saved or ended it meanwhile.
		if s, err = d.writing.loaded.Load(ctx, key.Text); err != nil {
			return nil, asNotFound(err)
		}
		if !again {
			return s, nil
		}
	}
}

// asNotFound makes ErrNotFound of whatever says that there is no session.
func asNotFound(err error) error {
	if djangosession.IsAnswer(err) {
		return djangosession.ErrNotFound
	}
	return err
}

// Logout deletes a session, as auth.logout does. It is no error if there is none.
func (l *Live) Logout(ctx context.Context, key keyhash.Key) error {
	if !l.Config.Write.Logout {
		return errNoLogout
	}
	sessions := l.Current().writing.sessions
	if sessions == nil || !djangosession.ValidSessionKey(key.Text) {
		return nil // it is in its cookie alone; or Django looks for no such session
	}
	// A client that hangs up is logged out all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Config.StoreTimeout)
	defer cancel()
	err := sessions.Delete(ctx, key.Text)
	l.forget(key.Hash)
	return err
}
