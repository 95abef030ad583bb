package sidecar

import (
	"context"
	"errors"

	"django-sidecar/djangosession"
	"django-sidecar/internal/proof"
)

// Known is what can be known of a session.
func (d *Deployment) Known(ctx context.Context, key string) (k proof.Known, err error) {
	k.NoPermissions = d.verifier.Permissions() != nil || d.access == nil
	if k.Verdict, err = d.verifier.Verify(ctx, key); err != nil || k.User == nil {
		return k, err
	}
	k.Access, err = d.permissions().AccessOf(ctx, k.User.ID)
	if errors.Is(err, djangosession.ErrNoPermissionsMixin) {
		k.PermissionsUnknown, err = true, nil
	}
	return k, err
}
