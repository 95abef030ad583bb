package dbopen_test

import (
	"context"
	"fmt"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbopen"
	"django-sidecar/djangosession/dbstore"
)

// sessionsOf opens the session table of a Django.
func sessionsOf(ctx context.Context, url string, codec *djangosession.Codec) (*dbstore.Sessions, error) {
	db, err := dbopen.Open(ctx, url, dbopen.Options{})
	if err != nil {
		return nil, err
	}
	return dbstore.NewSessions(db.DB, codec, dbstore.SessionsConfig{
		Dialect: db.Dialect, Zone: dbstore.Zone{UseTZ: true}, Prepare: db.Prepare, Batcher: db.Batcher,
	}), nil
}

func ExampleOpen() {
	_, err := sessionsOf(context.Background(), "oracle://django:secret@db/site", nil)
	fmt.Println(err != nil)
	// Output: true
}
