// Package release tries what tools/release.sh makes.
package release
