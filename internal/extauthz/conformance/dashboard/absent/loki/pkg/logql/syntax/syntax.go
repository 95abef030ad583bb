// Package syntax has the names of Loki's that the linter of dashboards compiles with. No query of Loki is read.
package syntax

import "errors"

type (
	// Expr is a query, of which there is none.
	Expr any
	// BinOpExpr and the others are its parts.
	BinOpExpr struct{ SampleExpr, RHS Expr }
	// RangeAggregationExpr is one.
	RangeAggregationExpr struct{ Left *LogRangeExpr }
	// VectorAggregationExpr is one.
	VectorAggregationExpr struct{ Left Expr }
	// LabelReplaceExpr is one.
	LabelReplaceExpr struct{ Left Expr }
	// LogRangeExpr is one.
	LogRangeExpr struct {
		Left     Expr
		Interval any
	}
	// PipelineExpr is one.
	PipelineExpr struct {
		Left        Expr
		MultiStages []Expr
	}
)

// ParseExpr fails.
func ParseExpr(string) (Expr, error) { return nil, errors.New("no query of Loki is read here") }
