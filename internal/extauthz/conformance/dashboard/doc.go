// Package dashboard has Grafana's own linter look at deploy/grafana/dashboard.json.
//
// The linter reads dashboards of Grafana's second schema and queries of Loki too, by modules that cannot be had as
// Go modules here. Ours has neither, so that the folder absent has just enough of them for the compiler.
package dashboard
