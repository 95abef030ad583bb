package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/handlers"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/observe"
	"django-sidecar/signing"
)

// deployment is everything that a verdict on one Django deployment needs, made from its settings.
type deployment struct {
	config   *config.Config
	version  djangosession.Version
	database *database.Database
	codec    *djangosession.Codec
	sessions djangosession.Store
	users    djangosession.UserStore // nil with InsecureSkipUserCheck
	verifier *djangosession.Verifier
}

// newDeployment connects to nothing. metrics may be nil.
func newDeployment(c *config.Config, metrics *observe.Metrics) (*deployment, error) {
	d := &deployment{config: c}
	var err error
	if d.version, d.codec, err = newCodec(c); err != nil {
		return nil, err
	}
	if d.database, err = openDatabase(c); err != nil {
		return nil, err
	}
	zone := dbstore.Zone{}
	if !c.UseTZ {
		zone.Local = c.TimeZone
	}
	d.sessions = dbstore.NewSessions(d.database.DB, d.codec, dbstore.SessionsConfig{
		Dialect: d.database.Dialect, Table: c.SessionTable, Zone: zone, Prepare: d.database.Prepares,
	})
	if !c.InsecureSkipUserCheck {
		d.users = dbstore.NewUsers(d.database.DB, dbstore.UsersConfig{
			Dialect: d.database.Dialect, Version: d.version, Table: c.AuthUserTable,
			Columns: userColumns(c.AuthUserColumns), Prepare: d.database.Prepares,
		})
	}
	if metrics != nil {
		d.sessions = metrics.Store(d.sessions, "database", time.Now)
		if d.users != nil {
			d.users = metrics.UserStore(d.users, "database", time.Now)
		}
	}
	d.verifier, err = djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: d.version, SecretKey: c.SecretKey.Reveal(), SecretKeyFallbacks: reveal(c.SecretKeyFallbacks),
		HashingAlgorithm: hashingAlgorithm(c), AuthenticationBackends: c.AuthenticationBackends,
		InsecureSkipUserCheck: c.InsecureSkipUserCheck,
	}, d.sessions, d.users)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func newCodec(c *config.Config) (djangosession.Version, *djangosession.Codec, error) {
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		return version, nil, fmt.Errorf("DJANGO_VERSION: %w", err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{
		Version: version, SecretKey: c.SecretKey.Reveal(), SecretKeyFallbacks: reveal(c.SecretKeyFallbacks),
		HashingAlgorithm: hashingAlgorithm(c), StoreClass: c.SessionStoreClass, MaxBytes: int(c.MaxSessionBytes),
	})
	return version, codec, err
}

func openDatabase(c *config.Config) (*database.Database, error) {
	prepare := map[string]database.Prepare{
		"auto": database.PrepareAuto, "off": database.PrepareOff, "on": database.PrepareOn,
	}[c.DBPrepare]
	d, err := database.Open(c.DatabaseURL.Reveal(), database.Options{
		Timeout: c.StoreTimeout, Conns: c.DBConns, Prepare: prepare, LookupEnv: os.LookupEnv,
	})
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return d, nil
}

func userColumns(c config.Columns) dbstore.Columns {
	return dbstore.Columns{
		ID: c.ID, Password: c.Password, Active: c.Active,
		Username: c.Username, Email: c.Email, Staff: c.Staff, Superuser: c.Superuser,
	}
}

func hashingAlgorithm(c *config.Config) signing.Algorithm {
	if c.DefaultHashingAlgorithm == signing.SHA1.String() {
		return signing.SHA1
	}
	return signing.SHA256
}

func reveal(secrets []config.Secret) []string {
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return texts
}

// Close closes the database.
func (d *deployment) Close() error { return d.database.Close() }

// ready looks at what a verdict needs: both tables, by asking for what is not there.
func (d *deployment) ready(ctx context.Context) []handlers.Check {
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	_, err := d.sessions.Load(ctx, rand.Text())
	if errors.Is(err, djangosession.ErrNotFound) {
		err = nil
	}
	checks := []handlers.Check{{Name: "sessions", Err: err}}
	if d.users != nil {
		// No primary key is missing from a session: this asks the database for the table's columns, and no more.
		_, err = d.users.UserByID(ctx, djangosession.Value{})
		if errors.Is(err, djangosession.ErrBadUserID) {
			err = nil
		}
		checks = append(checks, handlers.Check{Name: "users", Err: err})
	}
	return checks
}

// currentDeployment is the deployment that requests use, replaced when a secret file changes.
type currentDeployment struct{ atomic.Pointer[deployment] }

// Verify implements handlers.Verifier.
func (c *currentDeployment) Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error) {
	return c.Load().verifier.Verify(ctx, sessionKey)
}
