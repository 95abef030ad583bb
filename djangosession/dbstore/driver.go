package dbstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// The drivers that may ask a query in two steps, and what has them ask it in one.
var (
	errPQ = errors.New("the driver lib/pq asks each query in two steps: open the database with package dbopen, " +
		"or add binary_parameters=yes to its URL")
	errPGX = errors.New("the driver pgx keeps prepared statements, or asks for types in a step of its own: " +
		"open the database with package dbopen, or add default_query_exec_mode=exec (or cache_describe) to its URL")
)

// CheckDriver reports whether the driver of db asks PostgreSQL a query with its parameters in one step, and keeps
// nothing on the server. Otherwise it fails, and says what to do: a pooler such as pgbouncer in transaction mode hands
// the steps to different servers, where the second one meets another client's query. It takes a connection, and
// connects if there is none. It knows lib/pq and pgx; of other drivers, also of those that are wrapped by one, and
// of other databases, it says nothing. The stores of this package call it before their first query, unless
// their Prepare says that nothing stands between.
func CheckDriver(ctx context.Context, db *sql.DB, d *Dialect) (err error) {
	if !d.pooled {
		return nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err = conn.Raw(asksInOneStep); errors.Is(err, errPQ) || errors.Is(err, errPGX) {
		err = fmt.Errorf("a pooler would mix up queries: %w; or set Prepare, where no pooler stands between", err)
	}
	return err
}

// asksInOneStep looks at a driver's connection.
func asksInOneStep(conn any) error {
	t := reflect.TypeOf(conn)
	if t.Kind() != reflect.Pointer {
		return nil
	}
	switch pkg := t.Elem().PkgPath(); {
	case pkg == "github.com/lib/pq":
		return binaryParameters(conn)
	case strings.HasPrefix(pkg, "github.com/jackc/pgx/"):
		return execMode(conn)
	}
	return nil
}

// binaryProbe is a parameter that lib/pq encodes by itself where it has binary_parameters: in 1.12.3,
// CheckNamedValue.
type binaryProbe struct{}

// BinaryValue implements an interface of lib/pq.
func (binaryProbe) BinaryValue() ([]byte, error) { return []byte{}, nil }

func binaryParameters(conn any) error {
	checker, ok := conn.(driver.NamedValueChecker)
	if !ok {
		return errPQ // before 1.10.10
	}
	value := driver.NamedValue{Ordinal: 1, Value: binaryProbe{}}
	_ = checker.CheckNamedValue(&value) // without the option it refuses the value
	if _, encoded := value.Value.([]byte); !encoded {
		return errPQ
	}
	return nil
}

// execMode asks a connection of pgx's stdlib for conn.Conn().Config().DefaultQueryExecMode (5.11.0). This
// package does not import pgx. What has no such thing is an older pgx, which keeps prepared statements.
func execMode(conn any) error {
	of := reflect.ValueOf(conn).MethodByName("Conn")
	if !of.IsValid() || of.Type().NumIn() != 0 || of.Type().NumOut() != 1 {
		return errPGX
	}
	of = of.Call(nil)[0].MethodByName("Config")
	if !of.IsValid() || of.Type().NumIn() != 0 || of.Type().NumOut() != 1 {
		return errPGX
	}
	config := reflect.Indirect(of.Call(nil)[0])
	if config.Kind() != reflect.Struct {
		return errPGX
	}
	mode := config.FieldByName("DefaultQueryExecMode")
	if !mode.IsValid() {
		return errPGX
	}
	switch fmt.Sprint(mode.Interface()) {
	case "exec", "simple protocol", "cache describe":
		return nil
	}
	return errPGX
}
