package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/check"
	"django-sidecar/internal/database"
	"django-sidecar/internal/observe"
)

// replica is a streaming replica of the deployment's database, at which verdicts are asked for first.
type replica struct {
	database *database.Database
	sessions *dbstore.Sessions
	users    *dbstore.Users
}

// openReplica makes the replica ready that the settings name, if they do.
func (d *Deployment) openReplica() (err error) {
	c := d.config
	if c.ReplicaURL.Reveal() == "" || d.database == nil {
		return nil
	}
	r := new(replica)
	r.database, err = openDatabase("DATABASE_REPLICA_URL", c.ReplicaURL, c,
		database.NewPrimary(d.database, c.ReplicaMaxLag, time.Now))
	if err != nil {
		return err
	}
	batcher := dbstore.NewBatcher(c.DBConns)
	r.sessions, r.users = d.rowsIn(r.database, batcher), d.usersIn(r.database, batcher)
	d.replica = r
	return nil
}

// verdicts gives the verdicts: by the replica and the database, or by the stores alone.
func (l *Live) verdicts(d *Deployment) check.Verdicts {
	if d.replica == nil {
		return d.verifier
	}
	silent := breaker.New("replica", time.Now, func(bool) {}, &d.left) // nobody is kept waiting: the primary is asked
	watch := func(question string) observe.Watch {
		return observe.Watch{Now: time.Now, Breaker: silent, Span: d.span(question, "replica")}
	}
	return &replicaFirst{
		replica: d.verifier.With(&observe.Sessions{Store: d.replica.sessions, Watch: watch("load session")},
			&observe.Users{Store: d.replica.users, Watch: watch("load user")}),
		primary: d.verifier, patience: d.config.StoreTimeout / 2, tell: l.Metrics.Replica, logger: l.Logger,
	}
}

// replicaFirst asks the replica, and tells its yes. Anything else is asked of the primary: the replica may not have the
// session yet, may have it no more as it was, or may not be in a state to be asked at all. So it keeps nobody out, and
// lets in by what was true within the bound.
type replicaFirst struct {
	replica, primary check.Verdicts
	patience         time.Duration // with the replica; the rest is for the primary
	tell             func(outcome string)
	logger           *slog.Logger
	seldom           observe.Seldom
}

// Verify implements check.Verdicts.
func (r *replicaFirst) Verify(ctx context.Context, key string) (djangosession.Verdict, error) {
	v, err := r.ask(ctx, key)
	switch {
	case err != nil:
		r.tell("failed")
		if r.seldom.Due(time.Now(), time.Minute) {
			r.logger.InfoContext(ctx, "the primary was asked in place of the replica", "error", err.Error())
		}
	case v.User != nil:
		r.tell("yes")
		return v, nil
	default:
		r.tell("no")
	}
	return r.primary.Verify(ctx, key)
}

func (r *replicaFirst) ask(ctx context.Context, key string) (djangosession.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	return r.replica.Verify(ctx, key)
}

// probeReplica asks the replica what a verdict would, until it is found to be near enough to its primary. The error
// says why it is not.
func (d *Deployment) probeReplica(ctx context.Context) error {
	for {
		err := d.replica.sessions.Probe(ctx)
		if !errors.Is(err, database.ErrBehind) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(min(d.config.ReplicaMaxLag, time.Second) / 8):
		}
	}
}
