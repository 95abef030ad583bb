// Package pgxtest proves that the stores work with the driver pgx.
package pgxtest
