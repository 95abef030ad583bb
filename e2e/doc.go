// Package e2e tests the whole program against real servers, real gateways, real browsers and real Djangos; it holds
// nothing else.
//
// The tests have build tags: live for all, gateways and browser for those that want more than tools/setup.sh
// installs. A file is a theme. main_test.go has the one TestMain, and rig_test.go, uploads_site_test.go and
// gateways_rig_test.go what most tests begin with.
package e2e
