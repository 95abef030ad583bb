package dbstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// maxAccessRows bounds the groups and different permissions of one user. Each is a row, and the user is one more.
// Django makes four permissions for each model: 10,000 are those of 2,500 models.
const maxAccessRows = 10_000

// maxAccessBytes bounds the names in these rows. In Django's own columns, 10,000 permissions in ASCII have at most
// 2,000,000 bytes.
const maxAccessBytes = 2 << 20

// PermissionsConfig says where the groups and permissions of users are. Dialect is required; the zero value of the
// rest is auth.User.
type PermissionsConfig struct {
	Dialect *Dialect
	// Table is the user model's table, as in UsersConfig.
	Table string
	// Groups are the other tables, as far as they are not those of django.contrib.auth.
	Groups GroupTables
	// Columns are as in UsersConfig. Only ID and Active are used.
	Columns Columns
	// Conditions are as in UsersConfig. Only Where and Active are used.
	Conditions Conditions
	// Prepare, Batcher and Now are as in SessionsConfig.
	Prepare func() bool
	Batcher *Batcher
	Now     func() time.Time
}

// Permissions finds what users may do: the groups and permissions of Django's PermissionsMixin.
type Permissions struct {
	config PermissionsConfig
	db     *sql.DB
	shapes shapes[*permissionsShape]
}

// permissionsShape is what the tables' columns make of the query.
type permissionsShape struct {
	byUser[djangosession.Access]

	repeat int // how many times the key is a parameter
	// noPermissions says why permissions are not asked for, nil where they are.
	noPermissions *RelationError
}

func (s *permissionsShape) same(other *permissionsShape) bool {
	return s.keyType == other.keyType && (s.noPermissions == nil) == (other.noPermissions == nil) &&
		s.find.text == other.find.text
}

// relationsLast is how long it is believed that a table leads where it did: a migration may make it anew, for another
// model, with the same columns.
const relationsLast = time.Minute

func (s *permissionsShape) lasts() time.Duration { return relationsLast }

// NewPermissions returns Permissions that are read from db. It does no I/O: the tables are looked at by the first
// query. It panics without a Dialect.
func NewPermissions(db *sql.DB, c PermissionsConfig) *Permissions {
	c.Dialect = needed(c.Dialect, "PermissionsConfig")
	defaultUsers(&c.Table, &c.Columns, &c.Now)
	c.Groups = c.Groups.withDefaults()
	p := &Permissions{config: c, db: db}
	p.shapes.look, p.shapes.now, p.shapes.conditional = p.look, c.Now, c.Conditions != Conditions{}
	p.shapes.reads = "the groups and permissions of a user"
	return p
}

// AccessOf returns what the user with the djangosession.User.ID userID may do: nothing, if there is no such user. It
// asks one query, which several callers may share. They share the result too, so nobody may write to it.
//
// An error that is djangosession.ErrNoPermissionsMixin says that the user model has no groups and permissions, or
// with a RelationError that they are not those of the tables. Any other error says that the store failed, or that it
// holds more than 10,000 groups and permissions of the user.
func (p *Permissions) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return withShape(ctx, &p.shapes, func(shape *permissionsShape) (access djangosession.Access, err error) {
		if !isKey(shape.keyType, userID) {
			return access, nil // no user has such a key
		}
		if access, err = shape.queue.find(ctx, userID); errors.Is(err, djangosession.ErrUserNotFound) {
			return djangosession.Access{}, nil
		}
		return access, err
	})
}

// isKey reports whether a text can be a key of a type: a database may take 42x for 42, or refuse it.
func isKey(t djangosession.KeyType, text string) bool {
	var err error
	switch t {
	case djangosession.IntegerKey:
		_, err = strconv.ParseInt(text, 10, 64)
	case djangosession.UUIDKey:
		var id []byte
		if id, err = hex.DecodeString(strings.ReplaceAll(text, "-", "")); len(id) != 16 {
			return false
		}
	case djangosession.TextKey:
	}
	return err == nil
}

// maxAccessBatch is maxBatch for accesses, of which each may be hundreds of rows.
const maxAccessBatch = 32

// Probe asks the database what AccessOf would, for no user: nil says that the tables are there, have the columns, and
// may be read.
func (p *Permissions) Probe(ctx context.Context) error {
	shape, err := p.shapes.get(ctx)
	if err == nil {
		_, err = p.ask(ctx, shape, nil) // no key is equal to NULL
	}
	return err
}

func (p *Permissions) ask(ctx context.Context, shape *permissionsShape, key any) (djangosession.Access, error) {
	var access djangosession.Access
	err := shape.find.all(ctx, slices.Repeat([]any{key}, shape.repeat), func(a *answer) error {
		var held holding
		bytes := 0
		for n := 0; ; n++ {
			var row accessRow
			more, err := a.next(row.columns()...)
			switch bytes += row.bytes(); {
			case err != nil:
				return err
			case !more:
				access = held.access(shape)
				return nil
			case row.tooLarge():
				return fmt.Errorf("the name of one has more than %d bytes", maxTextBytes)
			case n > maxAccessRows:
				return fmt.Errorf("there are more than %d", maxAccessRows)
			case bytes > maxAccessBytes:
				return fmt.Errorf("their names have more than %d bytes", maxAccessBytes)
			}
			held.add(&row)
		}
	})
	switch {
	case refusesValue(err):
		return djangosession.Access{}, nil
	case err != nil:
		return djangosession.Access{}, p.shapes.failed(shape, err)
	}
	return access, nil
}

// askAll asks for several users. Where their rows are more than one may have, each has to be asked for alone.
func (p *Permissions) askAll(
	ctx context.Context, shape *permissionsShape, userIDs []string, found func(string, djangosession.Access),
) error {
	err := shape.all.all(ctx, []any{array(userIDs)}, func(a *answer) error {
		held := map[string]*holding{}
		bytes := 0
		for n := 0; ; n++ {
			var id sql.NullString
			var row accessRow
			more, err := a.next(append([]any{&id}, row.columns()...)...)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if bytes += row.bytes(); n > maxAccessRows || bytes > maxAccessBytes || row.tooLarge() {
				return errAlone
			}
			if held[id.String] == nil {
				held[id.String] = new(holding)
			}
			held[id.String].add(&row)
		}
		for id, h := range held {
			found(id, h.access(shape))
		}
		return nil
	})
	return p.shapes.failed(shape, err)
}
