package webhook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// result is what a try leaves for Run.
type result struct {
	entry   eventFile
	attempt Attempt
	silent  bool          // there is nothing to tell: another process has it, or this one stops
	since   int           // of the pause, when it started
	least   time.Duration // what the application said in Retry-After
}

// deliver tries an event once, and does with its file what comes of it.
func (q *Queue) deliver(ctx context.Context, e eventFile, since int) result {
	r := result{entry: e, since: since, attempt: Attempt{ID: e.id, Tries: e.tries + 1}}
	f, err := q.dir.take(e)
	if err == nil {
		defer f.Close() //nolint:errcheck // it was only read; closing it unlocks it, so not before its name has changed
		err = q.try(ctx, f, &r)
	}
	switch {
	case err == nil:
	case errors.Is(err, errTaken), ctx.Err() != nil:
		r.silent = true
	case errors.Is(err, errCorrupt):
		r.attempt.Outcome, r.attempt.Err = Corrupt, err
		if err := q.dir.setAside(e.name()); err != nil {
			r.broken(err)
			break
		}
		q.gone()
	default:
		r.broken(err)
	}
	return r
}

func (r *result) broken(err error) {
	r.attempt.Outcome, r.attempt.Err = Broken, errors.Join(r.attempt.Err, err)
}

// try posts an event. An error says that something other than the delivery failed.
func (q *Queue) try(ctx context.Context, f *os.File, r *result) error {
	text, err := q.dir.read(f, r.entry)
	if err != nil {
		return err
	}
	signed, err := q.options.Sign(text, q.options.Now())
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	answer, err := q.post(ctx, signed)
	if err != nil {
		if ctx.Err() != nil { // this process stops; the event is as it was
			return err
		}
		r.attempt.Err = err
		return q.putOff(r, false)
	}
	r.attempt.Status, r.least = answer.status, answer.retryAfter
	delivered, refused, final := judge(answer.status)
	if delivered {
		r.attempt.Outcome = Delivered
		// After a power cut it may be there again, and is delivered twice: that is cheaper than to write to the disk
		// here.
		if err := q.dir.remove(r.entry); err != nil {
			return err
		}
		q.gone()
		return nil
	}
	r.attempt.Err = fmt.Errorf("the application answers %d", answer.status)
	if final || refused && r.entry.refused+1 >= maxRefusals {
		return q.giveUp(r)
	}
	return q.putOff(r, refused)
}

// putOff notes a failed try in the name of the event's file.
func (q *Queue) putOff(r *result, refused bool) error {
	wait := spread(backoff(r.attempt.Tries, q.options.FirstBackoff, q.options.MaxBackoff), r.entry.id)
	r.attempt.Outcome, r.attempt.Next = PutOff, max(wait, r.least)
	next := r.entry
	next.due = q.options.Now().Add(r.attempt.Next).UnixMilli()
	next.tries++
	if refused {
		next.refused++
	}
	return q.dir.put(r.entry, next)
}

func (q *Queue) giveUp(r *result) error {
	r.attempt.Outcome = GivenUp
	if err := q.dir.giveUp(r.entry); err != nil {
		return err
	}
	q.gone()
	return nil
}
