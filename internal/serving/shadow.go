package serving

import (
	"context"
	"log/slog"
	"time"

	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/proof"
	"django-sidecar/internal/shadow"
)

// newShadow has a share of the answers compared with Django, if the settings say so.
func (sv *server) newShadow() {
	c := sv.Config.Shadow
	if c.URL.Reveal() == "" || c.Share == 0 {
		return
	}
	var results []string
	for _, r := range shadow.Results() {
		results = append(results, string(r))
	}
	reporter := &shadowReporter{logger: sv.Logger, metrics: sv.Metrics.Shadow(results, time.Now), now: time.Now}
	sv.shadow = shadow.New(shadow.Options{
		URL: c.URL.Reveal(), Share: c.Share, InsecureHTTP: c.InsecureHTTP, Ask: sv.askAgain, Report: reporter.report,
	})
	sv.Answered = sv.shadow.Offer
}

// askAgain is the verdict on Cookie headers that nothing has kept, and all that belongs to it.
func (sv *server) askAgain(ctx context.Context, cookies []string) (key keyhash.Key, k proof.Known, err error) {
	d := sv.Current()
	ctx, cancel := context.WithTimeout(ctx, d.Config().StoreTimeout)
	defer cancel()
	text, _ := sv.Answers.Cookies.FirstSessionKey(cookies, sv.Answers.CookieNames)
	key = keyhash.New(text)
	k, err = d.Known(ctx, text)
	return key, k, err
}

// shadowLogs bounds the log of comparisons.
const (
	shadowDifferencesEach = time.Second
	shadowFailuresEach    = time.Minute
)

// shadowReporter counts comparisons, and logs those of which somebody should know: at most a difference a second and
// a failure a minute.
type shadowReporter struct {
	logger  *slog.Logger
	metrics *observe.ShadowMetrics
	now     func() time.Time

	differences, failures observe.Seldom
}

func (r *shadowReporter) report(c shadow.Comparison) {
	r.metrics.Compared(string(c.Result), c.Result == shadow.Same, c.Result == shadow.Different)
	ctx := context.Background()
	switch {
	case c.Result == shadow.Different && r.differences.Due(r.now(), shadowDifferencesEach):
		for _, d := range c.Differences {
			r.logger.WarnContext(ctx, "Django and the sidecar differ", "session", c.Session.Name(), "kind", d.Kind(),
				"django", d.Django, "sidecar", d.Sidecar, "reason", string(d.Reason), "remedy", proof.RemedyOf(d.Kind()))
		}
	case c.Result == shadow.Failed && r.failures.Due(r.now(), shadowFailuresEach):
		r.logger.WarnContext(ctx, "an answer could not be compared with Django",
			"session", c.Session.Name(), "error", c.Err.Error())
	}
}
