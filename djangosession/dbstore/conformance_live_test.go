//go:build live

package dbstore_test

import (
	"testing"

	"django-sidecar/djangosession/storetest"
	"django-sidecar/internal/database"
)

func TestConformanceOnPostgres(t *testing.T) {
	for _, prepare := range []database.Prepare{database.PrepareOff, database.PrepareAuto} {
		storetest.Run(t, func(t *testing.T) storetest.Harness {
			return conformance(t, &newPostgres(t, database.Options{Prepare: prepare}).fixture)
		})
	}
}
