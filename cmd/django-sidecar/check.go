package main

import (
	"context"
)

func check(ctx context.Context, args []string, s stdio) int { return 0 }
